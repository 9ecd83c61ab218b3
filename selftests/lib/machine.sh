# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests on the Debian server share: a machine for each test file, the program on it,
# drills and their reports.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
release=$("$project/scripts/paths" RELEASE)
# Names are of the checkout; a test file has one of its own.
server=test-$(tr -dc a-z0-9 <<<"${scratch##*/}")

machine() { "$project/scripts/machine" "$@"; }
on() { machine ssh "$server" "$@"; }

# server_up: a fresh one, with the program and the module on it.
server_up() {
	machine start "$server" --lifetime 2400
	machine copy "$server" "$project/build/faultline" /usr/bin
	machine copy "$server" "$project/build/$release/lockup.ko" "/lib/modules/$release/updates"
}
server_down() { machine stop "$server"; }
# all_down: for the end of a file.
all_down() {
	server_down 2>/dev/null || true
	rm -rf "$scratch"
}

# doctor ARG...: asks it; leaves `status` and `report`.
doctor() {
	status=0
	report=$(on faultline doctor --json "$@" 2>"$scratch/err") || status=$?
	[ -n "$report" ] || note "$(cat "$scratch/err")"
}

# drill ARG...: one on the server, as it is configured; leaves `status` and `report`.
drill() {
	status=0
	report=$("$project/scripts/machine-drill" --on "$server" --keep "$scratch/drill" "$@" 2>"$scratch/err") || status=$?
	[ -n "$report" ] || note "$(cat "$scratch/err")"
}

field() { jq -r "$1" <<<"$report"; }

# ended STATUS STAGE [EVIDENCE]: how the drill must have ended, and the line that it must show.
ended() {
	note "$(field '"\(.stage): \(.summary)"')"
	if [ "$(field .stage)" != "$2" ]; then
		note "$(jq . <<<"$report")"
		note "$(tail -n 30 "$scratch/drill/console.log")"
	fi
	same "stage" "$2" "$(field .stage)"
	same "exit status" "$1" "$status"
	[ $# -lt 3 ] || match "evidence" "$3" "$(field '.evidence[]?, .summary')"
}
