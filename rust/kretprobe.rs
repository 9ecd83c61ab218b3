// SPDX-License-Identifier: GPL-2.0

//! Handlers at the entry and at the return of functions, with data that belongs
//! to the call.
//!
//! A [`KretProbes`] is a set of probed functions with one [`Handler`]. The
//! handler's [`entry`](Handler::entry) sees the arguments, and may decline: then
//! there is no more to it. Otherwise it gives the call's *instance data*, which
//! [`ret`](Handler::ret) gets back together with the result. Calls of the same
//! set that nest on one stack know of each other ([`Entry::enclosing`]).
//!
//! A set is registered as a whole ([`KretProbes::all`]), or as far as this
//! kernel has the functions ([`KretProbes::available`]). Nothing is called until
//! a probe is [enabled](KretProbes::enable).
//!
//! # Calls that are missed
//!
//! The kernel follows as many calls of a function at once as there are
//! instances (`maxactive`). A call that comes when none is left is not seen by
//! the handler. Nor is one that is made while this CPU runs another handler. Both
//! are in [`KretProbes::missed`]. The kernel counts them without a lock, and so
//! loses some when several CPUs miss at once. With few instances that is the
//! rule, so a handler that needs to know exactly sets
//! [`COUNTS_MISSED`](Handler::COUNTS_MISSED) and counts those itself.
//!
//! # Soundness
//!
//! Besides what is said of the [set](crate::probe::Set):
//!
//! - *Unload.* Handlers run with preemption off, so when the kernel has
//!   unregistered a probe it waits for them with `synchronize_rcu()`. A call that
//!   is still in progress returns through the kernel's own trampoline, which
//!   finds the probe stopped; its instance belongs to the kernel.
//! - *A probe that cannot be disarmed.* As with a [`kprobe`], it is
//!   disabled first, so that to unregister it cannot fail. Otherwise the kernel
//!   would free the pool of instances and go on to take some out of it.
//! - *Instance data.* It is `Copy`, so nothing is lost when the kernel drops an
//!   instance of a call that never returns; its size and alignment are
//!   checked by the compiler against what the kernel gives. It is written by
//!   `entry` before `ret` or `enclosing` can see it: only what was written to the
//!   instance makes a [`Filled`], and only with one is a call followed. It is `Send`,
//!   since a task can enter a function on one CPU and leave it on another.
//! - *Misses.* With `COUNTS_MISSED`, a function of ours stands in the place of the
//!   kernel's `pre_handler` and calls it. It is put there while the probe is
//!   registered and disabled. Where another probe was at the place before, a CPU may
//!   walk over both at this moment, and read either pointer, but it calls neither.
//!   Before the first probe can be enabled, `synchronize_rcu()` waits for such walks:
//!   so whatever is called from then on is ours, and finds the kernel's.
//! - *Context.* See [`probe`].
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

mod instance;
mod slot;

use core::{
    ffi::CStr,
    marker::PhantomData,
    mem::{
        align_of,
        size_of,
        transmute, //
    },
    ptr::null_mut,
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::c_int, //
    },
    error::Result,
    kprobe,
    percpu::Counters,
    probe::{
        self,
        Handling,
        Kind,
        Missed,
        Probe,
        Refused,
        Set,
        Shared, //
    }, //
};

pub use slot::{
    Filled,
    Slot,
    BY_VALUE_MAX, //
};

