# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the kernel reports of itself while a test file runs in a VM: nothing that no test has
# named. The log itself says what was named, in lines that begin with "faultline-selftest":
#
#   begin NAME      a test begins
#   judged          it has compared all reports since its log_begin with what it expects
#   expects REGEX   from here to the end of the test, such a report is made on purpose
#
# On a kernel that is built to hear more, more is asked at the end: whether its lock checker is
# still on, and whether memory was lost.

# expects REGEX: of a report's first line; judged: see above. What is expected before the first test
# is expected in all of them.
expects() {
	say_kmsg "expects $1"
	[ -n "${ktap_first:-}" ] || ktap_expects+=("$1")
}
judged() { say_kmsg judged; }
ktap_expects=()

# lockdep_ends: what the test does next makes the kernel distrust its lock checker, and end it.
lockdep_ends() {
	[ -n "$in_guest" ] && [ -e /proc/lockdep_stats ] || return 0
	[ -e "$ktap_folder/lockdep_ends" ] || lockdep_is_on
	touch "$ktap_folder/lockdep_ends"
}

# In a VM of scripts/vm only: elsewhere the log is another's.
in_guest=''
[[ $(</proc/cmdline) != *faultline.vm* ]] || in_guest=1
say_kmsg() { [ -z "$in_guest" ] || echo "faultline-selftest $*" >/dev/kmsg; }

# log_whole: all that the log still has, as records of /dev/kmsg.
log_whole() { dd if=/dev/kmsg bs=8k iflag=nonblock status=none 2>/dev/null || true; }

# unnamed FIRST: of the reports since the record FIRST, how many the tests have named, in a line; then
# each that none has, with its test; and if that record is not there any more, that it is not.
unnamed() {
	log_whole | always=$(printf '%s\n' "${ktap_expects[@]}") awk -v first="$1" '
		BEGIN { ever = expected = split(ENVIRON["always"], regex, "\n") }
		function flush(i) { for (i = 0; i < reports; i++) other[others++] = test ": " report[i]; reports = 0 }
		{ number = $0; sub(/^[0-9]+,/, "", number); sub(/,.*/, "", number); text = $0 }
		!/^[0-9]+,[0-9]+,/ || number + 0 < first + 0 { next }
		number == first { whole = 1 }
		# What is not printable, and a backslash, is shown as its number.
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

# out_of_tree: the modules that are loaded, or being loaded or unloaded, and not the kernel's own.
out_of_tree() { sed -nE 's/^([^ ]+) .* \([A-Z]*O[A-Z]*[-+]?\)$/\1/p' /proc/modules; }

# stays MODULE: one that this file's tests leave loaded, on purpose.
stays() { ktap_stays=$1; }

# The next file in this VM wants to load them, and their probes and threads would be its own.
no_module_stays() { same "modules that stay loaded" "${ktap_stays:-}" "$(out_of_tree)"; }

# kernel_from: from here on, what the kernel says is this file's.
kernel_from() {
	ktap_folder=$(mktemp -d)
	[ -n "$in_guest" ] || return 0
	say_kmsg "begin -"
	ktap_first=$(log_whole | awk -F '[,;]' '/;faultline-selftest begin -$/ { at = $2 } END { print at }')
	! has_kmemleak || kmemleak_from
}

# Each is a result of its own, after those of the file. The kernel's state is that of all files
# before as well; the first that is told of a lock checker that is off knows who did it.
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

# By its parameters, which are there if it is built in: to read /proc/kallsyms takes a second when emulated.
has_kmemleak() { [ -e /sys/module/kmemleak/parameters/verbose ]; }

# kmemleak_from: what is lost already is not of this file. An object counts as lost once it is 5 s
# old, by the kernel's own rule; and two scans have to miss it, as pointers move meanwhile.
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

# kernel_tests: those of them that this kernel has.
kernel_tests() {
	[ -n "$in_guest" ] || return 0
	echo nothing_else_was_reported
	echo no_module_stays
	[ ! -e /proc/lockdep_stats ] || echo lockdep_is_still_on
	! has_kmemleak || echo kmemleak_finds_nothing
}
