#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: threads that die of their fault, in a kernel that goes on. After an oops the hung-task
# detector is off until the next boot, so this directory has its own VM.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

taskset -pc 0 $$ >/dev/null
detectors 0 0 0
expects '^(kernel BUG at rust/helpers/bug\.c|Oops: |Internal error: Oops)'
expects '^(BUG: kernel NULL pointer dereference, address: 0*$|Unable to handle kernel NULL pointer|KASAN: null-ptr-deref in range \[0x0*-)'

# dies MODE CPUS THREADS
dies() {
	lockdep_ends
	local mode=$1 cpus=$2 count=$3
	log_begin
	check "load" load mode="$mode" cpus="$cpus" delay_secs=0 run_id="$mode" force=1
	await 10 "state" state_is died
	await 10 "all of them" log_has "^lockup: run $mode: died: $count threads"
	await 10 "no thread is left" test -z "$(threads)"
	[ ! -e /sys/kernel/oops_count ] || await 10 "what moved" test "$(result moved)" = oops_count
}

oops() {
	dies oops 1 1
	match "the address" 'NULL pointer dereference, address: 0000000000000000|address 0000000000000000|KASAN: null-ptr-deref in range \[0x0000000000000000-' "$(log)"
	match "the thread" '^CPU: 1 .* Comm: lockup/1 ' "$(log)"
	match "the stack" 'write_to_null.*\[lockup\]' "$(log)"
	check "unload" rmmod lockup
}

bug_on_all_cpus_and_another_run() {
	dies bug 0-1 2
	match "the bug" '^kernel BUG at ' "$(log)"
	match "the stack" 'hit_bug.*\[lockup\]' "$(log)"
	check "another run" sh -c "echo 1 >$parameters/hold_secs; echo soft >$parameters/trigger"
	await 10 "its end" state_is released
	check "unload" rmmod lockup
	same "threads" "" "$(threads)"
}

hung_task_detector_is_off_after_it() {
	[ -e "$sysctls/hung_task_detect_count" ] || skip "this kernel does not count hung tasks"
	detectors 0 0 2
	log_begin
	check "load" load mode=hung delay_secs=0 hold_secs=4 force=1
	await 20 "the end" log_has 'released after 4 s'
	match "the module says why" 'nothing detected it: the hung task detector is off since an oops' "$(log)"
	same "reports" "" "$(reports)"
}

no_memory_is_lost() {
	local i before after
	objects() { awk '/^(kmalloc-(1k|2k)|filp) / { print $1, $2 }' /proc/slabinfo; }
	lockdep_ends
	check "a first time" load mode=bug delay_secs=0 force=1
	await 10 "state" state_is died
	rmmod lockup
	before=$(objects)
	for i in $(seq 30); do
		check "load $i" load mode=bug delay_secs=0 force=1
		await 10 "state" state_is died
		check "unload $i" rmmod lockup
	done
	for i in /sys/kernel/slab/{kmalloc-1k,kmalloc-2k,filp}; do echo 1 >"$i/shrink"; done
	after=$(objects)
	# A leak of an open file per thread would make 30 and more.
	same "objects that grew by the rounds" "" "$(join <(sort <<<"$before") <(sort <<<"$after") |
		awk '$1 == "filp" && $3 - $2 >= 200 { print }')"
}

ktap_run oops bug_on_all_cpus_and_another_run hung_task_detector_is_off_after_it no_memory_is_lost
