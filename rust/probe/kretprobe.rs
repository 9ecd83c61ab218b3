// SPDX-License-Identifier: GPL-2.0

//! Kretprobes: handlers at the entry and at the return of functions, with instance data for each
//! call.
//!
//! A handler's [`entry`](Handler::entry) sees the arguments, and may ignore the call. Otherwise it
//! returns the call's *instance data*, which are passed to [`ret`](Handler::ret) together with the
//! result. A handler can find the enclosing call of the same set on the same stack
//! ([`Entry::enclosing`]).
//!
//! # Missed calls
//!
//! The kernel follows as many calls of a function at once as there are instances ([`MaxActive`]).
//! If none is left, or if this CPU is running another handler, the handler is not called. Both
//! cases are counted in [`Probe::missed`](super::Probe::missed). The kernel counts them without a
//! lock, and loses some if several CPUs miss calls at once, which is common with few instances. A
//! handler that needs exact numbers sets [`COUNTS_MISSED`](Handler::COUNTS_MISSED) and counts calls
//! without an instance itself.
//!
//! # Soundness
//!
//! In addition to the argument for a set ([`Probes`](super::Probes)):
//!
//! - *Unload.* Handlers run with preemption off. After the kernel has unregistered a probe, it
//!   waits for them with `synchronize_rcu()`. A call in progress returns through the kernel's own
//!   trampoline, which finds the probe stopped; its instance belongs to the kernel.
//! - *A probe that cannot be disarmed.* As with a [`kprobe`], the probe is disabled first, so that
//!   unregistering cannot fail. Otherwise the kernel would free the pool of instances, and still
//!   take some from it.
//! - *Instance data.* They are `Copy`, so nothing is leaked if the kernel frees the instance of a
//!   call that never returns; the compiler checks their size and alignment. `entry` writes them
//!   before `ret` or `enclosing` can see them: a call is followed only if `entry` returns a
//!   [`Filled`](super::Filled), which proves that they were written. They are `Send`, since a task
//!   can enter a function on one CPU and leave it on another.
//! - *Missed calls.* With `COUNTS_MISSED`, a function of ours replaces the kernel's `pre_handler`
//!   and calls it. It is replaced while the probe is registered and disabled. If there is another
//!   probe at the address, a CPU may walk over both meanwhile and read either pointer, but does not
//!   call it. Before the first probe can be enabled, `synchronize_rcu()` waits for such walks, so
//!   all later calls are of our function, which finds the kernel's.
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
//! /// Measures calls: the sum of their times in ns, and their number.
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
//! Large data are written directly to the kernel's memory for them:
//!
//! ```no_run
//! # use faultline::{
//! #     memory::KernelPtr,
//! #     probe::{kretprobe::MaxActive, Entry, Filled, Function, Handler, Probes, Return, Slot},
//! # };
//! /// Compares memory before and after a call.
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
//! The compiler refuses large data that are returned by value:
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

/// The number of calls of each function that can be followed at once.
#[derive(Clone, Copy, Debug)]
pub struct MaxActive(u16);

impl MaxActive {
    /// The kernel's default: 10, or twice the number of CPUs if that is more.
    pub const DEFAULT: Self = Self(0);

    /// Sets the number of calls; 0 is the [default](Self::DEFAULT).
    pub const fn new(calls: u16) -> Self {
        Self(calls)
    }
}

/// The state with which a set counts missed calls.
pub struct State {
    /// The number of calls of `entry` by the kernel.
    entries: Counters<1>,
    /// The kernel's own `pre_handler` (a `kprobe_pre_handler_t`, or null), which `hit` replaces and
    /// calls. It is the same for each probe.
    pre_handler: AtomicPtr<()>,
}

impl<'a, H: Handler> Entry<'a, H> {
    /// Returns the target and the instance data of the innermost enclosing call: the last call of
    /// this set's functions on the same stack that has not returned. Calls that `entry` ignored or
    /// that were missed are skipped.
    ///
    /// A call that was interrupted encloses the calls in the interrupt. To tell them apart, compare
    /// [`HandlerContext::level`](super::HandlerContext::level).
    #[inline]
    pub fn enclosing(&self) -> Option<(&'a H::Target, &'a H::Data)> {
        // SAFETY: An `Entry` exists only in a handler of its set.
        unsafe { instance::enclosing(self.registration.shared()) }
    }
}

