#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One fault of each kind except soft lockups becomes a vmcore that names it, and one is reported by
# an NMI from outside. `make matrix` drills all faults.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/drill.sh"
trap 'rm -rf "$scratch"' EXIT

# holds CHECK: returns whether the check passed, by the log or by drgn.
holds() {
	# shellcheck disable=SC2016 # a variable of jq
	jq -e --arg name "$1" 'any(.checks[]; .name == $name and .result == "ok")' <<<"$report" >/dev/null
}

# shown CHECK...: checks that all of these passed.
shown() {
	local name
	for name; do check "$name" holds "$name"; done
}

# fault MODE [ARG]...: drills the mode, and checks that the drill passes.
fault() {
	local mode=$1
	shift
	program drill vm --mode "$mode" --keep "$scratch/drill" "$@"
	ended 0 pass
	note "$(field '.timeline[] | select(.name == "detected" or .name == "panic").text')"
}

a_hung_task() {
	fault hung
	shown cause thread stack state latency
}

a_deadlock_shows_both_threads_and_both_locks() {
	fault deadlock
	shown cause thread stack locks threads latency
}

an_oops() {
	fault oops
	shown cause thread stack
}

# takes_nmi: skips the test except on x86, as only there QEMU can send an NMI.
takes_nmi() { [ "$("$project/scripts/paths" MACHINE)" = x86_64 ] || skip "no NMI from outside on this machine"; }

a_hard_lockup_by_an_nmi_from_outside() {
	takes_nmi
	fault hard --detector nmi
	shown cause latency
	[ -e "$("$project/scripts/paths" VMLINUX_DEBUG)" ] || skip "no debug symbols: make setup-debuginfo"
	shown stack
}

a_hard_lockup_that_nobody_sees() {
	takes_nmi
	program drill vm --mode hard --detector nmi --policy off --hold-secs 4 --keep "$scratch/drill"
	ended 1 not_detected
}

what_cannot_see_it_is_refused() {
	program drill vm --mode hung --detector soft-lockup
	same "status" 2 "$status"
	match "what can" 'hung-task' "$(cat "$scratch/err")"
}

names=(an_oops a_hard_lockup_by_an_nmi_from_outside a_hard_lockup_that_nobody_sees what_cannot_see_it_is_refused)
[ -z "${FAULTLINE_LONG:-}" ] || names+=(a_hung_task a_deadlock_shows_both_threads_and_both_locks)
ktap_run "${names[@]}"
