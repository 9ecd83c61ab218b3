// SPDX-License-Identifier: GPL-2.0

//! The network, as `route_probe` alone needs it.
//!
//! A structure is an address of which fields can be read, see
//! [`memory`](crate::memory). Addresses of IPv4 are as in a packet, in the order of the
//! network. What cannot be read is 0, empty or null, so that an event is complete with
//! what can.
//!
//! - [`Net`], [`Device`], [`InDevice`]: namespaces and devices.
//! - [`Packet`], [`Arp`]: what comes in.
//! - [`Flow`], [`Table`], [`Found`], [`NextHop`], [`Route`]: what is asked of the routing
//!   tables, and what they answer.
//! - [`Rules`], [`RulesSearch`], [`Rule`]: the rules that say which tables are asked.
//! - [`Ipv4`], [`Ipv4Prefix`], [`Ipv6`]: fields of events.

mod device;
mod field;
mod fields;
mod next_hop;
mod packet;
mod reasons;
mod routing;
mod rule;

pub use device::{
    Device,
    InDevice,
    Name,
    Net,
    NAME_SIZE, //
};
pub use fields::{
    Ipv4,
    Ipv4Prefix,
    Ipv6, //
};
pub use next_hop::{
    Gateway,
    Info,
    NextHop,
    Path, //
};
pub use packet::{
    Arp,
    Packet, //
};
pub use reasons::{
    reason_bytes,
    reason_name, //
};
pub use routing::{
    Flow,
    Found,
    Route,
    Table, //
};
pub use rule::{
    Range,
    Rule,
    Rules,
    RulesSearch, //
};

/// An address of IPv4, in the order of the network.
pub type Address = u32;
