#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: faults in a call of a kernel function that another task makes.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

taskset -pc 0 $$ >/dev/null
detectors 0 0 0

# The function that only a write to /proc/self/comm calls here, once. It changes the name of the
# calling task.
function=comm_write
call() { printf %s "$1" >/proc/self/comm; }

in_the_nth_call_exactly() {
	local i
	log_begin
	check "load" load mode=warn at="$function" count=5 delay_secs=0 run_id=nth force=1
	await 10 "armed" state_is armed
	await 10 "it says so" log_has "^lockup: run nth: armed: at=$function count=5\$"
	for i in one two three four; do call "$i"; done
	same "after four" armed "$(parameter state)"
	same "nothing yet" "" "$(log | grep -E 'begin:|WARNING' || true)"
	call five
	await 10 "the fifth" log_has '^lockup: run nth: released'
	call six
	same "once" 1 "$(log | grep -c 'begin: mode=warn')"
	match "whose task it is" '^CPU: .* Comm: four ' "$(log)"
	match "in that function" "$function\\+" "$(log)"
	same "reports" warning "$(reports)"
	check "unload" rmmod lockup
	same "threads" "" "$(threads)"
}

it_holds_the_caller() {
	log_begin
	check "load" load mode=soft at="$function" delay_secs=0 hold_secs=2 run_id=at force=1
	await 10 "armed" state_is armed
	local start
	start=$(now_ms)
	call held
	check "as long as it should" test $(($(now_ms) - start)) -ge 1900
	await 10 "the release" log_has '^lockup: run at: released after [23] s'
	same "iterations" 1 "$(result iterations)"
}

calls_on_other_cpus_do_not_count() {
	log_begin
	check "load" load mode=warn at="$function" cpus=1 delay_secs=0 force=1
	await 10 "armed" state_is armed
	call zero
	same "on CPU 0" armed "$(parameter state)"
	taskset -c 1 sh -c 'echo one >/proc/self/comm'
	await 10 "on CPU 1" state_is released
	same "reports" warning "$(reports)"
}

called_off_before_the_call() {
	log_begin
	check "load" load mode=warn at="$function" count=3 delay_secs=0 force=1
	await 10 "armed" state_is armed
	call one
	check "cancel" sh -c "echo 1 >$parameters/cancel"
	await 10 "the end" state_is cancelled
	await 5 "it says so" log_has 'cancelled before the call was made'
	match "how many came" '^lockup: run -: 1 calls were counted$' "$(log)"
	call two
	call three
	same "nothing strikes" "" "$(log | grep begin: || true)"
	check "load again" rmmod lockup
	check "load" load mode=warn at="$function" delay_secs=0 force=1
	await 10 "armed" state_is armed
	check "unload while armed" rmmod lockup
	call one
}

a_countdown_comes_first() {
	check "load" load mode=warn at="$function" delay_secs=100 force=1
	same "state" countdown "$(parameter state)"
	call early
	same "it does not count" countdown "$(parameter state)"
	echo 0 >"$parameters/delay_secs"
	await 10 "armed" state_is armed
}

functions_that_cannot_be_probed() {
	log_begin
	refused "Unknown symbol in module|No such file or directory" mode=warn at=no_such_function force=1
	match "unknown" '^lockup: run -: refused: at=no_such_function: not found' "$(log)"
	log_begin
	refused "Invalid (parameters|argument)" mode=warn at=do_int3 force=1
	match "blacklisted" '^lockup: run -: refused: at=do_int3: (blacklisted|not found)' "$(log)"
	# A stub of the kernel's Rust code, which has only a trap (and with KASAN more than that).
	if grep -q ' __rust__nesf2$' /proc/kallsyms && ! grep -q ' __asan_loadN$' /proc/kallsyms; then
		log_begin
		refused "Invalid (parameters|argument)" mode=warn at=__rust__nesf2 force=1
		match "a trap" '^lockup: run -: refused: at=__rust__nesf2: undecodable' "$(log)"
	fi
	log_begin
	refused "Invalid parameters" mode=warn at=a-b force=1
	match "no name at all" '^lockup: refused: at=a-b: ' "$(log)"
}

ktap_run in_the_nth_call_exactly it_holds_the_caller calls_on_other_cpus_do_not_count \
	called_off_before_the_call a_countdown_comes_first functions_that_cannot_be_probed
