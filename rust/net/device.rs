// SPDX-License-Identifier: GPL-2.0

//! Namespaces and devices.
//!
//! C header: [`include/net/net_namespace.h`](srctree/include/net/net_namespace.h)\
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)\
//! C header: [`include/linux/inetdevice.h`](srctree/include/linux/inetdevice.h)

use super::field::{
    field,
    structures,
    value, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

structures! {
    /// A network namespace, `struct net`.
    pub Net;
    /// A network device, `struct net_device`.
    pub Device;
    /// What a device has for IPv4, `struct in_device`.
    pub InDevice;
}

/// The name of a device, with NUL.
pub type Name = [u8; NAME_SIZE];

/// The room for the name of a device.
pub const NAME_SIZE: usize = bindings::IFNAMSIZ as usize;

impl KernelPtr<Net> {
    /// The number that user space knows the namespace by.
    #[inline]
    pub fn inum(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_net_inum }>(self)
    }

    /// The device with this index; null if there is none. Device 0 is none.
    #[inline]
    pub fn device(self, index: i32) -> KernelPtr<Device> {
        /// How many lists the devices are in, by their index.
        const LISTS: usize = 256;
        /// Looked at so many devices of a list, it goes in circles.
        const LIST_MAX: usize = 1024;
        const WORD: usize = core::mem::size_of::<usize>();

        if index == 0 || self.is_null() {
            return KernelPtr::NULL;
        }
        let lists: KernelPtr<KernelPtr<u8>> =
            field::<_, KernelPtr<KernelPtr<u8>>, { bindings::faultline_at_net_dev_index_head }>(
                self,
            )
            .follow();
        let list = (index as usize) & (LISTS - 1);
        // A `struct hlist_head` is a pointer to a node, and a node begins with
        // one to the next.
        let mut node = lists.add::<KernelPtr<u8>>(list.wrapping_mul(WORD)).follow();
        for _ in 0..LIST_MAX {
            if node.is_null() {
                break;
            }
            let offset = (bindings::faultline_at_net_device_index_hlist >> 16) as usize;
            let device: KernelPtr<Device> = node.add(offset.wrapping_neg());
            if device.index() == index {
                return device;
            }
            node = node.add::<KernelPtr<u8>>(0).follow();
        }
        KernelPtr::NULL
    }

    /// The settings of all its devices (`conf.all`).
    #[inline]
    fn devconf(self) -> KernelPtr<u8> {
        field::<_, KernelPtr<u8>, { bindings::faultline_at_net_devconf_all }>(self).follow()
    }
}

impl KernelPtr<Device> {
    /// Its index.
    #[inline]
    pub fn index(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_net_device_ifindex }>(self)
    }

    /// Its name.
    #[inline]
    pub fn name(self) -> Name {
        if self.is_null() {
            return [0; NAME_SIZE];
        }
        field::<_, Name, { bindings::faultline_at_net_device_name }>(self)
            .read()
            .unwrap_or([0; NAME_SIZE])
    }

    /// The namespace that it is in.
    #[inline]
    pub fn net(self) -> KernelPtr<Net> {
        field::<_, KernelPtr<Net>, { bindings::faultline_at_net_device_net }>(self).follow()
    }

    /// What it has for IPv4; null if it has nothing.
    #[inline]
    pub fn ip(self) -> KernelPtr<InDevice> {
        field::<_, KernelPtr<InDevice>, { bindings::faultline_at_net_device_ip_ptr }>(self).follow()
    }

    /// The length of an address of its link.
    #[inline]
    pub(super) fn link_address_len(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_net_device_addr_len }>(self)
    }
}

impl KernelPtr<InDevice> {
    /// Has it an address?
    #[inline]
    pub fn has_address(self) -> bool {
        !field::<_, KernelPtr<u8>, { bindings::faultline_at_in_device_ifa_list }>(self)
            .follow()
            .is_null()
    }

    /// Returns whether packets that come by it are forwarded.
    #[inline]
    pub fn forwards(self) -> bool {
        value::<_, i32, { bindings::faultline_at_in_device_forwarding }>(self) != 0
    }

    /// Which requests of ARP are not answered (`arp_ignore`): the greater of what the device and
    /// what all of its namespace have.
    #[inline]
    pub fn arp_ignore(self, net: KernelPtr<Net>) -> u32 {
        let own = value::<_, i32, { bindings::faultline_at_in_device_arp_ignore }>(self);
        let all =
            value::<_, i32, { bindings::faultline_at_ipv4_devconf_arp_ignore }>(net.devconf());
        own.max(all) as u32
    }

    /// How sources are validated (`rp_filter`): 0 not, 1 strictly, 2 loosely;
    /// the greater of what the device and what all of its namespace have.
    #[inline]
    pub fn rp_filter(self, net: KernelPtr<Net>) -> u8 {
        let own = value::<_, i32, { bindings::faultline_at_in_device_rp_filter }>(self);
        let all = value::<_, i32, { bindings::faultline_at_ipv4_devconf_rp_filter }>(net.devconf());
        own.max(all) as u8
    }
}
