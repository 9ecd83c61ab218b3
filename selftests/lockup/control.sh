#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: several runs of one load; cancelled runs; iterations; and CPUs that go offline meanwhile.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"
# A mode that does no harm.
expects '^WARNING: .*faultline_helper_warn'

# Everything on a held CPU hangs with it, so the tests run on another one.
taskset -pc 0 $$ >/dev/null
detectors 0 0 0

# write NAME VALUE: writes a parameter; prints the errno's text if it fails.
write() { bash -c 'echo "$2" >"$1"' - "$parameters/$1" "$2" 2>&1 | sed 's/.*write error: //'; }
taken() { same "$1=$2 is taken" "" "$(write "$1" "$2")"; }

a_run_follows_the_other() {
	check "load" load mode=warn delay_secs=0 hold_secs=1 run_id=first force=1
	await 10 "the first" state_is released
	taken run_id second
	taken cpus 0
	log_begin
	taken trigger soft
	same "mode" soft "$(parameter mode)"
	await 10 "the second" log_has '^lockup: run second: released'
	match "its plan" '^lockup: run second: plan: mode=soft cpus=0 ' "$(log)"
	same "result" "second soft 0 released 1" \
		"$(result run_id) $(result mode) $(result cpus) $(result state) $(result iterations)"
	check "held_ms is the hold" test "$(result held_ms)" -ge 1000
	same "what the first moved is not in it" "" "$(result moved)"
}

# A parameter that was not given is chosen again for each mode.
cpus_are_those_of_the_mode() {
	check "load" load mode=warn delay_secs=0 hold_secs=1 force=1
	await 10 "the first" state_is released
	same "one" 1 "$(parameter cpus)"
	taken trigger deadlock
	same "two" 0-1 "$(parameter cpus)"
	await 10 "the second" state_is released
	taken trigger warn
	same "one again" 1 "$(parameter cpus)"
}

a_run_that_goes_on_is_left_alone() {
	local state
	check "load" load mode=soft delay_secs=100 hold_secs=1000 force=1
	for state in countdown holding; do
		await 5 "$state" state_is "$state"
		log_begin
		same "trigger in $state" "Device or resource busy" "$(write trigger warn)"
		match "why" '^lockup: refused: trigger=warn: a run is active' "$(log)"
		taken delay_secs 0
	done
	taken hold_secs 1
	await 10 "the release" state_is released
	same "mode" soft "$(parameter mode)"
}

triggers_that_are_wrong() {
	check "load" load mode=warn delay_secs=0 hold_secs=1 force=1
	await 10 "the first" state_is released
	log_begin
	same "bad word" "Invalid argument" "$(write trigger sofd)"
	match "the words" '^lockup: refused: trigger=sofd: one of soft, ' "$(log)"
	same "a contradiction" "Invalid argument" "$(write trigger oom)"
	match "which" '^lockup: run -: refused: limit_mib=0: mode=oom needs a limit' "$(log)"
	same "the last run is still there" warn "$(result mode)"
	same "mode is still its" warn "$(parameter mode)"
	same "threads" "" "$(threads)"
}

at_load_nothing_can_be_triggered() {
	log_begin
	refused "Invalid parameters" mode=warn trigger=warn force=1
	match "why" '^lockup: refused: trigger=warn: the module is being loaded' "$(log)"
	refused "Invalid parameters" mode=warn cancel=1 force=1
}

cancel_ends_the_countdown() {
	log_begin
	check "load" load mode=mutex delay_secs=100 force=1
	taken cancel 1
	await 5 "the end" state_is cancelled
	match "it says so" '^lockup: run -: cancelled during the countdown' "$(log)"
	same "no hold" 0 "$(result held_ms)"
	log_begin
	same "once more" "Invalid argument" "$(write cancel 1)"
	match "why" '^lockup: refused: cancel=1: no run is active' "$(log)"
	taken trigger warn
}

cancel_takes_1_alone() {
	local value
	check "load" load mode=hung delay_secs=100 force=1
	for value in 0 2 x ''; do same "cancel=$value" "Invalid argument" "$(write cancel "$value")"; done
	check "it goes on" state_is countdown
}

