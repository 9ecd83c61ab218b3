// SPDX-License-Identifier: GPL-2.0

//! Crash points: a fault in the middle of the Nth call of a function.
//!
//! A [`CrashPoint`] is a kprobe whose function is named at run time. It strikes
//! once, and in the context of whoever makes that call.
//!
//! # Soundness
//!
//! As for any [set of probes](crate::probe::Probes), with one addition: the task that is
//! struck may die. Then the kernel takes the CPU for one that is
//! still in the handler: it lets it hit no kprobe any more, of whatever module, and
//! keeps a pointer in that CPU's `current_kprobe`, which it follows at later faults
//! (`kprobe_fault_handler()`). Where other kprobes are at the same place, or the
//! kernel optimises, this points not to ours but to the kernel's own *aggregator* of
//! all at this place, which is freed when the last of them is unregistered. So a point
//! that has not returned from its strike is never unregistered:
//!
//! - It is disabled, and after a grace period of RCU nobody is in its handler but the
//!   dead. Then its pointers into the module are cleared: what stays in the kernel's
//!   list is data. So the module can be unloaded.
//! - As long as it is in the list, its aggregator is not freed, nor is one replaced
//!   by another; and its own memory is not given back. So whichever of the two the
//!   CPU has a pointer to stays there until the next boot.
//!
//! What strikes does not sleep, as no handler may: so what has not returned after the
//! grace period is dead.

use core::{
    mem::ManuallyDrop,
    sync::atomic::{
        AtomicBool,
        AtomicU64,
        Ordering, //
    }, //
};

use super::Mortal;
use crate::{
    error::Result,
    pr_notice,
    probe::{
        Entry,
        Failure,
        Function,
        Handler,
        Kprobe,
        Probes,
        Symbol, //
    },
    sync::rcu,
    task::cpu::{
        self,
        CpuSet, //
    }, //
};

/// What strikes.
pub trait Strike: Send + Sync + 'static {
    /// This is the call.
    ///
    /// # Context
    ///
    /// [Handler context](crate::probe#handler-context). What it does that a handler
    /// must not is the fault that it makes; the task may die of it.
    fn strike(&self, task: &Mortal<'_>);
}

/// The handler of a point's probe.
struct Countdown<S> {
    /// The CPUs whose calls count.
    cpus: CpuSet,
    /// Which of their calls it is, from 1.
    nth: u64,
    /// How many there were.
    calls: AtomicU64,
    /// It was called, and has not returned.
    striking: AtomicBool,
    strike: S,
}

impl<S: Strike> Handler<Kprobe> for Countdown<S> {
    type Target = ();
    type Data = ();

    fn entry(&self, _call: &Entry<'_, Self, Kprobe>) -> Option<()> {
        if self.cpus.contains(cpu::current()) {
            let calls = self.calls.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if calls == self.nth {
                self.striking.store(true, Ordering::Relaxed);
                // SAFETY: The kernel refers to the probe, or to its own aggregator of the
                // probes that are here. Unless this returns the probe is neither
                // unregistered nor freed, and as long as it is registered the aggregator is
                // not freed either.
                self.strike.strike(&unsafe { Mortal::new() });
                self.striking.store(false, Ordering::Relaxed);
            }
        }
        None
    }
}

/// A fault in the middle of the Nth call of a function, once.
///
/// # Examples
///
/// ```no_run
/// use faultline::{
///     fault::{self, crash_point::{CrashPoint, Strike}, Mortal},
///     prelude::*,
///     task::cpu::CpuSet,
/// };
///
/// struct Bug;
///
/// impl Strike for Bug {
///     fn strike(&self, task: &Mortal<'_>) {
///         fault::bug(task)
///     }
/// }
///
/// let point = CrashPoint::new("vfs_read", 3, CpuSet::online()?, Bug)
///     .map_err(|failure| failure.to_error())?;
/// point.arm()?;
/// // The third reader from now on dies.
/// # Ok::<(), Error>(())
/// ```
pub struct CrashPoint<S: Strike>(ManuallyDrop<Probes<Countdown<S>, Kprobe>>);

impl<S: Strike> CrashPoint<S> {
    /// Registers a point at the entry of `function`, which is not armed yet.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// Why the function cannot be probed.
    pub fn new(function: &str, nth: u64, cpus: CpuSet, strike: S) -> Result<Self, Failure> {
        let symbol = Symbol::new(function).map_err(Failure::Other)?;
        let countdown = Countdown {
            cpus,
            nth,
            calls: AtomicU64::new(0),
            striking: AtomicBool::new(false),
            strike,
        };
        let probe = Probes::all(countdown, [Function::new(symbol, ())], ())
            .map_err(|error| error.failure().clone())?;
        Ok(Self(ManuallyDrop::new(probe)))
    }

    /// Lets calls count from now on.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// As for [`Probe::enable`](crate::probe::Probe::enable).
    pub fn arm(&self) -> Result {
        self.0.enable_all()
    }

    /// Lets none count any more. One that is in the middle of its strike goes on.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub fn disarm(&self) {
        for probe in self.0.iter() {
            // To disable a probe that is registered does not fail, and this one is.
            let _ = probe.disable();
        }
    }

    /// What strikes.
    pub fn strike(&self) -> &S {
        &self.0.handler().strike
    }

    /// How many calls have counted.
    ///
    /// # Context
    ///
    /// Any.
    pub fn calls(&self) -> u64 {
        self.0.handler().calls.load(Ordering::Relaxed)
    }
}

impl<S: Strike> Drop for CrashPoint<S> {
    /// Unregisters the point and waits until no handler runs. One whose strike has not
    /// returned stays registered for good, without effect.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        self.disarm();
        rcu::synchronize();
        // SAFETY: This object is not used again.
        let probe = unsafe { ManuallyDrop::take(&mut self.0) };
        // What has not returned by now never will.
        if probe.handler().striking.load(Ordering::Relaxed) {
            for point in probe.iter() {
                pr_notice!(
                    "{}: what was struck here has died: the probe stays in the kernel's list, \
                     disabled, until the next boot",
                    point.symbol()
                );
            }
            probe.abandon();
        }
    }
}
