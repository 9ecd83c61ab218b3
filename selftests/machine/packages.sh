#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A Debian server with nothing of faultline but its packages, as `make deb` builds them: installed by apt, the
# doctor finds the module, a soft lockup becomes a proof by the packaged unit, and a purge keeps the ledger.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/machine.sh"
. "$here/../lib/packages.sh"
trap all_down EXIT

up() { machine list | grep -q "^$server: " || skip "there is no server: its start failed"; }
apt() { on "DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 $*"; }
unit=faultline-verdict.service

they_are_installed_by_apt() {
	built
	local output
	machine start "$server" --lifetime 2400
	# shellcheck disable=SC2046 # names without spaces
	machine copy "$server" $(all_debs) /root/debs
	output=$(apt 'install --no-install-recommends /root/debs/*.deb' 2>&1) || { note "$output"; exit 1; }
	same "nothing was loaded" "" "$(on 'lsmod | grep -E "^(lockup|route_probe|func_probe|knobs) " || true')"
	same "the unit" "enabled inactive" "$(on "systemctl is-enabled $unit; systemctl is-active $unit || true" | paste -sd ' ')"
	same "units that failed" "" "$(on 'systemctl --failed --no-legend')"
}

the_doctor_finds_the_module() {
	up
	on 'sysctl -qw kernel.softlockup_panic=1 kernel.watchdog_thresh=5'
	doctor --only soft
	note "$(field '.findings[] | select(.state != "fine") | "\(.state) \(.check): \(.says)"')"
	same "status" 0 "$status"
	match "its place" '/updates/faultline/lockup\.ko$' "$(field '.findings[] | select(.check == "module_built") | .evidence[].place')"
}

a_lockup_becomes_a_proof() {
	up
	# Like the other drills there: see loop.sh.
	on 'echo "MAKEDUMP_ARGS=\"-F -l -d 31\"" >>/etc/default/kdump-tools'
	drill --mode soft --run-id package-1 --delay-secs 2
	ended 0 pass
	same "its run" package-1 "$(field .run_id)"
	match "which module" '/updates/faultline/lockup\.ko' "$(on 'cat /var/lib/faultline/ledger.jsonl')"
	match "by the packaged unit" "^FragmentPath=/usr/lib/systemd/system/$unit$" "$(on "systemctl show -p FragmentPath,ExecMainStatus $unit")"
	same "a unit made for the drill" "" "$(on "ls /etc/systemd/system/$unit 2>/dev/null || true")"
	same "still enabled" enabled "$(on "systemctl is-enabled $unit")"
}

a_purge_keeps_the_proof() {
	up
	local output
	output=$(apt "purge faultline faultline-modules-$release faultline-modules-$meta" 2>&1) || { note "$output"; exit 1; }
	note "$output"
	match "the ledger" package-1 "$(on 'cat /var/lib/faultline/ledger.jsonl')"
	same "files that are left" "" "$(on "find / -xdev \( -name 'faultline*' -o -name 'lockup.ko*' \) -not -path '/root/*' -not -path '/var/lib/faultline*' -not -path '/var/cache/apt/*' -not -path '/var/log/*'")"
	same "the unit is forgotten" "" "$(on "systemctl list-unit-files --no-legend $unit || true")"
}

ktap_run they_are_installed_by_apt the_doctor_finds_the_module a_lockup_becomes_a_proof a_purge_keeps_the_proof
