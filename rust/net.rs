// SPDX-License-Identifier: GPL-2.0

//! The network, as `route_probe` alone needs it: its structures, and the events of the
//! routing path.
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
//! - [`events`]: events in tracefs.

mod device;
pub mod events;
mod field;
mod packet;
mod routing;

pub use device::{
    Device,
    InDevice,
    Name,
    Net,
    NAME_SIZE, //
};
pub use packet::{
    Arp,
    Packet, //
};
pub use routing::{
    Flow,
    Found,
    Gateway,
    Info,
    NextHop,
    Route,
    Table, //
};

/// An address of IPv4, in the order of the network.
pub type Address = u32;
