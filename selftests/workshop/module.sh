#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The built modules: nothing that can panic, no unsafe outside the library, examples of
# the documentation that compile, and a build that does nothing twice.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
release=$("$project/scripts/paths" RELEASE)
metadata=$("$project/scripts/paths" METADATA)
build=$project/build/$release

nothing_can_panic() {
	local object
	for object in "$build/rust/faultline.o" "$build"/samples/*/*.o; do
		[[ $object != *.linked.o ]] || continue # has what core panics with, where it is embedded
		same "panics in ${object#"$build/"}" "" "$(nm "$object" | grep panicking || true)"
	done
}

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
	check "rustdoc" kbuild FAULTLINE_DOC=1 modules >/dev/null
	check "the documentation is made" test -s "$build/rust/doc/faultline/index.html"
}

ktap_run nothing_can_panic samples_have_no_unsafe a_second_build_does_nothing examples_compile
