#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: the hold, with and without a report of the soft-lockup detector, and its release.
#
# Proves: lockup

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

# Everything on the held CPU hangs with it, so the tests run on another one.
taskset -pc 0 $$ >/dev/null

sysctls=/proc/sys/kernel
# The kernel's counter of soft lockups, which older kernels do not have.
count() { cat /sys/kernel/softlockup_count 2>/dev/null || echo none; }

# concludes REGEX: checks the module's last message, which without the counter says that it cannot
# tell.
concludes() {
	local regex=$1
	[ "$(count)" != none ] || regex='no detector stopped it; this kernel has no softlockup_count'
	await 10 "what the module concludes" log_has ': released after'
	match "what the module concludes" "released after [0-9]+ s: $regex" "$(log)"
}

# preempts: returns whether this kernel preempts kernel code: chosen at boot if the file exists,
# else by the config.
preempts() {
	if [ -e /sys/kernel/debug/sched/preempt ]; then
		grep -qE '\((full|lazy)\)' /sys/kernel/debug/sched/preempt
	else
		uname -v | grep -qE ' PREEMPT(_LAZY|_RT)? '
	fi
}

# Sets the detector for the tests of this file: a short threshold, and no panic.
detector() {
	echo 0 >"$sysctls"/softlockup_panic
	echo 1 >"$sysctls"/soft_watchdog
	echo "$1" >"$sysctls"/watchdog_thresh
}

soft_lockup_is_detected_and_released() {
	expects 'soft lockup - CPU#1 stuck for .*\[lockup/1:'
	detector 1
	log_begin
	local before
	before=$(count)
	check "load" load mode=soft cpus=1 delay_secs=1 hold_secs=6 run_id=seen force=1
	await 20 "the release" state_is released
	[ "$before" = none ] || check "the kernel's counter went up" test "$(count)" -gt "$before"
	match "the kernel's report" '^watchdog: BUG: soft lockup - CPU#1 stuck for [0-9]+s! \[lockup/1:' "$(log)"
	match "the stack shows our spin" 'spin.*\[lockup\]' "$(log)"
	concludes "no detector stopped it; softlockup_count went $before -> $(count)"
	check "held_ms is the hold" test "$(parameter held_ms)" -ge 6000 -a "$(parameter held_ms)" -lt 20000
}

a_short_hold_is_not_detected_and_says_why() {
	detector 10
	log_begin
	check "load" load mode=soft cpus=1 delay_secs=0 hold_secs=2 force=1
	await 30 "the release" state_is released
	concludes 'nothing detected it: .*20 s'
}

detector_off_is_said() {
	detector 1
	echo 0 >"$sysctls"/soft_watchdog
	log_begin
	local before
	before=$(count)
	check "load" load mode=soft cpus=1 delay_secs=0 hold_secs=5 force=1
	await 30 "the release" state_is released
	# The module reads the switch after the release.
	concludes 'nothing detected it: kernel.soft_watchdog is 0'
	echo 1 >"$sysctls"/soft_watchdog
	same "counter" "$before" "$(count)"
}

# Settings that change at the release must not count. A process is too slow to catch the moment, and
# so is the shell.
who_finds_it_released_finds_the_report() {
	command -v python3 >/dev/null || skip "there is no python3 in this guest"
	detector 1
	for _ in 1 2 3; do
		echo 0 >"$sysctls"/soft_watchdog
		log_begin
		check "load" load mode=soft cpus=1 delay_secs=0 hold_secs=1 force=1
		python3 - "$parameters/state" "$sysctls/soft_watchdog" <<-PYTHON
			import os, sys
			state = os.open(sys.argv[1], os.O_RDONLY)
			detector = os.open(sys.argv[2], os.O_WRONLY)
			while os.pread(state, 16, 0) != b"released\n":
			    pass
			os.write(detector, b"1")
		PYTHON
		concludes 'nothing detected it: kernel.soft_watchdog is 0'
		rmmod lockup
	done
}

spinning_with_preemption_on_is_not_detected() {
	preempts || skip "this kernel does not preempt kernel code by itself"
	detector 1
	log_begin
	local before
	before=$(count)
	check "load" load mode=spin cpus=1 delay_secs=0 hold_secs=6 force=1
	await 20 "the release" state_is released
	concludes 'nothing detected it'
	same "counter" "$before" "$(count)"
	same "no report" "" "$(log | grep 'soft lockup' || true)"
}

spinning_is_detected_where_nothing_preempts_it() {
	expects 'soft lockup - CPU#1 stuck for .*\[lockup/1:'
	preempts && skip "this kernel preempts kernel code by itself"
	detector 1
	log_begin
	check "load" load mode=spin cpus=1 delay_secs=0 hold_secs=6 force=1
	await 20 "the release" state_is released
	match "the kernel's report" '^watchdog: BUG: soft lockup - CPU#1 stuck' "$(log)"
}

unload_waits_for_the_release() {
	detector 10
	log_begin
	check "load" load mode=soft cpus=1 delay_secs=0 hold_secs=4 force=1
	await 30 "the hold" state_is holding
	check "unload" rmmod lockup
	match "it waited" '^lockup: run -: cpu 1: end: held_ms=[4-9][0-9]{3} ' "$(log)"
	match "and said so" 'unloading waits for the release' "$(log)"
	same "no thread" "" "$(threads)"
}

held_longer_than() { [ "$(parameter held_ms)" -gt "$1" ]; }

hold_is_live() {
	detector 10
	check "load" load mode=soft cpus=1 delay_secs=0 hold_secs=1000 force=1
	await 30 "the hold" state_is holding
	local first
	first=$(parameter held_ms)
	await 30 "held_ms moves" held_longer_than "$first"
	check "shorten" sh -c "echo 1 > $parameters/hold_secs"
	await 30 "the release" state_is released
}

holding_forever_can_be_called_off() {
	detector 10
	check "load" load mode=soft cpus=1 delay_secs=0 hold_secs=0 force=1
	await 30 "the hold" state_is holding
	check "call off" sh -c "echo 1 > $parameters/hold_secs"
	await 30 "the release" state_is released
}

all_cpus_at_once() {
	detector 10
	log_begin
	check "load" load mode=soft cpus=all delay_secs=1 hold_secs=3 run_id=all force=1
	await 30 "the release" state_is released
	await 10 "the summary" log_has '^lockup: run all: released after'
	match "CPU 0" 'run all: cpu 0: end: held_ms=[0-9]+' "$(log)"
	match "CPU 1" 'run all: cpu 1: end: held_ms=[0-9]+' "$(log)"
	same "one summary" 1 "$(log | grep -c 'released after')"
}

ktap_run soft_lockup_is_detected_and_released a_short_hold_is_not_detected_and_says_why \
	detector_off_is_said who_finds_it_released_finds_the_report spinning_with_preemption_on_is_not_detected \
	spinning_is_detected_where_nothing_preempts_it unload_waits_for_the_release \
	hold_is_live holding_forever_can_be_called_off all_cpus_at_once
