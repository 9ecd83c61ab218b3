#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The built modules: no code that can panic, no unsafe outside of the library, documentation
# examples that compile, a second build that does nothing, and a build for a kernel that runs
# objtool on each object.
#
# Proves: builds

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
release=$("$project/scripts/paths" RELEASE)
metadata=$("$project/scripts/paths" METADATA)
build=$project/build/$release

nothing_can_panic() {
	local object symbols
	for object in "$build/rust/faultline.o" "$build"/samples/*/*.o; do
		[[ $object != *.linked.o ]] || continue # has what core panics with, where it is embedded
		symbols=$(nm "$object")
		match "${object#"$build/"} has functions of Rust" ' [tT] _R' "$symbols"
		same "panics in ${object#"$build/"}" "" "$(grep panicking <<<"$symbols" || true)"
	done
}

# The constructors of parameters are for constants, in which a wrong text is a compile error. A call
# at run time could panic, so it must not link.
a_module_that_can_panic_is_refused() {
	local args output
	mkdir -p "$project/build/panic"
	scratch=$(mktemp -d "$project/build/panic/XXXXXX")
	mkdir "$scratch/project"
	(cd "$project" && cp -a Kbuild rust samples selftests scripts "$scratch/project")
	sed -i 's/^ *Ok(Self)/let text = if params::limit() > 5 { "1s" } else { "one" };\n'`
		`'pr_info!("{:?}", faultline::params::Duration::new(text).get());\n&/' "$scratch/project/samples/knobs/knobs.rs"
	args="$("$scratch/project/scripts/module-args" "$metadata" "$scratch/out") FAULTLINE_SELFTESTS= FAULTLINE_SAMPLES=knobs"
	# shellcheck disable=SC2086 # one word each
	output=$(make --no-print-directory -C "$metadata" $args modules 2>&1) && check "refused: $output" false
	match "what it is" 'samples/knobs/knobs.o can panic: it calls the above' "$output"
	match "what it calls" ' U core::panicking::panic' "$output"
	check "nothing else was wrong" test "$(grep -c '^error' <<<"$output")" = 0
	# shellcheck disable=SC2086 # one word each
	check "unless asked for" make --no-print-directory -C "$metadata" $args FAULTLINE_MAY_PANIC=1 modules >/dev/null 2>&1
	check "it is there" test -s "$scratch/out/knobs.ko"
}

cleanup() { [ -z "${scratch:-}" ] || rm -rf "$scratch"; }

samples_have_no_unsafe() {
	local file
	for file in "$project"/samples/*/Kbuild; do
		check "$(dirname "$file") forbids it" grep -q '^#!\[forbid(unsafe_code)\]' "$(dirname "$file")/$(basename "$(dirname "$file")").rs"
	done
}

args=$("$project/scripts/module-args" "$metadata")
# shellcheck disable=SC2086 # one word each
kbuild() { make --no-print-directory -C "$metadata" $args "$@"; }

a_second_build_does_nothing() {
	check "build" kbuild modules >/dev/null 2>&1
	same "what it does again" "" "$(kbuild modules 2>&1 | grep -E '^ +[A-Z]+ ' | grep -vE '^ +(MODPOST|CHK|CALL) ' || true)"
}

examples_compile() {
	local output
	rm -f "$build"/rust/doc.* # what is made says its warnings once
	output=$(kbuild FAULTLINE_DOC=1 modules 2>&1) || { note "$output"; exit 1; }
	same "warnings" "" "$(grep -A 8 '^warning' <<<"$output" || true)"
	check "the documentation is made" test -s "$build/rust/doc/faultline/index.html"
}

# A kernel without KERNEL_IBT: only its config differs, so this kernel's tree is used.
objtool_may_see_each_object_alone() {
	local tree=$project/build/objtool/$release/tree output
	grep -qx CONFIG_OBJTOOL=y "$metadata/include/config/auto.conf" || skip "no kernel of this machine uses objtool"
	rm -rf "$tree"
	mkdir -p "$tree"
	ln -s "$metadata"/{*,.[a-z]*} "$tree"
	rm "$tree"/{Makefile,include}
	cp -a "$metadata"/{Makefile,include} "$tree"
	sed -i "s|$metadata|$tree|" "$tree/Makefile"
	sed -i '/CONFIG_X86_KERNEL_IBT\|CONFIG_KLP_BUILD/d' "$tree"/include/{config/auto.conf,generated/{autoconf.h,rustc_cfg}}
	# shellcheck disable=SC2046 # one word each
	output=$(env -u FAULTLINE_SELFTESTS make --no-print-directory -C "$tree" \
		$("$project/scripts/module-args" "$tree" "${tree%/*}/out") FAULTLINE_SAMPLES=lockup modules 2>&1) || { note "$output"; exit 1; }
	same "warnings" "" "$(grep -i warning <<<"$output" || true)"
	check "objtool saw what the linker left" grep -q '\.orc_unwind' "${tree%/*}/out/samples/lockup/lockup.linked.o"
	check "and not what it was given" sh -c "! grep -q '\.orc_unwind' '${tree%/*}/out/samples/lockup/lockup.o'"
}

names=(nothing_can_panic a_module_that_can_panic_is_refused samples_have_no_unsafe a_second_build_does_nothing examples_compile)
# It compiles the crates again.
[ -z "${FAULTLINE_LONG:-}" ] || names+=(objtool_may_see_each_object_alone)
ktap_run "${names[@]}"
