#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/fingerprint: accepts metadata made by the kernel's rustc, and refuses metadata that
# another rustc makes from the same source.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
metadata=$("$project/scripts/paths" METADATA)
headers=$("$project/scripts/paths" HEADERS)

has_rust() { grep -q '^CONFIG_RUST=y' "$headers/.config" || skip "this kernel was built without Rust"; }

the_kernels_own_rustc_is_accepted() {
	has_rust
	match "the check" 'all [0-9]{4} Rust symbols are the stock' \
		"$("$project/scripts/fingerprint" "$metadata" "$headers")"
}

# Compiles the core crate like the metadata, but as another version of rustc: rustc has this
# variable to test the version's part in the hash.
a_wrong_rustc_is_refused() {
	has_rust
	local scratch command output
	scratch=$(mktemp -d)
	mkdir -p "$scratch/rust" "$scratch/scripts" "$scratch/include"
	# If the kernel's target is one of the compiler's own, there is no target file.
	[ ! -e "$metadata/scripts/target.json" ] || cp "$metadata/scripts/target.json" "$scratch/scripts/"
	cp -r "$metadata/include/generated" "$scratch/include/"
	cp "$metadata"/rust/exports_*_generated.h "$scratch/rust/"
	sed 's/rustc 1[.][0-9]*[.][0-9]*/rustc 1.86.0/' "$metadata/.config" >"$scratch/.config"
	command=$(sed -n 's/^savedcmd_rust\/core.o := //p' "$metadata/rust/.core.o.cmd")
	(cd "$scratch" && RUSTC_BOOTSTRAP=1 RUSTC_FORCE_RUSTC_VERSION=1.86.0 bash -ec "${command//$metadata/$scratch}")
	nm -p --defined-only "$scratch/rust/core.o" |
		awk '$2 ~ /^[TRDB]$/ && $3 !~ /__pfx/ { printf "EXPORT_SYMBOL_RUST_GPL(%s);\n", $3 }' \
			>"$scratch/rust/exports_core_generated.h"
	same "as many symbols as before" "$(wc -l <"$metadata/rust/exports_core_generated.h")" \
		"$(wc -l <"$scratch/rust/exports_core_generated.h")"
	if output=$("$project/scripts/fingerprint" "$scratch" "$headers" 2>&1); then
		note "accepted: $output"
		exit 1
	fi
	rm -rf "$scratch"
	match "how many" '[1-9][0-9]* of its [0-9]+ are missing' "$output"
	match "the kernel's compiler is named" 'kernel was built by: +rustc 1\.[0-9]+\.[0-9]+' "$output"
	match "and the other" 'this metadata by: +rustc 1\.86\.0' "$output"
}

ktap_run the_kernels_own_rustc_is_accepted a_wrong_rustc_is_refused
