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

available_kib() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^MemAvailable/ { print $2 }' /proc/meminfo
}

no_leak_in_100_rounds() {
	local i before tasks areas
	for i in 0 1 2 3; do check "round $i" round "$i"; done
	log_begin
	tasks=$(ps -e --no-headers | wc -l)
	areas=$(wc -l </proc/vmallocinfo)
	before=$(available_kib)
	for i in $(seq 100); do check "round $i" round "$i"; done
	same "threads" "" "$(threads)"
	check "tasks: $tasks before" test "$(ps -e --no-headers | wc -l)" -le $((tasks + 5))
	check "vmalloc areas: $areas before" test "$(wc -l </proc/vmallocinfo)" -le $((areas + 5))
	local lost=$((before - $(available_kib)))
	note "memory: $lost KiB less than before"
	# One leaked task is 16 KiB of stack and more: 150 threads ran.
	check "memory came back" test "$lost" -lt 2400
	same "the log has nothing but our lines" "" "$(log | grep -v '^lockup: ' || true)"
}

ktap_run no_leak_in_100_rounds
