#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/btf-guard as the build runs it: a module that matches the stock kernel is built; a mismatch
# stops the build with an error that names it.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
metadata=$("$project/scripts/paths" METADATA)
FAULTLINE_BTF=$("$project/scripts/paths" HEADERS)/vmlinux
export FAULTLINE_BTF
guard=$project/build/btf-guard
list=$project/rust/bindings/prototypes

mkdir -p "$project/build/layout"
scratch=$(mktemp -d "$project/build/layout/XXXXXX")
stock=$(mktemp -d "$project/build/layout/XXXXXX") # what the first test builds
trap 'rm -rf "$scratch" "$stock"' EXIT
out=$scratch/out

# build TREE [ARGUMENT...]: builds a module against TREE from scratch into $out.
build() {
	local tree=$1 args
	shift
	args=$("$project/scripts/module-args" "$tree" "$out")
	# shellcheck disable=SC2086 # one word each
	env -u FAULTLINE_SELFTESTS make --no-print-directory -C "$tree" $args FAULTLINE_SAMPLES=lockup "$@" modules 2>&1
}

# refused CMD...: checks that CMD fails, and prints its output.
refused() {
	local output
	if output=$("$@" 2>&1); then
		note "accepted: $output"
		exit 1
	fi
	printf '%s\n' "$output"
}

# Builds only up to the tables, before the crates are compiled: the build of the modules that all
# tests load has checked the crates against the tables.
the_stock_kernel_is_what_we_build_for() {
	local output out=$stock
	output=$(build "$metadata" -k RUSTC_OR_CLIPPY=false) || true
	match "prototypes" '^ +[1-9][0-9]+ prototypes are the stock kernel' "$output"
	match "structures" '^ +[1-9][0-9]+ structures with [1-9][0-9]{2,} fields to compare' "$output"
	local tables
	tables=$(find "$out/rust/bindings/" -name layout_generated.rs -exec grep -h '^layout!' {} +)
	same "tables for the compiler" "$(sed -nE 's/^ +([0-9]+) structures.*/\1/p' <<<"$output")" "$(wc -l <<<"$tables")"
	match "one for what threads are" '^layout!\(task_struct, ' "$tables"
}

# Without the program or BTF the kernel's version selects one of several prototypes; for these
# kernels it has to be the one in the BTF.
a_build_without_the_program_says_so() {
	local output
	output=$(build "$metadata" FAULTLINE_GUARD=)
	same "lines that say so" 1 "$(grep -c '^faultline: not compared with the stock kernel: there is no build/btf-guard' <<<"$output")"
	check "it builds" test -s "$out/lockup.ko"
	same "as the BTF says" "$(sort "$stock/rust/bindings/kernel_has_generated.cfg")" "$(sort "$out/rust/bindings/kernel_has_generated.cfg")"
	rm -rf "$out"
	# The error comes before the crates are compiled.
	match "without BTF" '^faultline: not compared with the stock kernel: no BTF of this kernel was found' \
		"$(FAULTLINE_BTF='' build "$metadata" FAULTLINE_BTF= -k RUSTC_OR_CLIPPY=false)"
}

