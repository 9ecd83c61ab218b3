# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2153 # rows set names; in-root reads KERNEL
#
# Part of setup: a kernel that is built here, with features that no stock kernel of an architecture
# has. It is built from the stock kernel's source by the stock kernel's compilers, with the config
# scripts/own-kernel.config (for the flavour own-<name>-<arch>, also own-kernel-<name>.config), and
# stored in the cache like the packages of a stock kernel. From there on it is used like the others.

# own_configs: prints the config files of the row's flavour.
own_configs() {
	local name=${FLAVOUR#own-}
	echo "$PROJECT/scripts/own-kernel.config"
	[[ $name != *-* ]] || echo "$PROJECT/scripts/own-kernel-${name%-*}.config"
}

# own_base: prints the row of the stock kernel whose source and compilers are used.
own_base() {
	awk -v root="$ROOT_SUITE" -v suite="$KERNEL_SUITE" \
		'!/^#/ && $2 == root && $3 == suite && $4 !~ /^own-/ { print $1; exit }' "$PROJECT/scripts/kernels"
}

# own_clang: returns whether its config requires clang instead of the stock kernel's gcc.
own_clang() { own_configs | xargs grep -qx CONFIG_CC_IS_CLANG=y; }

own_clang_fetch() {
	in_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends clang lld llvm
	in_root apt-get clean
}

# own_variables VARIABLES: prints its .kernelvariables, which name the compilers.
own_variables() {
	local tool
	sed "s/^\(override KERNELRELEASE =\).*/\1 $RELEASE/" "$1" |
		if own_clang; then
			grep -vE '^(CC|CCACHE|override CROSS_COMPILE) ='
			printf '%s\n' 'CC = clang' 'LD = ld.lld'
			for tool in AR NM OBJCOPY OBJDUMP READELF STRIP; do echo "$tool = llvm-${tool,,}"; done
		else
			cat
		fi
}

# own_build VARIABLES: builds the kernel in a directory that is removed afterwards; an interrupted build
# is continued. VARIABLES are the stock kernel's .kernelvariables.
own_build() {
	local build=$KERNEL_DIR/build modules=$STOCK/usr/lib/modules/$RELEASE missing configs
	mapfile -t configs < <(own_configs)
	rm -rf "$STOCK"
	mkdir -p "$build" "$HEADERS" "$modules"
	own_variables "$1" >"$HEADERS/.kernelvariables"
	cat "$KERNEL_DIR/source/kernel/configs/kvm_guest.config" "${configs[@]}" >"$HEADERS/wanted.config"
	if ! diff -q "$HEADERS/wanted.config" "$build/wanted.config" || ! diff -q "$HEADERS/.kernelvariables" "$build/.kernelvariables"; then
		rm -rf "$build"
		mkdir "$build"
		cp "$HEADERS/.kernelvariables" "$HEADERS/wanted.config" "$build/"
	fi
	rm "$HEADERS/wanted.config"
	own_make KCONFIG_ALLCONFIG="$build/wanted.config" allnoconfig
	missing=$(grep -h '^CONFIG_' "${configs[@]}" | grep -vxFf "$build/.config") && {
		echo "${configs[*]#"$PROJECT/"}: the source's Kconfig does not give these:" "$missing"
		return 1
	}
	own_make -j"$(nproc)" bzImage modules
	own_make INSTALL_MOD_PATH="$STOCK/usr" INSTALL_MOD_STRIP=1 modules_install
	rm -f "$modules/build"
	cp "$build/.config" "$build/Module.symvers" "$HEADERS/"
	# As in the headers package of a stock kernel: its BTF alone.
	in_root objcopy --only-section=.BTF "$build/vmlinux" "$HEADERS/vmlinux"
	cp "$build/arch/x86/boot/bzImage" "$modules/vmlinuz"
	ln -sfn "$(realpath --relative-to="$KERNEL_DIR" "$modules/vmlinuz")" "$KERNEL_DIR/vmlinuz"
	mv "$build/vmlinux" "$KERNEL_DIR/vmlinux"
	rm -rf "$build"
}

own_make() {
	in_root make -C "$KERNEL_DIR/source" O="$KERNEL_DIR/build" ARCH="$KERNEL_ARCH" \
		RUST_LIB_SRC="$(in_root rustc --print sysroot)/lib/rustlib/src/rust/library" "$@"
}

own_setup() {
	local row=$ROW source variables release recipe configs
	row_select "$(own_base)"
	KERNEL=$ROW
	kernel_setup
	source=$KERNEL_DIR/source variables=$HEADERS/.kernelvariables release=${RELEASE%"$FLAVOUR"}
	row_select "$row"
	KERNEL=$ROW
	printf '%s=%q\n' RELEASE "$release$FLAVOUR" VERSION "$VERSION" SOURCE "$SOURCE" >"$CACHE/rows/$ROW"
	row_load
	mkdir -p "$KERNEL_DIR"
	kernel_forget
	ln -sfn "$source" "$KERNEL_DIR/source"
	ln -sfn "$STOCK/usr/lib/modules/$RELEASE" "$GUEST_ROOT/usr/lib/modules/$RELEASE"
	mapfile -t configs < <(own_configs)
	! own_clang || step "toolchain-$ROOT_SUITE-clang" "build root: clang" "" own_clang_fetch
	recipe="$VERSION $({ declare -f own_build own_make own_variables; cat "${configs[@]}"; } | sha256sum)"
	own_step "$recipe" "$variables"
	step "metadata-$RELEASE" "kernel: metadata for modules (2 min)" \
		"$recipe $(metadata_recipe)" kernel_prepare
	step "images-$RELEASE" "vm: initramfs of guest and crash kernel" \
		"$recipe $(cat "$PROJECT"/scripts/{initramfs,guest-init,crash-init} | sha256sum)" \
		in_root "$PROJECT/scripts/initramfs" "$ROW"
}

# own_step RECIPE VARIABLES: runs the long build without the lock of the cache, so that other setups can
# run meanwhile; only those that need this kernel wait.
own_step() {
	[ "$(cat "$CACHE/stamps/own-$RELEASE" 2>/dev/null)" != "$1" ] || return 0
	space 4000 "building a kernel"
	exec 9>&- 7>>"$CACHE/own.lock"
	flock 7
	step "own-$RELEASE" "kernel: our own, of that source (15 min)" "$1" own_build "$2"
	exec 7>&-
	locked
}

# The debug symbols of a kernel that is built here need not be fetched.
if own; then
	debug_fetch() {
		mkdir -p "$KERNEL_DIR/debug"
		ln -sfn ../vmlinux "$VMLINUX_DEBUG"
	}
fi
