// SPDX-License-Identifier: GPL-2.0

//! For the tests of the library's probes: what handlers of kprobes and kretprobes
//! see of calls that a test makes.

#![forbid(unsafe_code)]

use core::{
    ffi::CStr,
    fmt, //
};

use faultline::{
    kprobe::{
        self,
        Kprobes, //
    },
    kretprobe::{
        self,
        KretProbes,
        Return, //
    },
    memory::KernelPtr,
    percpu::Counters,
    prelude::*,
    probe::Handling,
    published::Published, //
};

faultline::params! {
    /// which of the functions to replace by one that is not there
    0o444 missing: uint = 9, range(0..=9);
    /// count calls of do_mmap() with this offset in pages
    0o444 offset: uint = 0;
    /// do not unregister
    0o444 leak: bool = false;
    /// what was counted
    0o444 seen: computed = show;
}

/// A file of procfs is read: the function that reads, in it the one that makes
/// the text.
const READ: usize = 0;
const SHOW: usize = 1;
/// Nine arguments, of which the last three are on the stack of x86-64.
const MMAP: usize = 2;
const FUNCTIONS: [&CStr; 3] = [c"seq_read_iter", c"version_proc_show", c"do_mmap"];

const ENTRIES: usize = 0;
const RETURNS: usize = 1;
const NESTED: usize = 2;
const SAME_DATA: usize = 3;
const OFFSETS: usize = 4;
const UNREADABLE: usize = 5;
const READABLE: usize = 6;
const KPROBE: usize = 7;
const KPROBE_OFFSETS: usize = 8;

/// What both handlers count.
struct Counts(Arc<Counters<9>>);

impl kretprobe::Handler for Counts {
    /// The function's first argument.
    type Data = (usize, usize);

    fn entry(&self, call: &kretprobe::Entry<'_, Self>, _here: &Handling<'_>) -> Option<Self::Data> {
        match call.probe() {
            SHOW => {
                self.0.add::<ENTRIES>(1);
                let (outer, &(probe, _)) = call.enclosing()?;
                if outer == READ && probe == READ {
                    self.0.add::<NESTED>(1);
                }
                // A structure of the kernel can be read.
                let seq: KernelPtr<u64> = call.arg(0)?;
                if seq.read().is_some() {
                    self.0.add::<READABLE>(1);
                }
            }
            MMAP => {
                if call.arg::<u64>(6)? != u64::from(offset.get()) {
                    return None;
                }
                self.0.add::<OFFSETS>(1);
                // A length is no address of the kernel's, nor is null.
                let length: KernelPtr<u64> = call.arg(2)?;
                if length.read().is_none() && KernelPtr::<u8>::NULL.read().is_none() {
                    self.0.add::<UNREADABLE>(1);
                }
            }
            _ => (),
        }
        Some((call.probe(), call.arg(0)?))
    }

    fn ret(&self, ret: &Return<'_>, &(probe, _first): &Self::Data, _here: &Handling<'_>) {
        if probe == ret.probe() {
            self.0.add::<SAME_DATA>(u64::from(probe == SHOW));
        }
        if ret.probe() == SHOW && ret.ret::<i32>() == 0 {
            self.0.add::<RETURNS>(1);
        }
    }
}

impl kprobe::Handler for Counts {
    fn entry(&self, call: &kprobe::Entry<'_>, _here: &Handling<'_>) {
        match call.probe() {
            SHOW => self.0.add::<KPROBE>(1),
            MMAP if call.arg::<u64>(6) == Some(u64::from(offset.get())) => {
                self.0.add::<KPROBE_OFFSETS>(1);
            }
            _ => (),
        }
    }
}

/// The module.
struct Probes {
    counts: Arc<Counters<9>>,
    _kretprobes: KretProbes<Counts>,
    _kprobes: Kprobes<Counts>,
}

static PROBES: Published<Probes> = Published::new();

fn show(out: &mut dyn fmt::Write) -> fmt::Result {
    const NAMES: [&str; 9] = [
        "entries",
        "returns",
        "nested",
        "same_data",
        "offsets",
        "unreadable",
        "readable",
        "kprobe",
        "kprobe_offsets",
    ];
    let shown = PROBES.with(|probes| {
        let mut at: usize = 0;
        NAMES.iter().try_for_each(|name| {
            let count = probes.counts.sum(at);
            at = at.wrapping_add(1);
            write!(out, "{name}={count} ")
        })
    });
    shown.unwrap_or(Ok(()))
}

impl Probes {
    fn new() -> Result<Self> {
        let mut functions = FUNCTIONS;
        if let Some(function) = functions.get_mut(missing.get() as usize) {
            *function = c"no_such_function";
        }
        let counts = Arc::new(Counters::new()?, GFP_KERNEL)?;
        let kretprobes = KretProbes::all(Counts(counts.clone()), &functions, 0)
            .map_err(|refused| refused.report())?;
        let kprobes =
            Kprobes::all(Counts(counts.clone()), &functions).map_err(|refused| refused.report())?;
        for place in 0..functions.len() {
            kretprobes.enable(place)?;
            kprobes.enable(place)?;
        }
        Ok(Self {
            counts,
            _kretprobes: kretprobes,
            _kprobes: kprobes,
        })
    }
}

/// Takes the probes back when dropped.
struct Loaded;

impl Module for Loaded {
    fn init() -> Result<Self> {
        PROBES.publish(Arc::new(Probes::new()?, GFP_KERNEL)?);
        Ok(Self)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if !leak.get() {
            PROBES.withdraw();
        }
    }
}

faultline::module! {
    type: Loaded,
    license: "GPL",
    author: "The faultline authors",
    description: "For the tests of the library's probes",
}
