#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/lib.sh: a step of the setup is done once, repeated after its recipe changed or it failed,
# and shows its error; too little disk space and a second run are handled.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
FAULTLINE_CACHE=$(mktemp -d)
export FAULTLINE_CACHE
trap 'rm -rf "$FAULTLINE_CACHE"' EXIT
# shellcheck source=../../scripts/lib.sh
. "$project/scripts/lib.sh"

mark() { echo x >>"$CACHE/ran"; }
ran() { wc -l <"$CACHE/ran"; }

a_step_is_done_once() {
	: >"$CACHE/ran"
	step one "a step" recipe-1 mark 2>/dev/null
	step one "a step" recipe-1 mark 2>/dev/null
	same "runs" 1 "$(ran)"
	step one "a step" recipe-2 mark 2>/dev/null
	same "runs after its recipe changed" 2 "$(ran)"
}

broken() {
	echo "the reason"
	false
	echo "not reached"
}

a_failed_step_is_shown_and_repeated() {
	local output status=0
	export -f broken
	# shellcheck disable=SC2016 # for the shell inside, which heeds set -e as set-up does
	output=$(bash -c '. "$0/scripts/lib.sh"; step two "a broken step" recipe broken' "$project" 2>&1) || status=$?
	same "status" 1 "$status"
	match "it is named" '^FAILED a broken step' "$output"
	match "with its log's place" "$CACHE/log/two.log" "$output"
	match "and its last lines" 'the reason' "$output"
	check "it stopped at the failure" sh -c "! grep -q reached '$CACHE/log/two.log'"
	: >"$CACHE/ran"
	step two "a broken step" recipe mark 2>/dev/null
	same "it is run again" 1 "$(ran)"
}

too_little_space_is_refused_first() {
	local output
	if output=$(space 999999999 "the set-up" 2>&1); then
		note "accepted"
		exit 1
	fi
	match "how much, where, what to do" "needs 999999999 MiB in $CACHE.*FAULTLINE_CACHE" "$output"
	check "enough is enough" space 1 "the set-up"
}

a_second_run_waits() {
	mkfifo "$CACHE/go"
	exec 8<>"$CACHE/go"
	(locked; read -r _ <&8) &
	until [ -s "$CACHE/lock.pid" ]; do read -rt 0.02 <> <(:) || true; done
	(locked; mark) 2>"$CACHE/second" &
	local second=$!
	until [ -s "$CACHE/second" ]; do read -rt 0.02 <> <(:) || true; done
	: >"$CACHE/ran"
	match "it says why" 'waiting: another setup' "$(cat "$CACHE/second")"
	same "it has not begun" 0 "$(ran)"
	echo >&8
	wait "$second"
	same "then it ran" 1 "$(ran)"
}

what_programs_print_is_in_one_language() {
	local output
	output=$(LANG=de_DE.UTF-8 LC_ALL=tr_TR.UTF-8 LANGUAGE=de bash -c '. "$0/scripts/lib.sh"; echo "${LC_ALL-} ${LANGUAGE-none}"' "$project")
	same "the locale" "C none" "$output"
}

ktap_run a_step_is_done_once a_failed_step_is_shown_and_repeated too_little_space_is_refused_first a_second_run_waits \
	what_programs_print_is_in_one_language
