#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: every mode that ends by itself, repeatedly in one boot (FAULTLINE_ROUNDS, 1, at most 20),
# and unloaded at any moment.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

taskset -pc 0 $$ >/dev/null
detectors 0 0 0
rounds=${FAULTLINE_ROUNDS:-1}
[ "$rounds" -le 20 ] || rounds=20

# purpose: declares the reports that the modes warn and double_free make on purpose.
purpose() {
	expects '^WARNING: .*faultline_helper_warn'
	expects '^BUG faultline_free_twice .*: Object already free'
	expects '^WARNING: .*object_err'
	expects '^BUG: KASAN: double-free in .*free_twice'
}

# complaints: prints the log without the module's lines and the reports made on purpose.
complaints() {
	log_but lockup | sed '/^---*\[ cut here/,/---\[ end trace/d; /^=====*$/,/^FIX faultline_/d'
}

all_modes_again_and_again() {
	local round mode
	purpose
	check "load" load mode=warn delay_secs=0 hold_secs=1 force=1
	await 10 "the first" state_is released
	for ((round = 1; round <= rounds; round++)); do
		for mode in $(modes); do
			log_begin
			echo "$mode" >"$parameters/run_id"
			if [ "$mode" = oom ]; then echo 16; else echo 0; fi >"$parameters/limit_mib"
			check "round $round: $mode" sh -c "echo $mode >$parameters/trigger"
			await 20 "round $round: $mode: the end" log_has "^lockup: run $mode: released"
			same "round $round: $mode: other lines" "" "$(complaints)"
			await 5 "round $round: $mode: threads" test -z "$(threads)"
		done
	done
	check "unload" rmmod lockup
}

unloaded_at_any_moment() {
	local round mode
	purpose
	for ((round = 1; round <= rounds; round++)); do
		for mode in $(modes); do
			log_begin
			# shellcheck disable=SC2046 # none or one word
			check "load" load mode="$mode" delay_secs=0 hold_secs=2 force=1 $(extra "$mode")
			# A random delay, to unload at any moment.
			read -rt "$((RANDOM % 2)).$((RANDOM % 10))" <> <(:) || true
			check "round $round: $mode: unload" rmmod lockup
			same "round $round: $mode: threads" "" "$(threads)"
			same "round $round: $mode: other lines" "" "$(complaints)"
		done
	done
}

ktap_run all_modes_again_and_again unloaded_at_any_moment
