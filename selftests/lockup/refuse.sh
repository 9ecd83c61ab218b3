#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: everything that it refuses, with the error and a message that names the parameter, the
# value and the allowed values; a refusal leaves nothing.
#
# Proves: parameters

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"
# A mode that does no harm.
expects '^WARNING: .*faultline_helper_warn'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

EINVAL="Invalid parameters"
ERANGE="Numerical result out of range"
EPERM="Operation not permitted"

# The first out-of-tree module makes the kernel log its taint: do that now, not in a test.
load mode=soft force=1 && rmmod lockup

# says ERRNO-TEXT REGEX ARG...: checks that the load is refused with that error, and one line in the
# log.
says() {
	local error=$1 regex=$2 text
	shift 2
	log_begin
	refused "$error" "$@"
	text=$(log)
	match "the log after insmod $*" "^lockup: .*$regex" "$text"
	# The kernel logs its own line for a refused value.
	text=$(grep '^lockup: ' <<<"$text" | grep -v 'invalid for parameter' || true)
	same "lines about insmod $*" 1 "$(grep -c . <<<"$text" || true)"
}

no_mode() { says "$EINVAL" 'mode.*soft' force=1; }
wrong_mode() { says "$EINVAL" 'mode=hrad: .*soft' mode=hrad force=1; }
empty_mode() { says "$EINVAL" 'mode=.*soft' mode= force=1; }
offline_cpu() { says "$EINVAL" 'cpus=5: .*0-1' mode=soft cpus=5 force=1; }
nonsense_cpus() {
	local value
	for value in 1- -1 a 1,,x 1-x 99999999999 ''; do
		says "$EINVAL" "cpus=$value: " mode=soft "cpus=$value" force=1
	done
}
delay_out_of_range() { says "$ERANGE" 'delay_secs=3601: .*3600' mode=soft delay_secs=3601 force=1; }
hold_out_of_range() { says "$ERANGE" 'hold_secs=86401: .*86400' mode=soft hold_secs=86401 force=1; }
numbers_that_are_none() {
	local value
	for value in x 1x -1 '' 1.5; do
		says "$EINVAL" "hold_secs=$value: " mode=soft "hold_secs=$value" force=1
	done
	says "$ERANGE" 'delay_secs=4294967296: ' mode=soft delay_secs=4294967296 force=1
}
forever_needs_force() { says "$EINVAL" 'hold_secs=0: .*force=1' mode=soft hold_secs=0; }
run_id_too_long() {
	says "$EINVAL" 'run_id=a{33}: .*32' mode=soft "run_id=$(printf 'a%.0s' {1..33})" force=1
	check "32 characters are right" load mode=soft "run_id=$(printf 'a%.0s' {1..32})" force=1
}
run_id_with_odd_characters() {
	local value
	for value in a/b 'a"b' 'a;b' 'ä'; do
		says "$EINVAL" "run_id=.*: " mode=soft "run_id=$value" force=1
	done
}
results_cannot_be_set() {
	says "$EPERM|$EINVAL" 'state=' mode=soft state=released force=1
	says "$EPERM|$EINVAL" 'held_ms=' mode=soft held_ms=1 force=1
	says "$EPERM|$EINVAL" 'result=' mode=soft result=1 force=1
}
no_crash_kernel() {
	same "no crash kernel is loaded here" 0 "$(cat /sys/kernel/kexec_crash_loaded)"
	says "$EPERM" 'no crash kernel is loaded.*force=1' mode=soft
	says "$EPERM" 'run r1: .*no crash kernel' mode=soft run_id=r1
}
# contradicts REGEX ARG...: checks that the load is refused and leaves nothing.
contradicts() { says "$EINVAL" "$@"; }

# write NAME VALUE: writes a parameter; the error message goes to $scratch/error.
write() { { echo "$2" >"$parameters/$1"; } 2>"$scratch/error"; }

# refuses REGEX MODE NAME=VALUE...: checks that the loaded module refuses another run with these
# parameters, and restores them.
refuses() {
	local regex=$1 mode=$2 setting before=()
	shift 2
	[ -e "$parameters" ] || {
		check "load" load mode=warn delay_secs=0 force=1
		await 10 "the first run" state_is released
	}
	for setting; do
		before+=("${setting%%=*}=$(parameter "${setting%%=*}")")
		check "$setting" write "${setting%%=*}" "${setting#*=}"
	done
	log_begin
	if write trigger "$mode"; then
		note "$mode was accepted"
		exit 1
	fi
	match "the error for $mode $*" 'Invalid argument$' "$(<"$scratch/error")"
	match "the log for $mode $*" "^lockup: run -: refused: $regex" "$(log)"
	for setting in "${before[@]}"; do write "${setting%%=*}" "${setting#*=}"; done
}

