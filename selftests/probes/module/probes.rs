// SPDX-License-Identifier: GPL-2.0

//! For the tests of the library's probes: what handlers of each kind see of calls
//! that a test makes.

#![forbid(unsafe_code)]

use core::{
    ffi::CStr,
    fmt, //
};

use faultline::{
    compat::push,
    memory::{
        percpu::Counters,
        KernelPtr, //
    },
    params::Words,
    prelude::*,
    probe::{
        fprobe::Fprobe,
        kretprobe::MaxActive,
        Backend,
        ContextLevel,
        Entry,
        Filled,
        Function,
        Handler,
        Kprobe,
        Kretprobe,
        RegistrationError,
        Return,
        Slot, //
    },
    sync::published::{
        Publication,
        Published, //
    }, //
};

/// Which kinds of probes to register.
#[derive(Clone, Copy, PartialEq, Eq, Words)]
enum Kinds {
    All,
    Kprobe,
    Kretprobe,
    Fprobe,
    /// Kretprobes with as many data as there can be.
    Large,
}

/// What is put in the place of a function.
#[derive(Words)]
enum Instead {
    /// What is not there.
    Absent,
    /// What ftrace cannot trace.
    Assembly,
    /// What another module has.
    Module,
    /// What is compiled without the calls that ftrace patches, so that a kprobe is a breakpoint.
    Untraced,
}

faultline::params! {
    /// which kinds of probes to register
    0o444 kinds: word<Kinds> = "all";
    /// which of the functions to replace
    0o444 replace: uint = 9, range(0..=9);
    /// by what
    0o444 instead: word<Instead> = "absent";
    /// count calls of do_mmap() with this offset in pages
    0o444 offset: uint = 0;
    /// how many sets of fprobes more to register, with as many data as there can be
    0o444 crowd: uint = 0, range(0..=8);
    /// leave the probes disabled
    0o444 disabled: bool = false;
    /// do not unregister
    0o444 leak: bool = false;
    /// unregister explicitly and print the result, instead of by a drop
    0o444 explicit: bool = false;
    /// what was counted
    0o444 seen: computed = show;
    /// enables the kprobes again, and shows how many are enabled then, and the first error
    0o444 again: computed = enable_again;
}

/// What is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probed {
    /// A file of procfs is read: the function that reads.
    ReadText,
    /// In it, the one that makes the text.
    Show,
    /// Nine arguments, of which the last three are on the stack of x86-64.
    Mmap,
    /// Anything is read.
    Read,
    /// Its second argument is what a test gives, any 64 bits.
    Seek,
}

const FUNCTIONS: [(&CStr, Probed); 5] = [
    (c"seq_read_iter", Probed::ReadText),
    (c"version_proc_show", Probed::Show),
    (c"do_mmap", Probed::Mmap),
    (c"vfs_read", Probed::Read),
    (c"seq_lseek", Probed::Seek),
];

/// How many bytes the reads ask for that are looked at. Nobody else does.
const LENGTHS: [u64; 2] = [1009, 3023];

/// What the counters are called, by their places.
const NAMES: [&str; 20] = [
    "entries",
    "returns",
    "nested",
    "same_data",
    "offsets",
    "unreadable",
    "readable",
    "kprobe",
    "kprobe_offsets",
    "fprobe",
    "fprobe_returns",
    "fprobe_offsets",
    "declined",
    "reads",
    "read",
    "not_its_own",
    "seek_read",
    "seek_unread",
    "same_level",
    "other_level",
];
const ENTRIES: usize = 0;
const RETURNS: usize = 1;
const NESTED: usize = 2;
const SAME_DATA: usize = 3;
const OFFSETS: usize = 4;
const UNREADABLE: usize = 5;
const READABLE: usize = 6;
const KPROBE: usize = 7;
const KPROBE_OFFSETS: usize = 8;
const FPROBE: usize = 9;
const FPROBE_RETURNS: usize = 10;
const FPROBE_OFFSETS: usize = 11;
const DECLINED: usize = 12;
const READS: usize = 13;
const READ_RIGHT: usize = 14;
const NOT_ITS_OWN: usize = 15;
const SEEK_READ: usize = 16;
const SEEK_UNREAD: usize = 17;
const SAME_LEVEL: usize = 18;
const OTHER_LEVEL: usize = 19;

