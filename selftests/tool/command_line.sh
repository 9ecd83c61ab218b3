#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The faultline program as it was built: when it uses colours, what it says of its version, and its
# exit status after wrong usage.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

project=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
program=$project/build/faultline
mkdir -p "$scratch/machine/proc/sys/kernel"
echo web1 >"$scratch/machine/proc/sys/kernel/hostname"

# coloured ENV... -- ARG...: prints yes if the doctor's answer has colours, in a pipe.
coloured() {
	local environment=(-u NO_COLOR -u CLICOLOR -u CLICOLOR_FORCE TERM=xterm) output
	while [ "$1" != -- ]; do environment+=("$1"); shift; done
	shift
	output=$(env "${environment[@]}" "$program" "$@" 2>&1) || true
	[ -n "$output" ] || echo "no output: "
	if [[ $output == *$'\x1b['* ]]; then echo yes; else echo no; fi
}

# on_terminal ENV... -- ARG...: the same on a terminal.
on_terminal() {
	local environment=() output
	while [ "$1" != -- ]; do environment+=("$1"); shift; done
	shift
	output=$(env -u NO_COLOR -u CLICOLOR -u CLICOLOR_FORCE -u CI TERM=xterm "${environment[@]}" \
		script -qec "$(printf '%q ' "$program" "$@")" /dev/null </dev/null) || true
	[ -n "$output" ] || echo "no output: "
	if [[ $output == *$'\x1b['* ]]; then echo yes; else echo no; fi
}

colours_in_a_pipe() {
	local doctor=(doctor --root "$scratch/machine")
	same "none by itself" no "$(coloured -- "${doctor[@]}")"
	same "CLICOLOR_FORCE" yes "$(coloured CLICOLOR_FORCE=1 -- "${doctor[@]}")"
	same "NO_COLOR is stronger" no "$(coloured CLICOLOR_FORCE=1 NO_COLOR=1 -- "${doctor[@]}")"
	same "--color always is stronger still" yes "$(coloured NO_COLOR=1 -- "${doctor[@]}" --color always)"
	same "--color never" no "$(coloured CLICOLOR_FORCE=1 -- --color=never "${doctor[@]}")"
	same "JSON has none" no "$(coloured CLICOLOR_FORCE=1 -- "${doctor[@]}" --json)"
	same "help" no "$(coloured -- doctor --help)"
	same "help, --color always" yes "$(coloured NO_COLOR=1 -- doctor --color always --help)"
	same "an error, --color always" yes "$(coloured -- --color always doctor --wrong)"
	same "an error, --color never" no "$(coloured CLICOLOR_FORCE=1 -- --color never doctor --wrong)"
}

colours_on_a_terminal() {
	local doctor=(doctor --root "$scratch/machine")
	type -P script >/dev/null || skip "no script(1), which makes a terminal"
	same "by itself" yes "$(on_terminal -- "${doctor[@]}")"
	same "NO_COLOR" no "$(on_terminal NO_COLOR=1 -- "${doctor[@]}")"
	same "an empty NO_COLOR" yes "$(on_terminal NO_COLOR= -- "${doctor[@]}")"
	same "CLICOLOR=0" no "$(on_terminal CLICOLOR=0 -- "${doctor[@]}")"
	same "TERM=dumb" no "$(on_terminal TERM=dumb -- "${doctor[@]}")"
	same "--color never" no "$(on_terminal -- "${doctor[@]}" --color never)"
}

version() {
	local commit
	match "a line" '^faultline [0-9.]+ \(commit [^,]+, [a-z0-9_]+-unknown-linux-gnu\)$' "$("$program" version)"
	match "the kernel" "^kernel  $(uname -r)" "$("$program" version --verbose)"
	same "JSON" "faultline.version/1 $(uname -r)" \
		"$("$program" version --json | jq -r '.schema + " " + .kernel.release')"
	commit=$("$program" version -j | jq -r .program.commit)
	[ "$commit" != null ] || skip "it was built without a commit"
	match "a commit" '^[0-9a-f]{40}(-dirty)?$' "$commit"
}

wrong_usage_is_2() {
	local line output code
	while read -r line; do
		code=0
		# shellcheck disable=SC2086 # words
		output=$("$program" $line 2>&1 >/dev/null) || code=$?
		same "$line" 2 "$code"
		match "$line: it is named" "'?${line##* }'?" "$output"
	done <<-'END'
		verdict x --threshold 500ms
		drill vm --mode softer
		blocked --min 0
		doctor --color sometimes
		drill here --mode soft --hold 1x
	END
}

ktap_run colours_in_a_pipe colours_on_a_terminal version wrong_usage_is_2