# wrong_tree SED CRATE...: makes metadata in $scratch/tree with a config changed by SED, and
# rebuilds its bindings and these crates with the commands saved by the kernel's build.
wrong_tree() {
	local tree=$scratch/tree edit=$1 target command
	shift
	cp -a "$metadata" "$tree"
	sed -i "s|$metadata|$tree|" "$tree/Makefile"
	sed -i "$edit" "$tree/include/generated/autoconf.h"
	check "the config is another" sh -c "! cmp -s '$metadata/include/generated/autoconf.h' '$tree/include/generated/autoconf.h'"
	for target in bindings/bindings_generated.rs "$@"; do
		command=$(sed -nE 's/^(saved)?cmd_[^ ]* := //p' "$tree/rust/$(dirname "$target")/.$(basename "$target").cmd" | head -n 1)
		# shellcheck disable=SC2016 # make's variable
		command=${command//'$(pound)'/#}
		# The crates' metadata is enough to compile others.
		command=${command/--emit=obj=* --emit=metadata/--emit=metadata}
		(cd "$tree" && RUSTC_BOOTSTRAP=1 bash -ec "${command//$metadata/$tree}") >"$scratch/log" 2>&1 || {
			note "$(tail -n 5 "$scratch/log")"
			exit 1
		}
	done
}

a_config_without_a_field_is_refused() {
	wrong_tree '/define CONFIG_TASK_XACCT /d'
	match "the field" 'struct task_struct: the field .acct_[a-z0-9_]+. of the stock kernel.s is not in these bindings' \
		"$(refused build "$scratch/tree")"
}

a_config_that_moves_fields_is_refused() {
	wrong_tree 's/\(define CONFIG_NR_CPUS\) .*/\1 64/' bindings.o kernel.o
	match "the field and both numbers" \
		'struct task_struct: .cpus_mask. has 8 bytes in these bindings, and [0-9]+ in the stock kernel' \
		"$(refused build "$scratch/tree")"
}

# prototypes [SED]: checks the list, edited with SED, against the stock kernel.
prototypes() {
	sed "${1:-}" "$list" >"$scratch/list"
	"$guard" prototypes --btf "$FAULTLINE_BTF" --list "$scratch/list" --symvers "$metadata/Module.symvers" \
		--cfg "$scratch/cfg" --header "$scratch/header" "$project"/rust/helpers/*.c
}

a_changed_prototype_is_refused() {
	local output
	prototypes >/dev/null
	output=$(refused prototypes 's/int kthread_stop(struct task_struct \*k)/void kthread_stop(struct task_struct *k)/')
	match "the function" ':[0-9]+: kthread_stop has another prototype' "$output"
	match "what is listed" '^ +listed: void kthread_stop\(struct task_struct \*k\);' "$output"
	match "what it is" '^ +stock: +int kthread_stop\(struct task_struct \*k\);' "$output"
	same "nothing else" 3 "$(grep -cE 'prototype|listed:|stock:' <<<"$output")"
	match "arguments that changed places" 'fib_table_lookup has another prototype' \
		"$(refused prototypes '/fib_table_lookup/s/struct fib_result \*res, int fib_flags/int fib_flags, struct fib_result *res/')"
	match "a function that is gone" 'kthread_halt is not in the stock kernel' \
		"$(refused prototypes 's/kthread_stop/kthread_halt/')"
	match "which is optional" 'not there: (.*, )?kthread_halt' "$(prototypes 's/^call: int kthread_stop/call optional: int kthread_halt/')"
	match "what a helper calls" 'kexec.c: calls kexec_crash_loaded, which is not in the list' \
		"$(refused prototypes '/^helper: int kexec_crash_loaded/d')"
}

# Debugging options turn functions that helpers call into macros. Here all of them are macros: none
# is in the BTF by its name, nor in Module.symvers.
what_a_helper_calls_may_be_a_macro() {
	local output
	sed '/^helper/s/\(\w*\)(/\1_is_a_macro(/' "$list" >"$scratch/list"
	output=$("$guard" prototypes --btf "$FAULTLINE_BTF" --list "$scratch/list" --cfg "$scratch/cfg" \
		--header "$scratch/header" "$project"/rust/helpers/*.c 2>&1) || { note "$output"; exit 1; }
	same "not there" "$(sed -nE 's/^helper.*\b(\w+_is_a_macro)\(.*/\1/p' "$scratch/list" | sort -u)" \
		"$(grep -oE '\w+_is_a_macro' <<<"$output" | sort -u)"
}

a_call_that_is_not_listed_is_refused() {
	sed '/kthread_stop/d' "$list" >"$scratch/list"
	match "the function" '^btf-guard: kthread_stop is called, but is not in ' "$(refused "$guard" layouts \
		--btf "$FAULTLINE_BTF" --list "$scratch/list" --kernel "$metadata/rust/bindings/bindings_generated.rs" \
		--own "$stock/rust/bindings/bindings_generated.rs" --out "$scratch/layout" "$project"/rust/*.rs)"
}

cleanup() { rm -rf "${scratch:?}"/*; }

names=(the_stock_kernel_is_what_we_build_for a_config_without_a_field_is_refused
	a_changed_prototype_is_refused what_a_helper_calls_may_be_a_macro a_call_that_is_not_listed_is_refused)
# These compile the crates again.
[ -z "${FAULTLINE_LONG:-}" ] || names+=(a_build_without_the_program_says_so a_config_that_moves_fields_is_refused)
ktap_run "${names[@]}"
