// SPDX-License-Identifier: GPL-2.0

//! Batches: functions that are attached at once, and in the same way.

use core::{
    fmt,
    sync::atomic::Ordering, //
};

#[cfg(CONFIG_FPROBE)]
use faultline::probe::fprobe::Group;
use faultline::{
    compat::append,
    prelude::*,
    probe::{
        kretprobe::MaxActive,
        Backend,
        Failure,
        Function,
        Handler,
        Kprobe,
        Probe,
        Probes,
        Symbol, //
    },
    task::cpu, //
};

use crate::handler::{
    Counts,
    Entries,
    Returns,
    TextReturns,
    Times,
    Tracked, //
};

/// How a function is probed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Fprobe,
    Kretprobe,
    Kprobe,
}

impl Via {
    fn name(self) -> &'static str {
        match self {
            Self::Fprobe => "fprobe",
            Self::Kretprobe => "kretprobe",
            Self::Kprobe => "kprobe",
        }
    }
}

/// What of a call is of interest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// That it was made.
    Count,
    /// What is known at its entry.
    Entry,
    /// How long it took, and whether it failed.
    Time,
    /// What is known at its return.
    Return,
    /// The same, with texts.
    Texts,
}

/// What is common to all functions of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) via: Via,
    /// It need not be that: another way is taken if it cannot be.
    pub(crate) is_choice: bool,
    pub(crate) interest: Interest,
    pub(crate) max_active: u16,
}

impl Way {
    /// The way that is taken where ftrace is not.
    fn without_ftrace(self) -> Self {
        let via = match self.interest {
            Interest::Count | Interest::Entry => Via::Kprobe,
            Interest::Time | Interest::Return | Interest::Texts => Via::Kretprobe,
        };
        Self {
            via,
            is_choice: false,
            ..self
        }
    }
}

/// A function that is to be attached.
pub(crate) struct Queued {
    pub(crate) id: u32,
    pub(crate) way: Way,
    pub(crate) function: Function<Tracked>,
}

/// Functions that were attached at once.
pub(crate) enum Batch {
    #[cfg(CONFIG_FPROBE)]
    CountsByFprobe(Probes<Counts, Group>),
    Counts(Probes<Counts, Kprobe>),
    #[cfg(CONFIG_FPROBE)]
    EntriesByFprobe(Probes<Entries, Group>),
    Entries(Probes<Entries, Kprobe>),
    #[cfg(CONFIG_FPROBE)]
    TimesByFprobe(Probes<Times, Group>),
    Times(Probes<Times>),
    #[cfg(CONFIG_FPROBE)]
    ReturnsByFprobe(Probes<Returns, Group>),
    Returns(Probes<Returns>),
    TextReturns(Probes<TextReturns>),
}

/// Calls a function for the set of a batch, whatever its type.
macro_rules! with_set {
    ($batch:expr, $set:ident, $via:ident => $body:expr) => {
        match $batch {
            #[cfg(CONFIG_FPROBE)]
            Batch::CountsByFprobe($set) => {
                let $via = Via::Fprobe;
                $body
            }
            #[cfg(CONFIG_FPROBE)]
            Batch::EntriesByFprobe($set) => {
                let $via = Via::Fprobe;
                $body
            }
            #[cfg(CONFIG_FPROBE)]
            Batch::TimesByFprobe($set) => {
                let $via = Via::Fprobe;
                $body
            }
            #[cfg(CONFIG_FPROBE)]
            Batch::ReturnsByFprobe($set) => {
                let $via = Via::Fprobe;
                $body
            }
            Batch::Counts($set) => {
                let $via = Via::Kprobe;
                $body
            }
            Batch::Entries($set) => {
                let $via = Via::Kprobe;
                $body
            }
            Batch::Times($set) => {
                let $via = Via::Kretprobe;
                $body
            }
            Batch::Returns($set) => {
                let $via = Via::Kretprobe;
                $body
            }
            Batch::TextReturns($set) => {
                let $via = Via::Kretprobe;
                $body
            }
        }
    };
}

impl Batch {
    /// Attaches functions of the same way, as far as they can be, and adds the batch to `to`;
    /// a second one for those that another way is taken for.
    pub(crate) fn attach(
        way: Way,
        functions: KVec<Function<Tracked>>,
        to: &mut KVec<Self>,
    ) -> Result {
        let batch = Self::new(way, functions)?;
        let mut others = KVec::new();
        if way.is_choice {
            with_set!(&batch, set, _via => untraced(set.iter(), &mut others)?);
        }
        append(to, batch)?;
        if others.is_empty() {
            return Ok(());
        }
        Self::attach(way.without_ftrace(), others, to)
    }

