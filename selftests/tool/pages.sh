#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The manual pages of faultline read well in 80 columns; they and the completions depend on nothing but the
# program. bash completes with its completions. (make lint has man look for errors.)

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

project=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
program=$project/build/faultline

# needs_man: skips without man, which only these tests use.
needs_man() { type -P man >/dev/null || skip "man is not installed: run 'scripts/setup --pages'"; }

pages_read_well() {
	local page text title count=0
	needs_man
	for page in "$project"/build/man/*.1; do
		text=$(LC_ALL=C.UTF-8 MANWIDTH=80 man -E UTF-8 -l -Tutf8 "$page" | sed 's/\x1b\[[0-9;]*m//g; s/.\x08//g')
		for title in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			match "${page##*/}: $title" "^$title\$" "$text"
		done
		same "${page##*/}: lines of more than 80 columns" "" "$(awk 'length($0) > 80' <<<"$text")"
		count=$((count + 1))
	done
	check "every command has a page" [ "$count" -ge 14 ]
}

# Each page that another one names is there, unless another program has it.
pages_name_each_other() {
	local page named
	for page in "$project"/build/man/*.1; do
		while read -r named; do
			check "$named of ${page##*/}" [ -e "$project/build/man/$named.1" ]
		done < <(sed -n '/^\.SH "SEE ALSO"/,$p' "$page" | sed 's/\\f.//g; s/\\-/-/g' | grep -o 'faultline[a-z-]*')
	done
}

# made DIR [ENV...]: makes pages and completions in DIR.
made() {
	local dir=$1 shell
	shift
	env "$@" "$program" generate man "$dir"
	for shell in bash zsh fish; do "$program" generate completions "$shell" >"$dir/$shell"; done
}

they_are_the_same_each_time() {
	made "$scratch/one" -u SOURCE_DATE_EPOCH TZ=UTC LANG=C
	sleep 1.1
	made "$scratch/two" -u SOURCE_DATE_EPOCH TZ=Asia/Tokyo LANG=de_DE.UTF-8 COLUMNS=40
	check "same" diff -r "$scratch/one" "$scratch/two"
	made "$scratch/three" SOURCE_DATE_EPOCH=86400
	match "the date" '^\.TH .*1970.*01.*02' "$(head -n 3 "$scratch/three/faultline.1")"
	same "status of a wrong date" 3 "$(SOURCE_DATE_EPOCH=x "$program" generate man "$scratch/four" 2>/dev/null; echo $?)"
}

# completed WORD...: prints what bash offers for the last word.
completed() {
	bash -c '. "$0"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_faultline faultline "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}"' "$project/build/completions/faultline.bash" "$@"
}

bash_completes() {
	check "syntax" bash -n "$project/build/completions/faultline.bash"
	match "a command" '^doctor$' "$(completed faultline doc)"
	match "a command of drill" '^here$' "$(completed faultline drill h)"
	match "an option" '^--errors-only$' "$(completed faultline route --err)"
	match "a mode" '^deadlock_irq$' "$(completed faultline drill vm --mode dead)"
	match "a colour" '^never$' "$(completed faultline --color n)"
	same "hidden commands" "" "$(completed faultline gen)"
	same "former names" "" "$(completed faultline drill vm --delay- )"
}

for shell in zsh fish; do
	eval "${shell}_accepts_its_completions() { accepts $shell; }"
done
accepts() {
	local file=faultline.fish
	[ "$1" = fish ] || file=_faultline
	type -P "$1" >/dev/null || skip "$1 is not installed: run 'scripts/setup --pages'"
	check "syntax" "$1" -n "$project/build/completions/$file"
}

ktap_run pages_read_well pages_name_each_other they_are_the_same_each_time \
	bash_completes zsh_accepts_its_completions fish_accepts_its_completions
