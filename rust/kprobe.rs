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
//! *A probe that cannot be disarmed.* At a function that ftrace can trace a kprobe
//! is armed and disarmed by ftrace's filter, to change which takes memory. Where
//! that fails, `__unregister_kprobe_top()` leaves the probe in the kernel's table,
//! `unregister_kprobes()` says so by setting its `addr` to null and in no other way,
//! and the kernel goes on to use the structure and to call the handler. It does not
//! come to that here:
//!
//! - A probe is disabled before it is unregistered, by `disable_kprobe()`, which
//!   returns an error. It is not asked twice, since by then it has counted the probe
//!   out, and would count out somebody else's.
//! - If it fails, `KPROBE_FLAG_DISABLED` is set for it. The handlers of both ftrace's
//!   and several probes at one place (`kprobe_ftrace_handler()`,
//!   `aggr_pre_handler()`) skip what has this flag.
//! - To unregister a probe that is disabled disarms nothing, so it does not fail.
//!   What is left of it is an address in ftrace's filter: calls of the function take
//!   longer, until the next boot. That is said in the log.
//! - After that `addr` is looked at all the same. What the kernel should have kept is
//!   cut off from the module, and never freed.
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

use core::{
    ffi::CStr,
    marker::PhantomData,
    ptr::null,
    sync::atomic::{
        AtomicU32,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        bytes,
        c_str,
        char_ptr,
        ffi::c_int, //
    },
    error::{
        code,
        to_result,
        Error,
        Result, //
    },
    pr_warn,
    probe::{
        self,
        Handling,
        Kind,
        Missed,
        Probe,
        Set, //
    },
    text::Printable, //
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

// SAFETY: `entry` only reads what it takes. `register_kprobe()` of a probe that is
// disabled has undone all when it fails, since it arms nothing. For `unregister` see
// the module's documentation.
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

    unsafe fn register(kprobe: *mut bindings::kprobe) -> c_int {
        // SAFETY: The caller says that it is set up, and stays where it is.
        unsafe { bindings::register_kprobe(kprobe) }
    }

    unsafe fn unregister(probes: &mut [*mut bindings::kprobe]) -> Result {
        // SAFETY: The caller says that they are registered.
        unsafe { unregister(probes) }
    }

    unsafe fn enable(kprobe: *mut bindings::kprobe, on: bool) -> c_int {
        // SAFETY: The caller says that it is registered.
        unsafe { enable(kprobe, on) }
    }

    unsafe fn is_enabled(kprobe: *mut bindings::kprobe) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { is_enabled(kprobe) }
    }

    unsafe fn is_gone(kprobe: *mut bindings::kprobe) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { is_gone(kprobe) }
    }

    unsafe fn missed(kprobe: *mut bindings::kprobe) -> Missed {
        // SAFETY: The caller says that it lives.
        unsafe { missed(kprobe) }
    }
}

/// Returns whether a kprobe is enabled, and its function still there.
///
/// # Safety
///
/// It lives.
pub(crate) unsafe fn is_enabled(kprobe: *mut bindings::kprobe) -> bool {
    const OFF: u32 = bindings::KPROBE_FLAG_DISABLED | bindings::KPROBE_FLAG_GONE;
    // SAFETY: The caller says that it lives.
    unsafe { flags(kprobe) }.load(Ordering::Relaxed) & OFF == 0
}

/// Returns whether the function of a kprobe has gone, with its module.
///
/// # Safety
///
/// It lives.
pub(crate) unsafe fn is_gone(kprobe: *mut bindings::kprobe) -> bool {
    // SAFETY: The caller says that it lives.
    unsafe { flags(kprobe) }.load(Ordering::Relaxed) & bindings::KPROBE_FLAG_GONE != 0
}

/// The hits of a kprobe that no handler saw.
///
/// # Safety
///
/// It lives.
pub(crate) unsafe fn missed(kprobe: *mut bindings::kprobe) -> Missed {
    // SAFETY: The caller says that it lives. The kernel writes this while it is read, as
    // a whole.
    let busy = unsafe { (&raw const (*kprobe).nmissed).read_volatile() };
    Missed {
        busy: busy as u64,
        no_instance: 0,
    }
}

/// The flags of a kprobe, which the kernel reads as a word at each hit.
///
/// # Safety
///
/// It lives as long as `'a`.
unsafe fn flags<'a>(kprobe: *mut bindings::kprobe) -> &'a AtomicU32 {
    // SAFETY: The caller says that it lives, and this is an aligned word of it.
    unsafe { AtomicU32::from_ptr(&raw mut (*kprobe).flags) }
}

