#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# RUNTIME=embedded on a kernel with Rust: a module contains the parts of the Rust crates that it
# uses, and takes no symbol of them from the kernel.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
metadata=$("$project/scripts/paths" METADATA)
out=$project/build/embedded/$("$project/scripts/paths" RELEASE)

it_is_built_without_the_kernels_rust() {
	local args module output
	args=$("$project/scripts/module-args" "$metadata" "$out")
	# shellcheck disable=SC2086 # one word each
	# Without the C modules that only tests load.
	output=$(env -u FAULTLINE_SELFTESTS make --no-print-directory -C "$metadata" $args RUNTIME=embedded FAULTLINE_SAMPLES="knobs lockup" modules 2>&1) || { note "$output"; exit 1; }
	same "warnings of the build" "" "$(grep -i warning <<<"$output" || true)"
	for module in "$out"/*.ko; do
		same "Rust that $(basename "$module") asks the kernel for" "" \
			"$(nm --undefined-only -j "$module" | grep -E '^_R|rust' || true)"
		same "who handles a panic in $(basename "$module")" __wrap \
			"$(nm --defined-only -j "$module" | grep -v '^__pfx' | grep begin_unwind | cut -c -6)"
	done
}

it_loads_and_works() {
	[ -s "$out/lockup.ko" ] || skip "it was not built"
	local output
	output=$("$project/scripts/vm" --timeout 240 -- env FAULTLINE_MODULES="$out" \
		selftests/run.sh runtime lockup/load.sh 2>&1) || { note "$output"; exit 1; }
	match "the module's tests" '^ok 2 selftests: lockup/load.sh' "$output"
}

ktap_run it_is_built_without_the_kernels_rust it_loads_and_works
