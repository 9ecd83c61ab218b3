# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Results in KTAP (Documentation/dev-tools/ktap.rst). A test file declares functions and
# ends with `ktap_run NAME...`; each function is one result. In it:
#
#   check WHAT CMD...      CMD must succeed
#   same WHAT WANT GOT     two texts must be equal
#   match WHAT REGEX TEXT  a line of TEXT must match (as with grep -E)
#   await SECS WHAT CMD... CMD must succeed within that time
#   skip REASON            this machine cannot run the test; never counted as passed
#   note TEXT              a diagnostic line
#   tally N WHAT           records the number N of what was made or tried, for docs/reliability.md
#   log_begin; log         the kernel log since log_begin; log_but MODULE: without MODULE's lines
#   expects REGEX, judged  expected reports of the kernel: see kernel.sh

. "$(dirname "${BASH_SOURCE[0]}")/kernel.sh"

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

tally() { note "tally: $*"; }

check() {
	local what=$1
	shift
	"$@" && return
	note "$what: failed: $*"
	exit 1
}

same() {
	[ "$2" = "$3" ] && return
	note "$1: want '$2', got '$3'"
	exit 1
}

match() {
	local line
	while IFS= read -r line; do
		[[ $line =~ $2 ]] && return
	done <<<"$3"
	note "$1: nothing matches /$2/ in:"
	note "$3"
	exit 1
}

await() {
	local now deadline what=$2 limit=$1
	# A file to wait on, without a process each time.
	[ -n "${ktap_never:-}" ] || exec {ktap_never}<> <(:)
	now
	deadline=$((now + $1 * 1000))
	shift 2
	until "$@" >/dev/null; do
		now
		if [ "$now" -gt "$deadline" ]; then
			note "$what: not within $limit s: $*"
			exit 1
		fi
		read -rt 0.05 -u "$ktap_never" || true
	done
}

# log_begin: marks the current end of the kernel log; log: prints the log since then, without time
# stamps.
log_begin() {
	marks=$((${marks:-0} + 1))
	mark="faultline-selftest $BASHPID, $marks." # no mark is a prefix of another
	dmesg --clear
	echo "$mark" >/dev/kmsg
}
# Prints a note if the log has been overwritten since.
log() {
	local text
	text=$'\n'$(dmesg --notime)$'\n'
	if [[ $text == *$'\n'"$mark"$'\n'* ]]; then
		text=${text#*$'\n'"$mark"$'\n'}
		if [[ $text == *faultline-selftest\ * ]]; then
			sed '/^faultline-selftest /d' <<<"${text%$'\n'}"
		else
			printf %s "$text"
		fi
	else
		echo "the beginning of the log was lost"
	fi
}

# log_but MODULE: prints the log without MODULE's lines; not_of MODULE: the same for another text.
# Both drop the kernel's messages on a slow machine, as an emulated one is.
log_but() { log | not_of "$1"; }
not_of() {
	grep -vE "^$1: |^(clocksource|hrtimer): |^perf: interrupt took too long|^workqueue: .* hogged CPU" || true
}

# now_ms: prints the milliseconds since boot; now: sets a variable to them, without a process, which
# is slow under emulation.
now_ms() { now && echo "$now"; }
now() {
	read -r now _ </proc/uptime
	now=$((10#${now/./} * 10))
}

skip() {
	KTAP_REASON="$*"
	exit 4
}

# ktap_run NAME...: runs the functions, each in its own shell, so that one cannot disturb the next;
# `cleanup`, if declared, follows each. Exits as kselftest expects: 0 all passed, 1 one failed, 4
# all skipped. The final checks of the kernel count only if a test of the file was not skipped.
ktap_run() {
	local name number=0 code failed=0 skipped=0 reason began took count=$# of_kernel
	kernel_from
	reason=$ktap_folder/reason
	mapfile -t of_kernel < <(kernel_tests)
	printf 'KTAP version 1\n1..%d\n' $(($# + ${#of_kernel[@]}))
	for name in "$@" "${of_kernel[@]}"; do
		number=$((number + 1)) code=0 began=$SECONDS
		if [ "$number" -le "$count" ]; then
			say_kmsg "begin $name"
		else
			unset -f cleanup # belongs to the file's own tests
		fi
		# In the background, since a shell under || or && ignores set -e.
		(
			trap 'code=$?; printf %s "${KTAP_REASON:-}" >"$reason"; declare -F cleanup >/dev/null && cleanup; exit $code' EXIT
			set -eu
			"$name"
		) &
		wait $! || code=$?
		took=$((SECONDS - began))
		case $code in
		0) printf 'ok %d %s # %d s\n' "$number" "$name" "$took" ;;
		4) printf 'ok %d %s # SKIP %s\n' "$number" "$name" "$(cat "$reason")"; skipped=$((skipped + 1)) ;;
		*) printf 'not ok %d %s # %d s\n' "$number" "$name" "$took"; failed=$((failed + 1)) ;;
		esac
	done
	rm -r "$ktap_folder"
	[ "$failed" = 0 ] || exit 1
	[ "$skipped" != "$count" ] || exit 4
	exit 0
}
