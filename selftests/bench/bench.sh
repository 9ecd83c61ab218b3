#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/bench: every figure is repeatable, the goals are met, and no operation costs more than in
# docs/bench.tsv.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
output=$(mktemp)
trap 'rm -f "$output" "$output.err"' EXIT

status=0
"$project/scripts/bench" >"$output" 2>"$output.err" || status=$?

everything_is_measured() {
	[ -s "$output" ] || note "$(cat "$output.err")"
	# One line each, and one for the bare call.
	same "rows" "$(($(grep -cE '^[a-z_]+ +\|' "$here/rows") + 1))" \
		"$(grep -cE ' [0-9]+\.[0-9] +[0-9]+\.[0-9]{2} ' "$output")"
}

goals_are_met() {
	match "goals" '^met ' "$(cat "$output")"
	same "not met" "" "$(grep '^NOT MET' "$output" || true)"
	same "status" 0 "$status"
}

ktap_run everything_is_measured goals_are_met
