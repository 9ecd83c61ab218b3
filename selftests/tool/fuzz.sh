#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each fuzz target, for its share of FAULTLINE_FUZZ_SECONDS (ten minutes for all), finds nothing: no
# input makes a parser of untrusted files panic, use too much time or memory, or contradict itself.
# Only with FAULTLINE_LONG.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

project=$(cd "$here/../.." && pwd)
targets=()
for file in "$project"/tools/faultline/fuzz/fuzz_targets/*.rs; do targets+=("$(basename -s .rs "$file")"); done

# One result per target.
for target in "${targets[@]}"; do
	eval "fuzz_$target() { finds_nothing $target; }"
done

finds_nothing() {
	local said code=0
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes ten minutes: FAULTLINE_LONG=1"
	said=$(FAULTLINE_FUZZ_SECONDS=$((${FAULTLINE_FUZZ_SECONDS:-600} / ${#targets[@]})) "$project/scripts/fuzz" "$1" 2>&1) || code=$?
	note "$said"
	same "exit status" 0 "$code"
	match "it ran" '^[a-z]+ +[1-9][0-9]* runs, .*: no finding$' "$said"
}

ktap_run "${targets[@]/#/fuzz_}"
