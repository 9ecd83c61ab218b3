// SPDX-License-Identifier: GPL-2.0

//! The events of the routing path, `events/route_probe/`: for each its record, and the
//! function that records it.
//!
//! The events are the kernel's own `TRACE_EVENT`, whose macros only C can use, in
//! `rust/net/route_events.h`. An event costs next to nothing while nobody listens: the
//! record is made only then.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)

use crate::{
    bindings,
    probe::HandlerContext,
    trace::Written, //
};

pub use crate::bindings::{
    faultline_route_arp as ArpProcess,
    faultline_route_input as Input,
    faultline_route_lookup as Lookup,
    faultline_route_output as Output,
    faultline_route_validate as Validate, //
};

macro_rules! record {
    ($type:ident) => {
        impl $type {
            /// A record of zeros.
            #[inline(always)]
            pub fn zeroed() -> Self {
                // SAFETY: The record has numbers, characters, false and null.
                unsafe { core::mem::zeroed() }
            }
        }
    };
}

record!(Lookup);
record!(Input);
record!(Validate);
record!(ArpProcess);
record!(Output);

macro_rules! event {
    ($(#[$doc:meta])* $name:ident, $record:ident, $enabled:ident, $trace:ident) => {
        $(#[$doc])*
        ///
        /// `record` is called if somebody listens.
        ///
        /// # Context
        ///
        /// Any, a handler in particular.
        #[inline(always)]
        pub fn $name(_context: HandlerContext<'_>, record: impl FnOnce() -> $record) -> Written {
            // SAFETY: The function looks at a static key.
            if !unsafe { bindings::$enabled() } {
                return Written::Unheard;
            }
            let mut record = record();
            // SAFETY: The record lives until the event has copied it.
            unsafe { bindings::$trace(&mut record) };
            if record.written {
                Written::Yes
            } else {
                Written::Lost
            }
        }
    };
}

event!(
    /// A lookup in a table has found a route.
    fib_lookup,
    Lookup,
    faultline_route_lookup_enabled,
    faultline_route_lookup_trace
);
event!(
    /// A lookup in a table has found none, or one that refuses.
    fib_lookup_failed,
    Lookup,
    faultline_route_lookup_failed_enabled,
    faultline_route_lookup_failed_trace
);
event!(
    /// A packet that came in was given a route, or dropped.
    ip_route_input,
    Input,
    faultline_route_input_enabled,
    faultline_route_input_trace
);
event!(
    /// The source of a packet was validated.
    fib_validate_source,
    Validate,
    faultline_route_validate_enabled,
    faultline_route_validate_trace
);
event!(
    /// A packet of ARP was processed.
    arp_process,
    ArpProcess,
    faultline_route_arp_enabled,
    faultline_route_arp_trace
);
event!(
    /// A packet of our own was given a route.
    route_output,
    Output,
    faultline_route_output_enabled,
    faultline_route_output_trace
);
event!(
    /// There was no route for a packet of our own.
    route_output_failed,
    Output,
    faultline_route_output_failed_enabled,
    faultline_route_output_failed_trace
);

/// The name of what route input or source validation returned, without its
/// sign: a drop reason, or an errno on kernels before 6.13.
pub fn verdict_name(verdict: u32) -> Option<&'static str> {
    // SAFETY: The function returns null or a constant string with NUL.
    let name = unsafe { bindings::faultline_route_verdict_name(verdict) };
    if name.is_null() {
        return None;
    }
    // SAFETY: It is not null, so it is a constant string with NUL.
    core::str::from_utf8(crate::compat::bytes(unsafe { crate::compat::c_str(name) })).ok()
}
