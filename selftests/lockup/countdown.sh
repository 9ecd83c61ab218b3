#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: the countdown, and everything that can end it.
#
# Proves: lockup

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

counts_each_second() {
	log_begin
	check "load" load mode=soft cpus=1 delay_secs=3 hold_secs=1 run_id=count force=1
	await 60 "the hold's end" state_is released
	same "what was counted" "1 seconds,2 seconds" \
		"$(log | sed -nE 's/^lockup: run count: cpu 1: ([0-9]+ seconds)$/\1/p' | paste -sd,)"
	match "the plan" "^lockup: run count: plan: mode=soft cpus=1 delay_secs=3 hold_secs=1 .* $(thresholds)\$" "$(log)"
	match "the begin" "^lockup: run count: cpu 1: begin: mode=soft hold_secs=1 $(thresholds) mono_ns=[0-9]+\$" "$(log)"
	same "no line without the run's id" "" "$(log | grep '^lockup: ' | grep -vE '^lockup: (run count: |loading out-of-tree|module verification)' || true)"
}

# The detectors' settings at the begin of the hold, which a verdict needs.
thresholds_are_those_of_the_begin() {
	local usual other
	usual=$(cat /proc/sys/kernel/watchdog_thresh)
	# 60 is the maximum.
	other=$((usual < 30 ? usual + 3 : usual - 3))
	log_begin
	check "load" load mode=soft cpus=1 delay_secs=2 hold_secs=1 run_id=set force=1
	echo "$other" >/proc/sys/kernel/watchdog_thresh
	await 60 "the hold's end" state_is released
	match "the plan" " watchdog_thresh=$usual " "$(log | grep ': plan: ')"
	match "the begin" " $(thresholds) mono_ns" "$(log | grep ': begin: ')"
	log_begin
	await 9 "again, without reloading" sh -c "echo soft > $parameters/trigger"
	await 9 "the countdown" state_is countdown
	await 60 "the hold's end" state_is released
	match "the begin" " $(thresholds) mono_ns" "$(log | grep ': begin: ')"
	echo "$usual" >/proc/sys/kernel/watchdog_thresh
}

unload_ends_it_at_once() {
	log_begin
	check "load" load mode=soft cpus=all delay_secs=1000 force=1
	same "state" countdown "$(parameter state)"
	local start
	start=$(now_ms)
	check "unload" rmmod lockup
	check "long before its end" test $(($(now_ms) - start)) -lt 60000
	same "no thread" "" "$(threads)"
	match "it says so" 'cancelled during the countdown' "$(log)"
	check "nothing began" test -z "$(log | grep 'begin:' || true)"
}

delay_is_live() {
	check "load" load mode=soft cpus=1 delay_secs=1000 hold_secs=1 force=1
	check "shorten" sh -c "echo 1 > $parameters/delay_secs"
	await 60 "the end" state_is released
}

no_delay_begins_at_once() {
	log_begin
	check "load" load mode=soft cpus=1 delay_secs=0 hold_secs=1 force=1
	await 9 "the end" state_is released
	same "nothing is counted" "" "$(log | grep seconds$ || true)"
}

ktap_run counts_each_second thresholds_are_those_of_the_begin unload_ends_it_at_once delay_is_live no_delay_begins_at_once
