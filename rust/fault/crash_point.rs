// SPDX-License-Identifier: GPL-2.0

//! Crash points: a fault in the middle of the Nth call of a function.
//!
//! A [`CrashPoint`] is a kprobe whose function is named at run time. It strikes once, in the
//! context of the task or interrupt that makes the call.
//!
//! # Soundness
//!
//! As for any [set of probes](crate::probe::Probes), with one addition: the task may die in the
//! handler. Then the kernel assumes that the CPU is still in the handler. It runs no kprobe of any
//! module on that CPU, and keeps a pointer in the CPU's `current_kprobe`, which it dereferences at
//! later faults (`kprobe_fault_handler()`). If there are other kprobes at the same address, or the
//! kernel optimises the kprobe, the pointer is not to our kprobe but to the kernel's own
//! *aggregator* of all kprobes at this address, which is freed when the last of them is
//! unregistered. So a point whose strike has not returned is never unregistered:
//!
//! - It is disabled. After an RCU grace period only dead tasks are in its handler. Then its
//!   pointers into the module are cleared, so only data stays in the kernel's list, and the module
//!   can be unloaded.
//! - As long as it is in the list, its aggregator is neither freed nor replaced, and its own memory
//!   is not freed. So the CPU's pointer stays valid until the next boot.
//!
//! A strike must not sleep, like any handler. So one that has not returned after the grace period
//! is dead.

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

/// The fault that a crash point injects.
pub trait Strike: Send + Sync + 'static {
    /// Injects the fault; called in the middle of the Nth call.
    ///
    /// # Context
    ///
    /// [Handler context](crate::probe#handler-context). The injected fault may break its rules, and
    /// the task may die.
    fn strike(&self, task: &Mortal<'_>);
}

/// The handler of a point's probe.
struct Countdown<S> {
    /// The CPUs whose calls count.
    cpus: CpuSet,
    /// The call, counted from 1, at which to strike.
    nth: u64,
    /// The number of calls so far.
    calls: AtomicU64,
    /// Whether `strike` was called and has not returned.
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
                // SAFETY: The kernel refers to the probe, or to its own aggregator of the probes at
                // this address. Unless this returns, the probe is neither unregistered nor freed,
                // and while it is registered the aggregator is not freed either.
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
    /// Registers a point at the entry of `function`, without arming it.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The reason why the function cannot be probed.
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

    /// Starts counting calls.
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

    /// Stops counting calls. A strike that has begun continues.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub fn disarm(&self) {
        for probe in self.0.iter() {
            // Cannot fail, since the probe is registered.
            let _ = probe.disable();
        }
    }

    /// Returns the fault that the point injects.
    pub fn strike(&self) -> &S {
        &self.0.handler().strike
    }

    /// Returns the number of calls counted so far.
    ///
    /// # Context
    ///
    /// Any.
    pub fn calls(&self) -> u64 {
        self.0.handler().calls.load(Ordering::Relaxed)
    }
}

impl<S: Strike> Drop for CrashPoint<S> {
    /// Unregisters the point and waits until no handler runs. A point whose strike has not returned
    /// stays registered, disabled, until the next boot.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        self.disarm();
        rcu::synchronize();
        // SAFETY: This object is not used again.
        let probe = unsafe { ManuallyDrop::take(&mut self.0) };
        // A strike that has not returned by now never will.
        if probe.handler().striking.load(Ordering::Relaxed) {
            for point in probe.iter() {
                pr_notice!(
                    "{}: a task died in this crash point: the probe stays in the kernel's list, \
                     disabled, until the next boot",
                    point.symbol()
                );
            }
            probe.abandon();
        }
    }
}
