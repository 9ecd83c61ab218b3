#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The modules' files in sysfs, debugfs and tracefs: read in pieces of all sizes and at any offset,
# they are what they are when read at once; whatever is written to them is taken or refused; and a
# module goes while others are in its files, or hold them open. FAULTLINE_ROUNDS says how often.

. "$(dirname "$0")/../lib/ktap.sh"

project=$(cd "$(dirname "$0")/../.." && pwd)
program=${FAULTLINE_PROGRAMS:-$project/build}/misuse

cleanup() {
	local name
	for name in knobs lockup route_probe; do
		[ ! -e "/sys/module/$name" ] || rmmod "$name"
	done
}

# misused MODULE ARG...
misused() {
	local module=$1 said code=0 seed=${FAULTLINE_SEED:-$((RANDOM + 1))}
	shift
	check "make selftests" test -x "$program"
	echo 5 >/proc/sys/kernel/printk
	note "FAULTLINE_SEED=$seed"
	said=$("$program" files --seed "$seed" --rounds "${FAULTLINE_ROUNDS:-20}" "$FAULTLINE_MODULES/$module.ko" "$@" 2>&1) || code=$?
	note "$said"
	same "$module: exit status" 0 "$code"
	check "it is unloaded" test ! -e "/sys/module/$module"
}

knobs() { misused knobs; }

# With a point that never strikes: whatever is written to its parameters begins nothing.
lockup() { misused lockup mode=warn at=comm_write count=4294967295 delay_secs=3600 force=1; }

route_probe() {
	misused route_probe --also /sys/kernel/debug/route_probe --also /sys/kernel/tracing/events/route_probe
}

ktap_run knobs lockup route_probe
