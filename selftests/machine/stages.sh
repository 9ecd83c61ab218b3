#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2016 # what is quoted is for the shell there
#
# Each stage in which a drill on a Debian server can end, provoked there; the doctor predicts the
# stage if it can. It takes an hour, so only with FAULTLINE_LONG set.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/machine.sh"
cleanup() { server_down 2>/dev/null || true; }
trap all_down EXIT

# fresh: starts a server for one test, with short thresholds of the detectors.
fresh() {
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes minutes: only with FAULTLINE_LONG set"
	server_up
	on 'sysctl -qw kernel.watchdog_thresh=5 kernel.hung_task_timeout_secs=5'
}

# predicted CLASS STAGE: checks that the doctor predicts the stage.
predicted() {
	doctor --only "$1"
	note "$(field '.findings[] | select(.stage) | "\(.state) \(.stage): \(.says)"')"
	same "the doctor's status" 1 "$status"
	match "the doctor's prediction" "^$2\$" "$(field '.findings[] | select(.state == "wrong") | .stage')"
}

# fails STAGE ARGUMENT...: checks that the drill fails in that stage.
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

target_full() {
	fresh
	on 'fallocate -l $(($(stat -f -c "%f * %S" /var/crash) - (20 << 20))) /var/crash/full'
	predicted panic 'dump_(incomplete|failed)'
	drill --force --delay-secs 1 --mode panic --run-id full-1
	match "stage" '^dump_(incomplete|failed)$' "$(field .stage)"
	ended 1 "$(field .stage)"
}

# Too small for the crash kernel's user space, but large enough to load it. It hangs, as
# kernel.panic is 0.
crash_kernel_out_of_memory() {
	fresh
	on 'kdump-config unload; echo $((88 << 20)) >/sys/kernel/kexec_crash_size; kdump-config load' >/dev/null
	same "loaded" 1 "$(on cat /sys/kernel/kexec_crash_loaded)"
	predicted panic crash_kernel_out_of_memory
	fails crash_kernel_out_of_memory --mode panic --run-id memory-1 --patience 90
	match "what its console says" 'invoked oom-killer|Out of memory|deadlocked on memory|Initramfs unpacking failed' \
		"$(cat "$scratch/drill/console.log")"
	match "who reset it" '\* RESET .*host-qmp-system-reset' "$(cat "$scratch/drill/console.log")"
}

# The program that feeds it, like watchdogd, does not run in the crash kernel.
cut_by_the_watchdog() {
	fresh
	on 'rmmod i6300esb; modprobe i6300esb heartbeat=10 && systemd-run -q --unit feeder -p CPUSchedulingPolicy=fifo sh -c "exec 3>/dev/watchdog; while echo >&3; do sleep 0.5; done"'
	await 30 "the watchdog runs" on 'grep -qx active /sys/class/watchdog/watchdog0/state'
	predicted panic dump_incomplete
	fails dump_incomplete --mode panic --run-id watchdog-1
	match "who reset it" '^[0-9.]+ \* WATCHDOG .*reset' "$(cat "$scratch/drill/console.log")"
}

# The crash kernel waits for input on its console, and nothing resets it.
no_reboot() {
	fresh
	on 'sed -i "s/^#*KDUMP_CMDLINE_APPEND=.*/KDUMP_CMDLINE_APPEND=\"reset_devices systemd.unit=emergency.target nr_cpus=1 irqpoll\"/" /etc/default/kdump-tools; grep ^KDUMP_CMDLINE_APPEND /etc/default/kdump-tools; kdump-config reload' >"$scratch/reload" 2>&1
	check "it is set" grep -q ^KDUMP_CMDLINE_APPEND "$scratch/reload"
	predicted panic crash_kernel_died
	fails crash_kernel_died --mode panic --run-id stays-1 --patience 90
	match "who reset it" '\* RESET .*host-qmp-system-reset' "$(cat "$scratch/drill/console.log")"
	match "how long that took" '^this boot began [0-9]+ s after the drill was armed' "$(field '.evidence[]')"
}

# Another crash comes first.
wrong_cause() {
	fresh
	on 'cat >/root/other && systemd-run -q sh /root/other' <<-'SH'
		until [ "$(cat /sys/module/lockup/parameters/state)" = countdown ]; do sleep 0.1; done 2>/dev/null
		echo c >/proc/sysrq-trigger
	SH
	on 'sysctl -qw kernel.softlockup_panic=1'
	drill --mode soft --delay-secs 60 --run-id cause-1
	ended 1 wrong_cause
	match "what it was" 'sysrq' "$(field '.summary, .evidence[]?, (.checks[] | select(.result == "failed") | .found)')"
	check "the dump is whole" test -s "$scratch/drill/vmcore"
}

