#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: for each mode that ends by itself the kernel's detector makes its report, and no other;
# then the fault is released, and the module unloads.
#
# An emulated machine has no hard-lockup detector, or it is switched off here. RCU's stall detector
# then shows a CPU with interrupts off, and so does an NMI from another CPU that is not held.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

# Everything on a held CPU hangs with it: neither the tests nor RCU's thread may run there.
for pid in $$ $(pgrep -x 'rcu_preempt|rcu_sched'); do taskset -pc 0 "$pid" >/dev/null; done

{ echo 0 >"$sysctls"/nmi_watchdog; } 2>/dev/null || true

# provoke SECS MODE [ARG]...: runs the mode from load to release.
provoke() {
	local secs=$1 mode=$2
	shift 2
	log_begin
	check "load" load mode="$mode" delay_secs=0 hold_secs="$secs" run_id="$mode" force=1 "$@"
	await $((secs + 20)) "the release" state_is released
	told "$mode" "$secs"
}

# provoke_until STACK MODE: the same, but holds until a report in the log has this in a stack. Only
# for faults during which the other CPUs can still start and end processes.
provoke_until() {
	local stack=$1 mode=$2
	log_begin
	check "load" load mode="$mode" delay_secs=0 hold_secs=40 run_id="$mode" force=1
	await 30 "the report" log_has "$stack.*\\[lockup\\]"
	echo 1 >"$parameters/hold_secs"
	await 20 "the release" state_is released
	told "$mode" 40
}

# told MODE SECS: checks the module's messages of a run.
told() {
	match "the begin" "^lockup: run $1: cpu [0-9]+: begin: mode=$1 hold_secs=$2 $(thresholds) mono_ns=[0-9]+\$" "$(log)"
	match "the end" "^lockup: run $1: cpu [0-9]+: end: held_ms=[0-9]+ mono_ns=[0-9]+\$" "$(log)"
	same "summaries" 1 "$(log | grep -c "^lockup: run $1: released after")"
}

# unloads: checks that the module unloads and leaves nothing.
unloads() {
	check "unload" rmmod lockup
	same "no thread is left" "" "$(threads)"
}

# seen COUNTER REPORTS STACK: checks that this counter has moved, if the kernel has it; that the log
# has these reports and no others; and that a stack in it has this function.
seen() {
	local counter=$1 wanted=$2 stack=$3
	if [ -e "/sys/kernel/$counter" ] || [ -e "$sysctls/$counter" ]; then
		match "what moved" "(^|,)$counter(,|\$)" "$(result moved)"
	fi
	match "the kernel's reports" "^($wanted)\$" "$(reports)"
	match "a stack" "$stack.*\\[lockup\\]" "$(log)"
	unloads
}

# unseen WHY: checks that no counter moved, and that the module says why.
unseen() {
	same "what moved" "" "$(result moved)"
	same "the kernel's reports" "" "$(reports)"
	match "what the module concludes" "released after [0-9]+ s: $1" "$(log)"
	unloads
}

# shown MODE STACK: checks that a CPU that takes only NMIs shows this stack, and that there is no
# other report. Starting or ending a process may need that CPU's answer, so none is started until
# the release.
shown() {
	local mode=$1 stack=$2 held=0
	detectors 0 0 0
	log_begin
	check "load" load mode="$mode" delay_secs=2 hold_secs=40 run_id="$mode" force=1
	while [ "$held" -lt 100 ]; do read -r held <"$parameters/held_ms"; done
	echo l >/proc/sysrq-trigger
	echo 1 >"$parameters/hold_secs"
	await 30 "the release" log_has "^lockup: run $mode: released after"
	match "the end" "^lockup: run $mode: cpu 1: end: held_ms=[0-9]+ mono_ns=[0-9]+\$" "$(log)"
	match "a stack" "$stack.*\\[lockup\\]" "$(log)"
	same "what moved" "" "$(result moved)"
	match "the kernel's reports" '^(INFO: NMI)?$' "$(reports)"
	unloads
}

# says: prints the threads' messages on their locks.
says() { log | sed -n 's/^lockup: run [a-z_]*: \(cpu [0-9]*: holds lock .*\)/\1/p' | sort | paste -sd';'; }

soft() {
	detectors 1 0 0
	provoke_until spin_preemption_off soft
	seen softlockup_count 'soft lockup lockup/1' spin_preemption_off
}

