# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Helpers of the tests on the Debian server: a machine for each test file with the program on it,
# drills and their reports.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
release=$("$project/scripts/paths" RELEASE)
# Machine names belong to the checkout; each test file has its own.
server=test-$(tr -dc a-z0-9 <<<"${scratch##*/}")

machine() { "$project/scripts/machine" "$@"; }
on() { machine ssh "$server" "$@"; }

# server_up: starts a fresh server with the program and the module on it.
server_up() {
	machine start "$server" --lifetime 2400
	machine copy "$server" "$project/build/faultline" /usr/bin
	machine copy "$server" "$project/build/$release/lockup.ko" "/lib/modules/$release/updates"
}
server_down() { machine stop "$server"; }
# all_down: stops all servers of the file.
all_down() {
	server_down 2>/dev/null || true
	rm -rf "$scratch"
}

# doctor ARG...: runs the doctor on the server; sets `status` and `report`.
doctor() {
	status=0
	report=$(on faultline doctor --json "$@" 2>"$scratch/err") || status=$?
	[ -n "$report" ] || note "$(cat "$scratch/err")"
}

# drill ARG...: drills on the server as it is configured; sets `status` and `report`.
drill() {
	status=0
	report=$("$project/scripts/machine-drill" --on "$server" --keep "$scratch/drill" "$@" 2>"$scratch/err") || status=$?
	[ -n "$report" ] || note "$(cat "$scratch/err")"
}

field() { jq -r "$1" <<<"$report"; }

# ended STATUS STAGE [EVIDENCE]: checks the drill's exit status and stage, and a line of its report.
ended() {
	note "$(field '"\(.stage): \(.summary)"')"
	if [ "$(field .stage)" != "$2" ]; then
		note "$(jq . <<<"$report")"
		note "$(tail -n 30 "$scratch/drill/console.log")"
		# What the kernel said from the injection on, if there is a dump: it may have been held up by something else.
		# shellcheck disable=SC2016 # for the shell there
		note "$(on 'cat "$(ls -t /var/crash/*/dmesg.* | head -n 1)"' 2>/dev/null | sed -n '/lockup: run/,$p' | head -n 60)"
	fi
	same "stage" "$2" "$(field .stage)"
	same "exit status" "$1" "$status"
	[ $# -lt 3 ] || match "evidence" "$3" "$(field '.evidence[]?, .summary')"
}
