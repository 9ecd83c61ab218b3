#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The variants of scripts/machine, each by a whole loop: a soft lockup, a panic, kdump-tools' dump
# where the variant wants it, the reboot, and a verdict there that names this run; and what the
# variant has in the way of it. It takes minutes a variant: only with FAULTLINE_LONG set.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
row=${KERNEL:-debian-13}
variant='' server=variant

machine() { KERNEL=$row "$project/scripts/machine" --kernel "$row" --variant "$variant" "$@"; }
there() { machine ssh "$server" "$@"; }

cleanup() {
	[ -z "$variant" ] || machine stop "$server" || true
	[ -z "${scratch:-}" ] || rm -rf "$scratch"
}

# begin VARIANT: starts one, with the program and the module on it.
begin() {
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes minutes: only with FAULTLINE_LONG set"
	variant=$1
	scratch=$(mktemp -d)
	machine start "$server"
	module=$scratch/lockup.ko
	cp "$project/build/$(KERNEL=$row "$project/scripts/paths" RELEASE)/lockup.ko" "$module" ||
		{ note "make KERNEL=$row modules"; exit 1; }
	machine copy "$server" "$project/build/faultline" "$module" /root
}

# strike RUN-ID: a soft lockup, which is to panic; returns when it has.
strike() {
	there "sysctl -q kernel.softlockup_panic=1 kernel.watchdog_thresh=5 && sync"
	line=$(machine log "$server" | wc -l)
	there "systemd-run -q --no-block insmod /root/lockup.ko mode=soft cpus=1 run_id=$1"
	seen 200 'Kernel panic - not syncing: softlockup: hung tasks'
}

# seen SECS REGEX: waits for that after what was seen last.
seen() {
	local limit=$1 found
	found=$(machine await "$server" "$limit" "$2" "$line") || { note "$(machine log "$server" | tail -n 40)"; exit 1; }
	line=$((line + $(machine log "$server" | tail -n "+$((line + 1))" | grep -naE -m 1 -- "$2" | cut -d : -f 1)))
	note "$found"
}

# back: after the dump the machine came back by itself: by its reset, then GRUB.
back() {
	seen 300 '\* RESET .*guest-reset'
	seen 400 'login:'
}

# passes MACHINE DUMP RUN-ID: the verdict there, by the run id.
passes() {
	local report status=0
	report=$(machine ssh "$1" "/root/faultline verdict $2 --run-id $3 --json") || status=$?
	same "stage" pass "$(jq -r .stage <<<"$report")"
	same "exit status" 0 "$status"
	note "$(jq -r .summary <<<"$report")"
}

crash_partition() {
	begin crash-partition
	same "what is mounted on /var/crash" /dev/vda3 "$(there findmnt -no SOURCE /var/crash)"
	strike partition-1
	back
	same "what is mounted on /var/crash" /dev/vda3 "$(there findmnt -no SOURCE /var/crash)"
	passes "$server" '/var/crash/*/dump.*' partition-1

	# With 16 MiB of room kdump-tools fails twice, and says so; what is left is not passed.
	there "fallocate -l \$((\$(df --output=avail -B 1 /var/crash | tail -n 1) - (16 << 20))) /var/crash/full"
	strike partition-2
	seen 300 'error writing .*/vmcore-incomplete.*No space left on device'
	seen 60 'kdump-tools: failed to save vmcore'
	back
	same "dumps with their final name" 1 "$(there 'ls /var/crash/*/dump.* | grep -vc incomplete')"
	local file files said status
	files=$(there 'ls /var/crash/*/*-incomplete')
	match "what is left" '/dump-incomplete$' "$files"
	for file in $files; do
		status=0
		said=$(there "/root/faultline verdict $file --run-id partition-2") || status=$?
		note "$said"
		match "the verdict's status on $file" '^[13]$' "$status"
	done
}

secureboot() {
	begin secureboot
	match "lockdown" '\[integrity\]' "$(there cat /sys/kernel/security/lockdown)"
	match "the firmware" 'Secure boot enabled' "$(there 'dmesg | grep -i "secure boot"')"
	local status=0 said
	said=$(there "insmod /root/lockup.ko mode=soft cpus=1 run_id=unsigned 2>&1") || status=$?
	same "insmod's status" 1 "$status"
	match "insmod's words" 'Key was rejected by service|Operation not permitted|Required key not available' "$said"
	machine sign "$module"
	machine copy "$server" "$module" /root
	strike signed
	back
	match "lockdown" '\[integrity\]' "$(there cat /sys/kernel/security/lockdown)"
	passes "$server" '/var/crash/*/dump.*' signed
}

ssh_to_another() {
	begin ssh
	machine copy "$server-store" "$project/build/faultline" /root
	strike store-1
	back
	same "dumps on the machine itself" "" "$(there 'find /var/crash -name "dump*"')"
	passes "$server-store" '/var/crash/*/dump.*' store-1
}

# The crash kernel would ask for the passphrase: the doctor says so, and the drill is refused.
luks() {
	begin luks
	local status=0 report wrong
	same "what the root is on" "lvm crypt part" "$(there 'lsblk -nrso TYPE /dev/mapper/server-root' | head -n 3 | paste -sd ' ')"
	same "the root" /dev/mapper/server-root "$(there findmnt -no SOURCE /)"
	there "sysctl -q kernel.softlockup_panic=1"
	report=$(there "/root/faultline doctor --only soft --json") || status=$?
	same "the doctor's status" 1 "$status"
	wrong=$(jq -r '.findings[] | select(.state == "wrong") | "\(.check) \(.stage) \([.evidence[].place] | join(" "))"' <<<"$report")
	same "what is wrong" "crash_unlock crash_kernel_died /etc/crypttab:1 /var/lib/kdump/initrd.img:cryptroot/crypttab:1" "$wrong"
	status=0
	report=$(there "/root/faultline drill here --mode soft --yes --json --module /root/lockup.ko") || status=$?
	same "the drill's status" 1 "$status"
	match "why" "the crash kernel asks for the passphrase of server_crypt" "$(jq -r '.reasons[]' <<<"$report")"
	same "what is armed" "" "$(there 'ls /var/lib/faultline/armed.json 2>/dev/null || true')"
}

wanted=("$@")
[ $# -gt 0 ] || wanted=(crash_partition secureboot ssh_to_another luks)
ktap_run "${wanted[@]}"