    fn new(way: Way, functions: KVec<Function<Tracked>>) -> Result<Self> {
        let max_active = MaxActive::new(way.max_active);
        #[cfg(CONFIG_FPROBE)]
        if way.via == Via::Fprobe {
            return Ok(match way.interest {
                Interest::Count => Self::CountsByFprobe(attached(Counts, functions, ())?),
                Interest::Entry => Self::EntriesByFprobe(attached(Entries, functions, ())?),
                Interest::Time => Self::TimesByFprobe(attached(Times, functions, ())?),
                // One of them with texts was refused.
                _ => Self::ReturnsByFprobe(attached(Returns, functions, ())?),
            });
        }
        Ok(match way.interest {
            Interest::Count => Self::Counts(attached(Counts, functions, ())?),
            Interest::Entry => Self::Entries(attached(Entries, functions, ())?),
            Interest::Time => Self::Times(attached(Times, functions, max_active)?),
            Interest::Return => Self::Returns(attached(Returns, functions, max_active)?),
            Interest::Texts => Self::TextReturns(attached(TextReturns, functions, max_active)?),
        })
    }

    /// Writes a line for each function.
    pub(crate) fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        with_set!(self, set, via => {
            set.iter()
                .filter(|probe| !probe.target().is_moved.load(Ordering::Relaxed))
                .try_for_each(|probe| show(&probe, via, out))
        })
    }

    /// Whether there is a function with this number.
    pub(crate) fn has(&self, id: u32) -> bool {
        with_set!(self, set, _via => set.iter().any(|probe| probe.target().id == id))
    }

    /// Disables the functions for which `is_too_much` says so.
    pub(crate) fn brake(&self, is_too_much: &dyn Fn(&Tracked, &Symbol) -> bool) {
        with_set!(self, set, _via => {
            for probe in set.iter() {
                let tracked = probe.target();
                if probe.is_enabled() && is_too_much(tracked, probe.symbol()) {
                    tracked.is_braked.store(true, Ordering::Relaxed);
                    let _ = probe.disable();
                }
            }
        });
    }

    /// How many calls were missed of which only the kernel knows the functions.
    pub(crate) fn missed_in_group(&self) -> u64 {
        match self {
            #[cfg(CONFIG_FPROBE)]
            Self::CountsByFprobe(set) => set.missed_in_group(),
            #[cfg(CONFIG_FPROBE)]
            Self::EntriesByFprobe(set) => set.missed_in_group(),
            #[cfg(CONFIG_FPROBE)]
            Self::TimesByFprobe(set) => set.missed_in_group(),
            #[cfg(CONFIG_FPROBE)]
            Self::ReturnsByFprobe(set) => set.missed_in_group(),
            _ => 0,
        }
    }
}

/// Attaches and enables functions.
fn attached<H, B>(
    handler: H,
    functions: KVec<Function<Tracked>>,
    options: B::Options,
) -> Result<Probes<H, B>>
where
    B: Backend,
    H: Handler<B, Target = Tracked>,
{
    let probes = Probes::available(handler, functions, options);
    let probes = probes.map_err(|error| error.report())?;
    probes.enable_all()?;
    Ok(probes)
}

/// Moves the functions that ftrace does not trace to a list.
fn untraced<'a, H, B>(
    probes: impl Iterator<Item = Probe<'a, H, B>> + 'a,
    to: &mut KVec<Function<Tracked>>,
) -> Result
where
    B: Backend,
    H: Handler<B, Target = Tracked>,
{
    for probe in probes {
        if matches!(probe.failure(), Some(Failure::NotTraceable)) {
            let tracked = probe.target();
            let name = probe.symbol().as_c_str().to_str().map_err(|_| EINVAL)?;
            let symbol = Symbol::new(name)?.at(probe.symbol().address());
            let function = Tracked::function(tracked.id, symbol, tracked.program.clone())?;
            append(to, function)?;
            tracked.is_moved.store(true, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// How many calls should be followed at once, if so many are too few.
fn enough(max_active: u32) -> u32 {
    let possible = (0..cpu::count_limit()).filter(|&cpu| cpu::is_possible(cpu));
    let cpus = possible.fold(0_u32, |count, _| count.wrapping_add(1));
    max_active
        .saturating_mul(2)
        .max(cpus.saturating_mul(2))
        .max(10)
}

/// Writes the line of a function.
fn show<H, B>(probe: &Probe<'_, H, B>, via: Via, out: &mut dyn fmt::Write) -> fmt::Result
where
    B: Backend,
    H: Handler<B, Target = Tracked>,
{
    let tracked = probe.target();
    let state = match probe.failure() {
        Some(_) => "failed",
        None if tracked.is_braked.load(Ordering::Relaxed) => "braked",
        None if probe.is_enabled() => "attached",
        None => "gone",
    };
    write!(
        out,
        "id={} function={} state={state} via={} ",
        tracked.id,
        probe.symbol(),
        via.name()
    )?;
    tracked.ledger.show(|| probe.missed(), out)?;
    let max_active = probe.max_active();
    write!(out, " maxactive={max_active}")?;
    if tracked.ledger.missed_no_instance() > 0 {
        write!(out, " needed={}", enough(max_active))?;
    }
    tracked.ledger.show_times(out)?;
    if let Some(failure) = probe.failure() {
        write!(out, " reason={failure}")?;
    }
    out.write_char('\n')
}
