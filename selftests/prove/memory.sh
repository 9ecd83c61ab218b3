#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A debug kernel reports wrong uses of memory. Without KASAN it then switches its lock checker off.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

# wrong MISTAKE REGEX: checks SLUB's report, which has the mistake in one line, and the cache in
# another.
wrong() {
	option KASAN SLUB_DEBUG_ON
	lockdep_ends
	expects '^BUG (kmalloc-|KASAN: )|^BUG: KASAN: '
	expects '^WARNING: .*(object_err|slab_err)'
	made "$1"
	reported "$1" "$2" "$said"
}

use_after_free() {
	wrong use_after_free '^\[Poison overwritten\]|^BUG: KASAN: slab-use-after-free in use_after_free'
}

double_free() {
	wrong double_free '^BUG kmalloc-.*: Object already free|^BUG: KASAN: double-free in '
}

out_of_bounds() {
	wrong out_of_bounds 'kmalloc Redzone overwritten|^BUG: KASAN: slab-out-of-bounds in out_of_bounds'
}

ktap_run use_after_free double_free out_of_bounds
