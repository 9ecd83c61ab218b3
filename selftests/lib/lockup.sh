# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of the lockup module share: loading it, waiting for it, its log.

parameters=/sys/module/lockup/parameters
sysctls=/proc/sys/kernel

parameter() { echo "$(<"$parameters/$1")"; }

load() { insmod "$FAULTLINE_MODULES/lockup.ko" "$@"; }

# refused ERRNO-TEXT ARG...: insmod must fail with that error and leave nothing.
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

# threads: the names of lockup's threads, one a line.
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

# thresholds: those of the detectors, as the log has them.
thresholds() {
	echo "watchdog_thresh=$(<"$sysctls/watchdog_thresh")" \
		"rcu_cpu_stall_timeout=$(</sys/module/rcupdate/parameters/rcu_cpu_stall_timeout)" \
		"hung_task_timeout_secs=$(<"$sysctls/hung_task_timeout_secs")"
}

log_has() { log | grep -qE -- "$1"; }

# result KEY: what the module shows of its last run.
result() {
	local key value
	while IFS='=' read -r key value; do
		[ "$key" != "$1" ] || echo "$value"
	done <"$parameters/result"
}

# modes: all that end by themselves, so that they can be done again. After a double_free the kernel
# distrusts its lock checker: where it has one, that is for modes.sh, which does it last.
modes() {
	local softirq=softirq double_free=double_free
	! realtime || softirq=
	[ ! -e /proc/lockdep_stats ] || double_free=
	# shellcheck disable=SC2086 # a word, or none
	echo soft spin $softirq hard irq rcu hung mutex deadlock deadlock_irq self_deadlock smp_call \
		workqueue stop_machine warn $double_free oom
}

# realtime: is the kernel built with PREEMPT_RT? Such a kernel refuses some of what others do.
realtime() { [[ $(</proc/version) == *PREEMPT_RT* ]]; }

# extra MODE: the parameters that a mode needs.
extra() { [ "$1" != oom ] || echo limit_mib=32; }

# reports: who has reported what, by the first line of each report in the log, once each, to be
# compared with what is expected. RCU's has two forms.
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

# detectors SOFT RCU HUNG: after how many seconds each of them reports (half of it, for soft
# lockups), and without a panic; 0 is never.
detectors() {
	echo 0 >"$sysctls"/softlockup_panic
	echo 1 >"$sysctls"/soft_watchdog
	echo "${1/#0/60}" >"$sysctls"/watchdog_thresh
	echo "${2/#0/300}" >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
	echo "$3" >"$sysctls"/hung_task_timeout_secs
	echo 1 >"$sysctls"/hung_task_check_interval_secs
	echo -1 >"$sysctls"/hung_task_warnings
}

# cleanup: whatever a test left loaded is released and removed.
cleanup() {
	[ -e /sys/module/lockup ] || return 0
	echo 1 >"$parameters/hold_secs"
	rmmod lockup
}
