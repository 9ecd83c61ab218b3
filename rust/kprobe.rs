// SPDX-License-Identifier: GPL-2.0

//! A handler at the entry of functions.
//!
//! A [`Kprobes`] is a set of probed functions with one [`Handler`], which sees
//! the arguments. For the result as well there is
//! [`kretprobe`](crate::kretprobe), which costs three times as much. A set is
//! registered as a whole, or as far as this kernel has the functions, and nothing
//! is called until a probe is enabled.
//!
//! # Soundness
//!
//! As for [`kretprobe`](crate::kretprobe): the kernel enters by one function,
//! which finds its probe by the address that was registered; dropping the
//! set unregisters the probes and waits until no handler runs; a set that is
//! leaked keeps the module loaded.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

use core::{
    cell::UnsafeCell,
    ffi::CStr,
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

/// What is done at the entry of the functions of a set.
pub trait Handler: Send + Sync + Sized + 'static {
    /// A function was entered.
    ///
    /// # Context
    ///
    /// That of [a handler](crate::probe).
    fn entry(&self, call: &Entry<'_>, here: &Handling<'_>);
}

/// A function that was entered.
pub struct Entry<'a> {
    probe: usize,
    registers: Registers<'a>,
}

impl Entry<'_> {
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
}

/// A probe. The kernel's part is first, so that a pointer to it is one to this.
#[repr(C)]
struct Probe<H: Handler> {
    kprobe: UnsafeCell<bindings::kprobe>,
    shared: *const Shared<H>,
    index: usize,
    function: &'static CStr,
    failure: Option<Failure>,
    enabled: AtomicBool,
}

/// What handlers see of a set.
struct Shared<H: Handler> {
    handler: H,
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
///     kprobe::{Entry, Handler, Kprobes},
///     percpu::Counters,
///     prelude::*,
///     probe::Handling,
/// };
///
/// /// How many reads there are, and of how many bytes.
/// struct Reads(Counters<2>);
///
/// impl Handler for Reads {
///     fn entry(&self, call: &Entry<'_>, _here: &Handling<'_>) {
///         self.0.add::<0>(1);
///         self.0.add::<1>(call.arg(2).unwrap_or(0));
///     }
/// }
///
/// let probes = Kprobes::all(Reads(Counters::new()?), &[c"vfs_read"])
///     .map_err(|refused| refused.report())?;
/// probes.enable(0)?;
/// # Ok::<(), Error>(())
/// ```
pub struct Kprobes<H: Handler> {
    shared: KBox<Shared<H>>,
    registered: KVec<*mut bindings::kprobe>,
    _entrance: Entrance,
}

// SAFETY: The handler is `Send` and `Sync`. The kernel has a lock for what it changes
// of a probe; `failure` does not change once the set was made.
unsafe impl<H: Handler> Send for Kprobes<H> {}

// SAFETY: As above.
unsafe impl<H: Handler> Sync for Kprobes<H> {}

impl<H: Handler> Kprobes<H> {
    /// Registers a probe for each of the functions, or none.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The first function that cannot be probed, and why. What was registered
    /// before it is unregistered, the last one first.
    pub fn all(handler: H, functions: &[&'static CStr]) -> Result<Self, Refused> {
        Self::register(handler, functions, true)
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
    pub fn available(handler: H, functions: &[&'static CStr]) -> Result<Self, Refused> {
        Self::register(handler, functions, false)
    }

    fn register(handler: H, functions: &[&'static CStr], all: bool) -> Result<Self, Refused> {
        let first = *functions.first().ok_or(Refused::new(c"", code::EINVAL))?;
        let no_memory = |_| Refused::new(first, code::ENOMEM);

        let probes = KVec::with_capacity(functions.len(), GFP_KERNEL).map_err(no_memory)?;
        let registered = KVec::with_capacity(functions.len(), GFP_KERNEL).map_err(no_memory)?;
        let shared = KBox::new(Shared { handler, probes }, GFP_KERNEL).map_err(no_memory)?;
        // INVARIANT: No probe is there, so none is registered.
        let mut set = Self {
            shared,
            registered,
            _entrance: Entrance::new(),
        };
        let shared: *const Shared<H> = &raw const *set.shared;
        for (index, &function) in functions.iter().enumerate() {
            let probe = Probe::new(shared, index, function);
            push(&mut set.shared.probes, probe).map_err(no_memory)?;
        }

        // All probes have their place, so from here on there are handlers.
        for index in 0..functions.len() {
            let Some(probe) = set.shared.probes.get(index) else {
                continue;
            };
            let kprobe = probe.kprobe.get();
            // SAFETY: The probe is set up, and neither moves nor is freed
            // before it is unregistered.
            match to_result(unsafe { bindings::register_kprobe(kprobe) }) {
                // There is room, so this does not fail.
                Ok(_) => drop(push(&mut set.registered, kprobe)),
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
        to_result(unsafe { bindings::enable_kprobe(probe.kprobe.get()) })?;
        probe.enabled.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Has a probe hit no more: it costs nothing. Another call does no harm.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
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
        to_result(unsafe { bindings::disable_kprobe(probe.kprobe.get()) })?;
        probe.enabled.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Is the probe enabled?
    pub fn is_enabled(&self, index: usize) -> bool {
        self.probe(index)
            .is_ok_and(|probe| probe.enabled.load(Ordering::Relaxed))
    }

    /// The hits that no handler saw, as the kernel counts them.
    ///
    /// # Context
    ///
    /// Any.
    pub fn missed(&self, index: usize) -> Missed {
        self.probe(index).map_or(Missed::default(), |probe| {
            // SAFETY: The probe lives. The kernel writes this while it is read,
            // as a whole.
            let busy = unsafe { (&raw const (*probe.kprobe.get()).nmissed).read_volatile() };
            Missed {
                busy: busy as u64,
                no_instance: 0,
            }
        })
    }
}

impl<H: Handler> Drop for Kprobes<H> {
    /// Unregisters the probes and waits until no handler runs.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        let count = self.registered.len();
        if count > 0 {
            // SAFETY: By the invariant these probes are registered.
            unsafe { bindings::unregister_kprobes(self.registered.as_mut_ptr(), count as c_int) };
        }
    }
}

impl<H: Handler> Probe<H> {
    /// A probe that is not registered, and will be disabled.
    fn new(shared: *const Shared<H>, index: usize, function: &'static CStr) -> Self {
        // SAFETY: A `struct kprobe` of zeros is one that was not set up.
        let mut kprobe: bindings::kprobe = unsafe { core::mem::zeroed() };
        kprobe.symbol_name = char_ptr(function);
        kprobe.flags = bindings::KPROBE_FLAG_DISABLED;
        kprobe.pre_handler = Some(entry::<H>);
        Self {
            kprobe: UnsafeCell::new(kprobe),
            shared,
            index,
            function,
            failure: None,
            enabled: AtomicBool::new(false),
        }
    }
}

/// Where the kernel enters for a hit.
///
/// # Safety
///
/// `kprobe` is that of a registered `Probe<H>`, and `regs` are those of the call.
/// The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler>(
    kprobe: *mut bindings::kprobe,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: By the function's requirements. A `Probe` begins with its kprobe.
    unsafe {
        let probe = &*kprobe.cast::<Probe<H>>();
        let call = Entry {
            probe: probe.index,
            registers: Registers::new(regs),
        };
        (*probe.shared).handler.entry(&call, &Handling::new());
    }
    0
}
