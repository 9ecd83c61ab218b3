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
//! - *Where the kernel enters.* By three functions, generic over the handler, of
//!   which the kernel has the addresses while a probe is registered. Each
//!   finds the probe by the pointer that it was registered with, and so the
//!   handler. The probes are on the heap and do not move.
//! - *Unload.* Dropping the set unregisters the probes, which waits until no
//!   handler runs any more and none will (`synchronize_rcu()`; handlers run with
//!   preemption off). A call that is still in progress returns through
//!   the kernel's own trampoline, which finds the probe stopped; its instance
//!   belongs to the kernel. Only then is anything freed.
//! - *Leak.* A set that is never dropped stays registered, and its memory
//!   allocated. It holds a way into the module, so unload waits for ever instead of
//!   removing code that the kernel enters ([`module`](mod@crate::module)).
//! - *Instance data.* It is `Copy`, so nothing is lost when the kernel drops an
//!   instance of a call that never returns; its size and alignment are
//!   checked by the compiler against what the kernel gives. It is written by
//!   `entry` before `ret` or `enclosing` can see it. It is `Send`, since a task
//!   can enter a function on one CPU and leave it on another.
//! - *Misses.* With `COUNTS_MISSED`, a function of ours stands in the place of the
//!   kernel's `pre_handler` and calls it. It is put there while the probe is
//!   registered and disabled, so nobody calls what is replaced, and stays until
//!   nobody calls it any more.
//! - *Context.* See [`mod@crate::probe`].
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

use core::{
    cell::{
        Cell,
        UnsafeCell, //
    },
    ffi::CStr,
    mem::{
        align_of,
        size_of, //
    },
    sync::atomic::{
        AtomicBool,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::c_int,
        push,
        KBox,
        KVec,
        GFP_KERNEL, //
    },
    error::{
        code,
        to_result,
        Result, //
    },
    module::Entrance,
    percpu::Counters,
    probe::{
        self,
        Failure,
        FromWord,
        Handling,
        Missed,
        Refused,
        Registers, //
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
pub struct Entry<'a, H: Handler> {
    probe: usize,
    registers: Registers<'a>,
    shared: &'a Shared<H>,
}

impl<'a, H: Handler> Entry<'a, H> {
    /// Which of the set's probes it is.
    #[inline(always)]
    pub fn probe(&self) -> usize {
        self.probe
    }

    /// Argument `n`, counted from 0. `None` if it is one that is passed in
    /// memory which cannot be read.
    #[inline(always)]
    pub fn arg<T: FromWord>(&self, n: usize) -> Option<T> {
        self.registers.argument(n)
    }

    /// The innermost call of this set's functions in which this call is made,
    /// on the same stack: its probe and its data. Calls that `entry` declined,
    /// and calls that were missed, are not among them.
    ///
    /// A call that was interrupted encloses what the interrupt calls; who wants
    /// to tell compares [`Handling::level`].
    #[inline]
    pub fn enclosing(&self) -> Option<(usize, &'a H::Data)> {
        // SAFETY: This is called in a handler, since only there is an `Entry`.
        unsafe { instance::enclosing(self.shared) }
    }
}

/// A function that returns.
pub struct Return<'a> {
    probe: usize,
    registers: Registers<'a>,
}

impl Return<'_> {
    /// Which of the set's probes it is.
    #[inline(always)]
    pub fn probe(&self) -> usize {
        self.probe
    }

    /// What it returns.
    #[inline(always)]
    pub fn ret<T: FromWord>(&self) -> T {
        self.registers.returned()
    }
}

/// A probe. The kernel's part is first, so that a pointer to it is one to this.
///
/// # Invariants
///
/// - `kretprobe` is set up, and registered if `failure` is `None` and the set
///   was made.
/// - `shared` is the set's, which lives as long as the probe is registered.
#[repr(C)]
struct Probe<H: Handler> {
    kretprobe: UnsafeCell<bindings::kretprobe>,
    shared: *const Shared<H>,
    index: usize,
    function: &'static CStr,
    /// The kernel's own function for a hit, where ours is put before it.
    pre_handler: Cell<bindings::kprobe_pre_handler_t>,
    failure: Option<Failure>,
    enabled: AtomicBool,
}

