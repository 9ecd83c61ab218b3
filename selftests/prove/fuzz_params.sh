#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The parameters of lockup and route_probe, on random texts: each is taken or refused, with the error,
# as a table in the program says, reads back as that says, and one that is refused changes nothing.
# FAULTLINE_WRITES says how many. (Those of knobs are compared with C's: knobs/random.sh.)

. "$(dirname "$0")/../lib/ktap.sh"

project=$(cd "$(dirname "$0")/../.." && pwd)
program=${FAULTLINE_PROGRAMS:-$project/build}/misuse

cleanup() {
	local name
	for name in knobs lockup route_probe; do
		[ ! -e "/sys/module/$name" ] || rmmod "$name"
	done
}

# as_the_table_says MODULE ARG...
as_the_table_says() {
	local module=$1 said code=0 seed=${FAULTLINE_SEED:-$((RANDOM + 1))}
	shift
	check "make selftests" test -x "$program"
	# Each refusal says a line.
	echo 1 >/proc/sys/kernel/printk
	note "FAULTLINE_SEED=$seed"
	said=$("$program" params --seed "$seed" --writes "${FAULTLINE_WRITES:-5000}" "$FAULTLINE_MODULES/$module.ko" "$@" 2>&1) || code=$?
	note "$said"
	same "$module: exit status" 0 "$code"
}

# With a point that never strikes: whatever is written to its parameters begins nothing.
lockup() { as_the_table_says lockup mode=warn at=comm_write count=4294967295 delay_secs=3600 force=1; }
route_probe() { as_the_table_says route_probe; }

ktap_run lockup route_probe
