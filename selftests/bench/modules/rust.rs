// SPDX-License-Identifier: GPL-2.0

//! The probes that the benchmark measures, as one would write them with the library: `probe`
//! says which of them sits on `fib_table_lookup()`.

#![forbid(unsafe_code)]

use core::fmt;

use faultline::{
    memory::{
        percpu::Counters,
        KernelPtr, //
    },
    net::{
        Family,
        Found,
        V4, //
    },
    params::Words,
    prelude::*,
    probe::{
        kretprobe::MaxActive,
        Entry,
        Function,
        Handler,
        Kprobe,
        Probes,
        Return, //
    },
    sync::published::{
        Publication,
        Published, //
    }, //
};

/// What sits on the function.
#[derive(Clone, Copy, Words)]
enum Which {
    Kprobe,
    Kretprobe,
}

faultline::params! {
    /// which probe
    0o444 probe: word<Which> = "kprobe";
    /// how many calls were counted
    0o444 seen: computed = show;
}

/// Counts calls.
struct Calls(Counters<1>);

impl Handler<Kprobe> for Calls {
    type Target = ();
    type Data = ();

    fn entry(&self, _call: &Entry<'_, Self, Kprobe>) -> Option<()> {
        self.0.add::<0>(1);
        None
    }
}

/// How many types of routes there are.
const KINDS: usize = 12;

/// Keeps where the result will be, and counts results by their type.
struct Results(Counters<KINDS>);

impl Handler for Results {
    type Target = ();
    type Data = KernelPtr<Found<V4>>;

    fn entry(&self, call: &Entry<'_, Self>) -> Option<KernelPtr<Found<V4>>> {
        call.arg(2)
    }

    fn ret(&self, call: &Return<'_, Self>, found: &KernelPtr<Found<V4>>) {
        if call.ret::<i32>() == 0 {
            self.0.count(usize::from(V4::found_kind(*found)));
        }
    }
}

/// The probe that was chosen.
enum Attached {
    Kprobe(Probes<Calls, Kprobe>),
    Kretprobe(Probes<Results>),
}

static ATTACHED: Published<Attached> = Published::new();

fn show(out: &mut dyn fmt::Write) -> fmt::Result {
    let sum = ATTACHED.with(|attached| match attached {
        Attached::Kprobe(probes) => probes.handler().0.sum(0),
        Attached::Kretprobe(probes) => {
            let counters = &probes.handler().0;
            (0..KINDS).fold(0, |sum, kind| counters.sum(kind).wrapping_add(sum))
        }
    });
    write!(out, "{}", sum.unwrap_or(0))
}

impl Attached {
    fn new() -> Result<Self> {
        let functions = [Function::new(c"fib_table_lookup", ())];
        Ok(match probe.get() {
            Some((_, Which::Kretprobe)) => {
                let handler = Results(Counters::new()?);
                let probes = Probes::all(handler, functions, MaxActive::DEFAULT);
                let probes = probes.map_err(|error| error.report())?;
                probes.enable_all()?;
                Self::Kretprobe(probes)
            }
            _ => {
                let handler = Calls(Counters::new()?);
                let probes = Probes::all(handler, functions, ());
                let probes = probes.map_err(|error| error.report())?;
                probes.enable_all()?;
                Self::Kprobe(probes)
            }
        })
    }
}

/// Takes the probe back when dropped.
struct Loaded {
    _attached: Publication<Attached>,
}

impl Module for Loaded {
    fn init() -> Result<Self> {
        let attached = Arc::new(Attached::new()?, GFP_KERNEL)?;
        Ok(Self {
            _attached: ATTACHED.publish(attached)?,
        })
    }
}

faultline::module! {
    type: Loaded,
    license: "GPL",
    author: "The faultline authors",
    description: "Probes of the library, for benchmarks",
}
