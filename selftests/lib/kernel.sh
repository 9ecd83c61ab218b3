# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Fails a test file in a VM if the kernel reported anything that no test expects. Marks in the
# kernel log, lines that begin with "faultline-selftest", say what is expected:
#
#   begin NAME      a test begins
#   judged          the test has checked all reports since its log_begin itself
#   expects REGEX   from here to the end of the test, such a report is expected
#
# On a debug kernel it checks at the end as well that the lock checker is still on, and that no
# memory leaked.

# expects REGEX, of a report's first line; judged: see above. A report expected before the first
# test is expected in all tests.
expects() {
	say_kmsg "expects $1"
	[ -n "${ktap_first:-}" ] || ktap_expects+=("$1")
}
judged() { say_kmsg judged; }
ktap_expects=()

# lockdep_ends: the test's next step makes the kernel switch its lock checker off.
lockdep_ends() {
	[ -n "$in_guest" ] && [ -e /proc/lockdep_stats ] || return 0
	[ -e "$ktap_folder/lockdep_ends" ] || lockdep_is_on
	touch "$ktap_folder/lockdep_ends"
}

# Only in a VM of scripts/vm: elsewhere the log is not of the tests alone.
in_guest=''
[[ $(</proc/cmdline) != *faultline.vm* ]] || in_guest=1
say_kmsg() { [ -z "$in_guest" ] || echo "faultline-selftest $*" >/dev/kmsg; }

# log_whole: prints all records that the log still has, as of /dev/kmsg.
log_whole() { dd if=/dev/kmsg bs=8k iflag=nonblock status=none 2>/dev/null || true; }

# unnamed FIRST: prints the number of expected reports since the record FIRST in a line; then each
# unexpected report, with its test; and a line if that record has been overwritten.
unnamed() {
	log_whole | always=$(printf '%s\n' "${ktap_expects[@]}") awk -v first="$1" '
		BEGIN { ever = expected = split(ENVIRON["always"], regex, "\n") }
		function flush(i) { for (i = 0; i < reports; i++) other[others++] = test ": " report[i]; reports = 0 }
		{ number = $0; sub(/^[0-9]+,/, "", number); sub(/,.*/, "", number); text = $0 }
		!/^[0-9]+,[0-9]+,/ || number + 0 < first + 0 { next }
		number == first { whole = 1 }
		# Unprintable characters and backslashes are escaped as numbers.
		{ sub(/^[^;]*;/, "", text); gsub(/\\x5c/, "\\", text) }
		text ~ /^faultline-selftest / {
			split(text, word, " ")
			if (word[2] == "begin") { flush(); test = word[3]; expected = ever }
			else if (word[2] == "judged") { named += reports; reports = 0 }
			else if (word[2] == "expects") { sub(/^faultline-selftest expects /, "", text); regex[++expected] = text }
			else flush()
			next
		}
		text ~ /^(WARNING:|(\[ )?BUG|kernel BUG|Oops|Internal error:|Unable to handle|general protection|Kernel panic)/ ||
		text ~ /^((rcu: )?INFO:|UBSAN:|ODEBUG:|refcount_t:|list_(add|del)[ .]|DEBUG_LOCKS_WARN_ON|turning off the locking)/ ||
		text ~ /soft lockup - |hard LOCKUP|page allocation failure|^Out of memory:|^kmemleak: [0-9]+ new/ {
			for (i = 1; i <= expected; i++) if (regex[i] != "" && text ~ regex[i]) { named++; next }
			report[reports++] = text
		}
		END {
			flush()
			if (!whole) other[others++] = "the beginning of the log was lost"
			print named + 0
			for (i = 0; i < others; i++) print other[i]
		}'
}

# out_of_tree: prints the out-of-tree modules that are loaded, or being loaded or unloaded.
out_of_tree() { sed -nE 's/^([^ ]+) .* \([A-Z]*O[A-Z]*[-+]?\)$/\1/p' /proc/modules; }

# stays MODULE: declares that this file's tests leave MODULE loaded on purpose.
stays() { ktap_stays=$1; }

# The next file in this VM loads them itself, and must not see their probes and threads.
no_module_stays() { same "modules that stay loaded" "${ktap_stays:-}" "$(out_of_tree)"; }

# kernel_from: the kernel's reports from here on belong to this file.
kernel_from() {
	ktap_folder=$(mktemp -d)
	[ -n "$in_guest" ] || return 0
	say_kmsg "begin -"
	ktap_first=$(log_whole | awk -F '[,;]' '/;faultline-selftest begin -$/ { at = $2 } END { print at }')
	! has_kmemleak || kmemleak_from
}

# Each of these checks is a result, after those of the file. The kernel's state is that of all
# earlier files as well; only the first file after the lock checker went off fails.
nothing_else_was_reported() {
	local reports
	reports=$(unnamed "$ktap_first")$'\n'
	match "the log was read" '^[0-9]+$' "${reports%%$'\n'*}"
	tally "${reports%%$'\n'*}" "reports made on purpose"
	reports=${reports#*$'\n'}
	same "what no test has named" "" "${reports%$'\n'}"
}

lockdep_is_on() { match "lockdep" '^ debug_locks: +1$' "$(grep debug_locks /proc/lockdep_stats)"; }
lockdep_is_still_on() {
	[ -e "$ktap_folder/lockdep_ends" ] || lockdep_is_on
}

# By its parameters, which exist if it is built in: reading /proc/kallsyms takes a second under
# emulation.
has_kmemleak() { [ -e /sys/module/kmemleak/parameters/verbose ]; }

# kmemleak_from: leaks before this point do not belong to this file. An object counts as leaked once
# it is 5 s old, by the kernel's rule; and two scans have to miss it, as pointers move meanwhile.
kmemleak=/sys/kernel/debug/kmemleak
kmemleak_from() {
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	echo scan >"$kmemleak"
	echo clear >"$kmemleak"
}

kmemleak_finds_nothing() {
	local never
	exec {never}<> <(:)
	read -rt 6 -u "$never" || true
	echo scan >"$kmemleak"
	echo scan >"$kmemleak"
	same "what kmemleak finds" "" "$(cat "$kmemleak")"
}

# kernel_tests: prints the checks that this kernel supports.
kernel_tests() {
	[ -n "$in_guest" ] || return 0
	echo nothing_else_was_reported
	echo no_module_stays
	[ ! -e /proc/lockdep_stats ] || echo lockdep_is_still_on
	! has_kmemleak || echo kmemleak_finds_nothing
}
