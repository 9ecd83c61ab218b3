#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A debug kernel reports a lock taken in an interrupt and with interrupts on, and switches its lock
# checker off.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

lock_in_interrupt() {
	option PROVE_LOCKING
	lockdep_ends
	heard lock_in_interrupt '^WARNING: inconsistent lock state'
	match "its lock checker is off" '^ debug_locks: +0$' "$(</proc/lockdep_stats)"
}

ktap_run lock_in_interrupt