/// What is done at the entry and at the return of the functions of a set. It has
/// either [`entry`](Self::entry) or [`entry_in_place`](Self::entry_in_place).
pub trait Handler: Send + Sync + Sized + 'static {
    /// What belongs to a call: at most 4096 bytes, aligned as a word or less. More than
    /// [`BY_VALUE_MAX`] bytes are written in their place.
    type Data: Copy + Send + 'static;

    /// Is [`missed`](Self::missed) called? It makes each hit cost a few
    /// instructions more.
    const COUNTS_MISSED: bool = false;

    /// A probe was hit when no instance was left, so this is all that will be
    /// known of the call.
    ///
    /// # Context
    ///
    /// That of [a handler](crate::probe).
    fn missed(&self, probe: usize, here: &Handling<'_>) {
        let _ = (probe, here);
    }

    /// A function was entered. With `None`, its return is of no interest.
    ///
    /// # Context
    ///
    /// That of [a handler](crate::probe).
    fn entry(&self, call: &Entry<'_, Self>, here: &Handling<'_>) -> Option<Self::Data> {
        const {
            // No type is as large, so this is for whoever has neither of them.
            assert!(
                size_of::<Self>() == usize::MAX,
                "a handler implements `entry` or `entry_in_place`"
            );
        }
        let _ = (call, here);
        None
    }

    /// A function was entered: as [`entry`](Self::entry), for data that are too large
    /// to be passed by value.
    ///
    /// # Context
    ///
    /// That of [a handler](crate::probe).
    #[inline(always)]
    fn entry_in_place<'a>(
        &self,
        call: &Entry<'_, Self>,
        data: Slot<'a, Self::Data>,
        here: &Handling<'_>,
    ) -> Option<Filled<'a, Self::Data>> {
        Some(data.write(self.entry(call, here)?))
    }

    /// A function returns. The task is the one that entered it; the CPU may be
    /// another.
    ///
    /// # Context
    ///
    /// That of [a handler](crate::probe).
    fn ret(&self, call: &Return<'_>, data: &Self::Data, here: &Handling<'_>);
}

/// A function that was entered.
pub type Entry<'a, H> = probe::Entry<'a, bindings::pt_regs, &'a Shared<Kretprobe<H>>>;

impl<'a, H: Handler> Entry<'a, H> {
    /// The innermost call of this set's functions in which this call is made,
    /// on the same stack: its probe and its data. Calls that `entry` declined,
    /// and calls that were missed, are not among them.
    ///
    /// A call that was interrupted encloses what the interrupt calls; who wants
    /// to tell compares [`Handling::level`].
    #[inline]
    pub fn enclosing(&self) -> Option<(usize, &'a H::Data)> {
        // SAFETY: This is called in a handler, since only there is an `Entry`.
        unsafe { instance::enclosing(self.besides) }
    }
}

/// A function that returns.
pub type Return<'a> = probe::Return<'a, bindings::pt_regs>;

