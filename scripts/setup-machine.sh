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
# With another recipe it is another image, so that what runs keeps its own. Those that nobody
# has started for a day are removed when one is made.

MACHINES=$CACHE/machines
MACHINE_PACKAGES=(
	# what an installer's "standard server" has of these
	systemd-sysv udev dbus kmod procps psmisc iproute2 ifupdown openssh-server ca-certificates
	login passwd sudo cron logrotate less file e2fsprogs zstd util-linux-extra initramfs-tools
	# and its kernel crash dumps, as the handbook has it
	kdump-tools kexec-tools makedumpfile
)
MACHINE_TOOLS=(mmdebstrap e2fsprogs libarchive13t64 fdisk openssh-client)
MACHINE_MIB=4000 # the disk
MACHINE_VARIANTS="crash-partition"

# machine_select VARIANT: where the image of the selected row and VARIANT (empty: none) is.
machine_select() {
	VARIANT=$1
	case " $MACHINE_VARIANTS " in
	*" ${VARIANT:-crash-partition} "*) ;;
	*) die "no variant '$VARIANT' of a machine; there are: $MACHINE_VARIANTS" ;;
	esac
	IMAGE_NAME=$ROW${VARIANT:+-$VARIANT}
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
}

machine_tools() {
	in_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		"${MACHINE_TOOLS[@]}" "$QEMU_PACKAGE"
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
		--include="$(IFS=,; echo "${MACHINE_PACKAGES[*]}"),grub-pc,$kernel" \
		--customize-hook="'$PROJECT/scripts/machine-tree' \"\$1\" '$RELEASE' '$MACHINES/key'" \
		"$ROOT_SUITE" "$TREE.partial" /etc/apt/sources.list || {
		echo "If the archive no longer has $RELEASE: 'make setup KERNEL=$ROW REFRESH=1' takes the newest."
		return 1
	}
	mv "$TREE.partial" "$TREE"
}

# The partition of BIOS machines that GRUB is in, the root's, and that of the dumps.
machine_disk() {
	local disk=$IMAGE/disk.img root_mib=$((MACHINE_MIB - 3)) crash_mib=0
	[ "$VARIANT" != crash-partition ] || crash_mib=256
	root_mib=$((root_mib - crash_mib))
	mkdir -p "$IMAGE"
	: >>"$IMAGE/lock"
	rm -f "$disk"
	truncate -s "${MACHINE_MIB}M" "$disk"
	{
		echo "label: gpt"
		echo "start=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649"
		echo "start=2MiB, size=${root_mib}MiB, type=linux"
		[ "$crash_mib" = 0 ] || echo "start=$((2 + root_mib))MiB, size=${crash_mib}MiB, type=linux"
	} | in_root sfdisk -q "$disk"
	# Names in the archive are UTF-8.
	in_root env LC_ALL=C.UTF-8 mke2fs -q -t ext4 -E "offset=$((2 << 20))" -d "$TREE" "$disk" "${root_mib}M"
	[ "$crash_mib" = 0 ] ||
		in_root mke2fs -q -t ext4 -E "offset=$(((2 + root_mib) << 20))" "$disk" "${crash_mib}M"
	"$PROJECT/scripts/vm" --kernel "$ROW" --disk "$disk" --timeout 300 -- "$PROJECT/scripts/machine-install" "$VARIANT"
}

# machine_boot: boots it as anybody would, and keeps it as it is then: its memory, and what it wrote.
machine_boot() {
	local name=.boot-$IMAGE_NAME dir=$PROJECT/build/machines/.boot-$IMAGE_NAME
	rm -f "$IMAGE"/booted.*
	machine_stop "$name"
	machine_run "$name" cold 600
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
	mv "$dir/disk.qcow2" "$IMAGE/booted.qcow2"
	mv "$IMAGE/booted.partial" "$IMAGE/booted.memory"
}

# machine_recipe: what it depends on, and with that where it is.
machine_recipe() {
	local scripts=$PROJECT/scripts
	TREE_RECIPE=$({ echo "$RELEASE/$VERSION ${MACHINE_PACKAGES[*]} ${FAULTLINE_MIRROR:-}"; cat "$scripts/machine-tree" "$MACHINES/key.pub"; } | sha256sum)
	TREE=$MACHINES/$ROW-${TREE_RECIPE:0:12}.tar
	IMAGE_RECIPE=$({ echo "$TREE_RECIPE"; cat "$scripts"/{machine-install,machine-host.py,setup-machine.sh} "$ROOT/usr/bin/$(machine_qemu - | head -n 1)"; } | sha256sum)
	IMAGE=$MACHINES/$IMAGE_NAME-${IMAGE_RECIPE:0:12}
}

# machine_made: is all of it there already?
machine_made() {
	[ -f "$CACHE/rows/$ROW" ] && [ -x "$ROOT/usr/bin/$(machine_qemu - | head -n 1)" ] && [ -s "$MACHINES/key.pub" ] || return 1
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
	# A step of the root's, by its name, which goes when the root is made anew.
	step "toolchain-$ROOT_SUITE-machine" "machine: tools to make one" "${MACHINE_TOOLS[*]}" machine_tools
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