deadlocks_take_two_cpus() {
	local mode
	contradicts 'cpus=1: mode=deadlock needs two CPUs or more, of 0-1' mode=deadlock cpus=1 force=1
	for mode in deadlock deadlock_irq smp_call; do
		refuses "cpus=1: mode=$mode needs two CPUs or more, of 0-1" "$mode" cpus=1
	done
}
one_cpu_is_enough_for_some() {
	contradicts 'cpus=0-1: mode=stop_machine needs a single CPU' mode=stop_machine cpus=0-1 force=1
	contradicts 'cpus=0-1: mode=oom needs a single CPU' mode=oom limit_mib=1 cpus=all force=1
}
nobody_left_to_see_it() {
	local mode
	for mode in hard irq self_deadlock deadlock_irq; do
		contradicts "cpus=0-1: mode=$mode on all online CPUs leaves none" mode="$mode" cpus=all
	done
	check "with force" load mode=hard cpus=all delay_secs=100 force=1
}
what_is_never_released_needs_force() {
	local mode
	for mode in panic panic_irq stack_overflow; do
		contradicts "mode=$mode: .*needs force=1" mode="$mode"
		match "modinfo" "$mode.*need force=1" "$(modinfo -F parm "$FAULTLINE_MODULES/lockup.ko" | grep ^mode:)"
	done
}
what_is_done_once() {
	local mode
	contradicts 'iterations=2: mode=bug cannot be repeated' mode=bug iterations=2 force=1
	for mode in panic panic_irq oops bug stack_overflow; do
		refuses "iterations=2: mode=$mode cannot be repeated" "$mode" iterations=2
	done
	refuses 'iterations=2: a crash point .at=. strikes only once' soft at=vfs_read iterations=2
}
a_pause_needs_iterations() {
	contradicts 'cooldown_secs=1: needs iterations above 1' mode=soft cooldown_secs=1 force=1
}
watchdogs_are_touched_in_a_loop() {
	local mode
	contradicts 'touch_watchdog=1: mode=hung does not spin' mode=hung touch_watchdog=1 force=1
	for mode in hung mutex workqueue smp_call rcu warn oops panic; do
		refuses "touch_watchdog=1: mode=$mode does not spin" "$mode" touch_watchdog=1
	done
}
pages_are_taken_where_nothing_may_sleep() {
	local mode
	contradicts 'alloc_under_lock=1: mode=hung does not spin in atomic context' mode=hung alloc_under_lock=1 force=1
	for mode in spin hung mutex workqueue smp_call warn; do
		refuses "alloc_under_lock=1: mode=$mode does not spin in atomic context" "$mode" alloc_under_lock=1
	done
	refuses 'alloc_under_lock=1: not allowed with at=' soft at=vfs_read alloc_under_lock=1
}
memory_has_a_limit() {
	contradicts 'limit_mib=0: mode=oom needs a limit' mode=oom force=1
	contradicts 'limit_mib=1: mode=soft has no limit' mode=soft limit_mib=1 force=1
	contradicts 'limit_mib=4096: needs force=1, since this machine has [0-9]+ MiB' mode=oom limit_mib=4096
}
crash_points_are_for_some_modes() {
	local mode
	contradicts 'count=2: needs at=' mode=soft count=2 force=1
	contradicts 'at=vfs_read: mode=hung cannot strike in the middle' mode=hung at=vfs_read force=1
	for mode in $(modes) panic_irq stack_overflow; do
		case $mode in soft | hard | warn) continue ;; esac
		refuses "at=vfs_read: mode=$mode cannot strike in the middle" "$mode" at=vfs_read
	done
}
numbers_of_runs_have_a_range() {
	says "$ERANGE" 'count=0: ' mode=soft count=0 force=1
	says "$ERANGE" 'iterations=1001: .*1000' mode=soft iterations=1001 force=1
	says "$ERANGE" 'cooldown_secs=3601: .*3600' mode=soft iterations=2 cooldown_secs=3601 force=1
}
# Wrong parameters are refused before the module checks for a crash kernel.
what_is_wrong_comes_first() {
	contradicts 'touch_watchdog=1: ' mode=hung touch_watchdog=1
}
unknown_parameter_is_the_kernels_to_report() {
	log_begin
	check "load" load mode=soft force=1 nosuch=1
	match "the kernel's own words" "unknown parameter 'nosuch'" "$(log)"
}
written_values_are_checked() {
	check "load" load mode=soft delay_secs=100 hold_secs=7 force=1
	log_begin
	local name value
	for name in delay_secs hold_secs; do
		for value in -1 x 99999 4294967296 '' ' '; do
			if echo "$value" 2>/dev/null >"$parameters/$name"; then
				note "$name accepted '$value'"
				exit 1
			fi
		done
	done
	same "delay_secs is what it was" 100 "$(parameter delay_secs)"
	same "hold_secs is what it was" 7 "$(parameter hold_secs)"
	match "the log names value and range" 'hold_secs=99999: .*86400' "$(log)"
	local user='setpriv --reuid 65534 --regid 65534 --clear-groups'
	match "only root may write" 'Permission denied' "$($user sh -c "echo 1 > $parameters/hold_secs" 2>&1 || true)"
	match "results are for reading" 'Permission denied|Input/output|Operation not' "$(sh -c "echo released > $parameters/state" 2>&1 || true)"
}
# drill/armed.sh tests the refusal without force, which needs a loaded crash kernel.
writing_forever_is_taken_with_force() {
	check "load" load mode=soft delay_secs=100 force=1
	check "hold_secs=0 is taken with force" sh -c "echo 0 > $parameters/hold_secs"
	same "hold_secs" 0 "$(parameter hold_secs)"
}

ktap_run no_mode wrong_mode empty_mode offline_cpu nonsense_cpus delay_out_of_range \
	hold_out_of_range numbers_that_are_none forever_needs_force run_id_too_long \
	run_id_with_odd_characters results_cannot_be_set deadlocks_take_two_cpus \
	one_cpu_is_enough_for_some nobody_left_to_see_it what_is_never_released_needs_force \
	what_is_done_once a_pause_needs_iterations watchdogs_are_touched_in_a_loop \
	pages_are_taken_where_nothing_may_sleep memory_has_a_limit crash_points_are_for_some_modes \
	numbers_of_runs_have_a_range what_is_wrong_comes_first no_crash_kernel \
	unknown_parameter_is_the_kernels_to_report written_values_are_checked \
	writing_forever_is_taken_with_force