cancel_ends_what_can_be_stopped() {
	local mode start
	for mode in spin hung mutex workqueue; do
		check "load" load mode="$mode" delay_secs=0 hold_secs=100 force=1
		await 5 "$mode: the hold" state_is holding
		start=$(now_ms)
		taken cancel 1
		await 5 "$mode: the release" state_is released
		check "$mode: at once" test $(($(now_ms) - start)) -lt 4000
		check "$mode: unload" rmmod lockup
		same "$mode: threads" "" "$(threads)"
	done
}

cancel_waits_for_what_cannot() {
	check "load" load mode=soft delay_secs=0 hold_secs=5 iterations=3 cooldown_secs=100 force=1
	await 5 "the hold" state_is holding
	log_begin
	same "cancel" "Device or resource busy" "$(write cancel 1)"
	match "when it ends" 'this mode cannot be stopped: it ends in at most [0-5] s' "$(log)"
	await 15 "the end" state_is cancelled
	match "the rest is called off" 'cancelled after 1 of 3 iterations' "$(log)"
}

iterations_and_pauses() {
	log_begin
	check "load" load mode=deadlock delay_secs=0 hold_secs=1 iterations=3 cooldown_secs=2 run_id=it force=1
	await 6 "a pause" state_is cooldown
	await 30 "the end" log_has '^lockup: run it: released'
	same "iterations" 3 "$(result iterations)"
	same "each of them, on each CPU" 6 "$(log | grep -cE 'cpu [01]: begin: .* iteration=[123]$')"
	same "ends" 6 "$(log | grep -c ': end: held_ms=')"
	check "the pauses" test "$(log | sed -nE 's/.*begin: .*mono_ns=([0-9]+) iteration=.$/\1/p' |
		sort -n | awk 'NR == 1 { first = $1 } END { print int(($1 - first) / 1e9) }')" -ge 6
}

cancel_ends_the_pause() {
	log_begin
	check "load" load mode=warn delay_secs=0 iterations=2 cooldown_secs=1000 force=1
	await 10 "the pause" state_is cooldown
	taken cancel 1
	await 5 "the end" state_is cancelled
	match "how far it came" 'cancelled after 1 of 2 iterations' "$(log)"
	match "the summary" 'released after 0 s' "$(log)"
}

hold_is_live_for_those_who_sleep() {
	local mode
	for mode in hung mutex workqueue; do
		check "load" load mode="$mode" delay_secs=0 hold_secs=1000 force=1
		await 5 "$mode: the hold" state_is holding
		taken hold_secs 1
		await 5 "$mode: the release" state_is released
		check "$mode: unload" rmmod lockup
	done
}

cpu1=/sys/devices/system/cpu/cpu1/online

a_cpu_that_goes_offline_is_not_held() {
	local mode
	[ -e "$cpu1" ] || skip "CPU 1 cannot go offline"
	for mode in soft deadlock; do
		log_begin
		check "load" load mode="$mode" cpus=0-1 delay_secs=1000 hold_secs=1 force=1
		check "offline" sh -c "echo 0 >$cpu1"
		taken delay_secs 0
		await 10 "the end" log_has '^lockup: run -: (released|cancelled)'
		echo 1 >"$cpu1"
		match "$mode: it says so" 'cpu 1: cancelled: the CPU went offline' "$(log)"
		# The others of a deadlock need it.
		[ "$mode" = soft ] || same "$mode: no hold" "" "$(log | grep begin: || true)"
		[ "$mode" = deadlock ] || match "$mode: CPU 0 was held" 'cpu 0: end:' "$(log)"
		check "$mode: unload" rmmod lockup
	done
}

# A process triggers runs all the time while the module is unloaded: no run may be left.
unload_races_with_triggers() {
	local i writer
	for i in 1 2 3 4 5; do
		check "load" load mode=warn delay_secs=0 hold_secs=1 force=1
		(while echo hung 2>/dev/null >"$parameters/trigger" || [ -e "$parameters" ]; do :; done) &
		writer=$!
		check "unload $i" rmmod lockup
		wait "$writer" || true
		same "threads" "" "$(threads)"
	done
}

ktap_run a_run_follows_the_other cpus_are_those_of_the_mode a_run_that_goes_on_is_left_alone \
	triggers_that_are_wrong at_load_nothing_can_be_triggered cancel_ends_the_countdown \
	cancel_takes_1_alone cancel_ends_what_can_be_stopped cancel_waits_for_what_cannot \
	iterations_and_pauses cancel_ends_the_pause hold_is_live_for_those_who_sleep \
	a_cpu_that_goes_offline_is_not_held unload_races_with_triggers
