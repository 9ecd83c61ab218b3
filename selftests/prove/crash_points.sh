#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Crash points in 2,000 functions of the kernel, of all kinds: each that ftrace lists and the
# blacklist has not is accepted, armed, hit where it is called, and taken away again; each other is
# refused for its own reason. FAULTLINE_FUNCTIONS says how many.

. "$(dirname "$0")/../lib/ktap.sh"

project=$(cd "$(dirname "$0")/../.." && pwd)
program=${FAULTLINE_PROGRAMS:-$project/build}/misuse

cleanup() {
	local name
	for name in knobs lockup route_probe; do
		[ ! -e "/sys/module/$name" ] || rmmod "$name"
	done
}

functions_of_all_kinds() {
	local said code=0
	check "make selftests" test -x "$program"
	# Each point waits for grace periods, and says four lines.
	echo 1 >/sys/kernel/rcu_expedited
	echo 5 >/proc/sys/kernel/printk
	said=$("$program" points "$FAULTLINE_MODULES/lockup.ko" --functions "${FAULTLINE_FUNCTIONS:-2000}" 2>&1) || code=$?
	note "$said"
	same "exit status" 0 "$code"
	match "they were accepted" '^Accepted: accepted [1-9][0-9]+$' "$said"
	match "and refused" '^Blacklisted: blacklisted [1-9][0-9]*$' "$said"
}

ktap_run functions_of_all_kinds
