#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The Debian packages in a root file system of their own, that of the Debian server of scripts/machine: they
# are installed by apt, upgraded, removed and purged. Nothing of them is left, and the user's files stay.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/packages.sh"
scratch=$(mktemp -d)
tree=$scratch/tree
trap 'rm -rf --one-file-system "$scratch"' EXIT

inside() { chroot "$tree" env -i DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null; }
# The archive is not needed.
apt() { inside apt-get -y -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "$@" 2>&1; }
# shellcheck disable=SC2016 # dpkg's own variable
installed() { inside dpkg-query -Wf '${Version}' "$1"; }

# listing: prints each file's type, mode, owner, target and checksum, except the package managers' own.
listing() {
	(
		cd "$tree"
		find . \( -path ./debs -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log \) -prune \
			-o -printf '%p %y %m %U:%G %l\n'
		find . \( -path ./debs -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log \) -prune \
			-o -type f -print0 | xargs -0 sha256sum | awk '{ print $2, $1 }'
	) | sort
}

# newer DEB: makes the package of the next version of it.
newer() {
	local dir=$scratch/repacked
	rm -rf "$dir"
	dpkg-deb -R "$1" "$dir"
	sed -i -E "/^(Version|Depends):/ s/(^Version: |\(= )${version//./\\.}/\1$version.1/" "$dir/DEBIAN/control"
	[ ! -d "$dir/usr/lib/systemd" ] || echo "# newer" >>"$dir/usr/lib/systemd/system/faultline-verdict.service"
	dpkg-deb -Znone --root-owner-group -b "$dir" "$tree/debs/newer" >/dev/null
}

up() { [ -e "$scratch/before" ] || skip "there is no server's file system: see the first test"; }

a_server_without_them() {
	built
	local tar
	tar=$(find "$cache/machines" -maxdepth 1 -name "$row-[0-9a-f]*.tar" -printf '%T@ %p\n' 2>/dev/null | sort -rn | sed -n '1s/^[^ ]* //p')
	[ -n "$tar" ] || skip "there is no server with this kernel: 'scripts/machine --kernel $row make' makes one"
	mkdir "$tree"
	tar -xf "$tar" -C "$tree"
	same "its kernel" "$kernel_version" "$(installed "linux-image-$release")"
	mkdir -p "$tree/debs/newer" "$tree/var/lib/faultline" "$tree/etc/systemd/system/faultline-verdict.service.d"
	listing >"$scratch/before"
	# What a user has: the proofs of drills, and a change to the unit.
	echo '{"run_id": "mine"}' >"$tree/var/lib/faultline/ledger.jsonl"
	printf '[Service]\nTimeoutStartSec=1h\n' >"$tree/etc/systemd/system/faultline-verdict.service.d/mine.conf"
}

they_are_installed() {
	up
	local output file=/lib/modules/$release/updates/faultline/lockup.ko
	# shellcheck disable=SC2046 # names without spaces
	cp $(all_debs) "$tree/debs/"
	# shellcheck disable=SC2046 # names without spaces
	output=$(apt install --no-install-recommends $(all_debs | sed 's|.*/|/debs/|')) || { note "$output"; exit 1; }
	same "version" "$version" "$(installed faultline)"
	match "the program" "^faultline ${version//./\\.}" "$(inside faultline --version)"
	match "modinfo finds the module" "/updates/faultline/lockup\.ko$" "$(inside modinfo -k "$release" -n lockup)"
	same "and so does modprobe" "insmod $file" "$(inside modprobe -S "$release" --show-depends lockup | sed 's/ *$//')"
	same "the unit is enabled" /usr/lib/systemd/system/faultline-verdict.service \
		"$(readlink "$tree/etc/systemd/system/multi-user.target.wants/faultline-verdict.service")"
}

# A module that is not for this kernel package cannot be installed.
another_kernel_is_refused() {
	up
	local output dir=$scratch/other
	dpkg-deb -R "$(deb "faultline-modules-$release")" "$dir"
	sed -i "s/(= ${kernel_version//+/\\+})/(= $kernel_version.9)/g; s/^Version: .*/&.9/" "$dir/DEBIAN/control"
	dpkg-deb -Znone -b "$dir" "$tree/debs/other.deb" >/dev/null
	if output=$(apt install --no-install-recommends /debs/other.deb); then
		note "$output"
		exit 1
	fi
	match "what is missing" "Depends: linux-image-${release//+/\\+} \(= ${kernel_version//+/\\+}\.9\)" "$output"
}

they_are_upgraded() {
	up
	local output package
	for package in $(all_debs); do newer "$package"; done
	# shellcheck disable=SC2046 # names without spaces
	output=$(apt install --no-install-recommends $(cd "$tree/debs/newer" && printf '/debs/newer/%s\n' *.deb)) || { note "$output"; exit 1; }
	same "the program's version" "$version.1" "$(installed faultline)"
	same "the modules' version" "$version.1+$kernel_version" "$(installed "faultline-modules-$release")"
	match "the new unit" '^# newer$' "$(tail -n 1 "$tree/usr/lib/systemd/system/faultline-verdict.service")"
	check "it is still enabled" test -L "$tree/etc/systemd/system/multi-user.target.wants/faultline-verdict.service"
	match "the module is found" "/updates/faultline/lockup\.ko$" "$(inside modinfo -k "$release" -n lockup)"
	the_users_files_are_there
}

the_users_files_are_there() {
	match "the ledger" mine "$(cat "$tree/var/lib/faultline/ledger.jsonl")"
	match "the change to the unit" 1h "$(cat "$tree/etc/systemd/system/faultline-verdict.service.d/mine.conf")"
}

they_are_removed() {
	up
	local output
	# As if a drill waited for its verdict.
	echo '{}' >"$tree/var/lib/faultline/armed.json"
	output=$(apt remove faultline "faultline-modules-$release" "faultline-modules-$meta") || { note "$output"; exit 1; }
	match "a warning" 'faultline: a drill is armed' "$output"
	rm "$tree/var/lib/faultline/armed.json"
	check "the program is gone" test ! -e "$tree/usr/bin/faultline"
	if inside modinfo -k "$release" lockup >/dev/null 2>&1; then
		note "modinfo still finds the module"
		exit 1
	fi
	the_users_files_are_there
}

after_a_purge_only_the_users_files_are_left() {
	up
	local output
	output=$(apt purge faultline "faultline-modules-$release" "faultline-modules-$meta") || { note "$output"; exit 1; }
	match "it says what it keeps" 'keeping /var/lib/faultline' "$output"
	the_users_files_are_there
	rm "$tree/var/lib/faultline/ledger.jsonl" "$tree/etc/systemd/system/faultline-verdict.service.d/mine.conf"
	same "what else has changed" "" "$(diff <(cat "$scratch/before") <(listing) || true)"
}

ktap_run a_server_without_them they_are_installed another_kernel_is_refused they_are_upgraded they_are_removed \
	after_a_purge_only_the_users_files_are_left
