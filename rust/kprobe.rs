// SPDX-License-Identifier: GPL-2.0

//! A handler at the entry of functions.
//!
//! A [`Kprobes`] is a set of probed functions with one [`Handler`], which sees
//! the arguments. For the result as well there is
//! [`kretprobe`](crate::kretprobe), which costs three times as much. A set is
//! registered as a whole, or as far as this kernel has the functions, and nothing
//! is called until a probe is enabled. A probe that is disabled costs nothing.
//!
//! # Soundness
//!
//! As said of the [set](crate::probe::Set). Handlers run with preemption off, so
//! when the kernel has unregistered a probe it waits for them with
//! `synchronize_rcu()`.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

use core::{
    ffi::CStr,
    marker::PhantomData, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::c_int, //
    },
    error::Result,
    probe::{
        self,
        Handling,
        Kind,
        Missed,
        Probe,
        Set, //
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
pub type Entry<'a> = probe::Entry<'a, bindings::pt_regs>;

/// A set of probed functions with one handler.
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
pub type Kprobes<H> = Set<Kprobe<H>>;

/// The kind of probe.
pub struct Kprobe<H>(PhantomData<H>);

// SAFETY: `entry` only reads what it takes. `register_kprobe()` has undone all when
// it fails; `unregister_kprobes()` waits for the handlers that run.
unsafe impl<H: Handler> Kind for Kprobe<H> {
    type Handler = H;
    type Raw = bindings::kprobe;
    type Options = ();
    type Extra = ();

    fn extra() -> Result {
        Ok(())
    }

    fn set_up(kprobe: &mut bindings::kprobe, function: &'static CStr, _options: ()) {
        kprobe.symbol_name = char_ptr(function);
        kprobe.flags = bindings::KPROBE_FLAG_DISABLED;
        kprobe.pre_handler = Some(entry::<H>);
    }

    unsafe fn register(probe: &Probe<Self>) -> c_int {
        // SAFETY: By the function's requirement.
        unsafe { bindings::register_kprobe(probe.raw()) }
    }

    unsafe fn unregister(probes: &mut [*mut bindings::kprobe]) {
        // SAFETY: By the function's requirement.
        unsafe { bindings::unregister_kprobes(probes.as_mut_ptr(), probes.len() as c_int) };
    }

    unsafe fn enable(kprobe: *mut bindings::kprobe, on: bool) -> c_int {
        // SAFETY: By the function's requirement.
        unsafe { enable(kprobe, on) }
    }

    unsafe fn is_enabled(kprobe: *mut bindings::kprobe) -> bool {
        // SAFETY: By the function's requirement.
        unsafe { is_enabled(kprobe) }
    }

    unsafe fn missed(kprobe: *mut bindings::kprobe) -> Missed {
        // SAFETY: By the function's requirement.
        unsafe { missed(kprobe) }
    }
}

/// Enables or disables a kprobe, also one that is part of a kretprobe.
///
/// # Safety
///
/// It is registered.
pub(crate) unsafe fn enable(kprobe: *mut bindings::kprobe, on: bool) -> c_int {
    // SAFETY: By the function's requirement.
    unsafe {
        if on {
            bindings::enable_kprobe(kprobe)
        } else {
            bindings::disable_kprobe(kprobe)
        }
    }
}

/// Is a kprobe enabled?
///
/// # Safety
///
/// It lives and is set up.
pub(crate) unsafe fn is_enabled(kprobe: *mut bindings::kprobe) -> bool {
    // SAFETY: By the function's requirement. The kernel writes this while it is
    // read, as a whole.
    let flags = unsafe { (&raw const (*kprobe).flags).read_volatile() };
    flags & bindings::KPROBE_FLAG_DISABLED == 0
}

/// The hits of a kprobe that no handler saw.
///
/// # Safety
///
/// It lives and is set up.
pub(crate) unsafe fn missed(kprobe: *mut bindings::kprobe) -> Missed {
    // SAFETY: As in `is_enabled`.
    let busy = unsafe { (&raw const (*kprobe).nmissed).read_volatile() };
    Missed {
        busy: busy as u64,
        no_instance: 0,
    }
}

/// Where the kernel enters for a hit.
///
/// # Safety
///
/// `kprobe` is that of a registered probe of this kind, and `regs` are those of
/// the call. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler>(
    kprobe: *mut bindings::kprobe,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: By the function's requirements.
    unsafe {
        let (probe, shared) = Probe::<Kprobe<H>>::of(kprobe);
        let call = Entry {
            probe: probe.index(),
            registers: &*regs,
            besides: (),
        };
        shared.handler.entry(&call, &Handling::new());
    }
    0
}