/// Enables or disables a kprobe, also one that is part of a kretprobe.
///
/// # Safety
///
/// It is registered.
pub(crate) unsafe fn enable(kprobe: *mut bindings::kprobe, on: bool) -> c_int {
    if on {
        // SAFETY: The caller says that it is registered.
        return unsafe { bindings::enable_kprobe(kprobe) };
    }
    // SAFETY: The caller says that it is registered.
    unsafe { disable([kprobe].into_iter()) };
    0
}

/// Disables kprobes: no hit that begins after this comes to their handlers.
///
/// # Context
///
/// Process context; sleeps.
///
/// # Safety
///
/// They are registered, and their names live.
pub(crate) unsafe fn disable(kprobes: impl Iterator<Item = *mut bindings::kprobe>) {
    let mut failed: usize = 0;
    let mut first = None;
    for kprobe in kprobes {
        // SAFETY: The caller says that it is registered.
        if let Err(error) = to_result(unsafe { bindings::disable_kprobe(kprobe) }) {
            // The kernel itself changes the flags under a lock of its own. All that it
            // could change now is that the function has gone, and that is not
            // overwritten.
            // SAFETY: The caller says that it is registered, so it lives.
            unsafe { flags(kprobe) }.fetch_or(bindings::KPROBE_FLAG_DISABLED, Ordering::SeqCst);
            first.get_or_insert((kprobe, error));
            failed = failed.wrapping_add(1);
        }
    }
    if let Some((kprobe, error)) = first {
        // SAFETY: The caller says that its name lives.
        let name = unsafe { c_str((*kprobe).symbol_name) };
        pr_warn!(
            "{}: the kernel could not disarm {failed} probes, this one first (error {}): they are \
             switched off, but calls of these functions stay slower until the next boot",
            Printable(bytes(name)),
            error.to_errno()
        );
    }
}

/// Disables and unregisters kprobes in this order, and waits for their handlers.
///
/// # Errors
///
/// As for [`Kind::unregister`].
///
/// # Safety
///
/// They are registered, and their names live.
pub(crate) unsafe fn unregister(kprobes: &mut [*mut bindings::kprobe]) -> Result {
    // SAFETY: The caller says that they are registered. Those of an empty list are not
    // looked at.
    unsafe {
        disable(kprobes.iter().copied());
        bindings::unregister_kprobes(kprobes.as_mut_ptr(), kprobes.len() as c_int);
        cut_off_kept(kprobes.iter().copied())
    }
}

/// Cuts off what `unregister_kprobes()` or `unregister_kretprobes()` has not
/// unregistered.
///
/// # Errors
///
/// `EBUSY` if there is such a probe.
///
/// # Safety
///
/// They were given to that function, which has returned, and live.
pub(crate) unsafe fn cut_off_kept(kprobes: impl Iterator<Item = *mut bindings::kprobe>) -> Result {
    let mut kept = Ok::<(), Error>(());
    for kprobe in kprobes {
        // SAFETY: The caller says that it lives. What the kernel has unregistered keeps
        // its address.
        if unsafe { (*kprobe).addr.is_null() } {
            // SAFETY: As the kernel has not unregistered it, it is registered.
            unsafe { cut_off(kprobe) };
            kept = Err(code::EBUSY);
        }
    }
    kept
}

/// Cuts a kprobe off from this module: when this returns, nothing in it leads here any
/// more, and it may stay registered for good.
///
/// # Context
///
/// Process context; sleeps.
///
/// # Safety
///
/// It is registered, [`disable`]d, and its memory never freed.
pub(crate) unsafe fn cut_off(kprobe: *mut bindings::kprobe) {
    // SAFETY: The caller says that it lives. It is disabled, so when a grace period is
    // over nobody is about to call the handler: the kernel looks at it again only if the
    // flag is not set, and this is all that ever cleared it.
    unsafe {
        flags(kprobe).fetch_or(bindings::KPROBE_FLAG_DISABLED, Ordering::SeqCst);
        bindings::synchronize_rcu();
        (&raw mut (*kprobe).pre_handler).write_volatile(None);
        (&raw mut (*kprobe).symbol_name).write_volatile(null());
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
    // SAFETY: The kernel gives what was registered, and the registers of the call, to a
    // handler, which this is.
    unsafe {
        let (probe, shared) = Probe::<Kprobe<H>>::of(kprobe);
        let call = Entry::new(probe.index(), regs, ());
        shared.handler.entry(&call, &Handling::new());
    }
    0
}
