# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153 # rows set names
#
# Part of machine: a Debian server as an administrator has it, for one kernel of scripts/kernels,
# and a snapshot of it booted. In the cache, once, a step each:
#
#   machines/key, key.pub        logs in on every machine
#   machines/<row>-<recipe>.tar  its files: mmdebstrap, finished by scripts/machine-tree
#   machines/<row>[-<variant>]-<recipe>/
#     disk.img                   those on a partitioned disk, GRUB in front, which scripts/
#                                machine-install puts there in a VM: the host needs no loop
#                                device, and nothing of it is mounted anywhere
#     booted.qcow2, booted.memory  the machine after its first boot: what it wrote, its memory
#     lock                       held by those that run on it; written when one starts
#
# A variant is a file in machine-variants/, which sets some of what machine_select begins with.
# With another recipe it is another image, so that what runs keeps its own. Those that nobody
# has started for a day are removed when one is made.

MACHINES=$CACHE/machines
MACHINE_PACKAGES=(
	# what an installer's "standard server" has of these
	systemd-sysv udev dbus kmod procps psmisc iproute2 ifupdown openssh-server ca-certificates
	login passwd sudo cron logrotate less file e2fsprogs lz4 util-linux-extra initramfs-tools
	# and its kernel crash dumps, as the handbook has it
	kdump-tools kexec-tools makedumpfile
)
MACHINE_TOOLS=(mmdebstrap e2fsprogs libarchive13t64 fdisk openssh-client)
MACHINE_MIB=4000 # the disk

# What a variant has another of.
LOADER=grub-pc     # packages, by commas: boot loader, and more
MORE_TOOLS=''      # packages of the build root
OWN_TREE=''        # not empty: its files are others, not only its disk; what variant_tree uses
FIRST_MIB=1        # the first partition: what boots it; default: GRUB, on machines with a BIOS
FIRST_TYPE=21686148-6449-6E6F-744E-656564454649
THIRD_MIB=0        # the third, if not 0; the second is the root's, and has the rest
ROOT_IMAGE=''      # the root's file system is made in this file, and put in place by variant_open
variant_tree() { :; }    # ROOT: changes its files, in machine-tree
variant_qemu() { :; }    # more arguments of QEMU, a line each
variant_disk() { :; }    # makes more of it, in IMAGE
variant_files() { :; }   # DIR cold|booted: what a machine needs, besides its disk
variant_keep() { :; }    # DIR: keeps that, for the snapshot
variant_cold() { :; }    # NAME: does what it takes until login, when powered on
variant_started() { :; } # NAME SECS: does what it takes when it answers
variant_stopped() { :; } # NAME: does what it takes when it is stopped

