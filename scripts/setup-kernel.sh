# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2016,SC2153 # $0 is for the shell inside; rows set names
#
# Part of setup: one stock kernel of the archive, unpacked, and the metadata tree that
# modules for it are built against: its own source prepared with its own config by the
# compilers that built it. Of the kernel itself nothing is built.

# kernel_resolve: the newest kernel of the row's suite and flavour of which image,
# headers and source are all in the archive, at the same version.
kernel_resolve() {
	in_root apt-get update
	local release version upstream releases
	# Of this flavour: one whose name only ends like it has more words before it.
	mapfile -t releases < <(in_root apt-cache pkgnames linux-image- |
		sed -nE "s/^linux-image-([0-9][^-]*(-[0-9]+)?-$FLAVOUR)(:$DEBIAN_ARCH)?$/\1/p" | sort -Vru)
	for release in "${releases[@]}"; do
		version=$(kernel_versions "linux-image-$release:$DEBIAN_ARCH" | head -n 1)
		[ -n "$version" ] || continue # of another suite
		upstream=$(sed -E 's/^([0-9]+\.[0-9]+).*/\1/' <<<"$release")
		if kernel_versions "linux-headers-$release:$DEBIAN_ARCH" | grep -qxF "$version" &&
			kernel_versions "linux-source-$upstream" | grep -qxF "$version"; then
			mkdir -p "$CACHE/rows"
			printf '%s=%q\n' RELEASE "$release" VERSION "$version" SOURCE "linux-source-$upstream" >"$CACHE/rows/$ROW.new"
			echo "chosen: $release, version $version"
			return
		fi
		echo "passed over: $release, of which headers or source are not there"
	done
	echo "$KERNEL_SUITE has no $FLAVOUR kernel with image, headers and source"
	return 1
}

# kernel_versions PACKAGE: its versions in the row's suite, newest first.
kernel_versions() {
	in_root apt-cache madison "$1" |
		awk -F ' *[|] *' -v suite="$KERNEL_SUITE" '$3 ~ " " suite "(-security|-updates)?/" { print $2 }' |
		sed 's/ //g' | uniq
}

# kernel_fetch FOLDER PACKAGE...: downloads packages of the chosen version, unpacks them.
kernel_fetch() {
	local into=$1 debs=$KERNEL_DIR/debs package
	shift
	rm -rf "$debs" "$into.partial"
	mkdir -p "$debs" "$into.partial"
	in_root sh -ec 'cd "$0"; apt-get download "$@"' "$debs" "$@" || {
		echo "The archive no longer has $VERSION. Run 'make setup KERNEL=$ROW REFRESH=1' to take the newest."
		return 1
	}
	for package in "$debs"/*.deb; do
		in_root dpkg-deb -x "$package" "$into.partial"
	done
	rm -rf "$debs" "$into"
	mv "$into.partial" "$into"
}

# The image is split over several packages in newer releases: take those of
# its dependencies that carry the kernel's version in their name.
kernel_fetch_stock() {
	local packages
	packages=$(in_root apt-cache depends --recurse --no-recommends --no-suggests --no-breaks \
		--no-conflicts --no-replaces --no-enhances "linux-image-$RELEASE:$DEBIAN_ARCH" | sed "s/:$DEBIAN_ARCH$//" |
		awk -v end="-$RELEASE" '/^linux-/ && substr($0, length($0) - length(end) + 1) == end && !/-unsigned-/' | sort -u) ||
		packages=linux-image-$RELEASE # to have it said that it is gone
	# shellcheck disable=SC2046,SC2086 # one word each
	kernel_fetch "$STOCK" $(printf "%s:$DEBIAN_ARCH=$VERSION " "linux-headers-$RELEASE" $packages)
	if [ -d "$STOCK/lib/modules" ]; then
		mkdir -p "$STOCK/usr/lib"
		mv "$STOCK/lib/modules" "$STOCK/usr/lib/"
	fi
	# Older packages have /boot, newer ones keep the image with the modules.
	local image
	for image in "$STOCK/boot/vmlinuz-$RELEASE" "$STOCK/usr/lib/modules/$RELEASE/vmlinuz"; do
		[ ! -f "$image" ] || ln -sfn "$(realpath --relative-to="$KERNEL_DIR" "$image")" "$KERNEL_DIR/vmlinuz"
	done
	[ -e "$KERNEL_DIR/vmlinuz" ] || { echo "no kernel image in $packages"; return 1; }
	in_root depmod -b "$STOCK/usr" "$RELEASE"
}

kernel_fetch_source() {
	local tarball
	kernel_fetch "$KERNEL_DIR/source.deb" "$SOURCE=$VERSION"
	tarball=$(echo "$KERNEL_DIR"/source.deb/usr/src/linux-source-*.tar.xz)
	rm -rf "$KERNEL_DIR/source"
	mkdir "$KERNEL_DIR/source"
	in_root tar -C "$KERNEL_DIR/source" --strip-components=1 -xf "$tarball"
	rm -rf "$KERNEL_DIR/source.deb"
}

config() { sed -nE "s/^$1=\"?([^\"]*)\"?\$/\1/p" "$HEADERS/.config"; }

# toolchain_package VERSION NAME...: NAME=VERSION of the first package with it, or with any
# version that begins so.
toolchain_package() {
	local version=$1 name found
	shift
	for name in "$@"; do
		found=$(in_root apt-cache madison "$name" | awk -F ' *[|] *' -v v="$version" \
			'{ gsub(/ /, "", $2) } index($2, v) == 1 { print $2; exit }')
		if [ -n "$found" ]; then echo "$name=$found"; return; fi
	done
	echo "The stock kernel was built with $1 $version, which Debian $ROOT_SUITE does not have:" \
		"the kernel's row in scripts/kernels needs another build root." >&2
	return 1
}

# kernel_toolchain: installs the compilers that the stock config names.
kernel_toolchain() {
	local cc rustc bindgen packages=("$QEMU_PACKAGE")
	cc=$(config CONFIG_CC_VERSION_TEXT | sed -E 's/ .*//; s/^.*-linux-gnu-//')
	cc+=$(! foreign || echo "-${MACHINE/_/-}-linux-gnu")
	packages+=("$(toolchain_package "" "$cc")") || return 1
	# A 64-bit kernel may carry a part for programs of 32 bits.
	! grep -q 'CROSS_COMPILE_COMPAT = arm-linux-gnueabihf-' "$HEADERS/.kernelvariables" ||
		packages+=(gcc-arm-linux-gnueabihf)
	if [ "$(config CONFIG_RUST)" = y ]; then
		rustc=$(config CONFIG_RUSTC_VERSION_TEXT | awk '{ print $2 }')
		bindgen=$(config CONFIG_BINDGEN_VERSION_TEXT | awk '{ print $2 }')
		packages+=("$(toolchain_package "$rustc" rustc "rustc-${rustc%.*}")") || return 1
		packages+=("$(toolchain_package "$rustc" rust-src "rust-${rustc%.*}-src")") || return 1
		packages+=("$(toolchain_package "$bindgen" bindgen "bindgen-${bindgen%.*}")") || return 1
	else
		packages+=(rustc rust-src bindgen) # no Rust of the kernel has to be matched
	fi
	echo "installing: ${packages[*]}"
	in_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		--allow-downgrades "${packages[@]}"
	in_root apt-get clean
}

