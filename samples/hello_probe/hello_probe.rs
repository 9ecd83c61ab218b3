// SPDX-License-Identifier: GPL-2.0

//! Counts and records slow reads: the smallest probe module, meant to be copied.
//!
//! A kretprobe stores the time at which `vfs_read()` is entered. A call that takes `slow_us` or
//! longer is counted in debugfs, `hello_probe/reads`, and recorded as an event in tracefs,
//! `events/hello_probe/slow_read/`.

#![forbid(unsafe_code)]

use faultline::{debugfs, memory::percpu::Counters, prelude::*, probe::*, task::time};

faultline::params! {
    /// time from which a read counts as slow; live
    0o644 slow_us: uint = 1000, unit("microseconds");
}

faultline::event! {
    /// A slow read.
    struct SlowRead as slow_read { ns: u64, ret: i64 }
}

/// Counts all reads, and the slow ones.
struct Reads(Counters<2>);

impl Handler for Reads {
    type Target = ();
    type Data = u64;

    fn entry(&self, _call: &Entry<'_, Self>) -> Option<u64> {
        self.0.add::<0>(1);
        Some(time::monotonic_ns())
    }

    fn ret(&self, call: &Return<'_, Self>, entered: &u64) {
        let (ret, ns) = (call.ret(), time::monotonic_ns().saturating_sub(*entered));
        if ns >= u64::from(slow_us.get()).saturating_mul(1000) {
            self.0.add::<1>(1);
            SlowRead::record(call.context(), || SlowRead { ns, ret });
        }
    }
}

impl debugfs::Show for Reads {
    fn show(&self, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        writeln!(out, "reads {}\nslow {}", self.0.sum(0), self.0.sum(1))
    }
}

/// Dropped at unload: the file first, then the probe.
struct HelloProbe(#[allow(dead_code, reason = "it is only dropped")] debugfs::File<Probes<Reads>>);

impl Module for HelloProbe {
    fn init() -> Result<Self> {
        let (reads, functions) = (Reads(Counters::new()?), [Function::new(c"vfs_read", ())]);
        let probes = Probes::attach(reads, functions, kretprobe::MaxActive::DEFAULT)?;
        Ok(Self(debugfs::File::only(c"reads", probes)?))
    }
}

faultline::module! {
    type: HelloProbe, license: "GPL", author: "A. U. Thor", description: "Counts slow reads",
}
