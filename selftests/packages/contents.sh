#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The Debian packages, as files: what is in each, what they depend on; lintian finds nothing, and no path
# of the build is in them.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/packages.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# files NAME: prints the files of a package, without those of its documentation.
files() { dpkg-deb --fsys-tarfile "$(deb "$1")" | tar -t | sed -nE 's|^\./(.*[^/])$|\1|p' | grep -vE '^usr/share/(doc|lintian|man)/' | sort; }
field() { dpkg-deb -f "$(deb "$1")" "$2"; }

lintian_finds_nothing() {
	built
	local output status=0
	output=$(lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$packages"/*.changes 2>&1) || status=$?
	note "$output"
	same "status" 0 "$status"
	# Each override is explained in the line before it.
	same "overrides without a reason" "" "$(awk '!/^#/ && NF && last !~ /^#/ { print FILENAME ": " $0 } { last = $0 }' \
		"$project"/packaging/debian/*lintian-overrides)"
}

what_is_in_them() {
	built
	match "the program" '^usr/bin/faultline$' "$(files faultline)"
	match "its manual" '^usr/share/man/man1/faultline-drill-here\.1\.gz$' "$(dpkg-deb --fsys-tarfile "$(deb faultline)" | tar -t | sed 's|^\./||')"
	match "completions" '^usr/share/bash-completion/completions/faultline$' "$(files faultline)"
	match "the unit" '^usr/lib/systemd/system/faultline-verdict\.service$' "$(files faultline)"
	same "the modules" "func_probe.ko knobs.ko lockup.ko route_probe.ko" \
		"$(files "faultline-modules-$release" | sed "s|^usr/lib/modules/$release/updates/faultline/||" | paste -sd ' ')"
	same "in the metapackage" "" "$(files "faultline-modules-$meta")"
	match "what compares a module with its kernel" '^usr/libexec/faultline/btf-guard$' "$(files faultline)"
	# Nothing makes the machine load a module, or configures it.
	same "configuration" "" "$(for name in faultline "${for_all[@]}" "faultline-modules-$release"; do files "$name"; done | grep -E '^etc/|modprobe\.d|modules-load\.d' || true)"
}

the_programs_are_for_this_architecture() {
	built
	local program
	dpkg-deb -x "$(deb faultline)" "$scratch/program"
	for program in bin/faultline libexec/faultline/btf-guard; do
		match "$program" "Machine: .*${machine/_/-}" "$(readelf -h "$scratch/program/usr/$program" | sed 's/AArch64/aarch64/; s/X86/x86/')"
	done
	same "of the package" "$arch" "$(field faultline Architecture)"
}

is_for_all() { [ "${#for_all[@]}" -gt 0 ] || skip "packages for all architectures are built with those for $(uname -m)"; }

what_is_for_all_architectures() {
	is_for_all
	built
	same "of DKMS, to be added to the source" "usr/src/faultline-$version/dkms.conf" "$(files faultline-dkms)"
	match "with its version" "^PACKAGE_VERSION=\"$version\"$" "$(dpkg-deb --fsys-tarfile "$(deb faultline-dkms)" | tar -xO "./usr/src/faultline-$version/dkms.conf")"
	match "DKMS, on this very source" "(^|, )faultline-source \(= $version\)" "$(field faultline-dkms Depends)"
	match "the source" "^usr/src/faultline-$version/samples/lockup/lockup\.rs$" "$(files faultline-source)"
	same "what was built is not source" "" "$(files faultline-source | grep -E "^usr/src/faultline-$version/(build|debian|\.git)/" | head -n 3)"
}

# The source in the package is that of this checkout, whole.
the_source_is_whole() {
	is_for_all
	built
	local listed=$scratch/listed
	(cd "$project" && git -c safe.directory='*' ls-files -- ':!.gitignore' ':!.ci' | sort) >"$listed"
	files faultline-source | sed "s|^usr/src/faultline-$version/||" >"$scratch/packaged"
	same "files of the repository that are missing" "" "$(comm -23 "$listed" "$scratch/packaged" | head -n 5)"
}

they_depend_on_this_kernel() {
	built
	local name=faultline-modules-$release
	match "the modules, on this very kernel" "^linux-image-${release//+/\\+} \(= ${kernel_version//+/\\+}\) \| " "$(field "$name" Depends)"
	same "their version has the kernel's" "$version+$kernel_version" "$(field "$name" Version)"
	match "the metapackage, on these modules" "^${name//+/\\+} \(= ${version}\+${kernel_version//+/\\+}\)$" "$(field "faultline-modules-$meta" Depends)"
	match "the program suggests them" "(^|, )faultline-modules-[^ ]+ \| .*faultline-modules(,|$)" "$(field faultline Suggests)"
	same "and recommends no kernel" "" "$(field faultline Recommends)"
	match "what a load does is said" 'crashes machines' "$(field "$name" Description)"
	match "kdump is suggested" 'kdump-tools' "$(field faultline Suggests)"
}

the_modules_are_for_this_kernel_and_small() {
	built
	dpkg-deb -x "$(deb "faultline-modules-$release")" "$scratch/modules"
	local module sections
	for module in "$scratch/modules/usr/lib/modules/$release/updates/faultline"/*.ko; do
		match "${module##*/}: for this kernel" "^${release//+/\\+} " "$(modinfo -F vermagic "$module")"
		sections=$(readelf -SW "$module")
		same "${module##*/}: debug information" "" "$(grep -E '\.(re)?la?\.?debug|\.debug_' <<<"$sections" || true)"
		match "${module##*/}: its build ID" '\.note\.gnu\.build-id' "$sections"
		match "${module##*/}: its symbols" ' \.symtab ' "$sections"
	done
}

# This is what makes two builds differ; packages/reproduce.sh builds twice.
no_path_of_the_build_is_in_them() {
	built
	local name found
	for name in faultline "faultline-modules-$release"; do
		rm -rf "$scratch/all"
		dpkg-deb -R "$(deb "$name")" "$scratch/all"
		found=$(find "$scratch/all" -type f -exec grep -laF -e "$project" -e "$cache" {} + || true)
		[ -z "$found" ] || note "$(head -n 1 <<<"$found" | xargs strings -a | grep -oE ".{0,40}($project|$cache).{0,60}" | head -n 5)"
		same "$name: files with a path of this machine" "" "${found#"$scratch/all/"}"
	done
}

ktap_run lintian_finds_nothing what_is_in_them the_programs_are_for_this_architecture \
	what_is_for_all_architectures the_source_is_whole they_depend_on_this_kernel \
	the_modules_are_for_this_kernel_and_small no_path_of_the_build_is_in_them
