// SPDX-License-Identifier: GPL-2.0

//! Reads that are slow: the smallest probe module, the one to copy.
//!
//! A kretprobe keeps when `vfs_read()` was entered. A call that returns after `slow_us` or
//! more is counted in debugfs, `hello_probe/reads`, and is an event in tracefs,
//! `events/hello_probe/slow_read/`.

#![forbid(unsafe_code)]

use faultline::{
    debugfs, memory::percpu::Counters, prelude::*, probe::*, task::time, trace::Record,
};

faultline::params! {
    /// how long a read has to take to be slow; live
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
        let ns = time::monotonic_ns().saturating_sub(*entered);
        if ns >= u64::from(slow_us.get()).saturating_mul(1000) {
            self.0.add::<1>(1);
            let ret = call.ret();
            SlowRead::record(call.context(), || SlowRead { ns, ret });
        }
    }
}

struct HelloProbe(Probes<Reads>);

impl debugfs::Show for HelloProbe {
    fn show(&self, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        let counted = &self.0.handler().0;
        writeln!(out, "reads {}\nslow {}", counted.sum(0), counted.sum(1))
    }
}

/// Dropped at unload: the file first, then the probe.
struct Loaded(#[allow(dead_code, reason = "it is only dropped")] debugfs::File<HelloProbe>);

impl Module for Loaded {
    fn init() -> Result<Self> {
        let (reads, functions) = (Reads(Counters::new()?), [Function::new(c"vfs_read", ())]);
        let probes = Probes::all(reads, functions, kretprobe::MaxActive::DEFAULT);
        let probes = HelloProbe(probes.map_err(|error| error.report())?);
        probes.0.enable_all()?;
        let (folder, shown) = (debugfs::Directory::new()?, Arc::new(probes, GFP_KERNEL)?);
        Ok(Self(debugfs::File::new(&folder, c"reads", false, shown)?))
    }
}

faultline::module! {
    type: Loaded, license: "GPL", author: "A. U. Thor", description: "Tells which reads are slow",
}
