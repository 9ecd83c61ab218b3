#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Crash points in 2,000 functions of the kernel (FAULTLINE_FUNCTIONS): a function that ftrace lists
# and the blacklist does not is accepted, armed, hit if it is called, and disarmed; any other is
# refused with its reason.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

cleanup() { unload; }

functions_of_all_kinds() {
	# Each point waits for grace periods, and logs four lines.
	echo 1 >/sys/kernel/rcu_expedited
	misuse 5 points "$FAULTLINE_MODULES/lockup.ko" --functions "${FAULTLINE_FUNCTIONS:-2000}"
	match "they were accepted" '^Accepted: accepted [1-9][0-9]+$' "$said"
	match "and refused" '^Blacklisted: blacklisted [1-9][0-9]*$' "$said"
}

ktap_run functions_of_all_kinds
