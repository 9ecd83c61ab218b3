#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The unit tests of the programs (parsers, verdicts on recorded logs, comparisons with BTF), as
# KTAP.

project=$(cd "$(dirname "$0")/../.." && pwd)
suite=$("$project/scripts/paths" ROOT_SUITE)
output=$(mktemp)
trap 'rm -f "$output"' EXIT
code=0
for manifest in "$project"/tools/*/Cargo.toml; do
	tests=$(grep -c '' "$output")
	# Uses the dependencies that scripts/programs has compiled; the programs themselves are
	# compiled without optimization, which is fastest.
	RUSTFLAGS="-C target-feature=+crt-static" CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cargo test --quiet --release --locked \
		--target "$(uname -m)-unknown-linux-gnu" --target-dir "$project/build/tools/$suite" \
		--manifest-path "$manifest" -- --format=pretty >>"$output" 2>&1 || code=$?
	# A package without a test result did not compile.
	tail -n +$((tests + 1)) "$output" | grep -qE '^test .* \.\.\. ' || { sed 's/^/# /' "$output"; exit 1; }
done
[ "$code" = 0 ] || sed 's/^/# /' "$output"
echo "KTAP version 1"
echo "1..$(grep -cE '^test .* \.\.\. ' "$output")"
sed -nE 's/^test (.*) \.\.\. (ok|FAILED|ignored).*/\2 \1/p' "$output" | awk '
	$1 == "ok" { print "ok", NR, $2 }
	$1 == "ignored" { print "ok", NR, $2, "# SKIP ignored" }
	$1 == "FAILED" { print "not ok", NR, $2 }'
exit "$code"
