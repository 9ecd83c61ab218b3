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
//! - *Instance data.* It is `Copy`, so nothing is lost when the kernel drops an
//!   instance of a call that never returns; its size and alignment are
//!   checked by the compiler against what the kernel gives. It is written by
//!   `entry` before `ret` or `enclosing` can see it. It is `Send`, since a task
//!   can enter a function on one CPU and leave it on another.
//! - *Misses.* With `COUNTS_MISSED`, a function of ours stands in the place of the
//!   kernel's `pre_handler` and calls it. It is put there while the probe is
//!   registered and disabled, so nobody calls what is replaced, and stays until
//!   nobody calls it any more.
//! - *Context.* See [`probe`].
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

use core::{
    cell::Cell,
    ffi::CStr,
    marker::PhantomData,
    mem::{
        align_of,
        size_of, //
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

/// What is done at the entry and at the return of the functions of a set.
pub trait Handler: Send + Sync + Sized + 'static {
    /// What belongs to a call: at most 4096 bytes, aligned as a word or less.
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
    fn entry(&self, call: &Entry<'_, Self>, here: &Handling<'_>) -> Option<Self::Data>;

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
/// Data that owns something, or is too large, is refused by the compiler:
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
            // SAFETY: The kernel wrote it at registration.
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
    /// The kernel's own function for a hit, where ours is put before it.
    pre_handler: Cell<bindings::kprobe_pre_handler_t>,
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
// which are theirs. `register_kretprobe()` has undone all when it fails;
// `unregister_kretprobes()` waits for the handlers that run.
unsafe impl<H: Handler> Kind for Kretprobe<H> {
    type Handler = H;
    type Raw = bindings::kretprobe;
    /// `maxactive`.
    type Options = u16;
    type Extra = Misses;

    fn extra() -> Result<Misses> {
        Ok(Misses {
            entries: Counters::new()?,
            pre_handler: Cell::new(None),
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

    unsafe fn register(probe: &Probe<Self>) -> c_int {
        let kretprobe = probe.raw();
        // SAFETY: By the function's requirement. As long as the set is being made
        // its probes are disabled: nobody calls the function that is replaced,
        // or reads `pre_handler`, which is the same for each probe. The memory
        // barriers of enabling one make the writes seen before the first hit.
        unsafe {
            let registered = bindings::register_kretprobe(kretprobe);
            if H::COUNTS_MISSED && registered >= 0 {
                let (_, shared) = Probe::<Self>::of(kretprobe);
                let pre_handler = &raw mut (*kretprobe).kp.pre_handler;
                shared.extra.pre_handler.set(*pre_handler);
                *pre_handler = Some(hit::<H>);
            }
            registered
        }
    }

    unsafe fn unregister(probes: &mut [*mut bindings::kretprobe]) {
        // SAFETY: By the function's requirement.
        unsafe { bindings::unregister_kretprobes(probes.as_mut_ptr(), probes.len() as c_int) };
    }

    unsafe fn enable(kretprobe: *mut bindings::kretprobe, enable: bool) -> c_int {
        // SAFETY: By the function's requirement.
        unsafe { kprobe::enable(Self::kprobe(kretprobe), enable) }
    }

    unsafe fn is_enabled(kretprobe: *mut bindings::kretprobe) -> bool {
        // SAFETY: By the function's requirement.
        unsafe { kprobe::is_enabled(Self::kprobe(kretprobe)) }
    }

    unsafe fn missed(kretprobe: *mut bindings::kretprobe) -> Missed {
        // SAFETY: By the function's requirement. The kernel writes this while it
        // is read, as a whole.
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
    // SAFETY: By the function's requirements. A kretprobe begins with its
    // kprobe.
    unsafe {
        let (probe, shared) = Probe::<Kretprobe<H>>::of(kprobe.cast());
        let misses = &shared.extra;
        let before = misses.entries.here::<0>();
        let code = match misses.pre_handler.get() {
            Some(pre_handler) => pre_handler(kprobe, regs),
            None => 0,
        };
        // No other hit comes to `entry` meanwhile: it would be missed itself.
        if misses.entries.here::<0>() == before {
            shared.handler.missed(probe.index(), &Handling::new());
        }
        code
    }
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
    // SAFETY: By the function's requirements.
    let ((probe, shared), registers, here) = unsafe {
        let kretprobe = instance::kretprobe(ri);
        if instance::FORGETS && kretprobe.is_null() {
            // It is being unregistered.
            return 1;
        }
        (
            Probe::<Kretprobe<H>>::of(kretprobe),
            &*regs,
            Handling::new(),
        )
    };
    if H::COUNTS_MISSED {
        shared.extra.entries.add::<0>(1);
    }
    let call = Entry {
        probe: probe.index(),
        registers,
        besides: shared,
    };
    match shared.handler.entry(&call, &here) {
        Some(data) => {
            // SAFETY: The instance has room for the data, aligned as a word, and
            // nobody else has it now.
            unsafe { instance::data::<H>(ri).write(data) };
            0
        }
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
    // SAFETY: By the function's requirements. `entry` wrote the data.
    unsafe {
        let kretprobe = instance::kretprobe(ri);
        if instance::FORGETS && kretprobe.is_null() {
            // It was unregistered meanwhile.
            return 0;
        }
        let (probe, shared) = Probe::<Kretprobe<H>>::of(kretprobe);
        let call = Return {
            probe: probe.index(),
            registers: &*regs,
        };
        let data = &*instance::data::<H>(ri);
        shared.handler.ret(&call, data, &Handling::new());
    }
    0
}

/// The kernel's instances, of which it has two kinds.
mod instance {
    use super::{
        bindings,
        Handler,
        Kretprobe,
        Probe,
        Shared, //
    };

    /// Looked at so many calls, there is none of ours: nobody nests deeper.
    const DEPTH_MAX: usize = 64;

    /// Where an instance keeps the data.
    ///
    /// # Safety
    ///
    /// `ri` is an instance of a probe of this kind, with this handler.
    #[inline(always)]
    pub(super) unsafe fn data<H: Handler>(ri: *mut bindings::kretprobe_instance) -> *mut H::Data {
        // SAFETY: The data follow the instance in the same allocation.
        unsafe { (&raw mut (*ri).data).cast() }
    }

    #[cfg(CONFIG_KRETPROBE_ON_RETHOOK)]
    mod kind {
        use super::bindings;

        /// The probe of an instance.
        ///
        /// # Safety
        ///
        /// `ri` is an instance that is in use.
        #[inline(always)]
        pub(in super::super) unsafe fn kretprobe(
            ri: *mut bindings::kretprobe_instance,
        ) -> *mut bindings::kretprobe {
            // SAFETY: An instance knows its rethook, which lives as long as one
            // of its instances is in use, and has the probe for its data.
            unsafe { (*(*ri).node.rethook).data.cast() }
        }

        /// Does a handler come upon an instance whose probe was unregistered?
        /// No, a rethook has its data for ever.
        pub(in super::super) const FORGETS: bool = false;

        /// Is `ri` an instance that `kretprobe` has now, and not one of a probe
        /// that was at the same address before?
        ///
        /// # Safety
        ///
        /// Both live.
        #[inline(always)]
        pub(super) unsafe fn belongs(
            ri: *mut bindings::kretprobe_instance,
            kretprobe: *mut bindings::kretprobe,
        ) -> bool {
            // SAFETY: By the function's requirement. Two rethooks that live have
            // two addresses.
            unsafe { core::ptr::eq((*ri).node.rethook, (*kretprobe).rh) }
        }

        /// The first call of a task that is followed.
        ///
        /// # Safety
        ///
        /// The task is the current one.
        #[inline(always)]
        pub(super) unsafe fn first(task: *mut bindings::task_struct) -> *mut bindings::llist_node {
            // SAFETY: By the function's requirement. What an interrupt adds it
            // removes before this goes on.
            unsafe { (*task).rethooks.first }
        }

        /// The instance that a node is in.
        #[inline(always)]
        pub(super) fn of(node: *mut bindings::llist_node) -> *mut bindings::kretprobe_instance {
            let offset = core::mem::offset_of!(bindings::kretprobe_instance, node.llist);
            node.wrapping_byte_sub(offset).cast()
        }
    }

    #[cfg(not(CONFIG_KRETPROBE_ON_RETHOOK))]
    mod kind {
        use super::bindings;

        /// The probe of an instance, null if it was unregistered.
        ///
        /// # Safety
        ///
        /// `ri` is an instance that is in use.
        #[inline(always)]
        pub(in super::super) unsafe fn kretprobe(
            ri: *mut bindings::kretprobe_instance,
        ) -> *mut bindings::kretprobe {
            // SAFETY: The holder lives as long as one of its instances is in
            // use; the pointer in it is written as a whole.
            unsafe { (&raw const (*(*ri).rph).rp).read_volatile() }
        }

        /// Does a handler come upon an instance whose probe was unregistered?
        pub(in super::super) const FORGETS: bool = true;

        /// Is `ri` an instance that `kretprobe` has now, and not one of a probe
        /// that was at the same address before?
        ///
        /// # Safety
        ///
        /// Both live.
        #[inline(always)]
        pub(super) unsafe fn belongs(
            ri: *mut bindings::kretprobe_instance,
            kretprobe: *mut bindings::kretprobe,
        ) -> bool {
            // SAFETY: By the function's requirement. Two holders that live have
            // two addresses.
            unsafe { core::ptr::eq((*ri).rph, (*kretprobe).rph) }
        }

        /// The first call of a task that is followed.
        ///
        /// # Safety
        ///
        /// The task is the current one.
        #[inline(always)]
        pub(super) unsafe fn first(task: *mut bindings::task_struct) -> *mut bindings::llist_node {
            // SAFETY: By the function's requirement. What an interrupt adds it
            // removes before this goes on.
            unsafe { (*task).kretprobe_instances.first }
        }

        /// The instance that a node is in.
        #[inline(always)]
        pub(super) fn of(node: *mut bindings::llist_node) -> *mut bindings::kretprobe_instance {
            let offset = core::mem::offset_of!(bindings::kretprobe_instance, llist);
            node.wrapping_byte_sub(offset).cast()
        }
    }

    pub(super) use kind::{
        kretprobe,
        FORGETS, //
    };

    /// The innermost call of the set's functions on this stack.
    ///
    /// # Safety
    ///
    /// This is called in a handler of the set.
    #[inline]
    pub(super) unsafe fn enclosing<H: Handler>(
        shared: &Shared<Kretprobe<H>>,
    ) -> Option<(usize, &H::Data)> {
        // SAFETY: The list is that of the current task. Its nodes are instances
        // of calls which have not returned, so they and what they belong to
        // (rethook or holder, with which all kinds of nodes begin) live. A probe
        // is looked at only if it is this set's, which lives.
        unsafe {
            let mut node = kind::first(bindings::faultline_helper_current());
            // Mostly there is none.
            if node.is_null() {
                return None;
            }
            let probes = shared.probes.as_ptr_range();
            let (begin, end) = (probes.start as usize, probes.end as usize);
            for _ in 0..DEPTH_MAX {
                if node.is_null() {
                    return None;
                }
                let ri = kind::of(node);
                let kretprobe = kind::kretprobe(ri);
                let address = kretprobe as usize;
                if begin <= address && address < end {
                    // It may be a leftover of another set at this place, so the
                    // address is rounded to one of a probe before it is used.
                    let index = address
                        .wrapping_sub(begin)
                        .wrapping_div(core::mem::size_of::<Probe<Kretprobe<H>>>());
                    let probe = shared.probes.get(index)?;
                    let ours = probe.raw();
                    if core::ptr::eq(ours, kretprobe) && kind::belongs(ri, ours) {
                        return Some((index, &*data::<H>(ri)));
                    }
                }
                node = (*node).next;
            }
        }
        None
    }
}
