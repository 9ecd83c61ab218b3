#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2016 # what is quoted is for the shell there
#
# The variants of scripts/machine, each with a whole drill: the doctor, a fault, kdump-tools' dump
# at the variant's target, the reboot, and the proof; and the obstacles of the variant. It takes
# minutes per variant, so only with FAULTLINE_LONG set.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/machine.sh"
variant=''
machine() { "$project/scripts/machine" ${variant:+--variant "$variant"} "$@"; }
cleanup() { server_down 2>/dev/null || true; }
trap all_down EXIT

# begin VARIANT: starts a machine with the program and the module on it, and the sysctl set that a
# fresh installation lacks.
begin() {
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes minutes: only with FAULTLINE_LONG set"
	variant=$1
	server_up
	on 'sysctl -qw kernel.softlockup_panic=1 kernel.watchdog_thresh=5'
}

# strikes ARGUMENT...: drills a soft lockup.
strikes() { drill --variant "$variant" --delay-secs 1 --mode soft "$@"; }

# wrong: prints the doctor's wrong findings: check, stage, places.
wrong() { field '.findings[] | select(.state == "wrong") | "\(.check) \(.stage) \([.evidence[].place] | join(" "))"'; }

# well CHECK: checks that the doctor finds nothing wrong, and that this check ran.
well() {
	doctor --only soft
	note "$(wrong)"
	same "the doctor's status" 0 "$status"
	match "what is fine" "^$1\$" "$(field '.findings[] | select(.state == "fine") | .check')"
}

# refuses REASON: checks that a finding of the doctor makes the drill refuse.
refuses() {
	same "exit status" 1 "$status"
	same "outcome" not_done "$(field .outcome)"
	match "its reason" "$1" "$(field '.reasons[]')"
}

crash_partition() {
	begin crash-partition
	same "what is mounted on /var/crash" /dev/vda3 "$(on findmnt -no SOURCE /var/crash)"
	well dump_room
	strikes --run-id partition-1
	ended 0 pass
	same "what is mounted on /var/crash" /dev/vda3 "$(on findmnt -no SOURCE /var/crash)"
	match "the dump" '^/var/crash/' "$(on 'tail -n 1 /var/lib/faultline/ledger.jsonl' | jq -r .dump.path)"

	# With 16 MiB of free space kdump-tools fails twice, and says so; the rest of its dump must
	# not pass.
	on 'sysctl -qw kernel.softlockup_panic=1 kernel.watchdog_thresh=5'
	on 'fallocate -l $(($(stat -f -c "%f * %S" /var/crash) - (12 << 20))) /var/crash/full'
	doctor --only soft
	note "$(field '.findings[] | select(.check == "dump_room") | "\(.state) \(.stage): \(.says)"')"
	match "the doctor's prediction" '^dump_room dump_incomplete ' "$(wrong)"
	strikes --force --run-id partition-2
	match "stage" '^dump_(incomplete|failed)$' "$(field .stage)"
	ended 1 "$(field .stage)"
	match "what kdump-tools said" 'kdump-tools: failed to save vmcore' "$(cat "$scratch/drill/console.log")"
	same "dumps with their final name" 1 "$(on 'ls /var/crash/*/dump.* | grep -vc incomplete')"
}

# An unsigned module is found by the doctor, and refused by the kernel.
secureboot() {
	begin secureboot
	local module=$scratch/lockup.ko
	match "lockdown" '\[integrity\]' "$(on cat /sys/kernel/security/lockdown)"
	match "the firmware" 'Secure boot enabled' "$(on 'dmesg | grep -i "secure boot"')"
	doctor --only soft
	note "$(wrong)"
	match "the doctor's prediction" '^module_loading refused ' "$(wrong)"
	strikes --run-id unsigned-1
	refuses 'locked down \(integrity\)'
	strikes --force --run-id unsigned-2
	ended 1 refused 'Operation not permitted|Key was rejected by service|Required key not available'
	cp "$project/build/$release/lockup.ko" "$module"
	machine sign "$module"
	machine copy "$server" "$module" "/lib/modules/$release/updates"
	well module_loading
	strikes --run-id signed-1
	ended 0 pass
	match "lockdown" '\[integrity\]' "$(on cat /sys/kernel/security/lockdown)"
}

