#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: 100 rounds of loading and unloading leave no thread, no memory and no complaint.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

round() {
	case $(($1 % 4)) in
	0) load mode=soft cpus=all delay_secs=100 force=1 ;;
	1) load mode=soft cpus=1 delay_secs=0 hold_secs=1 force=1 ;;
	2) ! load mode=soft cpus=9 force=1 2>/dev/null && return ;;
	3) load mode=soft cpus=0 delay_secs=1 hold_secs=1 force=1 ;;
	esac
	rmmod lockup
}

# What a module can leak: slab objects, thread stacks, vmalloc areas. Not the free memory as
# a whole: that shrinks by some 50 KiB a round with any module, also with stock ones.
used_kib() {
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^(SUnreclaim|KernelStack|VmallocUsed)/ { sum += $2 } END { print sum }' /proc/meminfo
}

no_leak_in_100_rounds() {
	local i before tasks areas
	for i in $(seq 20); do check "round $i" round "$i"; done
	echo 4 >/proc/sys/vm/drop_caches # from now on without a line in the log
	log_begin
	tasks=$(ps -e --no-headers | wc -l)
	areas=$(wc -l </proc/vmallocinfo)
	before=$(used_kib)
	for i in $(seq 100); do check "round $i" round "$i"; done
	same "threads" "" "$(threads)"
	check "tasks: $tasks before" test "$(ps -e --no-headers | wc -l)" -le $((tasks + 5))
	check "vmalloc areas: $areas before" test "$(wc -l </proc/vmallocinfo)" -le $((areas + 5))
	local more=$(($(used_kib) - before))
	note "kernel memory: $more KiB more than before"
	check "kernel memory did not grow by 4 KiB a round" test "$more" -lt 400
	same "the log has nothing but our lines" "" "$(log | grep -v '^lockup: ' || true)"
}

ktap_run no_leak_in_100_rounds