/// What handlers see of a set.
struct Shared<H: Handler> {
    handler: H,
    /// How often the kernel has come to `entry`, if missed hits are counted.
    entries: Counters<1>,
    /// Does not move after the first of them is registered.
    probes: KVec<Probe<H>>,
}

/// A set of probed functions with one handler.
///
/// # Invariants
///
/// The probes whose `failure` is `None` are registered, and their addresses are
/// in `registered`, the last one first.
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
pub struct KretProbes<H: Handler> {
    shared: KBox<Shared<H>>,
    registered: KVec<*mut bindings::kretprobe>,
    _entrance: Entrance,
}

// SAFETY: The handler is `Send` and `Sync`. The kernel has a lock for what it changes
// of a probe; `pre_handler` and `failure` do not change once the set was made.
unsafe impl<H: Handler> Send for KretProbes<H> {}

// SAFETY: As above.
unsafe impl<H: Handler> Sync for KretProbes<H> {}

impl<H: Handler> KretProbes<H> {
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

    fn register(
        handler: H,
        functions: &[&'static CStr],
        maxactive: u16,
        all: bool,
    ) -> Result<Self, Refused> {
        const { Self::DATA_FITS };
        let first = *functions.first().ok_or(Refused::new(c"", code::EINVAL))?;
        let no_memory = |_| Refused::new(first, code::ENOMEM);

        let probes = KVec::with_capacity(functions.len(), GFP_KERNEL).map_err(no_memory)?;
        let registered = KVec::with_capacity(functions.len(), GFP_KERNEL).map_err(no_memory)?;
        let shared = Shared {
            handler,
            entries: Counters::new().map_err(|error| Refused::new(first, error))?,
            probes,
        };
        let shared = KBox::new(shared, GFP_KERNEL).map_err(no_memory)?;
        // INVARIANT: No probe is there, so none is registered.
        let mut set = Self {
            shared,
            registered,
            _entrance: Entrance::new(),
        };
        let shared: *const Shared<H> = &raw const *set.shared;
        for (index, &function) in functions.iter().enumerate() {
            let probe = Probe::new(shared, index, function, maxactive);
            push(&mut set.shared.probes, probe).map_err(no_memory)?;
        }

        // All probes have their place, so from here on there are handlers.
        for index in 0..functions.len() {
            let Some(probe) = set.shared.probes.get(index) else {
                continue;
            };
            let kretprobe = probe.kretprobe.get();
            // SAFETY: The probe is set up, and neither moves nor is freed
            // before it is unregistered.
            let result = to_result(unsafe { bindings::register_kretprobe(kretprobe) });
            match result {
                Ok(_) => {
                    if H::COUNTS_MISSED {
                        // SAFETY: The probe is registered and disabled: nobody
                        // calls the function that is replaced.
                        unsafe { probe.count_missed() };
                    }
                    // There is room, so this does not fail.
                    let _ = push(&mut set.registered, kretprobe);
                }
                Err(error) => {
                    let function = probe.function;
                    let failure = Failure::find(function, error);
                    if all {
                        // Dropping the set unregisters what it has so far.
                        probe::reverse(&mut set.registered);
                        return Err(Refused { function, failure });
                    }
                    if let Some(probe) = set.shared.probes.get_mut(index) {
                        probe.failure = Some(failure);
                    }
                }
            }
        }
        // INVARIANT: Each probe is in `registered`, or has its failure.
        probe::reverse(&mut set.registered);
        Ok(set)
    }

    /// The set's handler.
    pub fn handler(&self) -> &H {
        &self.shared.handler
    }

    fn probe(&self, index: usize) -> Result<&Probe<H>> {
        self.shared.probes.get(index).ok_or(code::EINVAL)
    }

    /// Why a probe is not registered; `None` if it is.
    pub fn failure(&self, index: usize) -> Option<&Failure> {
        self.probe(index).ok()?.failure.as_ref()
    }

    /// Lets a probe be hit. Another call does no harm.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such probe, what [`failure`](Self::failure)
    /// stands for if it is not registered, and those of `enable_kprobe()`.
    pub fn enable(&self, index: usize) -> Result {
        let probe = self.probe(index)?;
        if let Some(failure) = &probe.failure {
            return Err(failure.to_error());
        }
        // SAFETY: By the invariant the probe is registered.
        to_result(unsafe { bindings::enable_kprobe(probe.kprobe()) })?;
        probe.enabled.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Has a probe hit no more: it costs nothing. Calls in progress still come
    /// to [`Handler::ret`]. Another call does no harm.
    ///
    /// # Context
    ///
    /// As for [`enable`](Self::enable).
    ///
    /// # Errors
    ///
    /// As for [`enable`](Self::enable).
    pub fn disable(&self, index: usize) -> Result {
        let probe = self.probe(index)?;
        if let Some(failure) = &probe.failure {
            return Err(failure.to_error());
        }
        // SAFETY: By the invariant the probe is registered.
        to_result(unsafe { bindings::disable_kprobe(probe.kprobe()) })?;
        probe.enabled.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Is the probe enabled?
    pub fn is_enabled(&self, index: usize) -> bool {
        self.probe(index)
            .is_ok_and(|probe| probe.enabled.load(Ordering::Relaxed))
    }

    /// How many calls of a function at once can be followed.
    pub fn maxactive(&self, index: usize) -> u32 {
        self.probe(index).map_or(0, |probe| {
            // SAFETY: The kernel wrote it at registration.
            u32::try_from(unsafe { (*probe.kretprobe.get()).maxactive }).unwrap_or(0)
        })
    }

    /// The calls that no handler saw, as the kernel counts them.
    ///
    /// # Context
    ///
    /// Any.
    pub fn missed(&self, index: usize) -> Missed {
        self.probe(index).map_or(Missed::default(), |probe| {
            let kretprobe = probe.kretprobe.get();
            // SAFETY: The probe lives. The kernel writes these while they are
            // read, each as a whole.
            let (busy, no_instance) = unsafe {
                (
                    (&raw const (*kretprobe).kp.nmissed).read_volatile(),
                    (&raw const (*kretprobe).nmissed).read_volatile(),
                )
            };
            Missed {
                busy: busy as u64,
                no_instance: u64::from(no_instance as u32),
            }
        })
    }
}

impl<H: Handler> Drop for KretProbes<H> {
    /// Unregisters the probes and waits until no handler runs.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        let count = self.registered.len();
        if count > 0 {
            // SAFETY: By the invariant these probes are registered.
            unsafe {
                bindings::unregister_kretprobes(self.registered.as_mut_ptr(), count as c_int)
            };
        }
    }
}

impl<H: Handler> Probe<H> {
    /// A probe that is not registered, and will be disabled.
    fn new(
        shared: *const Shared<H>,
        index: usize,
        function: &'static CStr,
        maxactive: u16,
    ) -> Self {
        // SAFETY: A `struct kretprobe` of zeros is one that was not set up.
        let mut kretprobe: bindings::kretprobe = unsafe { core::mem::zeroed() };
        kretprobe.kp.symbol_name = char_ptr(function);
        kretprobe.kp.flags = bindings::KPROBE_FLAG_DISABLED;
        kretprobe.entry_handler = Some(entry::<H>);
        kretprobe.handler = Some(ret::<H>);
        kretprobe.maxactive = c_int::from(maxactive);
        kretprobe.data_size = size_of::<H::Data>();
        Self {
            kretprobe: UnsafeCell::new(kretprobe),
            shared,
            index,
            function,
            pre_handler: Cell::new(None),
            failure: None,
            enabled: AtomicBool::new(false),
        }
    }

    fn kprobe(&self) -> *mut bindings::kprobe {
        // SAFETY: The field is inside of an object that lives.
        unsafe { &raw mut (*self.kretprobe.get()).kp }
    }

    /// Puts [`hit`] before the kernel's own function for a hit.
    ///
    /// # Safety
    ///
    /// The probe is registered, and was not enabled yet.
    unsafe fn count_missed(&self) {
        // SAFETY: By the function's requirement nobody reads it now. The memory
        // barriers of enabling it make the write seen before the first hit.
        unsafe {
            let pre_handler = &raw mut (*self.kprobe()).pre_handler;
            self.pre_handler.set(*pre_handler);
            *pre_handler = Some(hit::<H>);
        }
    }
}

/// Where the kernel enters for a hit, if missed hits are counted.
///
/// # Safety
///
/// `kprobe` is that of a registered `Probe<H>`, with `count_missed`. The context
/// is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn hit<H: Handler>(
    kprobe: *mut bindings::kprobe,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: By the function's requirements. A kretprobe begins with its
    // kprobe, and a `Probe` with its kretprobe.
    unsafe {
        let probe = &*kprobe.cast::<Probe<H>>();
        let shared = &*probe.shared;
        let before = shared.entries.here::<0>();
        let code = match probe.pre_handler.get() {
            Some(pre_handler) => pre_handler(kprobe, regs),
            None => 0,
        };
        // No other hit comes to `entry` meanwhile: it would be missed itself.
        if shared.entries.here::<0>() == before {
            shared.handler.missed(probe.index, &Handling::new());
        }
        code
    }
}

/// Where the kernel enters at a function's entry. Non-zero gives the instance
/// back.
///
/// # Safety
///
/// `ri` is an unused instance of a registered `Probe<H>`, and `regs` are those of
/// the call. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler>(
    ri: *mut bindings::kretprobe_instance,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: By the function's requirements.
    let (probe, shared, registers, here) = unsafe {
        let kretprobe = instance::kretprobe(ri);
        if kretprobe.is_null() {
            // It is being unregistered.
            return 1;
        }
        let probe = &*kretprobe.cast::<Probe<H>>();
        (probe, &*probe.shared, Registers::new(regs), Handling::new())
    };
    if H::COUNTS_MISSED {
        shared.entries.add::<0>(1);
    }
    let call = Entry {
        probe: probe.index,
        registers,
        shared,
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
/// `ri` is the instance of a call of a registered `Probe<H>` for which `entry`
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
        if kretprobe.is_null() {
            // It was unregistered meanwhile.
            return 0;
        }
        let probe = &*kretprobe.cast::<Probe<H>>();
        let call = Return {
            probe: probe.index,
            registers: Registers::new(regs),
        };
        let data = &*instance::data::<H>(ri);
        (*probe.shared).handler.ret(&call, data, &Handling::new());
    }
    0
}

