#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A debug kernel reports each kind of mistake that it is built to report. Mistakes that switch its
# lock checker off have their own files: lock_*.sh, memory.sh.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

sleep_in_atomic() {
	option DEBUG_ATOMIC_SLEEP
	heard sleep_in_atomic '^BUG: sleeping function called from invalid context at .*mistakes\.c'
}

cpu_while_preemptible() {
	option DEBUG_PREEMPT
	heard cpu_while_preemptible '^BUG: using smp_processor_id\(\) in preemptible .* code: insmod'
}

rcu_without_lock() {
	option PROVE_RCU
	heard rcu_without_lock '^WARNING: suspicious RCU usage'
}

irqs_restored_twice() {
	option DEBUG_IRQFLAGS
	expects '^WARNING: .*warn_bogus_irq_restore'
	heard irqs_restored_twice '^(raw_local_irq_restore\(\) called with IRQs enabled|WARNING: .*warn_bogus_irq_restore)'
}

free_active_timer() {
	option DEBUG_OBJECTS_TIMERS
	expects '^WARNING: .*debug_print_object'
	heard free_active_timer '^ODEBUG: free active .* object type: timer_list'
}

uninitialised_timer() {
	option DEBUG_OBJECTS_TIMERS
	expects '^WARNING: .*(debug_print_object|stub_timer|timer)'
	heard uninitialised_timer '^ODEBUG: assert_init not available .* object type: timer_list'
}

list_add_twice() {
	option DEBUG_LIST
	expects '^WARNING: .*list_debug'
	heard list_add_twice '^list_add double add'
}

shift_too_far() {
	option UBSAN_SHIFT
	heard shift_too_far '^UBSAN: shift-out-of-bounds in .*mistakes\.c'
}

# Found by the scan at the end of each test file, which this test runs itself.
leak() {
	option DEBUG_KMEMLEAK
	expects '^kmemleak: 1 new suspected memory leaks'
	made leak
	local found
	found=$(kmemleak_finds_nothing) && { note "kmemleak found nothing"; exit 1; }
	reported leak '^unreferenced object .*size 256' "${found#*got \'}"
	match "by whom" 'comm "insmod"' "$found"
	echo clear >/sys/kernel/debug/kmemleak
}

ktap_run sleep_in_atomic cpu_while_preemptible rcu_without_lock irqs_restored_twice free_active_timer \
	uninitialised_timer list_add_twice shift_too_far leak
