#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/vm: output and exit status are the command's, every way a guest can end has its
# own status, and nothing stays behind.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# vm ARG...: runs scripts/vm; leaves `status`, `out` and `err`.
vm() {
	status=0
	"$project/scripts/vm" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	out=$(cat "$scratch/out")
	err=$(cat "$scratch/err")
}

output_and_status_are_the_commands() {
	vm --console "$scratch/console" -- sh -c 'uname -r; pwd; echo oops >&2; touch /usr/bin/scribble scribble; exit 7'
	same "status" 7 "$status"
	same "stdout" "$("$project/scripts/paths" RELEASE),$project" "$(paste -sd, <<<"$out")"
	match "stderr" '^oops$' "$err"
	match "the accelerator is told" '^vm: .*(KVM|TCG)' "$err"
	check "the guest cannot write to the build root" test ! -e /usr/bin/scribble
	check "nor to the project" test ! -e "$project/scribble"
	match "the console was kept" 'reboot: Power down' "$(tr -d '\r' <"$scratch/console")"
}

timeout_ends_the_vm() {
	vm --timeout 5 -- sleep 60
	same "status" 124 "$status"
	match "it says so" 'timeout.* 5 s' "$err"
}

panic_is_told_apart() {
	vm --cpus 1 --memory 768 -- sh -c 'nproc; echo c >/proc/sysrq-trigger'
	same "status" 70 "$status"
	same "one CPU" 1 "$out"
	match "the panic's lines" 'Kernel panic - not syncing: sysrq triggered crash' "$err"
}

an_end_without_status_is_told_apart() {
	vm -- busybox poweroff -f
	same "status" 71 "$status"
}

append_reaches_the_kernel() {
	vm --append "loglevel=6 faultline.test=1" --icount -- cat /proc/cmdline
	same "status" 0 "$status"
	match "command line" 'loglevel=6 faultline.test=1$' "$out"
	match "icount" 'counting instructions' "$err"
}

wrong_usage_is_refused() {
	vm --cpus 0 -- true
	same "no CPUs" 2 "$status"
	vm --nonsense -- true
	same "unknown option" 2 "$status"
	match "it is named" "'--nonsense'" "$err"
	vm
	same "no command" 2 "$status"
	vm --kernel no-such-row -- true
	same "unknown kernel" 1 "$status"
	match "the rows are listed" 'debian-13-backports' "$err"
}

nothing_stays_behind() {
	vm -- true
	same "status" 0 "$status"
	same "no process" "" "$(pgrep -a 'qemu|virtiofsd' || true)"
	same "no file" "" "$(ls /run/vm)"
	# Killed from outside, in the middle of it.
	"$project/scripts/vm" -- sleep 60 >/dev/null 2>&1 &
	local vm=$!
	await 20 "it runs" pgrep qemu
	kill -TERM "$vm"
	wait "$vm" || true
	await 5 "it is gone" sh -c '! pgrep "qemu|virtiofsd"'
	same "no process after a kill" "" "$(pgrep -a 'qemu|virtiofsd' || true)"
}

ktap_run output_and_status_are_the_commands timeout_ends_the_vm panic_is_told_apart \
	an_end_without_status_is_told_apart append_reaches_the_kernel wrong_usage_is_refused nothing_stays_behind