# kernel_prepare: the metadata tree.
kernel_prepare() { in_root "$PROJECT/scripts/metadata" "$KERNEL_DIR/source" "$HEADERS" "$METADATA"; }

# metadata_recipe: prints what the metadata is made by.
metadata_recipe() { cat "$PROJECT"/scripts/{metadata,config-rust-only,fingerprint} | sha256sum; }

# kernel_forget: removes kernels that no row stands for any more.
kernel_forget() {
	local dir release
	for dir in "$CACHE"/kernels/*/; do
		release=$(basename "$dir")
		grep -qsF "RELEASE=$(printf %q "$release")" "$CACHE"/rows/* && continue
		say "  removing $release, which no kernel of the table is any more"
		rm -rf "$dir" "$CACHE"/stamps/*-"$release"
	done
}

kernel_setup() {
	local recipe
	if [ -n "$refresh" ] || [ ! -f "$CACHE/rows/$ROW" ]; then
		step "resolve-$ROW" "kernel: the newest $FLAVOUR of $KERNEL_SUITE" "$(date +%s)" kernel_resolve
		mv "$CACHE/rows/$ROW.new" "$CACHE/rows/$ROW"
	fi
	row_load
	mkdir -p "$KERNEL_DIR"
	kernel_forget
	recipe=$RELEASE/$VERSION
	step "stock-$RELEASE" "kernel: stock packages of $RELEASE" "$recipe" kernel_fetch_stock
	step "source-$RELEASE" "kernel: source $VERSION" "$recipe" kernel_fetch_source
	# Guests, whose root is the build root, find their modules where they expect them.
	mkdir -p "$GUEST_ROOT/usr/lib/modules"
	ln -sfn "$STOCK/usr/lib/modules/$RELEASE" "$GUEST_ROOT/usr/lib/modules/$RELEASE"
	step "toolchain-$ROOT_SUITE-$RELEASE" "kernel: the compilers that built it" "$recipe" kernel_toolchain
	step "metadata-$RELEASE" "kernel: metadata for modules (3 min)" \
		"$recipe $(metadata_recipe)" kernel_prepare
	step "images-$RELEASE" "vm: initramfs of guest and crash kernel" \
		"$recipe $(cat "$PROJECT"/scripts/{initramfs,guest-init,crash-init} | sha256sum)" \
		in_root "$PROJECT/scripts/initramfs" "$ROW"
}

# debug_fetch: of the debug package, the kernel's own symbols; the rest is of its modules.
debug_fetch() {
	kernel_fetch "$KERNEL_DIR/debug.deb" "linux-image-$RELEASE-dbg:$DEBIAN_ARCH=$VERSION"
	mkdir -p "$KERNEL_DIR/debug"
	mv "$(readlink -f "$KERNEL_DIR/debug.deb/usr/lib/debug/boot/vmlinux-$RELEASE")" "$VMLINUX_DEBUG"
	rm -rf "$KERNEL_DIR/debug.deb"
}

debuginfo_setup() {
	[ -e "$VMLINUX_DEBUG" ] || space 3000 "fetching the debug symbols"
	step "debug-$RELEASE" "debug symbols of $RELEASE (350 MB or more)" "$VERSION" debug_fetch
	step "drgn-$ROOT_SUITE" "drgn" "0.3.0" in_root sh -ec \
		'python3 -m venv --clear "$0" && "$0/bin/pip" install drgn==0.3.0' "$CACHE/python/$ROOT_SUITE/drgn"
}
