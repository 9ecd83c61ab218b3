#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A debug kernel reports two locks taken in both orders, and switches its lock checker off.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

lock_order() {
	option PROVE_LOCKING
	lockdep_ends
	heard lock_order '^WARNING: possible circular locking dependency detected'
	match "its lock checker is off" '^ debug_locks: +0$' "$(</proc/lockdep_stats)"
}

ktap_run lock_order