/// What the handlers count.
#[derive(Clone)]
struct Counts(Arc<Counters<{ NAMES.len() }>>);

impl Handler for Counts {
    type Target = Probed;
    /// Which probe it is, and what the call was made by.
    type Data = (Probed, ContextLevel);

    fn entry(&self, call: &Entry<'_, Self>) -> Option<Self::Data> {
        match call.target() {
            Probed::Show => {
                self.0.add::<ENTRIES>(1);
                let (outer, &(probed, _)) = call.enclosing()?;
                if *outer == Probed::ReadText && probed == Probed::ReadText {
                    self.0.add::<NESTED>(1);
                }
                // A structure of the kernel can be read.
                let seq: KernelPtr<u64> = call.arg(0)?;
                if seq.read().is_some() {
                    self.0.add::<READABLE>(1);
                }
            }
            Probed::Mmap => {
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
            Probed::Seek => {
                // An offset from the beginning that is none, so nobody else's: an address.
                if call.arg::<i64>(1)? >= 0 || call.arg::<i32>(2)? != 0 {
                    return None;
                }
                let word = call.arg::<KernelPtr<u64>>(1)?.looked_up();
                let seven = call.arg::<KernelPtr<[u8; 7]>>(1)?.looked_up();
                let half = call.arg::<KernelPtr<u16>>(1)?.looked_up();
                match (word.read(), seven.read()) {
                    // By word and by bytes, in both ways, it is the same memory.
                    (Some(eight), Some(seven))
                        if eight.to_le_bytes().starts_with(&seven)
                            && word.read_or_zero() == eight =>
                    {
                        self.0.add::<SEEK_READ>(1);
                    }
                    (None, None) if half.read_or_zero() == 0 => {
                        self.0.add::<SEEK_UNREAD>(1);
                    }
                    _ => (),
                }
            }
            _ => (),
        }
        Some((*call.target(), call.context().level()))
    }

    fn ret(&self, ret: &Return<'_, Self>, &(probed, level): &Self::Data) {
        if probed == Probed::Read {
            let is_same = level == ret.context().level();
            self.0.add::<SAME_LEVEL>(u64::from(is_same));
            self.0.add::<OTHER_LEVEL>(u64::from(!is_same));
        }
        if probed == *ret.target() {
            self.0.add::<SAME_DATA>(u64::from(probed == Probed::Show));
        }
        if *ret.target() == Probed::Show && ret.ret::<i32>() == 0 {
            self.0.add::<RETURNS>(1);
        }
    }
}

impl Handler<Kprobe> for Counts {
    type Target = Probed;
    type Data = ();

    fn entry(&self, call: &Entry<'_, Self, Kprobe>) -> Option<()> {
        match call.target() {
            Probed::Show => self.0.add::<KPROBE>(1),
            Probed::Mmap if call.arg::<u64>(6) == Some(u64::from(offset.get())) => {
                self.0.add::<KPROBE_OFFSETS>(1);
            }
            _ => (),
        }
        None
    }
}

impl Handler<Fprobe> for Counts {
    type Target = Probed;
    /// How many bytes a read asks for, as often as it fits in.
    type Data = [u64; 14];

    fn entry(&self, call: &Entry<'_, Self, Fprobe>) -> Option<Self::Data> {
        match call.target() {
            Probed::Show => self.0.add::<FPROBE>(1),
            Probed::Mmap if call.arg::<u64>(6)? == u64::from(offset.get()) => {
                self.0.add::<FPROBE_OFFSETS>(1);
            }
            Probed::Read => {
                let length = call.arg(2)?;
                if !LENGTHS.contains(&length) {
                    self.0.add::<DECLINED>(1);
                    return None;
                }
                self.0.add::<READS>(1);
                return Some([length; 14]);
            }
            _ => return None,
        }
        Some([0; 14])
    }

