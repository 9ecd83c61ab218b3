# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # it is for those who source it
#
# Variant of machine: the root is a logical volume on LUKS, as an installer makes it: /boot is not
# encrypted, and each boot asks for the passphrase, which is "machine", on the console. That is
# typed there, and not read from a file: servers that are encrypted against theft are set up so.
# The crash kernel asks as well.
#
# Argon2 needs the memory that it was set to need on the day of luksFormat, by default half of
# the machine's and up to 1 GiB. The crash kernel has 192 MiB; that is set to 32 MiB here.

LOADER=grub-pc,cryptsetup-initramfs,lvm2
THIRD_MIB=200
ROOT_DEVICE=/dev/mapper/server-root
LUKS_UUID=6d6e4a3f-6c2b-4d0c-9a57-0d3c8a1f5b11
OWN_TREE=$LUKS_UUID
ARGON2=(--pbkdf argon2id --pbkdf-memory 32768 --pbkdf-parallel 1 --pbkdf-force-iterations 4)

# In the file system that is to be the server's, before its initrds are made.
variant_tree() {
	echo "server_crypt UUID=$LUKS_UUID none luks,initramfs" >"$1/etc/crypttab"
	# By the names of what is not there yet nothing is found.
	printf '%s\n' dm_mod dm_crypt xts algif_skcipher >>"$1/etc/initramfs-tools/modules"
}

# The file system is put where it belongs by machine-install, in a VM.
ROOT_IMAGE=root.img
variant_open() {
	# No rules for such devices are there: the tools make the nodes.
	export DM_DISABLE_UDEV=1
	modprobe -a dm_mod dm_crypt xts algif_skcipher
	mount -o ro,noload /dev/vdb "$new"
	bound
	printf machine | chroot "$new" cryptsetup luksFormat --batch-mode --type luks2 --uuid "$LUKS_UUID" "${ARGON2[@]}" /dev/vda2 -
	printf machine | chroot "$new" cryptsetup open --key-file - /dev/vda2 server_crypt
	chroot "$new" pvcreate /dev/mapper/server_crypt
	chroot "$new" vgcreate -A n server /dev/mapper/server_crypt
	chroot "$new" lvcreate -A n -l 100%FREE -n root server
	chroot "$new" e2image -ra /dev/vdb "$ROOT_DEVICE"
	umount -R "$new"
}

variant_fstab() {
	mkdir /run/boot
	mount /dev/vda3 /run/boot
	cp -a "$new/boot/." /run/boot/
	find "$new/boot" -mindepth 1 -delete
	umount /run/boot
	mount /dev/vda3 "$new/boot"
	echo "$(uuid /dev/vda3) /boot ext4 defaults 0 2"
}

# variant_cold NAME [LINE]: what a person does at the console, at a boot whose lines come after that
# one of the log.
variant_cold() {
	machine_await "$1" 300 'Please unlock disk' "${2:-0}"
	type_text "$1" machine
}
