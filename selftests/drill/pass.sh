#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A soft lockup on the stock kernel becomes a vmcore that names our thread; and what the
# verdict says of that dump when it is cut short or asked for something else.
#
# Proves: kdump verdict

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/drill.sh"
trap 'rm -rf "$scratch"' EXIT
core=$scratch/drill/vmcore

soft_lockup_becomes_a_vmcore() {
	drill --run-id selftest-1
	ended 0 pass
	same "schema" faultline.drill/1 "$(field .schema)"
	same "checks that failed" "" "$(field '.checks[] | select(.result == "failed") | .name')"
	same "checks of the log" "cause,cpu,latency,run id,stack,thread" \
		"$(field '[.checks[] | select(.source == "log" and .result == "ok") | .name] | sort | join(",")')"
	match "the thread" '^lockup/1 ' "$(field '.checks[] | select(.name == "thread" and .source == "log").found')"
	match "the stack" 'spin_preemption_off' "$(field '.checks[] | select(.name == "stack" and .source == "log").found')"
	same "the dump" complete "$(field .dump.state)"
	same "of the stock kernel" "$("$project/scripts/paths" RELEASE)" "$(field .dump.release)"
	check "the latency is in its window" jq -e \
		'.latency | .secs >= .window.earliest_secs - .window.tolerance_secs
			and .secs <= .window.latest_secs + .window.tolerance_secs' <<<"$report"
	match "the timeline" '^up,crash_kernel_loaded,inserted,injected,detected,panic,.*crash_kernel_up,dumped,down$' \
		"$(field '[.timeline[].name] | join(",")')"
	check "the vmcore is there" test -s "$core"
}

drgn_agrees() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	[ -e "$("$project/scripts/paths" VMLINUX_DEBUG)" ] || skip "no debug symbols: make setup-debuginfo"
	program verdict "$core" --mode soft --run-id selftest-1 --cpu 1
	ended 0 pass
	same "what drgn saw" "cause,cpu,pages,stack,thread" \
		"$(field '[.checks[] | select(.source == "drgn" and .result == "ok") | .name] | sort | join(",")')"
}

another_cause_is_not_passed() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	program verdict "$core" --mode soft --run-id other
	ended 1 wrong_cause
	program verdict "$core" --mode soft --run-id selftest-1 --cpu 0
	ended 1 wrong_cause
}

truncated_vmcore_is_incomplete() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	cp "$core" "$scratch/cut"
	truncate --size $(($(stat -c %s "$core") * 2 / 3)) "$scratch/cut"
	program verdict "$scratch/cut" --mode soft
	ended 1 dump_incomplete '[0-9]+ of its [0-9]+ (pages|bytes)'
}

what_is_no_dump_is_unreadable() {
	program verdict "$project/selftests/run.sh" --mode soft
	ended 1 unreadable
	program verdict "$scratch/nothing" --mode soft
	same "no such file: could not tell" 3 "$status"
}

ktap_run soft_lockup_becomes_a_vmcore drgn_agrees another_cause_is_not_passed \
	truncated_vmcore_is_incomplete what_is_no_dump_is_unreadable
