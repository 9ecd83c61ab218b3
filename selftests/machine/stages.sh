#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2016 # what is quoted is for the shell there
#
# Each stage in which a drill on a Debian server can end, provoked there; where the doctor can know
# beforehand, it says that stage. It takes an hour: only with FAULTLINE_LONG set.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/machine.sh"
cleanup() { server_down 2>/dev/null || true; }
trap all_down EXIT

# fresh: a server for one test; how soon its detectors report is what an administrator may set.
fresh() {
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes minutes: only with FAULTLINE_LONG set"
	server_up
	on 'sysctl -qw kernel.watchdog_thresh=5 kernel.hung_task_timeout_secs=5'
}

# predicted CLASS STAGE: the doctor's findings have it.
predicted() {
	doctor --only "$1"
	note "$(field '.findings[] | select(.stage) | "\(.state) \(.stage): \(.says)"')"
	same "the doctor's status" 1 "$status"
	match "the doctor's prediction" "^$2\$" "$(field '.findings[] | select(.state == "wrong") | .stage')"
}

# fails STAGE ARGUMENT...: the drill does, in that stage.
fails() {
	local stage=$1
	shift
	drill --force --delay-secs 1 "$@"
	ended 1 "$stage"
}

refused() {
	fresh
	on 'echo integrity >/sys/kernel/security/lockdown'
	predicted soft refused
	fails refused --mode soft --run-id refused-1
	match "its reason" 'Operation not permitted|Lockdown: .*unsigned module' "$(field '.evidence[]?, .summary')"
	same "what is armed" "" "$(on 'ls /var/lib/faultline/armed.json 2>/dev/null')"
}

not_detected() {
	fresh
	on 'sysctl -qw kernel.softlockup_panic=1 kernel.watchdog=0'
	predicted soft not_detected
	fails not_detected --mode soft --hold-secs 20 --run-id undetected-1
}

detected_no_panic() {
	fresh
	on 'sysctl -qw kernel.softlockup_panic=0 kernel.hung_task_panic=0'
	predicted hung detected_no_panic
	fails detected_no_panic --mode hung --hold-secs 20 --run-id no-panic-2
	predicted soft detected_no_panic
	fails detected_no_panic --mode soft --hold-secs 20 --run-id no-panic-1
	same "proofs" 2 "$(on 'grep -c . /var/lib/faultline/ledger.jsonl')"
}

no_crash_kernel() {
	fresh
	on 'sysctl -qw kernel.panic=5; kdump-config unload'
	predicted panic panic_no_crash_kernel
	fails panic_no_crash_kernel --mode panic --run-id no-kernel-1
}

wanted=("$@")
[ $# -gt 0 ] || wanted=(refused not_detected detected_no_panic no_crash_kernel)
ktap_run "${wanted[@]}"
