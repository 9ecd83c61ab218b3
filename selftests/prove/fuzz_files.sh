#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The modules' files in sysfs, debugfs and tracefs: read in pieces of all sizes and at any offset,
# they are what they are when read at once; whatever is written to them is taken or refused; and a
# module goes while others are in its files, or hold them open. FAULTLINE_ROUNDS says how often.

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

# With a point that never strikes: whatever is written to its parameters begins nothing.
lockup() { misused lockup mode=warn at=comm_write count=4294967295 delay_secs=3600 force=1; }

route_probe() {
	misused route_probe --also /sys/kernel/debug/route_probe --also /sys/kernel/tracing/events/route_probe
}

# Its files in debugfs are for one at a time.
func_probe() {
	misused func_probe --also /sys/kernel/tracing/events/func_probe
}

ktap_run knobs lockup route_probe func_probe
