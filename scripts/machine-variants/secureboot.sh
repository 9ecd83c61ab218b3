# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # it is for those who source it
#
# Variant of machine: UEFI with Secure Boot, enforced: Microsoft's keys in the firmware, then
# Debian's shim, GRUB and kernel as they are signed. The kernel locks itself down (integrity):
# modules and crash kernels must be signed. The key in machines/mok.pem is in shim's list (MOK),
# as `mokutil --import` and a person at the console would put it there; `machine sign` uses it.

LOADER="grub-efi-amd64,grub-efi-amd64-signed,shim-signed,dosfstools"
OWN_TREE=1
FIRST_MIB=32 FIRST_TYPE=uefi
GRUB_INSTALL="--target=x86_64-efi --uefi-secure-boot --no-nvram --force-extra-removable"
MORE_TOOLS="ovmf python3-virt-firmware"
# The GUID by which shim knows the owner of what is on its list.
SHIM_GUID=605dab50-e046-4300-abb6-3dd810dd8b23

variant_qemu() {
	printf '%s\n' -machine smm=on -global driver=cfi.pflash01,property=secure,value=on \
		-drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd \
		-drive if=pflash,unit=1,format=raw,file=vars.fd
}

# The key, once for all machines, and the firmware's variables with it.
variant_disk() {
	[ -s "$MACHINES/mok.pem" ] || {
		in_root openssl req -quiet -new -x509 -newkey rsa:2048 -nodes -sha256 -days 36500 -subj "/CN=faultline machine/" \
			-addext basicConstraints=critical,CA:FALSE -addext keyUsage=digitalSignature \
			-keyout "$MACHINES/mok.key" -out "$MACHINES/mok.partial"
		mv "$MACHINES/mok.partial" "$MACHINES/mok.pem"
	}
	in_root virt-fw-vars --input /usr/share/OVMF/OVMF_VARS_4M.ms.fd --output "$IMAGE/vars.fd" \
		--add-mok "$SHIM_GUID" "$MACHINES/mok.pem"
}

variant_files() {
	case $2 in
	cold) cp "$IMAGE/vars.fd" "$1/vars.fd" ;;
	booted) cp "$IMAGE/booted.vars" "$1/vars.fd" ;;
	esac
}

variant_keep() { mv "$1/vars.fd" "$IMAGE/booted.vars"; }

variant_fstab() {
	modprobe -a vfat nls_cp437 nls_ascii
	chroot "$new" mkfs.vfat -n EFI /dev/vda1 >&2
	mkdir -p "$new/boot/efi"
	mount /dev/vda1 "$new/boot/efi"
	echo "$(uuid /dev/vda1) /boot/efi vfat umask=0077 0 1"
}