/// A set of probed functions with one handler.
///
/// # Examples
///
/// ```no_run
/// use faultline::{
///     kretprobe::{Entry, Handler, KretProbes, Return},
///     percpu::Counters,
///     prelude::*,
///     probe::Handling,
///     time,
/// };
///
/// /// How long calls take: the sum in ns, and how many.
/// struct Slow(Counters<2>);
///
/// impl Handler for Slow {
///     type Data = u64;
///
///     fn entry(&self, call: &Entry<'_, Self>, _here: &Handling<'_>) -> Option<u64> {
///         let length: u32 = call.arg(2)?;
///         (length > 4096).then(time::monotonic_ns)
///     }
///
///     fn ret(&self, call: &Return<'_>, entered: &u64, _here: &Handling<'_>) {
///         if call.ret::<i32>() >= 0 {
///             self.0.add::<0>(time::monotonic_ns().saturating_sub(*entered));
///             self.0.add::<1>(1);
///         }
///     }
/// }
///
/// let probes = KretProbes::all(Slow(Counters::new()?), &[c"vfs_read"], 0)
///     .map_err(|refused| refused.report())?;
/// probes.enable(0)?;
/// # Ok::<(), Error>(())
/// ```
///
/// Large data are written where the kernel keeps them:
///
/// ```no_run
/// # use faultline::{
/// #     kretprobe::{Entry, Filled, Handler, KretProbes, Return, Slot},
/// #     memory::KernelPtr,
/// #     probe::Handling,
/// # };
/// /// Compares what a function was given with what it leaves behind.
/// struct Changes;
///
/// impl Handler for Changes {
///     type Data = [u64; 128];
///
///     fn entry_in_place<'a>(
///         &self,
///         call: &Entry<'_, Self>,
///         data: Slot<'a, Self::Data>,
///         _here: &Handling<'_>,
///     ) -> Option<Filled<'a, Self::Data>> {
///         let address: u64 = call.arg(0)?;
///         let mut data = data.zeroed();
///         data[0] = address;
///         Some(data)
///     }
///
///     fn ret(&self, _call: &Return<'_>, data: &Self::Data, _here: &Handling<'_>) {
///         let _ = data[0];
///     }
/// }
///
/// let probes = KretProbes::all(Changes, &[c"vfs_read"], 0).map_err(|refused| refused.report())?;
/// # drop(probes);
/// # Ok::<(), faultline::error::Error>(())
/// ```
///
/// The compiler refuses them by value:
///
/// ```compile_fail
/// # use faultline::{kretprobe::{Entry, Handler, KretProbes, Return}, probe::Handling};
/// struct Large;
///
/// impl Handler for Large {
///     type Data = [u64; 33];
///     # fn entry(&self, _: &Entry<'_, Self>, _: &Handling<'_>) -> Option<Self::Data> { None }
///     # fn ret(&self, _: &Return<'_>, _: &Self::Data, _: &Handling<'_>) {}
/// }
///
/// let probes = KretProbes::all(Large, &[c"vfs_read"], 0);
/// ```
///
/// and data that own something:
///
/// ```compile_fail
/// # use faultline::{kretprobe::{Entry, Handler, Return}, prelude::*, probe::Handling};
/// struct Owning;
///
/// impl Handler for Owning {
///     type Data = KBox<u64>;
///     # fn entry(&self, _: &Entry<'_, Self>, _: &Handling<'_>) -> Option<Self::Data> { None }
///     # fn ret(&self, _: &Return<'_>, _: &Self::Data, _: &Handling<'_>) {}
/// }
/// ```
pub type KretProbes<H> = Set<Kretprobe<H>>;

impl<H: Handler> KretProbes<H> {
    /// Registers a probe for each of the functions, or none.
    ///
    /// `maxactive` is how many calls of each can be followed at once; 0 leaves
    /// it to the kernel (10, or twice the CPUs if that is more).
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The first function that cannot be probed, and why. What was registered
    /// before it is unregistered, the last one first.
    pub fn all(handler: H, functions: &[&'static CStr], maxactive: u16) -> Result<Self, Refused> {
        Self::register(handler, functions, maxactive, true)
    }

    /// Registers a probe for each of the functions that can be probed;
    /// [`failure`](Self::failure) says what is wrong with the others.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn available(
        handler: H,
        functions: &[&'static CStr],
        maxactive: u16,
    ) -> Result<Self, Refused> {
        Self::register(handler, functions, maxactive, false)
    }

    /// How many calls of a function at once can be followed.
    pub fn maxactive(&self, index: usize) -> u32 {
        self.probe(index).map_or(0, |probe| {
            // SAFETY: The probe lives. The kernel wrote this at registration, and has not
            // since.
            u32::try_from(unsafe { (*probe.raw()).maxactive }).unwrap_or(0)
        })
    }
}

/// The kind of probe.
pub struct Kretprobe<H>(PhantomData<H>);

/// What a set has to count missed hits.
pub struct Misses {
    /// How often the kernel has come to `entry`.
    entries: Counters<1>,
    /// The kernel's own function for a hit (a `kprobe_pre_handler_t`, or null), where
    /// ours is put before it. It is the same for each probe.
    pre_handler: AtomicPtr<()>,
}

impl<H: Handler> Kretprobe<H> {
    /// The data fit into what the kernel gives.
    const DATA_FITS: () = {
        assert!(
            size_of::<H::Data>() <= bindings::KRETPROBE_MAX_DATA_SIZE as usize,
            "instance data may have 4096 bytes"
        );
        assert!(
            align_of::<H::Data>() <= align_of::<usize>(),
            "instance data are aligned as a word"
        );
    };

