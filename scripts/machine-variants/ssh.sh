# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154 # it is for those who source it
#
# Variant of machine: dumps go by ssh to a second machine, NAME-store, which `start NAME` starts
# as well. Their second network cards are joined by two sockets in their directories; the store
# is the same server, with another address.

SERVER=10.0.3.1 STORE=10.0.3.2 PEER=''

# PEER is the other one, whose directory is next to this one's.
variant_files() { PEER=${PEER:-$(basename "$1")-store}; }
variant_qemu() {
	printf '%s\n' -netdev "dgram,id=link,local.type=unix,local.path=link,remote.type=unix,remote.path=../$PEER/link" \
		-device virtio-net-pci,netdev=link,addr=8,mac=52:54:00:00:03:01,romfile=
}

# variant_started NAME: starts the second one.
variant_started() {
	local store=$1-store
	machine_stop "$store"
	PEER=$1 machine_run "$store" booted "$2"
	machine_clock "$store"
	machine_ssh "$store" "hostname store && ip addr flush dev enp0s8 && ip link set enp0s8 address 52:54:00:00:03:02 &&
		ip addr add $STORE/24 dev enp0s8"
	# That they reach each other is known before anything needs it.
	machine_ssh "$1" "ssh -i /root/.ssh/kdump_id -o BatchMode=yes root@$STORE hostname" >/dev/null ||
		die "$1 does not reach $store"
}

variant_stopped() { machine_stop "$1-store"; }

variant_install() {
	cat >>"$new/etc/network/interfaces" <<-END
		auto enp0s8
		iface enp0s8 inet static
			address $SERVER/24
	END
	chroot "$new" ssh-keygen -q -t ed25519 -N '' -C kdump -f /root/.ssh/kdump_id
	cat "$new/root/.ssh/kdump_id.pub" >>"$new/root/.ssh/authorized_keys"
	echo "$STORE $(cut -d ' ' -f 1,2 "$new/etc/ssh/ssh_host_ed25519_key.pub")" >"$new/root/.ssh/known_hosts"
	cat >>"$new/etc/default/kdump-tools" <<-END
		SSH="root@$STORE"
		SSH_KEY=/root/.ssh/kdump_id
	END
}