# stranger NAME: as soon as a drill is armed, puts the dump of another machine into /var/crash/NAME:
# a copy of the first dump of this machine, with another root in its log.
stranger() {
	on "cat >/root/stranger && systemd-run -q sh /root/stranger $1" <<-'SH'
		until [ -e /var/lib/faultline/armed.json ]; do sleep 0.1; done
		mkdir "/var/crash/$1"
		cp /var/crash/theirs/dump.* "/var/crash/$1/dump.$1"
		sed "s/root=UUID=[^ ]*/root=UUID=0c3e/" /var/crash/theirs/dmesg.* >"/var/crash/$1/dmesg.$1"
		sync
	SH
}

another_machines_dump() {
	fresh
	drill --mode panic --delay-secs 1 --run-id panic-1
	ended 0 pass
	on 'mv /var/crash/[0-9]* /var/crash/theirs'
	stranger 209901010000
	on 'sysctl -qw kernel.panic_on_oops=1'
	drill --mode oops --delay-secs 20 --run-id oops-1
	ended 0 pass
	check "the other machine's dump was there" on 'test -s /var/crash/209901010000/dump.209901010000'
	report=$(on tail -n 1 /var/lib/faultline/ledger.jsonl)
	match "the dump that was judged" '^/var/crash/20[0-8][0-9]*/dump\.' "$(field .dump.path)"

	stranger 209901010001
	on 'sysctl -qw kernel.panic=5; kdump-config unload'
	drill --mode panic --force --delay-secs 20 --run-id panic-2
	ended 1 panic_no_crash_kernel '209901010001 is new, but not of this run: it is another machine'
}

# For the disk, sysrq `b` is like a loss of power: nothing is synced or ended.
power_lost_while_the_ledger_is_written() {
	fresh
	on 'cat >/root/keep && systemd-run -q sh /root/keep' <<-'SH'
		until [ -e /var/lib/faultline/armed.json ]; do sleep 0.1; done
		cp -a /var/lib/faultline/armed.json /etc/systemd/system/faultline-verdict.service /root/
		sync
	SH
	on 'sysctl -qw kernel.panic=5; kdump-config unload'
	drill --mode panic --force --delay-secs 10 --run-id power-1
	ended 1 panic_no_crash_kernel
	local moment from
	for moment in '[ -e /var/lib/faultline/ledger.jsonl ]' '[ -s /var/lib/faultline/ledger.jsonl ]' \
		'[ ! -e /var/lib/faultline/armed.json ]'; do
		note "when $moment"
		on "cat >/root/cut" <<-SH
			rm /var/lib/faultline/ledger.jsonl
			cp -a /root/armed.json /var/lib/faultline/
			cp -a /root/faultline-verdict.service /etc/systemd/system/
			ln -sfn /etc/systemd/system/faultline-verdict.service /etc/systemd/system/multi-user.target.wants/
			systemctl daemon-reload
			sync
			systemctl start --no-block faultline-verdict.service
			until $moment; do :; done
			echo b >/proc/sysrq-trigger
		SH
		from=$(machine log "$server" | wc -l)
		on 'systemd-run -q sh /root/cut'
		check "power is lost" machine await "$server" 120 '\* RESET ' "$from"
		check "it is back" machine await "$server" 400 'login:' "$from"
		on 'systemctl start faultline-verdict.service; true'
		report=$(on cat /var/lib/faultline/ledger.jsonl)
		same "proofs" "power-1 panic_no_crash_kernel" "$(field '"\(.run_id) \(.stage)"')"
		same "what is armed" "" "$(on 'ls /var/lib/faultline/armed.json 2>/dev/null')"
		same "its unit" "" "$(on 'ls /etc/systemd/system/faultline-verdict.service /etc/systemd/system/*/faultline-verdict.service 2>/dev/null')"
		match "its status" 'power-1' "$(on faultline drill status)"
	done
}

wanted=("$@")
[ $# -gt 0 ] || wanted=(refused not_detected detected_no_panic no_crash_kernel target_full
	crash_kernel_out_of_memory cut_by_the_watchdog no_reboot wrong_cause another_machines_dump power_lost_while_the_ledger_is_written)
ktap_run "${wanted[@]}"
