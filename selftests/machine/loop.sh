#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A whole loop on a Debian server: the doctor's findings after the installation, fixed with its
# commands; a soft lockup, the dump of its own kdump-tools, the reboot, the verdict in the ledger,
# and a stale proof after a change.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/machine.sh"
trap all_down EXIT

# Two servers have separate disks and memory.
a_start_takes_seconds_and_two_run_at_once() {
	local began=$SECONDS
	server_up
	check "within a minute" test $((SECONDS - began)) -lt 60
	machine start "$server-b" --lifetime 300
	on 'echo mine >/root/mine; sync'
	same "what one wrote the other has not" "" "$(machine ssh "$server-b" ls /root)"
	same "crash kernels" 1,1 "$(on cat /sys/kernel/kexec_crash_loaded),$(machine ssh "$server-b" cat /sys/kernel/kexec_crash_loaded)"
	machine stop "$server-b"
	match "one is left" "^$server: " "$(machine list)"
	same "the other is gone" "" "$(machine list | grep "^$server-b: " || true)"
}

up() { machine list | grep -q "^$server: " || skip "there is no server: its start failed"; }

# wrong: prints the places of the wrong findings.
wrong() { field '.findings[] | select(.state == "wrong") | .says, .evidence[].place, .evidence[].text'; }

the_doctor_finds_what_debian_delivers() {
	up
	doctor --only soft
	same "status" 1 "$status"
	match "what is missing" 'softlockup_panic' "$(wrong)"
	same "nothing else" 1 "$(field '[.findings[] | select(.state == "wrong")] | length')"
}

what_it_says_mends_it() {
	up
	local line
	doctor --only soft
	while IFS= read -r line; do
		check "$line" on "$line" </dev/null
	done < <(field '.findings[] | select(.state == "wrong") | .mend[]')
	doctor --only soft
	note "$(wrong)"
	same "status" 0 "$status"
	same "panics now" 1 "$(on cat /proc/sys/kernel/softlockup_panic)"
}

a_lockup_becomes_a_proof() {
	up
	local boot
	boot=$(on cat /proc/sys/kernel/random/boot_id)
	# Debian's settings, except those that are slow under emulation: zlib takes half a minute,
	# and the detector's usual threshold twenty seconds.
	on 'echo "MAKEDUMP_ARGS=\"-F -l -d 31\"" >>/etc/default/kdump-tools'
	drill --mode soft --run-id loop-1 --delay-secs 2 --set kernel.watchdog_thresh=5
	ended 0 pass
	same "its run" loop-1 "$(field .run_id)"
	same "checks that failed" "" "$(field '.checks[] | select(.result == "failed") | .name')"
	match "the thread" '^lockup/1 ' "$(field '.checks[] | select(.name == "thread" and .source == "log").found')"
	same "the boot that it was in" "$boot" "$(field .boot_id)"
	same "judged in another" false "$(field '.boot_id == .judged_boot_id')"
	match "by its own kdump-tools" 'kdump-tools.*: saved vmcore in /var/crash/' "$(cat "$scratch/drill/console.log")"
	match "it rebooted by itself" '\* RESET .*guest-reset' "$(cat "$scratch/drill/console.log")"
	same "and is ready again" 1 "$(on cat /sys/kernel/kexec_crash_loaded)"
}

the_proof_holds_until_something_changes() {
	up
	local output status=0
	# The drill's setting.
	on 'sysctl -w kernel.watchdog_thresh=5 >/dev/null'
	output=$(on faultline drill status) || status=$?
	note "$output"
	same "status" 0 "$status"
	match "the run" 'loop-1' "$output"
	on 'sysctl -w kernel.softlockup_panic=0 >/dev/null'
	status=0
	output=$(on faultline drill status) || status=$?
	same "status after a change" 1 "$status"
	match "what changed" 'softlockup_panic' "$output"
}

ktap_run a_start_takes_seconds_and_two_run_at_once the_doctor_finds_what_debian_delivers what_it_says_mends_it \
	a_lockup_becomes_a_proof the_proof_holds_until_something_changes
