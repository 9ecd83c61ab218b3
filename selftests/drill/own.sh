#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A drill touches only its own files: not the user's files in the directory of --keep, other drills,
# or a machine that is not a drill's; and a killed drill leaves no process.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/drill.sh"
trap 'rm -rf "$scratch"' EXIT

ids_that_are_no_directory_are_refused() {
	local id
	for id in . .. .x latest a/b; do
		program drill vm --mode soft --run-id "$id" --timeout 2
		same "status for '$id'" 2 "$status"
	done
}

what_the_user_has_is_not_touched() {
	mkdir "$scratch/theirs"
	echo mine >"$scratch/theirs/vmcore"
	program drill vm --mode soft --keep "$scratch/theirs" --timeout 2
	same "status" 3 "$status"
	match "why" "theirs is not empty, and no drill made it" "$(cat "$scratch/err")"
	same "the file" mine "$(cat "$scratch/theirs/vmcore")"
	same "nothing beside it" vmcore "$(ls -A "$scratch/theirs")"
	mkdir "$scratch/real"
	ln -s real "$scratch/link"
	program drill vm --mode soft --keep "$scratch/link" --timeout 2
	same "status for a link" 3 "$status"
	same "nothing where it leads" "" "$(ls -A "$scratch/real")"
}

# This machine is not a drill's: without the check the guest side would write that file like a
# sysctl.
the_guest_side_works_in_a_drills_machine_only() {
	local status=0 plan
	plan=$(jq -nc --arg file "$scratch/written" '{run_id: "x", mode: "soft", detector: "soft-lockup",
		policy: "panic", threshold: 2, parameters: [{key: "cpus", value: "all"}],
		sysctls: [{key: $file, value: "1"}], crash_kernel: null, patience_secs: 1}')
	env -u FAULTLINE_MODULES "$project/build/faultline" drill guest "$plan" >"$scratch/out" 2>&1 || status=$?
	check "nothing was written" test ! -e "$scratch/written"
	same "status" 3 "$status"
	match "why" 'this machine was not booted for a drill' "$(cat "$scratch/out")"
}

runs() { pgrep "$1" >/dev/null; }
gone() { ! pgrep "$1" >/dev/null; }

one_that_is_killed_leaves_nothing_that_runs() {
	local pid
	"$project/build/faultline" drill vm --mode soft --keep "$scratch/killed" --runner "$project/scripts/vm" \
		--delay-secs 60 --json >/dev/null 2>&1 &
	pid=$!
	await 20 "the VM is there" runs qemu-system
	program drill vm --mode soft --keep "$scratch/killed" --timeout 2
	same "another in the same directory" 3 "$status"
	match "why" 'another drill works in .*/killed' "$(cat "$scratch/err")"
	# At any moment: a drill that boots has a disk with a name, one that has begun has not.
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	await 10 "the VM is gone" gone qemu-system
	await 10 "so is the server of its share" gone virtiofsd
	program drill vm --mode soft --keep "$scratch/killed" --timeout 1
	ended 3 could_not_tell
	same "what only a VM needs" "" "$(find "$scratch/killed" -name disk.img -o -name console.fifo -o -name monitor)"
}

ktap_run ids_that_are_no_directory_are_refused what_the_user_has_is_not_touched \
	the_guest_side_works_in_a_drills_machine_only one_that_is_killed_leaves_nothing_that_runs