/// Checks that the instance data of a handler fit into the kernel's memory for them.
struct DataFit<H>(H);

impl<H: Handler> DataFit<H> {
    const CHECK: () = {
        assert!(
            size_of::<H::Data>() <= bindings::KRETPROBE_MAX_DATA_SIZE as usize,
            "instance data can have at most 4096 bytes"
        );
        assert!(
            align_of::<H::Data>() <= align_of::<usize>(),
            "instance data cannot have a larger alignment than a word"
        );
    };
}

/// Returns the kprobe of a kretprobe, which is its first field.
fn kprobe_of(kretprobe: *mut bindings::kretprobe) -> *mut bindings::kprobe {
    kretprobe.cast()
}

// SAFETY: `hit`, `entry` and `ret` only read their arguments, except for the call's instance, which
// nobody else uses. If `register_kretprobe()` of a disabled probe fails, it has undone everything,
// since it arms nothing. `unregister_kretprobes()` waits for handlers; for probes that it cannot
// unregister see the documentation of `kprobe`.
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
        // SAFETY: The probe is set up, and does not move before it is unregistered.
        let registered = unsafe { bindings::register_kretprobe(kretprobe) };
        if H::COUNTS_MISSED && registered >= 0 {
            let hit: unsafe extern "C" fn(_, _) -> _ = enter::hit::<H>;
            // SAFETY: `kretprobe` is that of a registration, which is being registered.
            let registration = unsafe { Registration::<H, Self>::from_native(kretprobe) };
            // SAFETY: The probe lives. The pointer is an aligned word of it, which the kernel only
            // reads after the registration.
            let pre_handler =
                unsafe { AtomicPtr::from_ptr((&raw mut (*kretprobe).kp.pre_handler).cast()) };
            let kernels = pre_handler.load(Ordering::Relaxed);
            let state = &registration.shared().state;
            state.pre_handler.store(kernels, Ordering::Relaxed);
            // Released, so that `hit` finds the kernel's function.
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
        // SAFETY: All probes of the slice are registered, and their names live. The pointer of an
        // empty slice is not dereferenced.
        let result = unsafe {
            kprobe::disable(kretprobes.iter().copied().map(kprobe_of));
            bindings::unregister_kretprobes(kretprobes.as_mut_ptr(), kretprobes.len() as c_int);
            kprobe::abandon_remaining(kretprobes.iter().copied().map(kprobe_of))
        };
        if result.is_err() {
            for &mut kretprobe in kretprobes {
                // SAFETY: The probe lives, and its handlers are not called any more: at an entry
                // since it was abandoned, at a return since unregistering has stopped its
                // instances.
                unsafe {
                    (&raw mut (*kretprobe).entry_handler).write_volatile(None);
                    (&raw mut (*kretprobe).handler).write_volatile(None);
                }
            }
        }
        result
    }

    unsafe fn enable(kretprobe: *mut bindings::kretprobe, enable: bool) -> c_int {
        // SAFETY: The probe is registered, and its name lives.
        unsafe { Kprobe::enable(kprobe_of(kretprobe), enable) }
    }

    unsafe fn is_enabled(kretprobe: *mut bindings::kretprobe) -> bool {
        // SAFETY: The caller guarantees that the probe lives.
        unsafe { Kprobe::is_enabled(kprobe_of(kretprobe)) }
    }

    unsafe fn is_gone(kretprobe: *mut bindings::kretprobe) -> bool {
        // SAFETY: The caller guarantees that the probe lives.
        unsafe { Kprobe::is_gone(kprobe_of(kretprobe)) }
    }

    unsafe fn max_active(kretprobe: *mut bindings::kretprobe) -> u32 {
        // SAFETY: The caller guarantees that the probe lives. The kernel only writes this field
        // during the registration.
        u32::try_from(unsafe { (*kretprobe).maxactive }).unwrap_or(0)
    }

    unsafe fn missed(kretprobe: *mut bindings::kretprobe) -> Missed {
        // SAFETY: The caller guarantees that the probe lives. The kernel may write the counter
        // meanwhile, which is an aligned integer, with a single store.
        unsafe {
            let no_instance = (&raw const (*kretprobe).nmissed).read_volatile();
            Missed {
                no_instance: u64::from(no_instance as u32),
                ..Kprobe::missed(kprobe_of(kretprobe))
            }
        }
    }
}