# machine_variants: their names.
machine_variants() { basename -s .sh "$PROJECT"/scripts/machine-variants/*.sh | paste -sd ' '; }

# machine_select VARIANT: where the image of the selected row and VARIANT (empty: none) is.
machine_select() {
	VARIANT=$1 VARIANT_FILE=''
	if [ -n "$VARIANT" ]; then
		VARIANT_FILE=$PROJECT/scripts/machine-variants/$VARIANT.sh
		[[ " $(machine_variants) " = *" $VARIANT "* ]] ||
			die "no variant '$VARIANT' of a machine; there are: $(machine_variants)"
		# shellcheck source=/dev/null
		. "$VARIANT_FILE"
	fi
	IMAGE_NAME=$ROW${VARIANT:+-$VARIANT}
	TREE_NAME=$ROW${OWN_TREE:+-$VARIANT}
	[ "$MACHINE" = x86_64 ] || die "$ROW: a machine boots by GRUB for PCs, and this kernel is for $MACHINE"
}

# machine_qemu DISK: QEMU and its arguments, a line each. A snapshot is of these as well.
machine_qemu() {
	# Without a PMU, as virtual servers are, and with a watchdog that nobody feeds until it is opened.
	printf '%s\n' qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu "$QEMU_CPU" -smp 2 -m 1024 \
		-nodefaults -display none -serial stdio \
		-drive "file=$1,format=qcow2,if=none,id=disk,cache=unsafe" -device virtio-blk-pci,drive=disk \
		-netdev user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:22 \
		-device virtio-net-pci,netdev=net,addr=2,romfile= \
		-device virtio-rng-pci -device vmgenid,guid=auto -device i6300esb \
		-qmp unix:monitor,server=on,wait=off -qmp unix:control,server=on,wait=off
	variant_qemu
}

# A step of the root's, by its name, which goes when the root is made anew.
machine_tools_step() { echo "toolchain-$ROOT_SUITE-machine${VARIANT:+-$VARIANT}"; }

machine_tools() {
	# shellcheck disable=SC2086 # one word each
	in_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		"${MACHINE_TOOLS[@]}" $MORE_TOOLS "$QEMU_PACKAGE"
	in_root apt-get clean
}

machine_key() {
	[ -s "$MACHINES/key" ] || in_root ssh-keygen -q -t ed25519 -N '' -C faultline -f "$MACHINES/key"
}

machine_tree() {
	local file options=() kernel=linux-image-$RELEASE
	# From backports nothing is taken that is not asked for, not even what it depends on.
	[ "$KERNEL_SUITE" = "$ROOT_SUITE" ] || kernel+=/$KERNEL_SUITE
	for file in /etc/apt/apt.conf.d/{99mmdebstrap,90host}; do
		[ ! -s "$ROOT$file" ] || options+=(--aptopt="$file")
	done
	rm -rf --one-file-system "$MACHINES/tmp"
	mkdir -p "$MACHINES/tmp"
	# It wants low numbers for files of its own; the locks are held by who started it.
	# shellcheck disable=SC2016 # for the shell inside
	in_root env TMPDIR="$MACHINES/tmp" bash -c 'exec "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-' _ mmdebstrap --mode=root --variant=apt --format=tar "${options[@]}" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
		--include="$(IFS=,; echo "${MACHINE_PACKAGES[*]}"),$LOADER,$kernel" \
		--customize-hook="'$PROJECT/scripts/machine-tree' \"\$1\" '$RELEASE' '$MACHINES/key' '${OWN_TREE:+$VARIANT_FILE}'" \
		"$ROOT_SUITE" "$TREE.partial" /etc/apt/sources.list || {
		echo "If the archive no longer has $RELEASE: 'make setup KERNEL=$ROW REFRESH=1' takes the newest."
		return 1
	}
	mv "$TREE.partial" "$TREE"
}

# The disk: up to three partitions, and the file system of the root.
machine_disk() {
	local disk=$IMAGE/disk.img files=$IMAGE/disk.img offset=$((1 + FIRST_MIB)) root_mib=$((MACHINE_MIB - 2 - FIRST_MIB - THIRD_MIB)) disks
	mkdir -p "$IMAGE"
	: >>"$IMAGE/lock"
	rm -f "$disk"
	truncate -s "${MACHINE_MIB}M" "$disk"
	{
		echo "label: gpt"
		echo "start=1MiB, size=${FIRST_MIB}MiB, type=$FIRST_TYPE"
		echo "start=${offset}MiB, size=${root_mib}MiB, type=linux"
		[ "$THIRD_MIB" = 0 ] || echo "start=$((offset + root_mib))MiB, size=${THIRD_MIB}MiB, type=linux"
	} | in_root sfdisk -q "$disk"
	[ "$THIRD_MIB" = 0 ] ||
		in_root mke2fs -q -t ext4 -E "offset=$(((offset + root_mib) << 20))" "$disk" "${THIRD_MIB}M"
	disks=(--disk "$disk")
	if [ -n "$ROOT_IMAGE" ]; then
		# It is put where there is a bit less room.
		files=$IMAGE/$ROOT_IMAGE offset=0 root_mib=$((root_mib - 32))
		disks+=(--disk "$files")
		rm -f "$files"
		truncate -s "${root_mib}M" "$files"
	fi
	# Names in the archive are UTF-8.
	in_root env LC_ALL=C.UTF-8 mke2fs -q -t ext4 -E "offset=$((offset << 20))" -d "$TREE" "$files" "${root_mib}M"
	variant_disk
	"$PROJECT/scripts/vm" --kernel "$ROW" "${disks[@]}" --timeout 600 -- "$PROJECT/scripts/machine-install" "$VARIANT_FILE"
	[ -z "$ROOT_IMAGE" ] || rm "$files"
}

# machine_boot: boots it as anybody would, and keeps it as it is then: its memory, and what it wrote.
machine_boot() {
	local name=.boot-$IMAGE_NAME dir=$PROJECT/build/machines/.boot-$IMAGE_NAME
	rm -f "$IMAGE"/booted.*
	machine_stop "$name"
	machine_run "$name" cold 900
	variant_cold "$name"
	machine_await "$name" 300 'login:'
	machine_ssh "$name" 'systemctl is-system-running --wait; systemctl --failed --no-legend; cat /sys/kernel/kexec_crash_loaded'
	[ "$(machine_ssh "$name" 'systemctl is-system-running; cat /sys/kernel/kexec_crash_loaded' | paste -sd,)" = running,1 ] || {
		machine_stop "$name"
		echo "It did not come up well: see above, and $dir/log"
		return 1
	}
	machine_ssh "$name" sync
	machine_ask "$name" stop
	machine_ask "$name" migrate "{\"uri\": \"file:$IMAGE/booted.partial\"}"
	machine_await "$name" 120 '\* MIGRATION .*"(completed|failed)"'
	machine_ask "$name" quit
	machine_stop "$name"
	variant_keep "$dir"
	mv "$dir/disk.qcow2" "$IMAGE/booted.qcow2"
	mv "$IMAGE/booted.partial" "$IMAGE/booted.memory"
}

# machine_own_tree: what a variant's tree depends on, besides.
machine_own_tree() { [ -z "$OWN_TREE" ] || echo "$OWN_TREE $LOADER $(declare -f variant_tree)"; }

# machine_recipe: what it depends on, and with that where it is.
machine_recipe() {
	local scripts=$PROJECT/scripts
	TREE_RECIPE=$({ echo "$RELEASE/$VERSION ${MACHINE_PACKAGES[*]} ${FAULTLINE_MIRROR:-}"; cat "$scripts/machine-tree" "$MACHINES/key.pub"; machine_own_tree; } | sha256sum)
	TREE=$MACHINES/$TREE_NAME-${TREE_RECIPE:0:12}.tar
	IMAGE_RECIPE=$({ echo "$TREE_RECIPE"; cat "$scripts"/{machine-install,machine-host.py,setup-machine.sh} ${VARIANT_FILE:+"$VARIANT_FILE"} "$ROOT/usr/bin/$(machine_qemu - | head -n 1)"; } | sha256sum)
	IMAGE=$MACHINES/$IMAGE_NAME-${IMAGE_RECIPE:0:12}
}

# machine_made: is all of it there already?
machine_made() {
	[ -f "$CACHE/rows/$ROW" ] && [ -x "$ROOT/usr/bin/$(machine_qemu - | head -n 1)" ] && [ -s "$MACHINES/key.pub" ] &&
		[ -f "$CACHE/stamps/$(machine_tools_step)" ] || return 1
	machine_recipe
	[ -s "$IMAGE/booted.memory" ] || return 1
	# Which of them is this row's at present, for those who only ask.
	[ "$(cat "$CACHE/stamps/machine-boot-$IMAGE_NAME" 2>/dev/null)" = "$IMAGE_RECIPE" ] ||
		echo "$IMAGE_RECIPE" >"$CACHE/stamps/machine-boot-$IMAGE_NAME"
}

# machine_forget: removes what nobody runs on, and has not for a day.
machine_forget() {
	local lock dir
	for lock in "$MACHINES"/*/lock; do
		[ -n "$(find "$lock" -mmin +1440 2>/dev/null)" ] || continue
		dir=$(dirname "$lock")
		flock -xn "$lock" rm -rf --one-file-system "$dir" || continue
		rm -f "$CACHE/stamps/machine-"*"-${dir##*/}"
	done
	find "$MACHINES" -maxdepth 1 -name '*.tar' -mmin +1440 ! -path "$TREE" -delete
}

