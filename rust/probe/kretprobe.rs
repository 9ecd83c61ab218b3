// SPDX-License-Identifier: GPL-2.0

//! Kretprobes: handlers at the entry and at the return of functions, with instance
//! data that belong to the call.
//!
//! A handler's [`entry`](Handler::entry) sees the arguments, and may ignore the call.
//! Otherwise it gives the call's *instance data*, which [`ret`](Handler::ret) gets
//! together with the result. Calls of the same set that nest on one stack know of
//! each other ([`Entry::enclosing`]).
//!
//! # Missed calls
//!
//! The kernel follows as many calls of a function at once as there are
//! instances ([`MaxActive`]). A call that comes when none is left is not seen by
//! the handler. Nor is one that is made while this CPU runs another handler. Both
//! are in [`Probe::missed`](super::Probe::missed). The kernel counts them without a lock, and so
//! loses some when several CPUs miss at once. With few instances that is the
//! rule, so a handler that needs to know exactly sets
//! [`COUNTS_MISSED`](Handler::COUNTS_MISSED) and counts those itself.
//!
//! # Soundness
//!
//! In addition to what is said of a set ([`Probes`](super::Probes)):
//!
//! - *Unload.* Handlers run with preemption off, so when the kernel has
//!   unregistered a probe it waits for them with `synchronize_rcu()`. A call that
//!   is still in progress returns through the kernel's own trampoline, which
//!   finds the probe stopped; its instance belongs to the kernel.
//! - *A probe that cannot be disarmed.* As with a [`kprobe`], it is
//!   disabled first, so that to unregister it cannot fail. Otherwise the kernel
//!   would free the pool of instances and go on to take some out of it.
//! - *Instance data.* They are `Copy`, so nothing is lost when the kernel drops an
//!   instance of a call that never returns; their size and alignment are
//!   checked by the compiler against what the kernel gives. They are written by
//!   `entry` before `ret` or `enclosing` can see them: only what was written to the
//!   instance makes a [`Filled`](super::Filled), and only with one is a call followed.
//!   They are `Send`, since a task can enter a function on one CPU and leave it on
//!   another.
//! - *Missed calls.* With `COUNTS_MISSED`, a function of ours stands in the place of the
//!   kernel's `pre_handler` and calls it. It is put there while the probe is
//!   registered and disabled. Where another probe was at the place before, a CPU may
//!   walk over both at this moment, and read either pointer, but it calls neither.
//!   Before the first probe can be enabled, `synchronize_rcu()` waits for such walks:
//!   so whatever is called from then on is ours, and finds the kernel's.
//!
//! # Examples
//!
//! ```no_run
//! use faultline::{
//!     memory::percpu::Counters,
//!     prelude::*,
//!     probe::{kretprobe::MaxActive, Entry, Function, Handler, Probes, Return},
//!     task::time,
//! };
//!
//! /// How long calls take: the sum in ns, and how many.
//! struct Slow(Counters<2>);
//!
//! impl Handler for Slow {
//!     type Target = ();
//!     type Data = u64;
//!
//!     fn entry(&self, call: &Entry<'_, Self>) -> Option<u64> {
//!         let length: u32 = call.arg(2)?;
//!         (length > 4096).then(time::monotonic_ns)
//!     }
//!
//!     fn ret(&self, call: &Return<'_, Self>, entered: &u64) {
//!         if call.ret::<i32>() >= 0 {
//!             self.0.add::<0>(time::monotonic_ns().saturating_sub(*entered));
//!             self.0.add::<1>(1);
//!         }
//!     }
//! }
//!
//! let functions = [Function::new(c"vfs_read", ()), Function::new(c"vfs_write", ())];
//! let probes = Probes::all(Slow(Counters::new()?), functions, MaxActive::DEFAULT)
//!     .map_err(|error| error.report())?;
//! probes.enable_all()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! Large data are written where the kernel keeps them:
//!
//! ```no_run
//! # use faultline::{
//! #     memory::KernelPtr,
//! #     probe::{kretprobe::MaxActive, Entry, Filled, Function, Handler, Probes, Return, Slot},
//! # };
//! /// Compares what a function was given with what it leaves behind.
//! struct Changes;
//!
//! impl Handler for Changes {
//!     type Target = ();
//!     type Data = [u64; 128];
//!
//!     fn entry_in_place<'a>(
//!         &self,
//!         call: &Entry<'_, Self>,
//!         slot: Slot<'a, Self::Data>,
//!     ) -> Option<Filled<'a, Self::Data>> {
//!         let address: u64 = call.arg(0)?;
//!         let mut data = slot.zeroed();
//!         data[0] = address;
//!         Some(data)
//!     }
//!
//!     fn ret(&self, _call: &Return<'_, Self>, data: &Self::Data) {
//!         let _ = data[0];
//!     }
//! }
//!
//! let functions = [Function::new(c"vfs_read", ())];
//! let probes: Probes<Changes> = Probes::all(Changes, functions, MaxActive::DEFAULT)
//!     .map_err(|error| error.report())?;
//! # drop(probes);
//! # Ok::<(), faultline::error::Error>(())
//! ```
//!
//! The compiler refuses them by value:
//!
//! ```compile_fail
//! # use faultline::probe::{kretprobe::MaxActive, Entry, Function, Handler, Probes};
//! struct Large;
//!
//! impl Handler for Large {
//!     type Target = ();
//!     type Data = [u64; 33];
//!     # fn entry(&self, _: &Entry<'_, Self>) -> Option<Self::Data> { None }
//! }
//!
//! let probes = Probes::all(Large, [Function::new(c"vfs_read", ())], MaxActive::DEFAULT);
//! ```
//!
//! and data that own something:
//!
//! ```compile_fail
//! # use faultline::{prelude::*, probe::{Entry, Handler}};
//! struct Owning;
//!
//! impl Handler for Owning {
//!     type Target = ();
//!     type Data = KBox<u64>;
//!     # fn entry(&self, _: &Entry<'_, Self>) -> Option<Self::Data> { None }
//! }
//! ```
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

