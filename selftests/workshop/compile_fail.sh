#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Wrong declarations: the compiler refuses each file of compile_fail/ with the errors in the
# .expected file beside it. A line there is `LINE:COLUMN: MESSAGE`; each error must match one of the
# lines, and each line must match.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/ktap.sh"
. "$here/../lib/rustc.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# errors FILE: prints the compiler's errors as `LINE:COLUMN: message: label`; for a panic in a
# constant only the panic's message.
errors() {
	compile "$1" "$scratch" 2>"$scratch/messages" >/dev/null && return 1
	grep '^{' "$scratch/messages" | jq -r 'select(.level == "error") | .message as $message | .spans[]
		| select(.is_primary) | "\(.line_start):\(.column_start): \($message): \(.label // "")"' |
		sed -E -e "s/: [^:]*: the evaluated program panicked at '(.*)', [^ ]*\$/: \1/" \
			-e 's/: evaluation panicked: (.*): evaluation of .*/: \1/' | sort -u
}

# refused NAME: checks that compile_fail/NAME.rs fails with the errors in
# compile_fail/NAME.expected.
refused() {
	local file=$here/compile_fail/$1 got line
	got=$(errors "$file.rs") || { note "$1.rs was accepted"; exit 1; }
	while read -r line; do
		check "an error '$line' of $1.rs; they are: $got" grep -qF -- "$line" <<<"$got"
	done < <(wanted "$file")
	while read -r line; do
		check "'$line' of $1.rs is expected" expected "$file" "$line"
	done <<<"$got"
}

# wanted CASE: prints the expected lines.
wanted() { grep -v '^#' "$1.expected"; }

# expected CASE ERROR: returns whether the error begins with one of the expected lines.
expected() {
	local line
	while read -r line; do [[ $2 != "$line"* ]] || return 0; done < <(wanted "$1")
	return 1
}

what_is_right_is_accepted() {
	check "it compiles" compile "$here/compile_pass/every_option.rs" "$scratch" 2>"$scratch/messages"
	same "warnings" "" "$(grep '^{' "$scratch/messages" || true)"
}

names=()
for file in "$here"/compile_fail/*.rs; do
	name=$(basename "$file" .rs)
	names+=("$name")
	eval "$name() { refused $name; }"
done
ktap_run what_is_right_is_accepted "${names[@]}"
