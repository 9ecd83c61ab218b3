#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The RPM packages: built, with the modules for this kernel, installed in the build root with a layer over it, and
# erased. No machine with RPM is involved: their dependencies are not looked at. It builds the modules, so only
# with FAULTLINE_LONG set.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/packages.sh"
scratch=$(mktemp -d)
tree=$scratch/tree
trap 'unlayer "$scratch"; rm -rf --one-file-system "$scratch"' EXIT
rpm_version=$(sed -n 's/^Version: *//p' "$project/packaging/rpm/faultline.spec")

package() { echo "$scratch/rpm/$1-$rpm_version"-*.rpm; }
query() { rpm -q -p "$(package "$1")" "${@:2}"; }
files() { query "$1" -l | sort; }
inside() { chroot "$tree" env -i HOME=/root LC_ALL=C PATH=/usr/sbin:/usr/bin "$@" </dev/null 2>&1; }
they_are_there() { [ -e "$scratch/built" ] || skip "there are no packages: see the first test"; }
installed() { [ -e "$scratch/before" ] || skip "they are not installed"; }

they_are_built() {
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes minutes: only with FAULTLINE_LONG set"
	local metadata
	metadata=$("$project/scripts/paths" METADATA)
	type -P rpmbuild >/dev/null || skip "there is no rpmbuild: 'scripts/setup --rpm' installs it"
	check "built" "$project/scripts/rpm" --out "$scratch/rpm" --kernel-tree "$metadata" >&2
	check "compared with the kernel's BTF" sh -c "! grep 'not compared' '$scratch/rpm/build.log'" >&2
	same "packages" 2 "$(find "$scratch/rpm" -name '*.rpm' | wc -l)"
	touch "$scratch/built"
}

rpmlint_finds_no_error() {
	they_are_there
	local output
	output=$(rpmlint --config "$project/packaging/rpm/rpmlint.toml" "$scratch"/rpm/*.rpm 2>&1) || { note "$output"; exit 1; }
	match "it looked at them" '2 packages and 0 spec.* checked; 0 errors, 0 warnings' "$output"
}

what_is_in_them() {
	they_are_there
	match "the program" '^/usr/bin/faultline$' "$(files faultline)"
	match "its manual" '^/usr/share/man/man1/faultline-drill-here\.1' "$(files faultline)"
	match "completions" '^/usr/share/zsh/site-functions/_faultline$' "$(files faultline)"
	match "the unit" '^/usr/lib/systemd/system/faultline-verdict\.service$' "$(files faultline)"
	same "the modules" "func_probe.ko knobs.ko lockup.ko route_probe.ko" \
		"$(files kmod-faultline | sed -n "s|^/usr/lib/modules/$release/extra/faultline/||p" | paste -sd ' ')"
	same "configuration" "" "$(for name in faultline kmod-faultline; do files "$name"; done | grep -E '^/etc/|modprobe\.d|modules-load\.d' || true)"
	same "files that are not root's, or that others can change" "" \
		"$(for name in faultline kmod-faultline; do query "$name" --qf '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]'; done |
			awk '$2 != "root:root" || (!/^l/ && (substr($1, 6, 1) == "w" || substr($1, 9, 1) == "w"))')"
}

they_depend_on_this_kernel() {
	they_are_there
	match "the kernel is in the release" "^1\.${release//[-+]/.}" "$(query kmod-faultline --qf '%{RELEASE}\n')"
	# Of a distribution with RPM: no version may have as many dashes as Debian's.
	mkdir -p "$scratch/other/include/config"
	echo 6.12.0-55.el10.x86_64 >"$scratch/other/include/config/kernel.release"
	match "the modules, on this very kernel" '^kernel-uname-r = 6\.12\.0-55\.el10\.x86_64$' \
		"$(rpmspec -q --requires --define "faultline_tree $project" --define "kernel_tree $scratch/other" "$project/packaging/rpm/faultline.spec")"
	same "the program, on no kernel" "" "$(query faultline --requires | grep kernel || true)"
	match "what a load does is said" 'crashes machines' "$(query kmod-faultline --qf '%{DESCRIPTION}\n')"
}

their_scripts_load_nothing() {
	they_are_there
	local scripts
	scripts=$({ query faultline --scripts; query kmod-faultline --scripts; } | grep -v '^#')
	match "the unit is enabled" 'systemctl --no-reload enable faultline-verdict\.service' "$scripts"
	same "and nothing else is started or loaded" "" "$(grep -E 'modprobe|insmod|systemctl.* (start|restart|--now)|weak-modules' <<<"$scripts" || true)"
}

they_are_installed() {
	they_are_there
	local output
	layer "$scratch"
	mkdir -p "$tree/var/lib/rpm"
	changes "$scratch" >"$scratch/before"
	output=$(rpm --root "$tree" -i --nodeps "$(package faultline)" "$(package kmod-faultline)" 2>&1) || { note "$output"; exit 1; }
	# Debian's rpm says that it has no mount namespace for the scripts.
	same "what it said" "" "$(grep -v '^warning: private mounts in chroot' <<<"$output" || true)"
	match "the program" "^faultline ${version//./\\.}" "$(inside faultline --version)"
	match "modinfo finds the module" "/extra/faultline/lockup\.ko$" "$(inside modinfo -k "$release" -n lockup)"
	match "for this kernel" "^${release//+/\\+} " "$(inside modinfo -k "$release" -F vermagic lockup)"
	check "the unit is enabled" test -L "$tree/etc/systemd/system/multi-user.target.wants/faultline-verdict.service"
	# What they depend on has no package of RPM here; and a root within a root has no mounts of its own.
	same "what is changed" "" "$(rpm --root "$tree" -V --nodeps faultline kmod-faultline 2>&1 |
		grep -v '^warning: private mounts in chroot not implemented' || true)"
}

after_they_are_erased_only_the_ledger_is_left() {
	installed
	local output
	mkdir -p "$tree/var/lib/faultline"
	echo '{"run_id": "mine"}' >"$tree/var/lib/faultline/ledger.jsonl"
	echo '{}' >"$tree/var/lib/faultline/armed.json"
	output=$(rpm --root "$tree" -e --nodeps faultline kmod-faultline 2>&1) || { note "$output"; exit 1; }
	match "a warning" 'faultline: a drill is armed' "$output"
	match "it says what it keeps" 'keeping /var/lib/faultline' "$output"
	match "the ledger" mine "$(cat "$tree/var/lib/faultline/ledger.jsonl")"
	rm -r "$tree/var/lib/faultline"
	if inside modinfo -k "$release" lockup >/dev/null; then
		note "modinfo still finds the module"
		exit 1
	fi
	same "what else has changed" "" "$(diff "$scratch/before" <(changes "$scratch") || true)"
}

ktap_run they_are_built rpmlint_finds_no_error what_is_in_them they_depend_on_this_kernel their_scripts_load_nothing \
	they_are_installed after_they_are_erased_only_the_ledger_is_left
