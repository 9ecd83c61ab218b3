#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A module in a directory outside of this project: the commands of docs/your-own-module.md, which
# create it, build it for a kernel with Rust and for one without, and test it there; and refused
# cases.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT


# make_in CMD...: runs CMD in the project without the tests' variables, as a user does.
make_in() { (cd "$project" && env -u FAULTLINE_SELFTESTS -u MAKEFLAGS -u KERNEL "$@" 2>&1); }

# All commands of the page, in order; each has to succeed.
the_commands_of_the_page() {
	local command commands output tested=0
	mapfile -t commands < <(sed -n '/^## From nothing/,/^## What is in it/ s/^    //p' "$project/docs/your-own-module.md")
	check "there are some" test ${#commands[@]} -ge 4
	for command in "${commands[@]}"; do
		output=$(make_in bash -c "${command//\~/$folder}") || { note "$output"; check "$command" false; }
		case $command in
		*check)
			# Its own three results, and two of every test file.
			same "$command: results" "5 of 5" "$(grep -c '^ok ' <<<"$output") of $(sed -n 's/^1\.\.//p' <<<"$output")"
			tested=$((tested + 1))
			;;
		esac
	done
	same "kernels" 2 "$tested"
	same "what is in its folder" "slow_io.rs test.sh" "$(cd "$folder/slow_io" && echo *)"
}

# A failed test makes the command fail.
a_test_that_fails() {
	local output status=0
	make_in scripts/new-module "$folder/failing" >/dev/null
	sed -i 's/test .*-ge 5/false/' "$folder/failing/test.sh"
	output=$(make_in scripts/own-module --check "$folder/failing") || status=$?
	same "exit status" 1 "$status"
	match "what failed" '^not ok 1 it_counts_slow_reads' "$output"
}

what_is_no_module_is_said() {
	match "no directory" ': no such directory$' "$(make_in scripts/own-module "$folder/nowhere" || true)"
	mkdir "$folder/Own-module" "$folder/empty" "$folder/full"
	touch "$folder/full/file"
	match "no name of a module" "becomes the module's" "$(make_in scripts/own-module "$folder/Own-module" || true)"
	match "no name of a new one" "becomes the module's" "$(make_in scripts/new-module "$folder/New-module" || true)"
	match "no source" ': there is no empty.rs in it$' "$(make_in scripts/own-module "$folder/empty" || true)"
	match "something is there" ': the directory is not empty$' "$(make_in scripts/new-module "$folder/full" || true)"
	match "one of ours" 'choose another name$' "$(make_in scripts/new-module "$folder/lockup" || true)"
	check "that was not made" test ! -e "$folder/lockup" -a ! -e "$folder/New-module"
}

# A compile error is shown with its place, and no module is left.
what_does_not_compile_is_shown() {
	local output status=0
	make_in scripts/new-module "$folder/broken" >/dev/null
	echo 'fn nothing() -> u32 {}' >>"$folder/broken/broken.rs"
	output=$(make_in scripts/own-module "$folder/broken") || status=$?
	check "it fails" test "$status" != 0
	match "the mistake" 'mismatched types' "$output"
	check "no module" test ! -e "$project/build/$("$project/scripts/paths" RELEASE)/broken.ko"
}

cleanup() { rm -rf "${folder:?}"/*; }

ktap_run the_commands_of_the_page a_test_that_fails what_is_no_module_is_said what_does_not_compile_is_shown
