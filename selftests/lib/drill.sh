# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Helpers of the tests of drills and verdicts: run the program, and read its report.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)

# program ARG...: runs faultline with --json; sets `status` and `report`.
program() {
	status=0
	report=$("$project/scripts/faultline" "$@" --json 2>"$scratch/err") || status=$?
	[ -n "$report" ] || note "$(cat "$scratch/err")"
}

# drill ARG...: drills a soft lockup in a fresh VM.
drill() { program drill vm --mode soft --keep "$scratch/drill" "$@"; }

field() { jq -r "$1" <<<"$report"; }

# ended STATUS STAGE [EVIDENCE]: checks the program's exit status and stage, and a line of its
# report.
ended() {
	note "$(field '"\(.stage): \(.summary)"')"
	if [ "$(field .stage)" != "$2" ]; then note "$(jq . <<<"$report")"; fi
	same "stage" "$2" "$(field .stage)"
	same "exit status" "$1" "$status"
	same "exit status in the report" "$1" "$(field .exit_status)"
	[ $# -lt 3 ] || match "evidence" "$3" "$(field '.evidence[], .summary')"
}