# The drill stays armed until the user brings the dump.
ssh_to_another() {
	begin ssh
	local said dump
	well dump_target
	strikes --run-id store-1
	same "no verdict yet" 3 "$status"
	match "where it should be" 'run store-1 .*10\.0\.3\.2, by ssh' "$(cat "$scratch/err")"
	match "what takes it" 'faultline drill resume --dump FILE' "$(cat "$scratch/err")"
	same "dumps on the machine itself" "" "$(on 'find /var/crash -name "dump*"')"
	status=0
	said=$(on faultline drill status) || status=$?
	note "$said"
	same "status, as nothing is known yet" 3 "$status"
	match "what waits" 'store-1' "$said"
	# Another run's dump is not taken for this one's.
	dump=$(machine ssh "$server-store" 'echo /var/crash/*/dump.*')
	match "the dump on the other machine" '^/var/crash/[^ ]*/dump\.[0-9]+$' "$dump"
	on "scp -qi /root/.ssh/kdump_id root@10.0.3.2:$dump /root/vmcore"
	status=0
	report=$(on faultline drill resume --dump /root/vmcore --json) || status=$?
	ended 0 pass
	same "its run" store-1 "$(field .run_id)"
	status=0
	said=$(on faultline drill status) || status=$?
	note "$said"
	match "the proof" 'store-1' "$said"
	same "what is armed" "" "$(on 'ls /var/lib/faultline/armed.json 2>/dev/null || true')"
}

# section TITLE: prints the commands of a section of docs/machine.md.
section() { awk -v title="## $1" '$0 == title { on = 1; next } /^## / { on = 0 } on && sub(/^    /, "")' "$project/docs/machine.md"; }

# The crash kernel asks for the passphrase, as the doctor predicts; typing it does not help, as
# unlocking needs more memory than the crash kernel has.
luks() {
	begin luks
	same "what the root is on" "lvm crypt part" "$(on 'lsblk -nrso TYPE /dev/mapper/server-root' | head -n 3 | paste -sd ' ')"
	same "the root" /dev/mapper/server-root "$(on findmnt -no SOURCE /)"
	doctor --only soft
	match "the doctor's prediction" '^crash_unlock crash_kernel_died /etc/crypttab:1 /var/lib/kdump/initrd.img:cryptroot/crypttab:1$' "$(wrong)"
	strikes --run-id asks-1
	refuses "the crash kernel asks for the passphrase of server_crypt"

	on 'printf machine >/run/old; printf heavy >/run/new; cryptsetup luksAddKey --batch-mode --key-file /run/old \
		--pbkdf argon2id --pbkdf-memory 262144 --pbkdf-parallel 1 --pbkdf-force-iterations 4 /dev/vda2 /run/new'
	local from
	from=$(machine log "$server" | wc -l)
	(
		machine await "$server" 400 'Please unlock disk' "$from" && machine type "$server" heavy
	) >/dev/null &
	strikes --force --patience 400 --run-id asks-2
	match "the crash kernel's console" 'Please unlock disk server_crypt' "$(cat "$scratch/drill/console.log")"
	match "with that passphrase" 'requires more than available memory' "$(cat "$scratch/drill/console.log")"
	ended 1 crash_kernel_died
}

# With a key in its initrd, as in docs/machine.md, the crash kernel asks for no passphrase.
luks_with_a_key() {
	begin luks
	section "An encrypted root" >"$scratch/mend"
	note "$(cat "$scratch/mend")"
	machine copy "$server" "$scratch/mend" /root
	check "as docs/machine.md has it" on 'printf "machine\n" | bash -eu /root/mend'
	well crash_unlock
	same "who can read the key" 600 "$(on 'stat -Lc %a /var/lib/kdump/initrd.img')"
	same "keys in /boot" "" "$(on 'lsinitramfs /boot/initrd.img-* | grep keyfiles/ || true')"
	strikes --patience 900 --run-id key-1
	ended 0 pass
}

wanted=("$@")
[ $# -gt 0 ] || wanted=(crash_partition secureboot ssh_to_another luks luks_with_a_key)
ktap_run "${wanted[@]}"
