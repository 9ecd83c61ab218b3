#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/vm: output and exit status are those of the command, each way in which a guest ends has
# its own status, and nothing is left.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# vm ARG...: runs scripts/vm; sets `status`, `out` and `err`.
vm() {
	status=0
	"$project/scripts/vm" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	out=$(cat "$scratch/out")
	err=$(cat "$scratch/err")
}

output_and_status_are_the_commands() {
	vm --console "$scratch/console" --append "loglevel=6 faultline.test=1" -- \
		sh -c 'uname -r; pwd; cat /proc/cmdline; echo oops >&2; touch /usr/bin/scribble scribble; exit 7'
	same "status" 7 "$status"
	same "stdout" "$("$project/scripts/paths" RELEASE),$project" "$(head -n 2 <<<"$out" | paste -sd,)"
	match "command line" 'loglevel=6 faultline.test=1$' "$out"
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

# As on a machine with too little memory.
a_kill_is_no_timeout() {
	local vm qemu
	"$project/scripts/vm" --timeout 300 -- sleep 60 >/dev/null 2>"$scratch/err" &
	vm=$!
	# Not the one that only prints its version.
	await 20 "it runs" pgrep -f '^qemu-system.*virtio-serial'
	qemu=$(pgrep -n -f '^qemu-system.*virtio-serial')
	kill -KILL "$qemu"
	status=0
	wait "$vm" || status=$?
	same "status" 137 "$status"
	match "it says so" '^vm: QEMU was killed by signal 9$' "$(cat "$scratch/err")"
}

panic_is_told_apart() {
	vm --cpus 1 --memory 768 -- sh -c 'nproc; echo c >/proc/sysrq-trigger'
	same "status" 70 "$status"
	same "one CPU" 1 "$out"
	match "the panic's lines" 'Kernel panic - not syncing: sysrq triggered crash' "$err"
}

an_end_without_status_is_told_apart() {
	vm --icount -- busybox poweroff -f
	same "status" 71 "$status"
	match "icount" 'counting instructions' "$err"
}

a_guest_that_does_not_begin_gets_a_second_try() {
	FAULTLINE_BOOT_SECS=1 vm -- true
	same "status" 71 "$status"
	same "tries" 1 "$(grep -c 'the guest did not start its job within 1 s: trying again' <<<"$err")"
}

# monitor COMMAND...: prints QEMU's answers on the monitor socket of a running VM.
monitor() {
	python3 -c 'import json, socket, sys
channel = socket.socket(socket.AF_UNIX)
channel.settimeout(20)
channel.connect(sys.argv[1])
lines = channel.makefile("rw")
lines.readline()
for command in ["qmp_capabilities"] + sys.argv[2:]:
    print(json.dumps({"execute": command}), file=lines, flush=True)
    answer = {}
    while not answer.keys() & {"return", "error"}:
        answer = json.loads(lines.readline())
    print(json.dumps(answer))' "$scratch/monitor" "$@" 2>&1
}

the_monitor_is_qemus() {
	vm --monitor "$scratch/monitor" -- sleep 60 &
	local vm=$!
	await 20 "it answers" monitor query-status
	match "that the guest runs" '"return": .*"running": true' "$(monitor query-status)"
	match "what it does not know" '"error": .*CommandNotFound' "$(monitor no-such-command)"
	match "the end of it" '"return"' "$(monitor quit)"
	check "the VM ends" timeout 20 tail --pid="$vm" -f /dev/null
	check "and its socket" test ! -e "$scratch/monitor"
}

# Opened, which starts it, and then not fed.
a_watchdog_that_is_not_fed_sends_an_nmi() {
	vm --hardware-watchdog --timeout 120 -- sh -ec 'modprobe i6300esb heartbeat=1
		echo 1 >/proc/sys/kernel/unknown_nmi_panic; echo fed >/dev/watchdog; sleep 60'
	if [ "$("$project/scripts/paths" KERNEL_ARCH)" != x86 ]; then
		same "status where there is none" 1 "$status"
		match "it says so" '--hardware-watchdog: .* a device of x86 machines' "$err"
		return
	fi
	same "status" 70 "$status"
	match "where the NMI came" 'NMI received for unknown reason [0-9a-f]+ on CPU 0' "$err"
	match "what it led to" 'Kernel panic - not syncing: NMI: Not continuing' "$err"
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

# Of all guests above, however they ended; and of one killed from outside.
nothing_stays_behind() {
	same "no process" "" "$(pgrep -a 'qemu|virtiofsd' || true)"
	same "no file" "" "$(ls /run/vm)"
	"$project/scripts/vm" -- sleep 60 >/dev/null 2>&1 &
	local vm=$!
	await 20 "it runs" pgrep qemu
	kill -TERM "$vm"
	wait "$vm" || true
	await 5 "it is gone" sh -c '! pgrep "qemu|virtiofsd"'
	same "no process after a kill" "" "$(pgrep -a 'qemu|virtiofsd' || true)"
}

ktap_run output_and_status_are_the_commands timeout_ends_the_vm a_kill_is_no_timeout panic_is_told_apart \
	an_end_without_status_is_told_apart a_guest_that_does_not_begin_gets_a_second_try \
	the_monitor_is_qemus a_watchdog_that_is_not_fed_sends_an_nmi wrong_usage_is_refused \
	nothing_stays_behind
