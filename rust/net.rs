// SPDX-License-Identifier: GPL-2.0

//! The network, as `route_probe` alone needs it.
//!
//! A structure is an address of which fields can be read, see
//! [`memory`](crate::memory). What cannot be read is 0, empty or null, so that an event is
//! complete with what can.
//!
//! - [`Family`], [`V4`], [`V6`]: what IPv4 and IPv6 have in structures of their own.
//! - [`Net`], [`Device`], [`InDevice`]: namespaces and devices.
//! - [`Packet`], [`Arp`], [`Ipv6Header`], [`Ndisc`]: what comes in.
//! - [`Flow`], [`Table`], [`Found`], [`NextHop`], [`Route`]: what is asked of the routing
//!   tables, and what they answer.
//! - [`Rules`], [`RulesSearch`], [`Rule`]: the rules that say which tables are asked.
//! - [`Ipv4`], [`Ipv4Prefix`], [`Ipv6`], [`Ipv6Prefix`]: addresses, as fields of events.

mod device;
mod family;
mod field;
mod fields;
mod next_hop;
mod packet;
mod reasons;
mod routing;
mod rule;
mod v4;
mod v6;

pub use device::{
    Device,
    InDevice,
    Name,
    Net,
    NAME_SIZE, //
};
pub use family::Family;
pub use fields::{
    Ipv4,
    Ipv4Prefix,
    Ipv6,
    Ipv6Prefix, //
};
pub use next_hop::{
    Gateway,
    NextHop,
    Path, //
};
pub use packet::{
    Arp,
    Ipv6Header,
    Ndisc,
    Packet, //
};
pub use reasons::{
    drop_reason_bytes,
    drop_reason_name,
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
pub use v4::V4;
pub use v6::V6;

use next_hop::{
    Info,
    Object,
    PATHS_MAX, //
};
