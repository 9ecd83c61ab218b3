#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every module in its stock kernel, with Rust, or without Rust and with the Rust crates in the
# module; and in a kernel that it was not built for.
#
# Proves: loads

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
release=$(uname -r)
kernel=$FAULTLINE_CACHE/kernels/$release

modules() { (cd "$FAULTLINE_MODULES" && ls -- *.ko); }

# load MODULE: loads it with parameters that start nothing.
load() {
	case $1 in
	lockup.ko) insmod "$FAULTLINE_MODULES/$1" mode=soft delay_secs=1000 force=1 ;;
	*) insmod "$FAULTLINE_MODULES/$1" ;;
	esac
}

cleanup() {
	local module
	for module in $(modules); do
		[ ! -e "/sys/module/${module%.ko}" ] || rmmod "${module%.ko}"
	done
}

# has_rust: returns whether this kernel was built with Rust, and exports its Rust crates.
! grep -q ' rust_helper_' /proc/kallsyms || rust=1
has_rust() { [ -n "${rust:-}" ]; }

the_kernel_is_the_stock_one() {
	[[ $release != *-own-* ]] || skip "this kernel is built by setup"
	local config option
	match "the running kernel is Debian's own" 'Debian' "$(cat /proc/version)"
	config=$(find "$kernel/stock" -name "config-$release" -o -path '*/modules/*/config' | head -n 1)
	check "the package has the config" test -s "$config"
	option=$(grep -E '^(# )?CONFIG_RUST[ =]' "$config" || echo "no CONFIG_RUST at all")
	note "the package's own config: $option"
	note "$(grep -E '^(# )?CONFIG_MODVERSIONS[ =]' "$config")"
	if has_rust; then
		same "Rust in its config" "CONFIG_RUST=y" "$option"
	else
		match "Rust in its config" 'is not set$|^no ' "$option"
	fi
}

vermagic_is_this_kernels() {
	local module vermagic
	for module in $(modules); do
		vermagic=$(modinfo -F vermagic "$FAULTLINE_MODULES/$module")
		note "$module: $vermagic"
		same "release of $module" "$release" "${vermagic%% *}"
	done
}

symbols_fit_the_kernel() {
	local module defined wanted exported
	exported=$(mktemp)
	cut -f 2 "$kernel/metadata/Module.symvers" | sort >"$exported"
	for module in $(modules); do
		defined=$(nm --defined-only --extern-only "$FAULTLINE_MODULES/$module")
		wanted=$(nm --undefined-only -j "$FAULTLINE_MODULES/$module" | sort)
		check "$module uses something" test -n "$wanted"
		match "$module is one" ' __this_module$' "$defined"
		same "Rust symbols of $module that others could see" "" "$(grep ' _R' <<<"$defined" || true)"
		if has_rust; then
			note "$module takes $(grep -c '^_R' <<<"$wanted" || true) Rust symbols from this kernel"
		else
			same "Rust symbols that $module asks the kernel for" "" "$(grep -E '^_R|rust' <<<"$wanted" || true)"
		fi
		same "symbols of $module that this kernel does not export" "" \
			"$(comm -23 - "$exported" <<<"$wanted")"
	done
}

versions_of_symbols_are_checked() {
	local module versions
	grep -q '^CONFIG_MODVERSIONS=y' "$kernel/metadata/.config" || skip "this kernel has no MODVERSIONS"
	versions=$(mktemp)
	awk -v OFS='\t' '{ print $1, $2 }' "$kernel/metadata/Module.symvers" | sort >"$versions"
	for module in $(modules); do
		same "the versions in $module are this kernel's" "" \
			"$(modprobe --dump-modversions "$FAULTLINE_MODULES/$module" | sort | comm -23 - "$versions")"
		check "$module has versions" test -n "$(modprobe --dump-modversions "$FAULTLINE_MODULES/$module")"
	done
}

a_module_with_its_own_runtime_is_small() {
	local stripped loaded
	! has_rust || skip "this kernel has Rust: modules carry none of it"
	stripped=$(mktemp)
	strip --strip-debug -o "$stripped" "$FAULTLINE_MODULES/lockup.ko"
	note "lockup.ko without debug information: $(stat -c %s "$stripped") bytes"
	# Most of the file is relocations, which are dropped at load.
	loaded=$(size "$stripped" | awk 'NR == 2 { print $4 }')
	note "of which are loaded: $loaded bytes"
	check "at most 250 KB" test "$loaded" -le 250000
}

all_are_loaded_at_once() {
	local module modules
	log_begin
	# Loading mistakes.ko always fails.
	modules=$(modules | grep -vx mistakes.ko)
	[ "$(wc -l <<<"$modules")" -gt 1 ] || skip "there is only one module"
	for module in $modules; do check "load $module" load "$module"; done
	for module in $modules; do
		same "state of $module" live "$(awk -v name="${module%.ko}" '$1 == name { print tolower($5) }' /proc/modules)"
	done
	for module in $modules; do check "unload $module" rmmod "${module%.ko}"; done
	same "complaints in the log" "" "$(log | grep -E 'WARNING|BUG|Oops|taint' | grep -vE 'loading out-of-tree|module verification failed' || true)"
}

machine() { readelf -h "$1" | sed -n 's/^ *Machine: *//p'; }

a_module_for_another_kernel_is_refused() {
	local module other='' refusal='version magic|disagrees about version|Invalid architecture in ELF header|struct module size'
	for module in "$FAULTLINE_MODULES"/../*/lockup.ko; do
		[[ $(modinfo -F vermagic "$module") == "$release "* ]] || other=$module
		# A module of the same architecture if there is one, else the load fails earlier.
		[ -z "$other" ] || [ "$(machine "$other")" != "$(machine "$FAULTLINE_MODULES/lockup.ko")" ] || break
	done
	[ -n "$other" ] || skip "only this kernel's modules are built here"
	log_begin
	# EINVAL: a symbol has another version.
	match "insmod" 'Invalid (module format|parameters)$' "$(insmod "$other" mode=soft force=1 2>&1 || true)"
	match "the kernel's own words" "$refusal" "$(log)"
	note "$(log | grep -E "$refusal")"
}

ktap_run the_kernel_is_the_stock_one vermagic_is_this_kernels symbols_fit_the_kernel \
	versions_of_symbols_are_checked a_module_with_its_own_runtime_is_small all_are_loaded_at_once \
	a_module_for_another_kernel_is_refused