mod enter;
mod instance;

use core::{
    mem::{
        align_of,
        size_of, //
    },
    ptr::{
        null_mut,
        NonNull, //
    },
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    }, //
};

use super::{
    kprobe,
    Backend,
    Entry,
    Failure,
    Handler,
    Kprobe,
    Missed,
    Registration,
    Shared,
    Symbol, //
};
use crate::{
    bindings,
    compat::ffi::c_int,
    error::Result,
    memory::percpu::Counters,
    sync::rcu, //
};

/// Probes the entry and the return of functions.
pub enum Kretprobe {}

/// How many calls of each function can be followed at once.
#[derive(Clone, Copy, Debug)]
pub struct MaxActive(u16);

impl MaxActive {
    /// The kernel's default: 10, or twice the number of CPUs if that is more.
    pub const DEFAULT: Self = Self(0);

    /// So many calls; 0 is the [default](Self::DEFAULT).
    pub const fn new(calls: u16) -> Self {
        Self(calls)
    }
}

/// What a set has to count missed calls.
pub struct State {
    /// How often the kernel has called `entry`.
    entries: Counters<1>,
    /// The kernel's own function for a hit (a `kprobe_pre_handler_t`, or null), which
    /// `hit` replaces and calls. It is the same for each probe.
    pre_handler: AtomicPtr<()>,
}

impl<'a, H: Handler> Entry<'a, H> {
    /// The innermost call of this set's functions in which this call is made,
    /// on the same stack: what the handler has for its function, and its data. Calls
    /// that `entry` ignored, and calls that were missed, are not among them.
    ///
    /// A call that was interrupted encloses what the interrupt calls. To tell them
    /// apart, compare [`HandlerContext::level`](super::HandlerContext::level).
    #[inline]
    pub fn enclosing(&self) -> Option<(&'a H::Target, &'a H::Data)> {
        // SAFETY: An `Entry` exists in a handler only.
        unsafe { instance::enclosing(self.registration.shared()) }
    }
}

/// The instance data of a handler fit into what the kernel gives.
struct DataFit<H>(H);

impl<H: Handler> DataFit<H> {
    const CHECK: () = {
        assert!(
            size_of::<H::Data>() <= bindings::KRETPROBE_MAX_DATA_SIZE as usize,
            "instance data may have 4096 bytes"
        );
        assert!(
            align_of::<H::Data>() <= align_of::<usize>(),
            "instance data are aligned as a word"
        );
    };
}

/// The kprobe that a kretprobe begins with.
fn kprobe_of(kretprobe: *mut bindings::kretprobe) -> *mut bindings::kprobe {
    kretprobe.cast()
}

// SAFETY: `hit`, `entry` and `ret` only read what they take, apart from instances,
// which are theirs. `register_kretprobe()` of a probe that is disabled has undone all
// when it fails, since it arms nothing. `unregister_kretprobes()` waits for the handlers
// that run; for what it cannot unregister see the documentation of `kprobe`.
unsafe impl Backend for Kretprobe {
    type Native = bindings::kretprobe;
    type Registers = bindings::pt_regs;
    type Options = MaxActive;
    type State = State;

