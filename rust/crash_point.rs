// SPDX-License-Identifier: GPL-2.0

//! A crash point: what strikes in the middle of the Nth call of a function.
//!
//! A [`CrashPoint`] is a kprobe whose function is named at run time. It strikes
//! once, and in the context of whoever makes that call.
//!
//! # Soundness
//!
//! As for [`kprobe`], also where the probe cannot be disarmed: the
//! kernel enters by one function, which finds its point by the address that was
//! registered; dropping the point unregisters it and waits until no handler runs; one
//! that is leaked keeps the module loaded. The point is on the heap, does not move,
//! and is reached by raw pointers and shared references only.
//!
//! The task that is struck may die. Then the kernel takes the CPU for one that is
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
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

use core::{
    cell::UnsafeCell,
    marker::PhantomPinned,
    ptr::NonNull,
    sync::atomic::{
        AtomicBool,
        AtomicU64,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        bytes,
        char_ptr,
        ffi::c_int,
        into_raw,
        KBox,
        GFP_KERNEL, //
    },
    cpu::{
        self,
        CpuSet, //
    },
    error::{
        to_result,
        Error,
        Result, //
    },
    fault::Mortal,
    kprobe,
    module::Entrance,
    pr_err,
    pr_notice,
    probe::Failure,
    text::{
        Printable,
        Text, //
    }, //
};

/// The longest name of a function, as the kernel has them, with its NUL.
const NAME_MAX: usize = 512;

/// What strikes.
pub trait Strike: Send + Sync + 'static {
    /// This is the call.
    ///
    /// # Context
    ///
    /// That of [a probe's handler](crate::probe). What it does that a handler
    /// must not is the fault that it makes; the task may die of it.
    fn strike(&self, task: &Mortal<'_>);
}

/// What is registered. It begins with the kernel's part, so that one pointer
/// serves for both.
#[repr(C)]
struct Point<S> {
    kprobe: UnsafeCell<bindings::kprobe>,
    name: Text<NAME_MAX>,
    /// The CPUs whose calls count.
    cpus: CpuSet,
    /// Which of their calls it is, from 1.
    nth: u64,
    /// How many there were.
    calls: AtomicU64,
    /// It was called, and has not returned.
    striking: AtomicBool,
    strike: S,
    /// The kernel's lists point to it.
    _pinned: PhantomPinned,
}

/// What strikes in the middle of the Nth call of a function, once.
///
/// # Invariants
///
/// `point` is a box that this object owns, and is registered. Nothing has a mutable
/// reference to it.
///
/// # Examples
///
/// ```no_run
/// use faultline::{
///     cpu::CpuSet,
///     crash_point::{CrashPoint, Strike},
///     fault::{self, Mortal},
///     prelude::*, //
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
pub struct CrashPoint<S: Strike> {
    point: NonNull<Point<S>>,
    _entrance: Entrance,
}

// SAFETY: What strikes is `Send` and `Sync`. The kernel has a lock for what it
// changes of a probe.
unsafe impl<S: Strike> Send for CrashPoint<S> {}

// SAFETY: What strikes is `Sync`, the counters are atomic, and the kernel has a lock for
// what it changes of a probe.
unsafe impl<S: Strike> Sync for CrashPoint<S> {}

