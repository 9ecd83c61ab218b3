// SPDX-License-Identifier: GPL-2.0

//! The structures of the network, as probes see them: addresses of which fields
//! can be read, see [`memory`](crate::memory).
//!
//! Addresses of IPv4 are as in a packet, in the order of the network. What
//! cannot be read is 0, empty or null, so that an event is complete with what
//! can.
//!
//! Where the fields are is asked of the C compiler, for the kernel that the
//! module is built for: `rust/bindings/net.h`.
//!
//! C header: [`include/net/ip_fib.h`](srctree/include/net/ip_fib.h)\
//! C header: [`include/net/flow.h`](srctree/include/net/flow.h)\
//! C header: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h)\
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use crate::{
    bindings,
    memory::{
        KernelPtr,
        Plain,
        Pointee, //
    }, //
};

/// A network namespace, `struct net`.
pub enum Net {}

/// A network device, `struct net_device`.
pub enum Device {}

/// What a device has for IPv4, `struct in_device`.
pub enum InDevice {}

/// A packet, `struct sk_buff`.
pub enum Packet {}

/// What is looked for, `struct flowi4`.
pub enum Flow {}

/// A routing table, `struct fib_table`.
pub enum Table {}

/// What a lookup found, `struct fib_result`.
pub enum Found {}

/// The route that was found, `struct fib_info`.
pub enum Info {}

/// Where it leads next, `struct fib_nh_common`.
pub enum NextHop {}

/// A route that can be used, `struct rtable`.
pub enum Route {}

macro_rules! structures {
    ($($type:ty),*) => { $(
        // SAFETY: The kernel allocates these, or has them on a stack or in its image.
        // The probed functions of `rust/bindings/prototypes` take them.
        unsafe impl Pointee for $type {
            const IS_STRUCTURE: bool = true;
        }
    )* };
}

structures!(Net, Device, InDevice, Packet, Flow, Table, Found, Info, NextHop, Route);

/// An address of IPv4, in the order of the network.
pub type Address = u32;

/// The name of a device, with NUL.
pub type Name = [u8; NAME_SIZE];

/// The room for the name of a device.
pub const NAME_SIZE: usize = bindings::IFNAMSIZ as usize;

/// The field at `AT`, which is a constant of `rust/bindings/net.h`.
#[inline(always)]
fn field<T, U, const AT: u64>(structure: KernelPtr<T>) -> KernelPtr<U> {
    const {
        assert!(
            core::mem::size_of::<U>() as u64 == AT & 0xffff,
            "the field has another size"
        );
    }
    structure.add((AT >> 16) as usize)
}

/// The value of the field at `AT`, or 0.
#[inline(always)]
fn value<T, U: Plain, const AT: u64>(structure: KernelPtr<T>) -> U {
    field::<T, U, AT>(structure).read_or_zero()
}

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

    /// The setting `all.rp_filter`.
    #[inline]
    fn rp_filter(self) -> i32 {
        let all: KernelPtr<u8> =
            field::<_, KernelPtr<u8>, { bindings::faultline_at_net_devconf_all }>(self).follow();
        value::<_, i32, { bindings::faultline_at_ipv4_devconf_rp_filter }>(all)
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
    fn link_address_len(self) -> u8 {
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

    /// How sources are validated (`rp_filter`): 0 not, 1 strictly, 2 loosely;
    /// the greater of what the device and what all of its namespace have.
    #[inline]
    pub fn rp_filter(self, net: KernelPtr<Net>) -> u8 {
        let own = value::<_, i32, { bindings::faultline_at_in_device_rp_filter }>(self);
        own.max(net.rp_filter()) as u8
    }
}

impl KernelPtr<Packet> {
    /// The device by which it came.
    #[inline]
    pub fn device(self) -> KernelPtr<Device> {
        field::<_, KernelPtr<Device>, { bindings::faultline_at_sk_buff_dev }>(self).follow()
    }

    /// Its mark.
    #[inline]
    pub fn mark(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_sk_buff_mark }>(self)
    }

    /// What it says, if it is one of ARP; see
    /// [`include/uapi/linux/if_arp.h`](srctree/include/uapi/linux/if_arp.h).
    #[inline]
    pub fn arp(self) -> Arp {
        /// What precedes the addresses.
        const HEADER: usize = 8;
        const OPERATION: usize = 6;

        let head: KernelPtr<u8> =
            field::<_, KernelPtr<u8>, { bindings::faultline_at_sk_buff_head }>(self).follow();
        let offset = value::<_, u16, { bindings::faultline_at_sk_buff_network_header }>(self);
        let link = usize::from(self.device().link_address_len());
        let header = head.add::<u8>(usize::from(offset));
        // The link's address and the sender's, then the same of the target.
        let sender = header.add::<u8>(HEADER.wrapping_add(link));
        let target = sender.add::<u8>(link.wrapping_add(4));
        Arp {
            operation: u16::from_be(header.add::<u16>(OPERATION).read().unwrap_or(0)),
            sender: sender.add::<Address>(0).read().unwrap_or(0),
            target: target.add::<Address>(0).read().unwrap_or(0),
        }
    }
}

