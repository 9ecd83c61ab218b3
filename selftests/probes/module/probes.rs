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
    fprobe::{
        self,
        Fprobes, //
    },
    kprobe::{
        self,
        Kprobes, //
    },
    kretprobe::{
        self,
        Filled,
        KretProbes,
        Slot, //
    },
    memory::KernelPtr,
    params::Words,
    percpu::Counters,
    prelude::*,
    probe::{
        Handling,
        Kind,
        Level,
        Refused,
        Set, //
    },
    published::{
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
    /// what was counted
    0o444 seen: computed = show;
    /// enables the kprobes again, and shows how many are enabled then, and the first error
    0o444 again: computed = enable_again;
}

/// A file of procfs is read: the function that reads, in it the one that makes
/// the text.
const READ_TEXT: usize = 0;
const SHOW: usize = 1;
/// Nine arguments, of which the last three are on the stack of x86-64.
const MMAP: usize = 2;
/// Anything is read.
const READ: usize = 3;
/// Its second argument is what a test gives, any 64 bits.
const SEEK: usize = 4;
const FUNCTIONS: [&CStr; 5] = [
    c"seq_read_iter",
    c"version_proc_show",
    c"do_mmap",
    c"vfs_read",
    c"seq_lseek",
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

impl kretprobe::Handler for Counts {
    /// The function's first argument.
    /// Which probe it is, and what the call was made by.
    type Data = (usize, Level);

    fn entry(&self, call: &kretprobe::Entry<'_, Self>, here: &Handling<'_>) -> Option<Self::Data> {
        match call.probe() {
            SHOW => {
                self.0.add::<ENTRIES>(1);
                let (outer, &(probe, _)) = call.enclosing()?;
                if outer == READ_TEXT && probe == READ_TEXT {
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
            SEEK => {
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
        Some((call.probe(), here.level()))
    }

    fn ret(&self, ret: &kretprobe::Return<'_>, &(probe, level): &Self::Data, here: &Handling<'_>) {
        if probe == READ {
            let is_same = level == here.level();
            self.0.add::<SAME_LEVEL>(u64::from(is_same));
            self.0.add::<OTHER_LEVEL>(u64::from(!is_same));
        }
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

impl fprobe::Handler for Counts {
    /// How many bytes a read asks for, as often as it fits in.
    type Data = [u64; 14];

    fn entry(&self, call: &fprobe::Entry<'_>, _here: &Handling<'_>) -> Option<Self::Data> {
        match call.probe() {
            SHOW => self.0.add::<FPROBE>(1),
            MMAP if call.arg::<u64>(6)? == u64::from(offset.get()) => {
                self.0.add::<FPROBE_OFFSETS>(1);
            }
            READ => {
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

    fn ret(&self, ret: &fprobe::Return<'_>, lengths: &Self::Data, _here: &Handling<'_>) {
        match ret.probe() {
            SHOW if ret.ret::<i32>() == 0 => self.0.add::<FPROBE_RETURNS>(1),
            // It gets what it asks for, since that is there.
            READ if lengths.iter().all(|&length| length == ret.ret()) => {
                self.0.add::<READ_RIGHT>(1);
            }
            READ => self.0.add::<NOT_ITS_OWN>(1),
            _ => (),
        }
    }
}

/// Has as many data as a kretprobe can.
struct Large(Counts);

impl kretprobe::Handler for Large {
    /// How many bytes a read asks for, as often as it fits in.
    type Data = [u64; 512];

    fn entry_in_place<'a>(
        &self,
        call: &kretprobe::Entry<'_, Self>,
        data: Slot<'a, Self::Data>,
        _here: &Handling<'_>,
    ) -> Option<Filled<'a, Self::Data>> {
        let length = call.arg(2)?;
        if call.probe() != READ || !LENGTHS.contains(&length) {
            return None;
        }
        self.0 .0.add::<READS>(1);
        let mut data = data.zeroed();
        data.iter_mut().for_each(|word| *word = length);
        Some(data)
    }

    fn ret(&self, ret: &kretprobe::Return<'_>, lengths: &Self::Data, _here: &Handling<'_>) {
        if lengths.iter().all(|&length| length == ret.ret()) {
            self.0 .0.add::<READ_RIGHT>(1);
        } else {
            self.0 .0.add::<NOT_ITS_OWN>(1);
        }
    }
}

/// Takes as much room as there can be, and wants no call.
struct Crowd(Counts);

impl fprobe::Handler for Crowd {
    type Data = [u64; 14];

    fn entry(&self, _call: &fprobe::Entry<'_>, _here: &Handling<'_>) -> Option<Self::Data> {
        None
    }

    fn ret(&self, _ret: &fprobe::Return<'_>, _data: &Self::Data, _here: &Handling<'_>) {
        self.0 .0.add::<NOT_ITS_OWN>(1);
    }
}

/// The module.
struct Probes {
    counts: Counts,
    _kretprobes: Option<KretProbes<Counts>>,
    _large: Option<KretProbes<Large>>,
    kprobes: Option<Kprobes<Counts>>,
    fprobes: Option<Fprobes<Counts>>,
    _crowd: KVec<Fprobes<Crowd>>,
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
        let missed = probes.fprobes.as_ref().map(|set| set.missed(READ));
        write!(out, "missed={} ", missed.unwrap_or_default().no_instance)
    });
    shown.unwrap_or(Ok(()))
}

fn enable_again(out: &mut dyn fmt::Write) -> fmt::Result {
    let shown = PROBES.with(|probes| {
        let Some(set) = &probes.kprobes else {
            return Ok(());
        };
        let all = 0..set.len();
        let error = all.clone().find_map(|place| set.enable(place).err());
        let enabled = all.fold(0_usize, |sum, place| {
            sum.wrapping_add(usize::from(set.is_enabled(place)))
        });
        let error = error.map_or(0, |error| error.to_errno());
        write!(out, "enabled={enabled} error={error}")
    });
    shown.unwrap_or(Ok(()))
}

/// The set, with its probes enabled.
fn registered<K: Kind>(set: Result<Set<K>, Refused>) -> Result<Set<K>> {
    let set = set.map_err(|refused| refused.report())?;
    if !disabled.get() {
        (0..set.len()).try_for_each(|place| set.enable(place))?;
    }
    Ok(set)
}

impl Probes {
    fn new() -> Result<Self> {
        let mut functions = FUNCTIONS;
        if let Some(function) = functions.get_mut(replace.get() as usize) {
            *function = match instead.get() {
                Some((_, Instead::Assembly)) => c"copy_page",
                Some((_, Instead::Untraced)) => c"tracing_open_generic",
                Some((_, Instead::Module)) => c"refuse_target",
                _ => c"no_such_function",
            };
        }
        let chosen = kinds.get().map_or(Kinds::All, |(_, &chosen)| chosen);
        let wanted = |kind| chosen == Kinds::All || chosen == kind;
        let counts = Counts(Arc::new(Counters::new()?, GFP_KERNEL)?);

        let kretprobes = wanted(Kinds::Kretprobe)
            .then(|| registered(KretProbes::all(counts.clone(), &functions, 0)));
        let large = (chosen == Kinds::Large)
            .then(|| registered(KretProbes::all(Large(counts.clone()), &functions, 0)));
        let kprobes =
            wanted(Kinds::Kprobe).then(|| registered(Kprobes::all(counts.clone(), &functions)));
        let fprobes =
            wanted(Kinds::Fprobe).then(|| registered(Fprobes::all(counts.clone(), &functions)));
        let others = Self::crowd(&counts)?;
        Ok(Self {
            counts,
            _kretprobes: kretprobes.transpose()?,
            _large: large.transpose()?,
            kprobes: kprobes.transpose()?,
            fprobes: fprobes.transpose()?,
            _crowd: others,
        })
    }

    fn crowd(counts: &Counts) -> Result<KVec<Fprobes<Crowd>>> {
        let mut sets = KVec::with_capacity(crowd.get() as usize, GFP_KERNEL)?;
        for _ in 0..crowd.get() {
            let set = Fprobes::all(Crowd(counts.clone()), &FUNCTIONS);
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