impl<S> Point<S> {
    fn function(&self) -> Printable<'_> {
        Printable(self.name.as_c_str().map_or(&[], bytes))
    }
}

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
        let other = |error: Error| Failure::Other(error);

        let name = Text::format(format_args!("{function}\0")).map_err(other)?;
        let point = KBox::new(
            Point {
                // SAFETY: A `struct kprobe` of zeros is one that was not set up.
                kprobe: UnsafeCell::new(unsafe { core::mem::zeroed() }),
                name,
                cpus,
                nth,
                calls: AtomicU64::new(0),
                striking: AtomicBool::new(false),
                strike,
                _pinned: PhantomPinned,
            },
            GFP_KERNEL,
        )
        .map_err(|error| other(error.into()))?;
        let point = into_raw(point);
        let kprobe = Self::kprobe(point);
        // SAFETY: The box is owned here, and nobody else uses it yet. Its name is part of
        // it, and does not leave its place.
        let registered = unsafe {
            let name = point.as_ref().name.as_c_str();
            (*kprobe).symbol_name = char_ptr(name.unwrap_or(c""));
            (*kprobe).flags = bindings::KPROBE_FLAG_DISABLED;
            (*kprobe).pre_handler = Some(enter::<S>);
            to_result(bindings::register_kprobe(kprobe))
        };
        if let Err(error) = registered {
            // SAFETY: The box is owned here. A probe that is disabled is armed by nobody, so
            // when it is refused the kernel has forgotten it.
            let point = unsafe { KBox::from_raw(point.as_ptr()) };
            return Err(match point.name.as_c_str() {
                Some(name) => Failure::find(name, error),
                None => other(error),
            });
        }
        // INVARIANT: It was just registered, and is owned here.
        Ok(Self {
            point,
            _entrance: Entrance::new(),
        })
    }

    /// The kernel's part of a point: its beginning, by a pointer that may be used for all
    /// of it.
    fn kprobe(point: NonNull<Point<S>>) -> *mut bindings::kprobe {
        point.as_ptr().cast()
    }

    fn point(&self) -> &Point<S> {
        // SAFETY: By the invariant it is a box of this object's, to which there is no
        // mutable reference.
        unsafe { self.point.as_ref() }
    }

    /// Lets calls count from now on.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// Those of `enable_kprobe()`.
    pub fn arm(&self) -> Result {
        // SAFETY: By the invariant the probe is registered.
        to_result(unsafe { kprobe::enable(Self::kprobe(self.point), true) })?;
        Ok(())
    }

    /// Lets none count any more. One that is in the middle of its strike goes on.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub fn disarm(&self) {
        // SAFETY: By the invariant the probe is registered, and its name lives.
        unsafe { kprobe::enable(Self::kprobe(self.point), false) };
    }

    /// What strikes.
    pub fn strike(&self) -> &S {
        &self.point().strike
    }

    /// How many calls have counted.
    ///
    /// # Context
    ///
    /// Any.
    pub fn calls(&self) -> u64 {
        self.point().calls.load(Ordering::Relaxed)
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
        let kprobe = Self::kprobe(self.point);
        self.disarm();
        // SAFETY: The caller may sleep. When it returns, no handler runs any more.
        unsafe { bindings::synchronize_rcu() };
        // What has not returned by now never will.
        if self.point().striking.load(Ordering::Relaxed) {
            pr_notice!(
                "{}: what was struck here has died: the probe stays in the kernel's list, \
                 disabled, until the next boot",
                self.point().function()
            );
            // SAFETY: By the invariant it is registered. It was disabled, and nothing frees
            // the point from here on.
            unsafe { kprobe::cut_off(kprobe) };
            return;
        }
        // SAFETY: By the invariant it is registered, and its name lives.
        match unsafe { kprobe::unregister(&mut [kprobe]) } {
            // SAFETY: The box is owned by this object, which is not used again, nor is the
            // point by the kernel.
            Ok(()) => drop(unsafe { KBox::from_raw(self.point.as_ptr()) }),
            Err(error) => pr_err!(
                "{}: the kernel could not unregister the probe (error {}): it is switched off, \
                 and its memory stays allocated until the next boot",
                self.point().function(),
                error.to_errno()
            ),
        }
    }
}

/// Where the kernel enters for a call.
///
/// # Safety
///
/// `kprobe` is that of a registered `Point<S>`. The context is that of a probe's
/// handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn enter<S: Strike>(
    kprobe: *mut bindings::kprobe,
    _regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel gives what was registered to a handler, which this is: the pointer
    // to a `Point`, which begins with its kprobe and may be used for all of it. Only the
    // kprobe, which is in a cell, is written to.
    let point = unsafe { &*kprobe.cast::<Point<S>>() };
    if point.cpus.contains(cpu::current()) {
        let calls = point.calls.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if calls == point.nth {
            point.striking.store(true, Ordering::Relaxed);
            // SAFETY: The kernel refers to the point, or to its own aggregator of the probes
            // that are here. Unless this returns the point is neither unregistered nor
            // freed, and as long as it is registered the aggregator is not freed either.
            point.strike.strike(&unsafe { Mortal::new() });
            point.striking.store(false, Ordering::Relaxed);
        }
    }
    0
}