/// What a packet of ARP says.
#[derive(Clone, Copy)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// The address of who sends it.
    pub sender: Address,
    /// The address that it is about.
    pub target: Address,
}

impl KernelPtr<Flow> {
    /// The index of the device that it leaves by; 0 for any.
    #[inline]
    pub fn oif(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_flowi4_oif }>(self)
    }

    /// The index of the device that it came by; 1, the loopback device, if it
    /// is our own.
    #[inline]
    pub fn iif(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_flowi4_iif }>(self)
    }

    /// The mark.
    #[inline]
    pub fn mark(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_flowi4_mark }>(self)
    }

    /// Type of service, without the lower two bits on newer kernels.
    #[inline]
    pub fn tos(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_flowi4_tos }>(self)
    }

    /// The source; 0 for any.
    #[inline]
    pub fn source(self) -> Address {
        value::<_, u32, { bindings::faultline_at_flowi4_saddr }>(self)
    }

    /// The destination.
    #[inline]
    pub fn destination(self) -> Address {
        value::<_, u32, { bindings::faultline_at_flowi4_daddr }>(self)
    }
}

impl KernelPtr<Table> {
    /// Its number.
    #[inline]
    pub fn id(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_fib_table_id }>(self)
    }
}

/// It means something only if the lookup returned 0: otherwise the kernel wrote nothing there.
impl KernelPtr<Found> {
    /// The prefix that matched, and its length.
    #[inline]
    pub fn prefix(self) -> (Address, u8) {
        (
            value::<_, u32, { bindings::faultline_at_fib_result_prefix }>(self),
            value::<_, u8, { bindings::faultline_at_fib_result_prefixlen }>(self),
        )
    }

    /// The type of the route (`RTN_UNICAST`, ...).
    #[inline]
    pub fn kind(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib_result_type }>(self)
    }

    /// The scope of the route.
    #[inline]
    pub fn scope(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib_result_scope }>(self)
    }

    /// The next hop that was chosen.
    #[inline]
    pub fn next_hop(self) -> KernelPtr<NextHop> {
        field::<_, KernelPtr<NextHop>, { bindings::faultline_at_fib_result_nhc }>(self).follow()
    }

    /// The namespace of the route.
    #[inline]
    pub fn net(self) -> KernelPtr<Net> {
        let info =
            field::<_, KernelPtr<Info>, { bindings::faultline_at_fib_result_fi }>(self).follow();
        field::<_, KernelPtr<Net>, { bindings::faultline_at_fib_info_net }>(info).follow()
    }
}

/// A gateway: the family of its address, and that address if it is one of IPv4.
/// Family 0 is no gateway: the destination is on the link.
#[derive(Clone, Copy, Default)]
pub struct Gateway {
    /// `AF_INET` (2), `AF_INET6` (10) or 0.
    pub family: u8,
    /// The address, 0 if the family is another.
    pub address: Address,
}

impl Gateway {
    const AF_INET: u8 = 2;

    fn new(family: u8, address: impl FnOnce() -> Address) -> Self {
        Self {
            family,
            address: if family == Self::AF_INET {
                address()
            } else {
                0
            },
        }
    }
}

impl KernelPtr<NextHop> {
    /// The device that it is reached by.
    #[inline]
    pub fn device(self) -> KernelPtr<Device> {
        field::<_, KernelPtr<Device>, { bindings::faultline_at_fib_nh_dev }>(self).follow()
    }

    /// Its gateway.
    #[inline]
    pub fn gateway(self) -> Gateway {
        Gateway::new(
            value::<_, u8, { bindings::faultline_at_fib_nh_gw_family }>(self),
            || value::<_, u32, { bindings::faultline_at_fib_nh_gw }>(self),
        )
    }
}

impl KernelPtr<Route> {
    /// The device that it leads to.
    #[inline]
    pub fn device(self) -> KernelPtr<Device> {
        field::<_, KernelPtr<Device>, { bindings::faultline_at_rtable_dev }>(self).follow()
    }

    /// Its type (`RTN_UNICAST`, ...).
    #[inline]
    pub fn kind(self) -> u8 {
        value::<_, u16, { bindings::faultline_at_rtable_type }>(self) as u8
    }

    /// Its gateway. A route that is not cached keeps its destination where the
    /// gateway would be.
    #[inline]
    pub fn gateway(self) -> Gateway {
        let family = match value::<_, u8, { bindings::faultline_at_rtable_uses_gateway }>(self) {
            0 => 0,
            _ => value::<_, u8, { bindings::faultline_at_rtable_gw_family }>(self),
        };
        Gateway::new(family, || {
            value::<_, u32, { bindings::faultline_at_rtable_gw }>(self)
        })
    }
}