    fn kprobe(kretprobe: *mut bindings::kretprobe) -> *mut bindings::kprobe {
        // A kretprobe begins with its kprobe.
        kretprobe.cast()
    }
}

// SAFETY: `hit`, `entry` and `ret` only read what they take, apart from instances,
// which are theirs. `register_kretprobe()` of a probe that is disabled has undone all
// when it fails, since it arms nothing. `unregister_kretprobes()` waits for the handlers
// that run; for what it cannot unregister see the documentation of `kprobe`.
unsafe impl<H: Handler> Kind for Kretprobe<H> {
    type Handler = H;
    type Raw = bindings::kretprobe;
    /// `maxactive`.
    type Options = u16;
    type Extra = Misses;

    fn extra() -> Result<Misses> {
        Ok(Misses {
            entries: Counters::new()?,
            pre_handler: AtomicPtr::new(null_mut()),
        })
    }

    fn set_up(kretprobe: &mut bindings::kretprobe, function: &'static CStr, maxactive: u16) {
        const { Self::DATA_FITS };
        kretprobe.kp.symbol_name = char_ptr(function);
        kretprobe.kp.flags = bindings::KPROBE_FLAG_DISABLED;
        kretprobe.entry_handler = Some(entry::<H>);
        kretprobe.handler = Some(ret::<H>);
        kretprobe.maxactive = c_int::from(maxactive);
        kretprobe.data_size = size_of::<H::Data>();
    }

    unsafe fn register(kretprobe: *mut bindings::kretprobe) -> c_int {
        // SAFETY: The caller says that it is set up, and stays where it is.
        let registered = unsafe { bindings::register_kretprobe(kretprobe) };
        if H::COUNTS_MISSED && registered >= 0 {
            let hit: unsafe extern "C" fn(_, _) -> _ = hit::<H>;
            // SAFETY: The caller says that it is a probe of a set; it is being registered.
            let (_, shared) = unsafe { Probe::<Self>::of(kretprobe) };
            // SAFETY: The probe lives, and this is an aligned word of it, which the kernel
            // only reads once it is registered.
            let pre_handler =
                unsafe { AtomicPtr::from_ptr((&raw mut (*kretprobe).kp.pre_handler).cast()) };
            let kernels = pre_handler.load(Ordering::Relaxed);
            shared.extra.pre_handler.store(kernels, Ordering::Relaxed);
            // Whoever sees ours also finds the kernel's.
            pre_handler.store(hit as *mut (), Ordering::Release);
        }
        registered
    }

    fn registered() {
        if H::COUNTS_MISSED {
            // SAFETY: The caller, who registers probes, may sleep.
            unsafe { bindings::synchronize_rcu() };
        }
    }

    unsafe fn unregister(probes: &mut [*mut bindings::kretprobe]) -> Result {
        // SAFETY: The caller says that they are registered, and their names are those of
        // a set, which live. Those of an empty list are not looked at.
        let kept = unsafe {
            kprobe::disable(probes.iter().copied().map(Self::kprobe));
            bindings::unregister_kretprobes(probes.as_mut_ptr(), probes.len() as c_int);
            kprobe::cut_off_kept(probes.iter().copied().map(Self::kprobe))
        };
        if kept.is_err() {
            for &mut kretprobe in probes {
                // SAFETY: It lives, and is not entered any more: by the kernel's own
                // function for a hit no more than by ours, and for a return no more since
                // unregistering it has stopped its instances.
                unsafe {
                    (&raw mut (*kretprobe).entry_handler).write_volatile(None);
                    (&raw mut (*kretprobe).handler).write_volatile(None);
                }
            }
        }
        kept
    }

    unsafe fn enable(kretprobe: *mut bindings::kretprobe, enable: bool) -> c_int {
        // SAFETY: The caller says that it is registered, and its name is that of a set,
        // which lives.
        unsafe { kprobe::enable(Self::kprobe(kretprobe), enable) }
    }

    unsafe fn is_enabled(kretprobe: *mut bindings::kretprobe) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { kprobe::is_enabled(Self::kprobe(kretprobe)) }
    }

