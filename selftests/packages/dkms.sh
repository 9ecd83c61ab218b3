#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# faultline-dkms on a machine of its own: the build root, with a layer over it, DKMS, and the kernel's headers and
# source. Builds are refused with the reason and nothing left; the modules are those of `make modules`; nothing of
# it is left after a purge. It takes ten minutes, so only with FAULTLINE_LONG set.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/packages.sh"
scratch=$(mktemp -d)
tree=$scratch/tree
trap 'unlayer "$scratch"; rm -rf --one-file-system "$scratch"' EXIT
module=faultline/$version
built_log=/var/lib/dkms/$module/$release/x86_64/log/make.log failed_log=/var/lib/dkms/$module/build/make.log
kept=/var/lib/faultline/kernels/$release

# Another compiler in the administrator's PATH, and flags: neither is used.
inside() {
	chroot "$tree" env -i DEBIAN_FRONTEND=noninteractive HOME=/root LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
		RUSTFLAGS=--none KRUSTFLAGS=--none KCFLAGS=--none FAULTLINE_MINUTES="${minutes:-60}" "$@" </dev/null 2>&1
}
here_is() { [ -e "$scratch/before" ] || skip "there is no machine: see the first test"; }
status() { inside dkms status -m faultline | sed 's/, x86_64//'; }
# refused REGEX: checks that a build is refused with a line that says why, in DKMS's log, and leaves nothing.
refused() {
	local code=0 output
	output=$(inside dkms build "$module" -k "$release") || code=$?
	same "status" 77 "$code"
	match "DKMS says where the reason is" "Consult $failed_log" "$output"
	match "the reason" "$1" "$(cat "$tree$failed_log")"
	same "kept" "" "$(find "$tree/var/lib/faultline/kernels" -mindepth 1 ! -name lock 2>/dev/null || true)"
	same "built" "" "$(find "$tree/var/lib/dkms/faultline/$version/build/build" -name '*.ko' 2>/dev/null || true)"
	same "registered, and not built" "$module: added" "$(status)"
}

a_machine_with_dkms() {
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes ten minutes: only with FAULTLINE_LONG set"
	[ "$(uname -m)" = x86_64 ] || skip "the package is for x86_64"
	local debs=$cache/kernels/$release/dkms name
	check "DKMS and the kernel's source: 'scripts/setup --kernel $row --dkms'" test -n "$(find "$debs" -name 'dkms_*.deb' 2>/dev/null)"
	for name in faultline faultline-source faultline-dkms; do check "$name, built by 'make deb'" test -s "$(deb "$name")"; done
	layer "$scratch"
	cp "$debs"/*.deb "$tree/debs/"
	inside sh -c 'dpkg -i /debs/*.deb' >"$scratch/log" || { note "$(tail -n 20 "$scratch/log")"; exit 1; }
	inside depmod "$release"
	inside dkms generate_mok >"$scratch/log"
	printf '#!/bin/sh\nexit 1\n' >"$tree/usr/local/bin/rustc"
	chmod +x "$tree/usr/local/bin/rustc"
	changes "$scratch" >"$scratch/before"
	# shellcheck disable=SC2046 # names without spaces
	cp $(deb faultline) $(deb faultline-source) $(deb faultline-dkms) "$tree/debs/"
}

nothing_is_built_by_itself() {
	here_is
	local output
	output=$(inside sh -c 'dpkg -i /debs/faultline*.deb') || { note "$output"; exit 1; }
	match "what to do" "faultline-dkms: to build the modules for a kernel: dkms install $module -k \\\$\(uname -r\)" "$output"
	same "registered" "$module: added" "$(status)"
	# As at the installation of a kernel.
	check "a kernel is installed" inside run-parts --arg="$release" /etc/kernel/postinst.d >&2
	same "and still nothing is built" "$module: added" "$(status)"
}

what_is_missing_is_said() {
	here_is
	local source
	source=$("$project/scripts/paths" SOURCE)
	inside dpkg --remove "$source" >"$scratch/log"
	refused "^faultline:   the kernel's source is missing, of the same version: apt install $source=${kernel_version//+/\\+}$"
	# An administrator who wants builds at the installation of a kernel: it is skipped, and apt goes on.
	echo 'AUTOINSTALL="yes"' >"$tree/etc/dkms/faultline.conf"
	check "a kernel is installed all the same" inside run-parts --arg="$release" /etc/kernel/postinst.d >"$scratch/log"
	match "DKMS says so" "was skipped for module\(s\) faultline" "$(cat "$scratch/log")"
	rm "$tree/etc/dkms/faultline.conf"
	inside sh -c "dpkg -i /debs/${source}_*.deb" >"$scratch/log"

	local cc
	cc=$(sed -nE 's/^CONFIG_CC_VERSION_TEXT="([^ ]+) .*/\1/p' "$tree/usr/src/linux-headers-$release/.config")
	mount --bind /dev/null "$tree/usr/bin/$cc"
	refused "^faultline:   the kernel was built by '$cc .*', and this machine has none: apt install gcc-[0-9]+, of the suite"
	umount "$tree/usr/bin/$cc"
}

