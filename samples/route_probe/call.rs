// SPDX-License-Identifier: GPL-2.0

//! A call that is followed: what is kept of it from its entry to its return.

use faultline::{
    memory::KernelPtr,
    net::{
        Address,
        Arp,
        Device,
        Flow,
        Found,
        Name,
        Net,
        Packet,
        Table,
        NAME_SIZE, //
    },
    probe::ContextLevel,
    task::time, //
};

use crate::{
    cause::Cause,
    ledger::Ledger, //
};

/// A call that is followed to its return.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) entered_ns: u64,
    pub(crate) net: KernelPtr<Net>,
    /// By which the packet came, if there is one.
    pub(crate) device: KernelPtr<Device>,
    /// What it is made for.
    pub(crate) cause: Cause,
    /// What is made in it is made for this.
    pub(crate) gives: Cause,
    /// What was interrupted when it was made; see [`HandlerContext::level`].
    pub(crate) level: ContextLevel,
    /// `None` if it was filtered, and is followed for the sake of what is made
    /// in it.
    pub(crate) about: Option<About>,
}

/// The arguments of a call.
#[derive(Clone, Copy)]
pub(crate) enum About {
    Arp(Arp),
    Input {
        packet: KernelPtr<Packet>,
        addresses: Addresses,
    },
    Validate {
        packet: KernelPtr<Packet>,
        addresses: Addresses,
        oif: i32,
    },
    Output(Asked),
    /// A lookup changes none of its arguments but the result, so they are still
    /// there when it returns.
    Lookup {
        flow: KernelPtr<Flow>,
        table: KernelPtr<Table>,
        found: KernelPtr<Found>,
    },
}

/// What a way out is asked for. The kernel fills in what was left open there, so
/// it is taken before.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) src: Address,
    pub(crate) dst: Address,
    pub(crate) mark: u32,
    pub(crate) oif: i32,
    pub(crate) tos: u8,
}

#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) src: Address,
    pub(crate) dst: Address,
    pub(crate) tos: u8,
}

/// What is known of a call before its arguments are looked at.
pub(crate) struct Around {
    /// What it is made for.
    pub(crate) cause: Cause,
    /// Those of the call in which it is made, if there is one.
    pub(crate) net: KernelPtr<Net>,
    pub(crate) device: KernelPtr<Device>,
    pub(crate) level: ContextLevel,
}

impl Around {
    /// The call, of which these are the arguments.
    #[inline(always)]
    pub(crate) fn call(&self, about: Option<About>) -> Call {
        Call {
            entered_ns: time::monotonic_ns(),
            net: self.net,
            device: self.device,
            cause: self.cause,
            gives: self.cause,
            level: self.level,
            about,
        }
    }

    /// The call, or what has to be kept of it if it does not pass.
    #[inline(always)]
    pub(crate) fn call_if(
        &self,
        passes: bool,
        ledger: &Ledger,
        gives: Cause,
        about: About,
    ) -> Option<Call> {
        if !passes {
            ledger.filtered();
        }
        Some(Call {
            gives,
            ..self.call(passes.then_some(about))
        })
    }
}

/// The index of the loopback device, in every namespace.
const LOOPBACK: i32 = 1;

/// The name of the loopback device, in every namespace.
const LO: Name = {
    let mut name = [0; NAME_SIZE];
    name[0] = b'l';
    name[1] = b'o';
    name
};

impl Call {
    /// The name of the device with this index; nothing for 0, which is none.
    pub(crate) fn name(&self, net: KernelPtr<Net>, index: i32) -> Name {
        match index {
            0 => [0; NAME_SIZE],
            LOOPBACK => LO,
            _ if !self.device.is_null() && self.device.index() == index => self.device.name(),
            _ => net.device(index).name(),
        }
    }
}