    fn ret(&self, ret: &Return<'_, Self, Fprobe>, lengths: &Self::Data) {
        match ret.target() {
            Probed::Show if ret.ret::<i32>() == 0 => self.0.add::<FPROBE_RETURNS>(1),
            // It gets what it asks for, since that is there.
            Probed::Read if lengths.iter().all(|&length| length == ret.ret()) => {
                self.0.add::<READ_RIGHT>(1);
            }
            Probed::Read => self.0.add::<NOT_ITS_OWN>(1),
            _ => (),
        }
    }
}

/// Has as many data as a kretprobe can.
struct Large(Counts);

impl Handler for Large {
    type Target = Probed;
    /// How many bytes a read asks for, as often as it fits in.
    type Data = [u64; 512];

    fn entry_in_place<'a>(
        &self,
        call: &Entry<'_, Self>,
        slot: Slot<'a, Self::Data>,
    ) -> Option<Filled<'a, Self::Data>> {
        let length = call.arg(2)?;
        if *call.target() != Probed::Read || !LENGTHS.contains(&length) {
            return None;
        }
        self.0 .0.add::<READS>(1);
        let mut data = slot.zeroed();
        data.iter_mut().for_each(|word| *word = length);
        Some(data)
    }

    fn ret(&self, ret: &Return<'_, Self>, lengths: &Self::Data) {
        if lengths.iter().all(|&length| length == ret.ret()) {
            self.0 .0.add::<READ_RIGHT>(1);
        } else {
            self.0 .0.add::<NOT_ITS_OWN>(1);
        }
    }
}

/// Takes as much room as there can be, and wants no call. It is for any backend that has so
/// much.
struct Crowd(Counts);

impl<B: Backend> Handler<B> for Crowd {
    type Target = Probed;
    type Data = [u64; 14];

    fn entry(&self, _call: &Entry<'_, Self, B>) -> Option<Self::Data> {
        None
    }

    fn ret(&self, _ret: &Return<'_, Self, B>, _data: &Self::Data) {
        self.0 .0.add::<NOT_ITS_OWN>(1);
    }
}

/// A set of probes.
type Set<H, B> = faultline::probe::Probes<H, B>;

/// A set that is unregistered as `explicit` says.
struct Held<H: Handler<B>, B: Backend>(Option<Set<H, B>>);

impl<H: Handler<B>, B: Backend> Drop for Held<H, B> {
    fn drop(&mut self) {
        if !explicit.get() {
            return;
        }
        if let Some(set) = self.0.take() {
            let error = set
                .unregister()
                .map_or_else(|error| error.to_errno(), |()| 0);
            pr_info!("unregistered: {error}");
        }
    }
}

/// The module.
struct Probes {
    counts: Counts,
    _kretprobes: Held<Counts, Kretprobe>,
    _large: Held<Large, Kretprobe>,
    kprobes: Held<Counts, Kprobe>,
    fprobes: Held<Counts, Fprobe>,
    _crowd: KVec<Set<Crowd, Fprobe>>,
}

static PROBES: Published<Probes> = Published::new();

fn show(out: &mut dyn fmt::Write) -> fmt::Result {
    let shown = PROBES.with(|probes| {
        let mut at: usize = 0;
        NAMES.iter().try_for_each(|name| {
            let count = probes.counts.0.sum(at);
            at = at.wrapping_add(1);
            write!(out, "{name}={count} ")
        })?;
        let mut fprobes = probes.fprobes.0.iter().flat_map(Set::iter);
        let read = fprobes.find(|probe| *probe.target() == Probed::Read);
        let missed = read.map(|probe| probe.missed());
        write!(out, "missed={} ", missed.unwrap_or_default().no_instance)
    });
    shown.unwrap_or(Ok(()))
}