too_little_space_is_refused() {
	here_is
	mkdir -p "$tree/var/lib/faultline"
	mount -t tmpfs -o size=500m,mode=755 tmpfs "$tree/var/lib/faultline"
	refused "^faultline:   /var/lib/faultline needs [0-9]+ MiB of free space, and has [0-9]+: free some$"
	umount "$tree/var/lib/faultline"
	rmdir "$tree/var/lib/faultline"
}

a_directory_of_somebody_else_is_not_used() {
	here_is
	mkdir -p "$tree/srv/other" "$tree/var/lib/faultline"
	ln -s /srv/other "$tree/var/lib/faultline/kernels"
	refused '^faultline: /var/lib/faultline/kernels is not a directory that belongs to root'
	same "what was written there" "" "$(ls "$tree/srv/other")"
	rm "$tree/var/lib/faultline/kernels"
	rmdir "$tree/srv/other" "$tree/var/lib/faultline"
}

a_build_past_its_limit_is_ended() {
	here_is
	minutes=1 refused '^faultline: not done after 1 minutes, the limit: set FAULTLINE_MINUTES'
	same "processes that are left" "" "$(pgrep -f "linux-source|$kept" || true)"
}

it_is_built_and_installed() {
	here_is
	local output name built_here file
	output=$(inside dkms install "$module" -k "$release") || { note "$output"; note "$(tail -n 30 "$tree$failed_log" 2>/dev/null || true)"; exit 1; }
	same "status" "$module, $release: installed" "$(status)"
	match "it said how long it takes" 'makes the metadata of .*minutes' "$(cat "$tree$built_log")"
	check "it was compared with the kernel's BTF" sh -c "! grep 'not compared' '$tree$built_log'" >&2
	same "the metadata's owner and mode" "root 755" "$(stat -c '%U %a' "$tree$kept")"
	tally "$(du -sm "$tree$kept" | cut -f1)" "MiB of metadata that are kept"
	for name in func_probe knobs lockup route_probe; do
		file=$(inside modinfo -k "$release" -n "$name")
		match "$name: where it is" "/updates/dkms/$name\.ko" "$file"
		match "$name: for this kernel" "^${release//+/\\+} " "$(inside modinfo -k "$release" -F vermagic "$name")"
		match "$name: signed with DKMS's key" '^DKMS module signing key$' "$(inside modinfo -k "$release" -F signer "$name")"
		built_here=$project/build/$release/$name.ko
		check "$name, built by 'make modules KERNEL=$row'" test -s "$built_here"
		case $file in
		*.xz) xz -dc "$tree$file" >"$scratch/$name.ko" ;;
		*.zst) zstd -qdc "$tree$file" >"$scratch/$name.ko" ;;
		*) cp "$tree$file" "$scratch/$name.ko" ;;
		esac
		same "$name: its symbols" "" "$(diff <(symbols "$built_here") <(symbols "$scratch/$name.ko") | head -n 5)"
	done
}

symbols() { nm -j "$1" | sort; }

# What is needed again is not made again; without the headers, it is removed.
the_metadata_is_kept() {
	here_is
	local made
	made=$(stat -c %Y "$tree$kept/recipe")
	inside dkms remove "$module" -k "$release" >"$scratch/log"
	inside dkms add "$module" >"$scratch/log"
	inside dkms build "$module" -k "$release" >"$scratch/log" || { note "$(cat "$scratch/log")"; exit 1; }
	match "it says so" "the metadata in ${kept//+/\\+} is up to date" "$(cat "$tree$built_log")"
	same "when it was made" "$made" "$(stat -c %Y "$tree$kept/recipe")"
}

after_a_purge_nothing_is_left() {
	here_is
	local output
	inside dkms install "$module" -k "$release" >"$scratch/log" || { note "$(cat "$scratch/log")"; exit 1; }
	output=$(inside dpkg --remove faultline-dkms) || { note "$output"; exit 1; }
	same "kept" "" "$(find "$tree/var/lib/faultline" 2>/dev/null || true)"
	same "modules" "" "$(find "$tree/usr/lib/modules/$release" -name 'lockup.ko*')"
	output=$(inside dpkg --purge faultline-dkms faultline-source faultline) || { note "$output"; exit 1; }
	same "what else has changed" "" "$(diff "$scratch/before" <(changes "$scratch") || true)"
}

ktap_run a_machine_with_dkms nothing_is_built_by_itself what_is_missing_is_said too_little_space_is_refused \
	a_directory_of_somebody_else_is_not_used a_build_past_its_limit_is_ended it_is_built_and_installed the_metadata_is_kept \
	after_a_purge_nothing_is_left
