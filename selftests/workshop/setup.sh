#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/setup: the errors for a kernel that is no longer in the archive, for a missing compiler of
# a kernel, and for a config that Rust would change in other options.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
stock=$("$project/scripts/paths" HEADERS)
FAULTLINE_CACHE=$(mktemp -d)
export FAULTLINE_CACHE
trap 'rm -rf "$FAULTLINE_CACHE"' EXIT
# shellcheck source=../../scripts/lib.sh
. "$project/scripts/lib.sh"
row_select "${KERNEL:-}"
release=9.9.9+deb0-$FLAVOUR

# Makes a cache for an imaginary kernel, in which the named steps are done.
cache() {
	local name
	mkdir -p "$ROOT/etc" "$CACHE/stamps" "$CACHE/rows"
	touch "$ROOT$ROOT_MARK"
	echo "$(sha256sum <"$project/scripts/setup-root.sh")${FAULTLINE_MIRROR:-}" >"$CACHE/stamps/root-$ROOT_SUITE"
	cp "$CACHE/stamps/root-$ROOT_SUITE" "$CACHE/stamps/foreign-$ROOT_SUITE-$DEBIAN_ARCH"
	printf '%s=%q\n' RELEASE "$release" VERSION 9.9.9-1 SOURCE linux-source-9.9 >"$CACHE/rows/$ROW"
	for name; do echo "$release/9.9.9-1" >"$CACHE/stamps/$name-$release"; done
}

# fails TEXT: checks that the setup fails with TEXT, and keeps all finished steps.
fails() {
	local output before
	before=$(cat "$CACHE/rows/$ROW")
	if output=$("$project/scripts/setup" --kernel "$ROW" 2>&1); then
		note "it succeeded"
		exit 1
	fi
	match "the step is named" '^FAILED kernel: ' "$output"
	match "why, and what to do" "$1" "$output"
	same "the row" "$before" "$(cat "$CACHE/rows/$ROW")"
}

a_version_that_vanished() {
	cache
	fails "The archive no longer has 9\.9\.9-1\. Run 'make setup KERNEL=$ROW REFRESH=1'"
	match "apt's own words are shown" "9\.9\.9" "$(cat "$CACHE/log/stock-$release.log")"
}

a_source_that_vanished() {
	cache stock
	fails "The archive no longer has 9\.9\.9-1\. Run 'make setup KERNEL=$ROW REFRESH=1'"
}

# compiler SED: pretends that another compiler built the stock kernel.
compiler() {
	local headers=$CACHE/kernels/$release/stock/usr/src/linux-headers-$release
	cache stock source
	mkdir -p "$headers"
	cp "$stock/.kernelvariables" "$headers/"
	sed -E "$1" "$stock/.config" >"$headers/.config"
}

a_rustc_that_is_not_there() {
	grep -q '^CONFIG_RUST=y' "$stock/.config" || skip "this kernel was built without Rust"
	compiler 's/^(CONFIG_RUSTC_VERSION_TEXT=").*/\1rustc 1.2.3 (abc 2015-08-06)"/'
	fails "built with rustc 1\.2\.3, which Debian $ROOT_SUITE does not have"
}

a_gcc_that_is_not_there() {
	compiler 's/^(CONFIG_CC_VERSION_TEXT="[a-z0-9_]+-linux-gnu-gcc-).*/\199 (Debian 99.1.0-1) 99.1.0"/'
	fails "built with gcc-99.*, which Debian $ROOT_SUITE does not have"
}

# config SED: prints the output of scripts/config-rust-only for the stock config with that change.
config() {
	sed -E '/CONFIG_RUST[ =]/d' "$stock/.config" >"$CACHE/stock"
	{ sed -E "$1" "$CACHE/stock"; echo CONFIG_RUST=y; } >"$CACHE/scratch"
	"$project/scripts/config-rust-only" "$CACHE/stock" "$CACHE/scratch" 2>&1
}

a_config_that_is_not_clean() {
	local output
	match "Rust alone may differ" "only Rust's own options" "$(config '')"
	if output=$(config 's/^# (CONFIG_DEBUG_SPINLOCK) is not set/\1=y/'); then
		note "accepted: $output"
		exit 1
	fi
	match "it names the option" 'only with Rust: CONFIG_DEBUG_SPINLOCK=y' "$output"
	if output=$(config '/^CONFIG_MODULE_UNLOAD=y/d'); then
		note "accepted: $output"
		exit 1
	fi
	match "also one that is lost" 'only in stock: *CONFIG_MODULE_UNLOAD=y' "$output"
	if output=$("$project/scripts/config-rust-only" "$CACHE/stock" "$CACHE/stock" 2>&1); then
		note "accepted: $output"
		exit 1
	fi
	match "and it needs Rust" "Rust could not be enabled" "$output"
}

a_row_that_is_not_in_the_table() {
	local output
	output=$("$project/scripts/setup" --kernel nosuch 2>&1 || true)
	match "it lists them" "no kernel 'nosuch' in scripts/kernels; it has: debian-13-backports " "$output"
}

ktap_run a_version_that_vanished a_source_that_vanished a_rustc_that_is_not_there \
	a_gcc_that_is_not_there a_config_that_is_not_clean a_row_that_is_not_in_the_table
