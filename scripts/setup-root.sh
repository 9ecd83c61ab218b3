# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Part of setup: the build root, a Debian root file system made by mmdebstrap (or
# debootstrap), in which everything is built and every VM is started; and, for a kernel
# of another architecture, the guest's root.

# What the guests of a VM use.
GUEST_PACKAGES=(
	udev busybox-static kexec-tools makedumpfile kmod binutils trace-cmd bpftrace linux-perf iproute2 iputils-ping
	procps psmisc file less jq mount
)
# What every kernel needs; a kernel's own compilers are added when it is known.
ROOT_PACKAGES=(
	# the kernel's build
	make flex bison bc libelf-dev libssl-dev libdw-dev python3 cpio rsync xz-utils
	zstd lz4 pahole gcc libc6-dev pkgconf
	# programs of ours, and the linters
	cargo rustc rustfmt rust-clippy shellcheck python3-venv git ca-certificates
	# virtual machines
	qemu-utils virtiofsd virtme-ng "${GUEST_PACKAGES[@]}"
)
ROOT_MIB=6500

# host_mirrors: the Debian archives that this host's apt uses, as "URI SUITE-KIND"
# lines, kind being main or security. FAULTLINE_MIRROR replaces them.
host_mirrors() {
	if [ -n "${FAULTLINE_MIRROR:-}" ]; then
		echo "$FAULTLINE_MIRROR main"
		[ -z "${FAULTLINE_SECURITY_MIRROR:-}" ] || echo "$FAULTLINE_SECURITY_MIRROR security"
		return
	fi
	# Who made an archive is known to apt only once it has its lists.
	apt_mirrors | grep . || { apt-get update >&2 && apt_mirrors; }
}

apt_mirrors() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(ORIGIN)/$(LABEL)' 'Created-By: Packages' |
		awk '$3 == "Debian/Debian" { print $1, "main" }
		     $3 ~ /^Debian\/Debian-Security/ { print $1, "security" }' | sort -u
}

# root_sources: apt's source lines for the build root. Unstable has no updates beside it.
root_sources() {
	local uri kind found=
	while read -r uri kind; do
		case $ROOT_SUITE/$kind in
		sid/security) ;;
		*/main)
			found=1
			printf 'deb %s %s main\n' "$uri" "$ROOT_SUITE"
			[ "$ROOT_SUITE" = sid ] || printf 'deb %s %s-updates main\n' "$uri" "$ROOT_SUITE"
			# Of every row that uses this root, whichever makes it.
			awk -v root="$ROOT_SUITE" -v uri="$uri" '!/^#/ && $2 == root && $3 != root && !seen[$3]++ {
				print "deb", uri, $3, "main" }' "$PROJECT/scripts/kernels"
			;;
		*/security) printf 'deb %s %s-security main\n' "$uri" "$ROOT_SUITE" ;;
		esac
	done
	[ -n "$found" ] || die "this host's apt names no Debian archive:" \
		"give one with FAULTLINE_MIRROR=<address of a Debian mirror>"
}

# host_apt_options: how the host's apt reaches the archive and what it thinks of old lists.
host_apt_options() {
	apt-config dump |
		grep -iE '^Acquire::((https?|ftp)::(Proxy|CaInfo|Verify)|Retries|Check-(Valid-Until|Date))' || true
}

root_bootstrapper() {
	command -v mmdebstrap || command -v debootstrap && return
	apt-get update &&
		{ apt-get install -y --no-install-recommends mmdebstrap ||
			apt-get install -y --no-install-recommends debootstrap; }
}