/// The kernel's instances, of which it has two kinds.
mod instance {
    use super::{
        bindings,
        Handler,
        Probe,
        Shared, //
    };

    /// Looked at so many calls, there is none of ours: nobody nests deeper.
    const DEPTH_MAX: usize = 64;

    /// Where an instance keeps the data.
    ///
    /// # Safety
    ///
    /// `ri` is an instance of a `Probe<H>`.
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

    pub(super) use kind::kretprobe;

    /// The innermost call of the set's functions on this stack.
    ///
    /// # Safety
    ///
    /// This is called in a handler of the set.
    #[inline]
    pub(super) unsafe fn enclosing<H: Handler>(shared: &Shared<H>) -> Option<(usize, &H::Data)> {
        let probes = shared.probes.as_ptr_range();
        let (begin, end) = (probes.start as usize, probes.end as usize);
        // SAFETY: The list is that of the current task. Its nodes are instances
        // of calls which have not returned, so they and what they belong to
        // (rethook or holder, with which all kinds of nodes begin) live. A probe
        // is looked at only if it is this set's, which lives.
        unsafe {
            let mut node = kind::first(bindings::faultline_helper_current());
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
                        .wrapping_div(core::mem::size_of::<Probe<H>>());
                    let probe = shared.probes.get(index)?;
                    let ours = probe.kretprobe.get();
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
