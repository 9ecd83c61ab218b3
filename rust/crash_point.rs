// SPDX-License-Identifier: GPL-2.0

//! A crash point: what strikes in the middle of the Nth call of a function.
//!
//! A [`CrashPoint`] is a kprobe whose function is named at run time. It strikes
//! once, and in the context of whoever makes that call.
//!
//! # Soundness
//!
//! As for [`kprobe`](crate::kprobe): the kernel enters by one function, which finds
//! its point by the address that was registered; dropping the point unregisters
//! it and waits until no handler runs; one that is leaked keeps the module loaded.
//!
//! The task that is struck may die. Then the kernel keeps a pointer to the point,
//! since it takes the CPU for one that is still in the handler (and lets it hit
//! no kprobe any more, of whatever module). So the memory of a point that has not
//! returned from its strike is not given back.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)

use core::{
    cell::UnsafeCell,
    mem::ManuallyDrop,
    sync::atomic::{
        AtomicBool,
        AtomicU64,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::c_int,
        KBox,
        GFP_KERNEL, //
    },
    cpu::{
        self,
        CpuSet, //
    },
    error::{
        code,
        to_result,
        Error,
        Result, //
    },
    fault::Mortal,
    module::Entrance,
    probe::Failure,
    text::Text, //
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
}

/// What strikes in the middle of the Nth call of a function, once.
///
/// # Invariants
///
/// `point` is registered.
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
    point: ManuallyDrop<KBox<Point<S>>>,
    _entrance: Entrance,
}

// SAFETY: What strikes is `Send` and `Sync`. The kernel has a lock for what it
// changes of a probe.
unsafe impl<S: Strike> Send for CrashPoint<S> {}

// SAFETY: As above.
unsafe impl<S: Strike> Sync for CrashPoint<S> {}

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
        let mut point = KBox::new(
            Point {
                // SAFETY: A `struct kprobe` of zeros is one that was not set up.
                kprobe: UnsafeCell::new(unsafe { core::mem::zeroed() }),
                name,
                cpus,
                nth,
                calls: AtomicU64::new(0),
                striking: AtomicBool::new(false),
                strike,
            },
            GFP_KERNEL,
        )
        .map_err(|error| other(error.into()))?;
        // The name is part of the point, which does not leave its place.
        let name = point.name.as_c_str().ok_or(other(code::EINVAL))?;
        let symbol = char_ptr(name);
        let kprobe = point.kprobe.get_mut();
        kprobe.symbol_name = symbol;
        kprobe.flags = bindings::KPROBE_FLAG_DISABLED;
        kprobe.pre_handler = Some(enter::<S>);

        let kprobe = point.kprobe.get();
        // SAFETY: The probe is set up, and neither moves nor is freed before it
        // is unregistered.
        match to_result(unsafe { bindings::register_kprobe(kprobe) }) {
            // INVARIANT: It was just registered.
            Ok(_) => Ok(Self {
                point: ManuallyDrop::new(point),
                _entrance: Entrance::new(),
            }),
            Err(error) => Err(match point.name.as_c_str() {
                Some(name) => Failure::find(name, error),
                None => other(error),
            }),
        }
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
        to_result(unsafe { bindings::enable_kprobe(self.point.kprobe.get()) })?;
        Ok(())
    }

    /// Lets none count any more. One that is in the middle of its strike goes on.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// Those of `disable_kprobe()`.
    pub fn disarm(&self) -> Result {
        // SAFETY: By the invariant the probe is registered.
        to_result(unsafe { bindings::disable_kprobe(self.point.kprobe.get()) })?;
        Ok(())
    }

    /// What strikes.
    pub fn strike(&self) -> &S {
        &self.point.strike
    }

    /// How many calls have counted.
    ///
    /// # Context
    ///
    /// Any.
    pub fn calls(&self) -> u64 {
        self.point.calls.load(Ordering::Relaxed)
    }
}

impl<S: Strike> Drop for CrashPoint<S> {
    /// Unregisters the point and waits until no handler runs.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        // SAFETY: By the invariant the probe is registered.
        unsafe { bindings::unregister_kprobes([self.point.kprobe.get()].as_mut_ptr(), 1) };
        // No handler runs any more, so one that has not returned never will.
        if !self.point.striking.load(Ordering::Relaxed) {
            // SAFETY: It is not used again, neither here nor by the kernel.
            unsafe { ManuallyDrop::drop(&mut self.point) };
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
    // SAFETY: By the function's requirement. A `Point` begins with its kprobe.
    let point = unsafe { &*kprobe.cast::<Point<S>>() };
    if point.cpus.contains(cpu::current()) {
        let calls = point.calls.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if calls == point.nth {
            point.striking.store(true, Ordering::Relaxed);
            // SAFETY: The kernel refers to the point, which is not freed unless
            // this returns.
            point.strike.strike(&unsafe { Mortal::new() });
            point.striking.store(false, Ordering::Relaxed);
        }
    }
    0
}
