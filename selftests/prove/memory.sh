#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A debug kernel reports wrong uses of memory. Without KASAN it then distrusts all else, its lock
# checker included.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

# wrong MISTAKE REGEX: SLUB says what is wrong in one line, and of which cache in another.
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
