#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: modinfo describes its parameters like those of the C twin.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

# Sorted, as their order depends on the compiler.
described() { modinfo -F parm "$FAULTLINE_MODULES/$1.ko" | sort; }

same_lines_as_c() {
	local ours theirs names
	ours=$(described knobs) theirs=$(described knobs_twin)
	names=$(cut -d: -f1 <<<"$theirs" | paste -sd'|')
	check "there are many of them" test "$(wc -l <<<"$theirs")" -gt 30
	same "lines of modinfo" "$theirs" "$(grep -E "^($names):" <<<"$ours")"
}

each_of_our_own_says_what_it_is() {
	local theirs line
	theirs=$(described knobs_twin)
	while read -r line; do
		match "a line of modinfo" '^[a-z_]+:.{5,} \([a-z]+\)$' "$line"
	done < <(described knobs | grep -vxFf <(printf '%s\n' "$theirs"))
}

ktap_run same_lines_as_c each_of_our_own_says_what_it_is
