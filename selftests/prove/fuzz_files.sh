#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The modules' files in sysfs, debugfs and tracefs: read in pieces of any size and offset they have
# the same contents as when read at once; any write is accepted or refused; and a module is unloaded
# while others read, write, or hold its files open. FAULTLINE_ROUNDS is the number of rounds.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

cleanup() { unload; }

# misused MODULE ARG...
misused() {
	local module=$1
	shift
	new_seed
	misuse 5 files --seed "$seed" --rounds "${FAULTLINE_ROUNDS:-20}" "$FAULTLINE_MODULES/$module.ko" "$@"
	check "it is unloaded" test ! -e "/sys/module/$module"
}

knobs() { misused knobs; }

# With a crash point that never hits, so that no write to its parameters starts a fault.
lockup() { misused lockup mode=warn at=comm_write count=4294967295 delay_secs=3600 force=1; }

route_probe() {
	misused route_probe --also /sys/kernel/debug/route_probe --also /sys/kernel/tracing/events/route_probe
}

# Its files in debugfs have one user at a time.
func_probe() {
	misused func_probe --also /sys/kernel/tracing/events/func_probe
}

ktap_run knobs lockup route_probe func_probe
