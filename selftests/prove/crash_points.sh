#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Crash points in 2,000 functions of the kernel, of all kinds: each that ftrace lists and the
# blacklist has not is accepted, armed, hit where it is called, and taken away again; each other is
# refused for its own reason. FAULTLINE_FUNCTIONS says how many.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

cleanup() { unload; }

functions_of_all_kinds() {
	# Each point waits for grace periods, and says four lines.
	echo 1 >/sys/kernel/rcu_expedited
	misuse 5 points "$FAULTLINE_MODULES/lockup.ko" --functions "${FAULTLINE_FUNCTIONS:-2000}"
	match "they were accepted" '^Accepted: accepted [1-9][0-9]+$' "$said"
	match "and refused" '^Blacklisted: blacklisted [1-9][0-9]*$' "$said"
}

ktap_run functions_of_all_kinds