    const COUNTS_MISSED: bool = true;

    fn new_state() -> Result<State> {
        Ok(State {
            entries: Counters::new()?,
            pre_handler: AtomicPtr::new(null_mut()),
        })
    }

    unsafe fn set_up<H: Handler>(
        kretprobe: &mut bindings::kretprobe,
        function: &Symbol,
        max_active: MaxActive,
    ) {
        const { DataFit::<H>::CHECK };
        kprobe::name(&mut kretprobe.kp, function);
        kretprobe.kp.flags = bindings::KPROBE_FLAG_DISABLED;
        kretprobe.entry_handler = Some(enter::entry::<H>);
        kretprobe.handler = Some(enter::ret::<H>);
        kretprobe.maxactive = c_int::from(max_active.0);
        kretprobe.data_size = size_of::<H::Data>();
    }

    unsafe fn register<H: Handler>(kretprobe: *mut bindings::kretprobe) -> c_int {
        // SAFETY: The caller says that it is set up, and stays where it is.
        let registered = unsafe { bindings::register_kretprobe(kretprobe) };
        if H::COUNTS_MISSED && registered >= 0 {
            let hit: unsafe extern "C" fn(_, _) -> _ = enter::hit::<H>;
            // SAFETY: The caller says that it is that of a registration, which is being
            // registered.
            let registration = unsafe { Registration::<H, Self>::from_native(kretprobe) };
            // SAFETY: The probe lives, and this is an aligned word of it, which the kernel
            // only reads once it is registered.
            let pre_handler =
                unsafe { AtomicPtr::from_ptr((&raw mut (*kretprobe).kp.pre_handler).cast()) };
            let kernels = pre_handler.load(Ordering::Relaxed);
            let state = &registration.shared().state;
            state.pre_handler.store(kernels, Ordering::Relaxed);
            // Whoever sees ours also finds the kernel's.
            pre_handler.store(hit as *mut (), Ordering::Release);
        }
        registered
    }

    unsafe fn complete<H: Handler>(
        _shared: NonNull<Shared<H, Self>>,
        _registered: &[*mut bindings::kretprobe],
        _refuse: &mut dyn FnMut(*mut bindings::kretprobe, Failure),
    ) -> Result {
        if H::COUNTS_MISSED {
            rcu::synchronize();
        }
        Ok(())
    }

    unsafe fn unregister(kretprobes: &mut [*mut bindings::kretprobe]) -> Result {
        // SAFETY: The caller says that they are registered, and their names live. Those of an
        // empty list are not looked at.
        let result = unsafe {
            kprobe::disable(kretprobes.iter().copied().map(kprobe_of));
            bindings::unregister_kretprobes(kretprobes.as_mut_ptr(), kretprobes.len() as c_int);
            kprobe::abandon_remaining(kretprobes.iter().copied().map(kprobe_of))
        };
        if result.is_err() {
            for &mut kretprobe in kretprobes {
                // SAFETY: It lives, and is not entered any more: by the kernel's own
                // function for a hit no more than by ours, and for a return no more since
                // unregistering it has stopped its instances.
                unsafe {
                    (&raw mut (*kretprobe).entry_handler).write_volatile(None);
                    (&raw mut (*kretprobe).handler).write_volatile(None);
                }
            }
        }
        result
    }

    unsafe fn enable(kretprobe: *mut bindings::kretprobe, enable: bool) -> c_int {
        // SAFETY: The caller says that it is registered, and its name lives.
        unsafe { Kprobe::enable(kprobe_of(kretprobe), enable) }
    }

    unsafe fn is_enabled(kretprobe: *mut bindings::kretprobe) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { Kprobe::is_enabled(kprobe_of(kretprobe)) }
    }

    unsafe fn is_gone(kretprobe: *mut bindings::kretprobe) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { Kprobe::is_gone(kprobe_of(kretprobe)) }
    }

    unsafe fn max_active(kretprobe: *mut bindings::kretprobe) -> u32 {
        // SAFETY: The caller says that it lives. The kernel wrote this at registration, and has
        // not since.
        u32::try_from(unsafe { (*kretprobe).maxactive }).unwrap_or(0)
    }

    unsafe fn missed(kretprobe: *mut bindings::kretprobe) -> Missed {
        // SAFETY: The caller says that it lives. The kernel writes this while it is
        // read, as a whole.
        unsafe {
            let no_instance = (&raw const (*kretprobe).nmissed).read_volatile();
            Missed {
                no_instance: u64::from(no_instance as u32),
                ..Kprobe::missed(kprobe_of(kretprobe))
            }
        }
    }
}
