# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Helpers of the tests of lockup: load it, wait for it, read its log.

parameters=/sys/module/lockup/parameters
sysctls=/proc/sys/kernel

parameter() { echo "$(<"$parameters/$1")"; }

load() { insmod "$FAULTLINE_MODULES/lockup.ko" "$@"; }

# refused ERRNO-TEXT ARG...: checks that insmod fails with that error and leaves nothing.
refused() {
	local want=$1 output
	shift
	if output=$(load "$@" 2>&1); then
		note "insmod $* was accepted"
		exit 1
	fi
	match "insmod $*" "$want\$" "$output"
	check "no module is left after insmod $*" test ! -e /sys/module/lockup
	same "no thread is left after insmod $*" "" "$(threads)"
}

# threads: prints the names of lockup's threads, one per line.
threads() {
	local file name names=''
	for file in /proc/[0-9]*/comm; do
		{ read -r name <"$file"; } 2>/dev/null || continue
		[[ $name != lockup/* ]] || names+=$name$'\n'
	done
	[ -z "$names" ] || sort <<<"${names%$'\n'}"
}

state_is() {
	local state
	read -r state <"$parameters/state"
	[ "$state" = "$1" ]
}

# thresholds: prints the detectors' thresholds as the module logs them.
thresholds() {
	echo "watchdog_thresh=$(<"$sysctls/watchdog_thresh")" \
		"rcu_cpu_stall_timeout=$(</sys/module/rcupdate/parameters/rcu_cpu_stall_timeout)" \
		"hung_task_timeout_secs=$(<"$sysctls/hung_task_timeout_secs")"
}

log_has() { log | grep -qE -- "$1"; }

# result KEY: prints a value of the module's last result.
result() {
	local key value
	while IFS='=' read -r key value; do
		[ "$key" != "$1" ] || echo "$value"
	done <"$parameters/result"
}

# modes: prints all modes that end by themselves, and can be repeated. After a double_free the
# kernel switches its lock checker off: a kernel with one leaves that mode to modes.sh, which runs
# it last.
modes() {
	local softirq=softirq double_free=double_free
	! realtime || softirq=
	[ ! -e /proc/lockdep_stats ] || double_free=
	# shellcheck disable=SC2086 # one word or none
	echo soft spin $softirq hard irq rcu hung mutex deadlock deadlock_irq self_deadlock smp_call \
		workqueue stop_machine warn $double_free oom
}

# realtime: returns whether the kernel is built with PREEMPT_RT, on which lockup refuses some modes.
realtime() { [[ $(</proc/version) == *PREEMPT_RT* ]]; }

# extra MODE: prints the parameters that a mode needs.
extra() { [ "$1" != oom ] || echo limit_mib=32; }

# reports: prints each distinct report in the log as detector and thread, from its first line. RCU's
# report has two forms.
reports() {
	judged
	log | sed -nE \
		-e 's/^watchdog: BUG: soft lockup - CPU#([0-9]+) .*\[([^:]*):.*/soft lockup \2/p' \
		-e 's/^INFO: task (lockup.*):[0-9]+ blocked for more than .*/hung task \1/p' \
		-e 's/^INFO: task .*:[0-9]+ is blocked on a mutex.* owned by task ([^:]*):.*/owner \1/p' \
		-e 's/^rcu: INFO: rcu_[a-z]+ (self-)?detected (stall|expedited).*/rcu stall/p' \
		-e 's/^WARNING: .*/warning/p' \
		-e 's/^BUG: ([a-zA-Z ]*).*/BUG \1/p' \
		-e 's/^BUG (faultline_[a-z_]*) .*/BUG \1/p' \
		-e 's/^kernel BUG at .*/BUG/p' \
		-e 's/^(Oops|general protection|INFO: NMI|INFO: task).*/\1/p' | sort -u | paste -sd,
}

# detectors SOFT RCU HUNG: sets the seconds after which each detector reports (half of it for soft
# lockups), without a panic; 0 is never.
detectors() {
	echo 0 >"$sysctls"/softlockup_panic
	echo 1 >"$sysctls"/soft_watchdog
	echo "${1/#0/60}" >"$sysctls"/watchdog_thresh
	echo "${2/#0/300}" >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
	echo "$3" >"$sysctls"/hung_task_timeout_secs
	echo 1 >"$sysctls"/hung_task_check_interval_secs
	echo -1 >"$sysctls"/hung_task_warnings
}

# cleanup: releases and unloads a module that a test left loaded.
cleanup() {
	[ -e /sys/module/lockup ] || return 0
	echo 1 >"$parameters/hold_secs"
	rmmod lockup
}