# With PREEMPT_RT a thread with softirqs off is preempted: no lockup, so the module refuses the
# mode.
softirq() {
	if realtime; then
		log_begin
		refused 'Operation not supported' mode=softirq delay_secs=0 force=1
		match "why" 'refused: mode=softirq: this kernel is built with PREEMPT_RT: ' "$(log)"
		return
	fi
	detectors 1 0 0
	provoke_until spin_softirqs_off softirq
	seen softlockup_count 'soft lockup lockup/1' spin_softirqs_off
}

# With PROVE_RCU, as lockdep selects it, RCU waits 5 s longer before it reports.
stall_delay=0
[ ! -e /proc/lockdep_stats ] || stall_delay=5

rcu() {
	detectors 0 3 0
	provoke_until spin_in_rcu_reader rcu
	seen rcu_stall_count 'rcu stall' spin_in_rcu_reader
}

hard() {
	detectors 0 3 0
	provoke $((5 + stall_delay)) hard
	seen rcu_stall_count '(INFO: NMI,)?rcu stall' spin_interrupts_off
}

irq() {
	shown irq spin_in_interrupt
	match "it is an interrupt's" '</IRQ>' "$(log)"
}

self_deadlock() {
	shown self_deadlock spin_on_own_lock
	same "locks" "cpu 1: holds lock A, wants lock A" "$(says)"
	match "it is an interrupt's" '</IRQ>' "$(log)"
}

hung() {
	detectors 0 0 2
	provoke 4 hung
	seen hung_task_detect_count 'hung task lockup/1' hang_uninterruptible
}

mutex() {
	local owner=''
	detectors 0 0 2
	provoke 4 mutex
	same "locks" "cpu 1: holds lock A, wants lock B;cpu 1: holds lock B, wants lock A" "$(says)"
	match "the kernel's own mutex" 'mutex_(slow)?lock' "$(log)"
	# Newer kernels name the owner of a mutex.
	[ ! -e "$sysctls/hung_task_detect_count" ] || ! log_has 'is blocked on a mutex' || owner=,'owner lockup/1.b'
	seen hung_task_detect_count "hung task lockup/1,hung task lockup/1.b$owner" wait_for_mutex
}

workqueue() {
	detectors 0 0 2
	provoke 4 workqueue
	match "it flushes the work" '__flush_work' "$(log)"
	seen hung_task_detect_count 'hung task lockup/1' flush_stuck_work
}

deadlock() {
	detectors 1 0 0
	provoke 5 deadlock
	same "locks" "cpu 0: holds lock A, wants lock B;cpu 1: holds lock B, wants lock A" "$(says)"
	seen softlockup_count 'soft lockup lockup/0,soft lockup lockup/1' spin_on_lock
}

# All CPUs of this machine are held, so none is left to report.
deadlock_irq() {
	detectors 0 0 0
	provoke 5 deadlock_irq
	same "locks" "cpu 0: holds lock A, wants lock B;cpu 1: holds lock B, wants lock A" "$(says)"
	unseen 'nothing detected it: (no hard lockup detector runs here|the watchdog reports after)'
}

smp_call() {
	detectors 1 0 0
	provoke 5 smp_call
	match "it waits in the kernel's own function" 'smp_call_function_single' "$(log)"
	# The first CPU may report itself as stuck as soon as its interrupts are on.
	seen softlockup_count '(soft lockup lockup/0,)?soft lockup lockup/1' call_cpu_that_never_answers
}

stop_machine() {
	detectors 0 0 0
	provoke 3 stop_machine
	check "it was held" test "$(result held_ms)" -ge 3000
	unseen 'nothing detected it: (no hard lockup detector runs here|the watchdog reports after)'
}

warn() {
	detectors 0 0 0
	provoke 1 warn
	match "its text" '^lockup: run warn: mode=warn$' "$(log)"
	seen warn_count warning warn_once
}

double_free() {
	lockdep_ends
	detectors 0 0 0
	provoke 1 double_free
	if grep -q ' kasan_report$' /proc/kallsyms; then
		match "the kernel's reports" '^BUG KASAN$' "$(reports)"
		match "a stack" 'free_twice.*\[lockup\]' "$(log)"
		unloads
		return
	fi
	match "the object stays" 'Object already free' "$(log)"
	seen warn_count '(BUG )?faultline_free_twice,warning|BUG faultline_free_twice' free_twice
}

free_mib() { awk '/^MemFree/ { print int($2 / 1024) }' /proc/meminfo; }
has_less() { [ "$(free_mib)" -lt "$1" ]; }
has_more() { [ "$(free_mib)" -gt "$1" ]; }

