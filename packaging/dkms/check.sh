# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153,SC2154 # sourced by build, which sets the variables
#
# Part of build: what a build needs is checked before it begins. Each thing that is missing is said in a line of
# its own, with what to do. Tools of any version are dependencies of the package and not checked here.

# version_of PACKAGE: prints the version of an installed package, nothing for another.
version_of() {
	# shellcheck disable=SC2016 # dpkg's own variables
	dpkg-query -Wf '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^installed //p' || true
}

# existing DIR: prints a directory, or the one in which it will be made.
existing() {
	local dir=$1
	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	echo "$dir"
}

# free_mib DIR: prints the free space for it.
free_mib() { df --output=avail -m "$(existing "$1")" | tail -n 1 | tr -d ' '; }

# owned DIR...: refuses a directory that somebody else than root made or could change, and links.
owned() {
	local dir
	for dir; do
		[ -n "$(find "$dir" -maxdepth 0 -type d -uid 0 ! -perm /022)" ] ||
			die "$dir is not a directory that belongs to root and that only root can write to: remove it"
	done
}

missing() {
	[ "$count" -gt 0 ] || say "cannot build the modules for $release:"
	say "  $*"
	count=$((count + 1))
}

# option NAME: prints the value of an option in the kernel's config.
option() { sed -nE "s/^$1=\"?([^\"]*)\"?\$/\1/p" "$headers/.config"; }

# compiler PACKAGE WANTED HAVE: checks that the compiler is the one that built the kernel: both name themselves.
compiler() {
	[ "$2" = "$3" ] ||
		missing "the kernel was built by '$2', and this machine has ${3:-none}: apt install $1," \
			"of the suite that the kernel is from"
}

check_headers() {
	local file
	for file in .config .kernelvariables Module.symvers vmlinux; do
		[ ! -s "$headers/$file" ] || continue
		missing "$headers/$file is missing, of Debian's headers: apt install linux-headers-$release"
		return 1
	done
	[ -n "$headers_version" ] || {
		missing "$headers is not of a Debian package: for a kernel of your own, see 'make KDIR=' in docs/compatibility.md"
		return 1
	}
}

check_versions() {
	local image version source=linux-source-$upstream
	for image in "linux-image-$release" "linux-image-$release-unsigned"; do
		version=$(version_of "$image")
		[ -z "$version" ] || [ "$version" = "$headers_version" ] ||
			missing "$image has version $version, its headers $headers_version: apt install $image linux-headers-$release"
	done
	# A rebuild of the kernel has the same source.
	version=${headers_version%+b[0-9]*}
	if [ "$(version_of "$source")" != "$version" ]; then
		missing "the kernel's source is missing, of the same version: apt install $source=$version"
	elif [ ! -s "/usr/src/$source.tar.xz" ]; then
		missing "/usr/src/$source.tar.xz is missing: apt install --reinstall $source"
	fi
	# Debian builds these with patches that are not in its source package.
	case $release in 6.*-rt-*) missing "real-time kernels before 7.0 are not supported: see docs/compatibility.md" ;; esac
}

check_compilers() {
	local cc wanted
	cc=$(option CONFIG_CC_VERSION_TEXT)
	compiler "$(sed -E 's/ .*//; s/^.*-linux-gnu-//' <<<"$cc")" "$cc" "$("${cc%% *}" --version 2>/dev/null | head -n 1)"
	if [ "$(option CONFIG_RUST)" = y ]; then
		compiler rustc "$(option CONFIG_RUSTC_VERSION_TEXT)" "$(rustc --version 2>/dev/null)"
		compiler bindgen "$(option CONFIG_BINDGEN_VERSION_TEXT)" "$(bindgen --version 2>/dev/null)"
	fi
	wanted=$(option CONFIG_PAHOLE_VERSION)
	compiler pahole "v${wanted%??}.${wanted: -2}" "$(pahole --version 2>/dev/null)"
	[ -f "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/core/src/lib.rs" ] ||
		missing "the source of Rust's libraries is missing: apt install rust-src"
	[ -x "$GUARD" ] || missing "$GUARD is missing: apt install faultline"
}

# check_space: that of both directories, which may be on one file system.
check_space() {
	local kept=$RESERVE_MIB build=$((BUILD_MIB + RESERVE_MIB)) free
	is_made || kept=$((kept + METADATA_MIB))
	[ "$(at "$STATE")" != "$(at "$PROJECT")" ] || kept=$((kept + BUILD_MIB))
	[[ ,$(findmnt -no OPTIONS --target "$(existing "$STATE")"), != *,noexec,* ]] ||
		missing "$STATE is on a file system that is mounted with noexec, and a build runs programs there: remount it with exec"
	free=$(free_mib "$STATE")
	[ "$free" -ge "$kept" ] || missing "$STATE needs $kept MiB of free space, and has $free: free some"
	free=$(free_mib "$PROJECT")
	[ "$free" -ge "$build" ] || missing "$PROJECT needs $build MiB of free space, and has $free: free some"
}

# at DIR: prints the number of its file system.
at() { stat -c %d "$(existing "$1")"; }

# check: says what is missing, and then fails; or what will be done.
check() {
	local count=0 packaged
	[ "$(id -u)" = 0 ] || missing "it needs root, since it keeps the metadata in $KERNELS"
	packaged=$(compgen -G "/lib/modules/$release/updates/faultline/lockup.ko*" || true)
	[ -z "$packaged" ] || missing "it has them already, of the package faultline-modules-$release"
	if check_headers; then
		check_versions
		check_compilers
		check_space
	fi
	[ "$count" = 0 ] || return 1
	if is_made; then
		say "builds the modules for $release, which takes about 3 minutes on two CPUs"
	else
		say "makes the metadata of $release, once, and then the modules: about 10 minutes on two CPUs, and" \
			"$METADATA_MIB MiB in $KERNELS"
	fi
	say "limits: $minutes minutes (FAULTLINE_MINUTES), and what leaves $((RESERVE_MIB / 2)) MiB of each disk free"
}