fn enable_again(out: &mut dyn fmt::Write) -> fmt::Result {
    let shown = PROBES.with(|probes| {
        let Some(set) = &probes.kprobes.0 else {
            return Ok(());
        };
        let error = set.iter().find_map(|probe| probe.enable().err());
        let enabled = set.iter().fold(0_usize, |sum, probe| {
            sum.wrapping_add(usize::from(probe.is_enabled()))
        });
        let error = error.map_or(0, |error| error.to_errno());
        write!(out, "enabled={enabled} error={error}")
    });
    shown.unwrap_or(Ok(()))
}

/// The set, with its probes enabled.
fn registered<H, B>(set: Result<Set<H, B>, RegistrationError>) -> Result<Set<H, B>>
where
    H: Handler<B>,
    B: Backend,
{
    let set = set.map_err(|error| error.report())?;
    if !disabled.get() {
        set.enable_all()?;
    }
    Ok(set)
}

/// What is probed, one of them replaced if that was asked for.
fn functions() -> [Function<Probed>; 5] {
    let mut functions = FUNCTIONS;
    if let Some((function, _)) = functions.get_mut(replace.get() as usize) {
        *function = match instead.get() {
            Some((_, Instead::Assembly)) => c"copy_page",
            Some((_, Instead::Untraced)) => c"tracing_open_generic",
            Some((_, Instead::Module)) => c"refuse_target",
            _ => c"no_such_function",
        };
    }
    functions.map(|(function, probed)| Function::new(function, probed))
}

impl Probes {
    fn new() -> Result<Self> {
        let chosen = kinds.get().map_or(Kinds::All, |(_, &chosen)| chosen);
        let wanted = |kind| chosen == Kinds::All || chosen == kind;
        let counts = Counts(Arc::new(Counters::new()?, GFP_KERNEL)?);
        let default = MaxActive::DEFAULT;

        let kretprobes = wanted(Kinds::Kretprobe)
            .then(|| registered(Set::all(counts.clone(), functions(), default)));
        let large = (chosen == Kinds::Large)
            .then(|| registered(Set::all(Large(counts.clone()), functions(), default)));
        let kprobes =
            wanted(Kinds::Kprobe).then(|| registered(Set::all(counts.clone(), functions(), ())));
        let fprobes =
            wanted(Kinds::Fprobe).then(|| registered(Set::all(counts.clone(), functions(), ())));
        let others = Self::crowd(&counts)?;
        Ok(Self {
            counts,
            _kretprobes: Held(kretprobes.transpose()?),
            _large: Held(large.transpose()?),
            kprobes: Held(kprobes.transpose()?),
            fprobes: Held(fprobes.transpose()?),
            _crowd: others,
        })
    }

    fn crowd(counts: &Counts) -> Result<KVec<Set<Crowd, Fprobe>>> {
        let mut sets = KVec::with_capacity(crowd.get() as usize, GFP_KERNEL)?;
        for _ in 0..crowd.get() {
            let functions = FUNCTIONS.map(|(function, probed)| Function::new(function, probed));
            let set = Set::all(Crowd(counts.clone()), functions, ());
            push(&mut sets, registered(set)?)?;
        }
        Ok(sets)
    }
}

/// Takes the probes back when dropped, unless it is to leak them.
struct Loaded(Option<Publication<Probes>>);

impl Module for Loaded {
    fn init() -> Result<Self> {
        let probes = Arc::new(Probes::new()?, GFP_KERNEL)?;
        Ok(Self(Some(PROBES.publish(probes)?)))
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if leak.get() {
            core::mem::forget(self.0.take());
        }
    }
}

faultline::module! {
    type: Loaded,
    license: "GPL",
    author: "The faultline authors",
    description: "For the tests of the library's probes",
}