oom_takes_what_it_may() {
	detectors 0 0 0
	log_begin
	local before
	before=$(free_mib)
	check "load" load mode=oom limit_mib=128 delay_secs=0 hold_secs=60 run_id=oom force=1
	await 30 "it has them" log_has '^lockup: run oom: cpu 1: holds 128 MiB$'
	await 10 "memory is less" has_less $((before - 90))
	check "cancel" sh -c "echo 1 > $parameters/cancel"
	await 10 "the release" state_is released
	await 10 "memory is back" has_more $((before - 60))
	unseen 'nothing detected it: .*oom_kill'
}

# killed: prints the processes that the OOM killer has killed.
killed() { log | sed -nE 's/^Out of memory: Killed process ([0-9]+) .*/\1/p'; }
has_killed() { [ -n "$(killed)" ]; }

# Takes more memory than there is, by less than one of the victims' processes has. There are several
# victims: the kernel may kill the next one before the memory of the first is free.
oom_makes_the_kernel_kill() {
	local victims=() folder limit
	expects '^Out of memory: Killed process [0-9]+ \(python3\) '
	# The guest's file system may allocate while it frees memory, for whichever task finds none: kswapd, or
	# the one that takes it all.
	expects '^WARNING: mm/page_alloc\.c:[0-9]+ at __alloc_pages_slowpath.* (kswapd|lockup/)[0-9]'
	detectors 0 0 0
	folder=$(mktemp -d)
	for _ in 1 2 3 4; do
		setpriv --pdeathsig KILL python3 -c '
import os, sys, time
open("/proc/self/oom_score_adj", "w").write("1000")
memory = b"x" * (80 << 20)
open(f"{sys.argv[1]}/{os.getpid()}", "w")
time.sleep(1000)' "$folder/" & victims+=($!)
	done
	have_come() { [ "$(find "$folder" -type f | wc -l)" = 4 ]; }
	await 60 "the victims" have_come
	limit=$(awk '/^MemAvailable/ { print int($2 / 1024) + 150 }' /proc/meminfo)
	log_begin
	check "load" load mode=oom limit_mib="$limit" delay_secs=0 hold_secs=100 run_id=oom force=1
	await 90 "the kill" has_killed
	check "cancel" sh -c "echo 1 > $parameters/cancel"
	await 10 "the release" state_is released
	same "others that were killed" "" "$(killed | grep -vxF "$(printf '%s\n' "${victims[@]}")" || true)"
	unloads
}

# A kernel that does not preempt a spinning thread reports a soft lockup: see hold.sh.
touching_the_watchdogs_hides_it() {
	detectors 1 0 0
	provoke 5 soft touch_watchdog=1
	[ ! -e /sys/kernel/softlockup_count ] || unseen 'nothing detected it: touch_watchdog'
	same "the kernel's reports" "" "$(reports)"
}

rcu_detector_off_is_said() {
	detectors 0 3 0
	echo 1 >/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress
	provoke 5 rcu
	echo 0 >/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress
	[ -e /sys/kernel/rcu_stall_count ] || skip "this kernel does not count stalls"
	unseen 'nothing detected it: rcupdate.rcu_cpu_stall_suppress is 1'
}

hung_detector_off_is_said() {
	detectors 0 0 0
	provoke 3 hung
	[ -e "$sysctls/hung_task_detect_count" ] || skip "this kernel does not count hung tasks"
	unseen 'nothing detected it: kernel.hung_task_timeout_secs is 0'
}

a_short_hold_is_said() {
	detectors 0 0 100
	provoke 1 hung
	[ -e "$sysctls/hung_task_detect_count" ] || skip "this kernel does not count hung tasks"
	unseen 'nothing detected it: the detector reports after kernel.hung_task_timeout_secs=100'
}

pages_are_taken_under_the_lock() {
	local mode
	if realtime; then
		log_begin
		refused 'Operation not supported' mode=soft alloc_under_lock=1 delay_secs=0 force=1
		match "why" 'refused: alloc_under_lock=1: this kernel is built with PREEMPT_RT, ' "$(log)"
		return
	fi
	detectors 0 0 0
	for mode in soft softirq hard irq rcu deadlock deadlock_irq self_deadlock stop_machine; do
		provoke 1 "$mode" alloc_under_lock=1
		check "$mode: pages" test "$(result pages)" -gt 0
		same "$mode: the kernel's reports" "" "$(reports)"
		unloads
	done
}

ktap_run soft softirq rcu hard irq self_deadlock hung mutex workqueue deadlock deadlock_irq smp_call \
	stop_machine warn oom_takes_what_it_may touching_the_watchdogs_hides_it \
	rcu_detector_off_is_said hung_detector_off_is_said a_short_hold_is_said \
	pages_are_taken_under_the_lock oom_makes_the_kernel_kill double_free