machine_setup() {
	! machine_made || return 0
	# The build root, and the kernel whose release and modules the machine has.
	"$PROJECT/scripts/setup" --kernel "$ROW"
	[ "$(id -u)" = 0 ] || die "needs root: it makes a Debian root file system"
	locked
	row_load
	mkdir -p "$MACHINES"
	step "$(machine_tools_step)" "machine: tools to make one" "${MACHINE_TOOLS[*]} $MORE_TOOLS" machine_tools
	machine_key
	machine_recipe
	[ -s "$IMAGE/booted.memory" ] || space 3000 "making a machine"
	machine_forget
	local tree=machine-tree-${TREE##*/}
	[ -s "$TREE" ] || rm -f "$CACHE/stamps/$tree"
	[ -s "$IMAGE/disk.img" ] || rm -f "$CACHE/stamps/machine-"{disk,boot}-"${IMAGE##*/}"
	[ -s "$IMAGE/booted.memory" ] || rm -f "$CACHE/stamps/machine-boot-${IMAGE##*/}"
	step "$tree" "machine: Debian with kdump-tools and $RELEASE (90 s)" "$TREE_RECIPE" machine_tree
	step "machine-disk-${IMAGE##*/}" "machine: its disk, with GRUB" "$IMAGE_RECIPE" machine_disk
	step "machine-boot-${IMAGE##*/}" "machine: its first boot, kept as a snapshot" "$IMAGE_RECIPE" machine_boot
	machine_made
}
