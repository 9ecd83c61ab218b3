#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# faultline, the program: its unit tests (parsers, verdicts over recorded logs), as KTAP.

project=$(cd "$(dirname "$0")/../.." && pwd)
output=$(mktemp)
trap 'rm -f "$output"' EXIT
code=0
RUSTFLAGS="-C target-feature=+crt-static" cargo test --quiet --release --locked \
	--target "$(uname -m)-unknown-linux-gnu" --target-dir "$project/build/tools" \
	--manifest-path "$project/tools/faultline/Cargo.toml" -- --format=pretty >"$output" 2>&1 || code=$?
grep -qE '^test .* \.\.\. ' "$output" || { sed 's/^/# /' "$output"; exit 1; }
[ "$code" = 0 ] || sed 's/^/# /' "$output"
echo "KTAP version 1"
echo "1..$(grep -cE '^test .* \.\.\. ' "$output")"
sed -nE 's/^test (.*) \.\.\. (ok|FAILED|ignored).*/\2 \1/p' "$output" | awk '
	$1 == "ok" { print "ok", NR, $2 }
	$1 == "ignored" { print "ok", NR, $2, "# SKIP ignored" }
	$1 == "FAILED" { print "not ok", NR, $2 }'
exit "$code"
