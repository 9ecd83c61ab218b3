#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A debug kernel reports a wrongly nested lock, and switches its lock checker off.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

lock_nesting() {
	option PROVE_RAW_LOCK_NESTING
	lockdep_ends
	heard lock_nesting '^\[ BUG: Invalid wait context \]'
	match "its lock checker is off" '^ debug_locks: +0$' "$(</proc/lockdep_stats)"
}

ktap_run lock_nesting