root_make() {
	local new=$ROOT.partial sources include
	mkdir -p "$CACHE/roots"
	rm -rf --one-file-system "$new" "$ROOT"
	sources=$(host_mirrors | root_sources)
	include=$(IFS=,; echo "${ROOT_PACKAGES[*]}")
	echo "$sources"
	if command -v mmdebstrap >/dev/null; then
		host_apt_options >"$CACHE/apt.conf"
		# In namespaces of our own: an interrupted run leaves no mount behind.
		private mmdebstrap --mode=root --variant=apt --aptopt="$CACHE/apt.conf" \
			--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
			--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
			--dpkgopt='path-exclude=/usr/share/locale/*' --skip=cleanup/apt/lists \
			--include="$include" "$ROOT_SUITE" "$new" - <<<"$sources"
	else
		private debootstrap --variant=minbase --include="ca-certificates" "$ROOT_SUITE" "$new" \
			"$(awk -v suite="$ROOT_SUITE" '$3 == suite { print $2; exit }' <<<"$sources")"
		echo "$sources" >"$new/etc/apt/sources.list"
		host_apt_options >"$new/etc/apt/apt.conf.d/90host"
		# shellcheck disable=SC2016 # for the shell inside
		private sh -ec 'cp -L /etc/resolv.conf "$0/etc/"; mount -t proc proc "$0/proc"
			chroot "$0" apt-get update
			DEBIAN_FRONTEND=noninteractive chroot "$0" apt-get install -y --no-install-recommends "$@"' \
			"$new" "${ROOT_PACKAGES[@]}"
	fi
	ln -s /bin/busybox "$new/usr/local/sbin/poweroff" # virtme-ng's guests call it
	printf '%s\n' "$ROOT_SUITE" >"$new$ROOT_MARK"
	mv "$new" "$ROOT"
}

# foreign_make: for a kernel of another architecture, what compiles for it and emulates it,
# and the guest's root. Its packages are only unpacked: none of their scripts could run here.
foreign_make() {
	local new=$GUEST_ROOT.partial triple=${MACHINE/_/-}-linux-gnu options=(--architectures="$DEBIAN_ARCH")
	in_root dpkg --add-architecture "$DEBIAN_ARCH"
	in_root apt-get update
	in_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mmdebstrap \
		"libc6-dev-$DEBIAN_ARCH-cross" "gcc-$triple" "libstd-rust-dev:$DEBIAN_ARCH"
	for file in "$ROOT"/etc/apt/apt.conf.d/{99mmdebstrap,90host}; do
		[ ! -s "$file" ] || options+=(--aptopt="${file#"$ROOT"}")
	done
	rm -rf --one-file-system "$new" "$GUEST_ROOT"
	# shellcheck disable=SC2016 # dpkg's own variables
	in_root mmdebstrap --mode=root --variant=extract "${options[@]}" --aptopt='APT::Install-Recommends "false"' \
		--include="$(in_root dpkg-query -Wf '${Essential} ${Package}\n' | sed -n 's/^yes //p' | paste -sd,)" \
		--include="$(IFS=,; echo "${GUEST_PACKAGES[*]}")" "$ROOT_SUITE" "$new" /etc/apt/sources.list
	# What the scripts would have made.
	cp "$ROOT"/etc/{passwd,group} "$new/etc/"
	ln -sf mawk "$new/usr/bin/awk"
	mkdir -p "$new"/{dev,proc,run,sys,tmp,root}
	mv "$new" "$GUEST_ROOT"
}

root_setup() {
	local recipe
	recipe=$(sha256sum <"$PROJECT/scripts/setup-root.sh")${FAULTLINE_MIRROR:-}
	[ "$(cat "$CACHE/stamps/root-$ROOT_SUITE" 2>/dev/null)" = "$recipe" ] && [ -e "$ROOT$ROOT_MARK" ] && return
	space "$ROOT_MIB" "the set-up"
	root_users alone
	rm -f "$CACHE/stamps/"{"root-$ROOT_SUITE",host,"drgn-$ROOT_SUITE","foreign-$ROOT_SUITE-"*,"toolchain-$ROOT_SUITE-"*}
	rm -rf --one-file-system "$ROOT"-*/
	step "host" "host: mmdebstrap" "$(command -v mmdebstrap debootstrap || echo none)" root_bootstrapper
	step "root-$ROOT_SUITE" "build root: Debian $ROOT_SUITE with its tools" "$recipe" root_make
	exec 8>&-
}

foreign_setup() {
	foreign || return 0
	step "foreign-$ROOT_SUITE-$DEBIAN_ARCH" "build root: compilers and a guest for $DEBIAN_ARCH" \
		"$(cat "$CACHE/stamps/root-$ROOT_SUITE")" foreign_make
}
