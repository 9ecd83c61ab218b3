#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Declarations of parameters that are wrong: each file of compile_fail/ is refused by the
# compiler, at the place and in the words that the file beside it has. A line there is
# `LINE:COLUMN: WORDS`; each error must be one of them, and each of them must be there.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/ktap.sh"
. "$here/../lib/rustc.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# errors FILE: what the compiler says of it, as `LINE:COLUMN: message: label`; of a panic in
# a constant, which it words in its own way, the message.
errors() {
	compile "$1" "$scratch" 2>"$scratch/messages" >/dev/null && return 1
	grep '^{' "$scratch/messages" | jq -r 'select(.level == "error") | .message as $message | .spans[]
		| select(.is_primary) | "\(.line_start):\(.column_start): \($message): \(.label // "")"' |
		sed -E -e "s/: [^:]*: the evaluated program panicked at '(.*)', [^ ]*\$/: \1/" \
			-e 's/: evaluation panicked: (.*): evaluation of .*/: \1/' | sort -u
}

# refused NAME: compile_fail/NAME.rs is, as compile_fail/NAME.expected has it.
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

# wanted CASE: the lines of its file.
wanted() { grep -v '^#' "$1.expected"; }

# expected CASE ERROR: does it begin with one of these lines?
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
