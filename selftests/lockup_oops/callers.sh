#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: a caller that dies in its call. The CPU then hits no kprobe any more, so each CPU serves
# one test. It also keeps a pointer to the probe, or to the kernel's aggregator of all probes at
# this place: neither may be freed.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

taskset -pc 0 $$ >/dev/null
detectors 0 0 0
expects '^(kernel BUG at rust/helpers/bug\.c|Oops: |Internal error: Oops)'
expects '^(BUG: kernel NULL pointer dereference, address: 0*$|Unable to handle kernel NULL pointer|KASAN: null-ptr-deref in range \[0x0*-)'
function=comm_write

# the_caller_dies MODE CPU: kills the caller in its second call; the first has set its name.
the_caller_dies() {
	lockdep_ends
	local mode
	mode=$1
	log_begin
	check "load" load mode="$mode" at="$function" count=2 delay_secs=0 run_id=dies force=1
	await 10 "armed" state_is armed
	# shellcheck disable=SC2016 # for that shell
	taskset -c "$2" bash -c 'for name in victim again; do printf $name >/proc/self/comm; done; echo survived' \
		>/tmp/outcome 2>/dev/null || true
	same "the caller" "" "$(cat /tmp/outcome)"
	await 10 "state" state_is died
	await 5 "the summary" log_has '^lockup: run dies: died: '
	match "whose task it is" '^CPU: .* Comm: victim ' "$(log)"
	[ ! -e /sys/kernel/oops_count ] || same "moved" oops_count "$(result moved)"
	check "unload" rmmod lockup
	same "threads" "" "$(threads)"
	match "it says what stays" "^lockup: $function: a task died in this crash point: the probe stays" "$(log)"
}
# stays COUNT: checks that COUNT probes of the module stay at the function, without effect.
stays() {
	local list
	list=$(grep " $function+" /sys/kernel/debug/kprobes/list)
	same "probes that stay" "$1" "$(grep -c '\[DISABLED\]' <<<"$list")"
	same "and others" "" "$(grep -v '\[DISABLED\]' <<<"$list" || true)"
}
# Another kprobe at the same place, called by the same aggregator and removed first.
beside=/sys/kernel/tracing/events/faultline/beside
events=/sys/kernel/tracing/dynamic_events
cleanup() {
	[ ! -e "$beside" ] || { echo 0 >"$beside/enable" && echo '-:faultline/beside' >>"$events"; }
}
bug_kills_the_caller() {
	echo "p:faultline/beside $function" >>"$events"
	echo 1 >"$beside/enable"
	the_caller_dies bug 1
	match "the bug" '^kernel BUG at ' "$(log)"
	match "the stack" 'hit_bug' "$(log)"
	cleanup
	stays 1
	# Page faults on that CPU, of user space and of the kernel, while freed memory would be
	# reused.
	log_begin
	for _ in $(seq 10); do taskset -c 1 cat /proc/self/smaps >/dev/null; done
	same "the log" "" "$(log)"
}
oops_kills_the_caller() {
	the_caller_dies oops 0
	match "the address" 'NULL pointer dereference, address: 0000000000000000|address 0000000000000000|KASAN: null-ptr-deref in range \[0x0000000000000000-' "$(log)"
	match "the stack" 'write_to_null' "$(log)"
	# The first probe existed before, and still works.
	stays 2
}

ktap_run bug_kills_the_caller oops_kills_the_caller