    unsafe fn is_gone(kretprobe: *mut bindings::kretprobe) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { kprobe::is_gone(Self::kprobe(kretprobe)) }
    }

    unsafe fn missed(kretprobe: *mut bindings::kretprobe) -> Missed {
        // SAFETY: The caller says that it lives. The kernel writes this while it is
        // read, as a whole.
        unsafe {
            let no_instance = (&raw const (*kretprobe).nmissed).read_volatile();
            Missed {
                no_instance: u64::from(no_instance as u32),
                ..kprobe::missed(Self::kprobe(kretprobe))
            }
        }
    }
}

/// Where the kernel enters for a hit, if missed hits are counted.
///
/// # Safety
///
/// `kprobe` is that of a registered probe of this kind, which was put there by
/// `Kind::register`. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn hit<H: Handler>(
    kprobe: *mut bindings::kprobe,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel gives what was registered to a handler, which this is. A
    // kretprobe begins with its kprobe.
    let (probe, shared) = unsafe { Probe::<Kretprobe<H>>::of(kprobe.cast()) };
    let misses = &shared.extra;
    let before = misses.entries.here::<0>();
    // SAFETY: `register` has put there what it found in a place of this type, before any
    // probe was enabled.
    let pre_handler: bindings::kprobe_pre_handler_t =
        unsafe { transmute(misses.pre_handler.load(Ordering::Relaxed)) };
    let code = match pre_handler {
        // SAFETY: It is the kernel's function for a hit of this probe, which this is.
        Some(pre_handler) => unsafe { pre_handler(kprobe, regs) },
        None => 0,
    };
    // No other hit comes to `entry` meanwhile: it would be missed itself.
    if misses.entries.here::<0>() == before {
        // SAFETY: This is a handler, which lends it out.
        let here = unsafe { Handling::new() };
        shared.handler.missed(probe.index(), &here);
    }
    code
}

/// Where the kernel enters at a function's entry. Non-zero gives the instance
/// back.
///
/// # Safety
///
/// `ri` is an unused instance of a registered probe of this kind, and `regs` are those of
/// the call. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler>(
    ri: *mut bindings::kretprobe_instance,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel gives an instance of what was registered, and the registers of
    // the call, to a handler, which this is. The instance has room for the data, aligned
    // as a word, and nobody else has it now.
    let (shared, call, data, here) = unsafe {
        let kretprobe = instance::kretprobe(ri);
        if instance::FORGETS && kretprobe.is_null() {
            // It is being unregistered.
            return 1;
        }
        let (probe, shared) = Probe::<Kretprobe<H>>::of(kretprobe);
        (
            shared,
            Entry::<H>::new(probe.index(), regs, shared),
            Slot::new(instance::data::<H>(ri)),
            Handling::new(),
        )
    };
    if H::COUNTS_MISSED {
        shared.extra.entries.add::<0>(1);
    }
    match shared.handler.entry_in_place(&call, data, &here) {
        Some(_) => 0,
        None => 1,
    }
}

/// Where the kernel enters at a function's return. What is returned is ignored.
///
/// # Safety
///
/// `ri` is the instance of a call of a registered probe of this kind for which `entry`
/// returned 0, and `regs` are those of the return. The context is that of a
/// probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn ret<H: Handler>(
    ri: *mut bindings::kretprobe_instance,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel gives an instance of what was registered, and the registers of
    // the return, to a handler, which this is. `entry` has returned 0 for it, so it wrote
    // the data.
    unsafe {
        let kretprobe = instance::kretprobe(ri);
        if instance::FORGETS && kretprobe.is_null() {
            // It was unregistered meanwhile.
            return 0;
        }
        let (probe, shared) = Probe::<Kretprobe<H>>::of(kretprobe);
        let call = Return::new(probe.index(), regs);
        let data = &*instance::data::<H>(ri);
        shared.handler.ret(&call, data, &Handling::new());
    }
    0
}
