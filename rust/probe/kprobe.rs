// SPDX-License-Identifier: GPL-2.0

//! Kprobes: a handler at the entry of functions.
//!
//! For the result as well there is [`kretprobe`](super::kretprobe), which costs
//! three times as much. A probe that is disabled costs nothing.
//!
//! # Soundness
//!
//! In addition to what is said of a set ([`Probes`]): handlers run with
//! preemption off, so when the kernel has unregistered a probe it waits for them with
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
//!   abandoned, and never freed.
//!
//! # Examples
//!
//! ```no_run
//! use faultline::{
//!     memory::percpu::Counters,
//!     prelude::*,
//!     probe::{Entry, Function, Handler, Kprobe, Probes},
//! };
//!
//! /// How many reads there are, and of how many bytes.
//! struct Reads(Counters<2>);
//!
//! impl Handler<Kprobe> for Reads {
//!     type Target = ();
//!     type Data = ();
//!
//!     fn entry(&self, call: &Entry<'_, Self, Kprobe>) -> Option<()> {
//!         self.0.add::<0>(1);
//!         self.0.add::<1>(call.arg(2)?);
//!         None
//!     }
//! }
//!
//! let reads = Reads(Counters::new()?);
//! let probes: Probes<Reads, Kprobe> = Probes::all(reads, [Function::new(c"vfs_read", ())], ())
//!     .map_err(|error| error.report())?;
//! probes.enable_all()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! C header: [`include/linux/kprobes.h`](srctree/include/linux/kprobes.h)\
//! C source: [`kernel/kprobes.c`](srctree/kernel/kprobes.c)

use core::{
    mem::size_of,
    ptr::{
        null,
        without_provenance_mut, //
    },
    sync::atomic::{
        AtomicU32,
        Ordering, //
    }, //
};

use super::{
    Backend,
    Entry,
    Handler,
    Missed,
    Probes,
    Registration,
    Symbol, //
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
    module::Entrance,
    pr_warn,
    sync::rcu,
    text::Printable, //
};

/// Probes the entry of functions.
///
/// There are no returns to be seen, so a handler has no instance data. What
/// [`Handler::entry`] returns is ignored.
pub enum Kprobe {}

// SAFETY: `entry` only reads what it takes. `register_kprobe()` of a probe that is
// disabled has undone all when it fails, since it arms nothing. For `unregister` see
// the module's documentation.
unsafe impl Backend for Kprobe {
    type Native = bindings::kprobe;
    type Registers = bindings::pt_regs;
    type Options = ();
    type State = ();

    const COUNTS_MISSED: bool = false;

    fn new_state() -> Result {
        Ok(())
    }

    unsafe fn set_up<H: Handler<Self>>(
        kprobe: &mut bindings::kprobe,
        function: &Symbol,
        _options: (),
    ) {
        const {
            assert!(
                size_of::<H::Data>() == 0,
                "a kprobe sees no return, so there are no instance data"
            );
        }
        name(kprobe, function);
        kprobe.flags = bindings::KPROBE_FLAG_DISABLED;
        kprobe.pre_handler = Some(entry::<H>);
    }

    unsafe fn register<H: Handler<Self>>(kprobe: *mut bindings::kprobe) -> c_int {
        // SAFETY: The caller says that it is set up, and stays where it is.
        unsafe { bindings::register_kprobe(kprobe) }
    }

    unsafe fn unregister(kprobes: &mut [*mut bindings::kprobe]) -> Result {
        // SAFETY: The caller says that they are registered, and their names live. Those of
        // an empty list are not looked at.
        unsafe {
            disable(kprobes.iter().copied());
            bindings::unregister_kprobes(kprobes.as_mut_ptr(), kprobes.len() as c_int);
            abandon_remaining(kprobes.iter().copied())
        }
    }

    unsafe fn enable(kprobe: *mut bindings::kprobe, enable: bool) -> c_int {
        if enable {
            // SAFETY: The caller says that it is registered.
            return unsafe { bindings::enable_kprobe(kprobe) };
        }
        // SAFETY: The caller says that it is registered, and its name lives.
        unsafe { disable([kprobe].into_iter()) };
        0
    }

    unsafe fn is_enabled(kprobe: *mut bindings::kprobe) -> bool {
        const OFF: u32 = bindings::KPROBE_FLAG_DISABLED | bindings::KPROBE_FLAG_GONE;
        // SAFETY: The caller says that it lives.
        unsafe { flags(kprobe) }.load(Ordering::Relaxed) & OFF == 0
    }

    unsafe fn is_gone(kprobe: *mut bindings::kprobe) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { flags(kprobe) }.load(Ordering::Relaxed) & bindings::KPROBE_FLAG_GONE != 0
    }

    unsafe fn missed(kprobe: *mut bindings::kprobe) -> Missed {
        // SAFETY: The caller says that it lives. The kernel writes this while it is read, as
        // a whole.
        let busy = unsafe { (&raw const (*kprobe).nmissed).read_volatile() };
        Missed {
            busy: busy as u64,
            no_instance: 0,
        }
    }
}

/// Tells a kprobe where to be. The kernel takes either a name or an address.
pub(super) fn name(kprobe: &mut bindings::kprobe, function: &Symbol) {
    match function.address() {
        0 => kprobe.symbol_name = char_ptr(function.as_c_str()),
        address => kprobe.addr = without_provenance_mut(address),
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

/// Disables kprobes: no hit that begins after this comes to their handlers.
///
/// # Context
///
/// Process context; sleeps.
///
/// # Safety
///
/// They are registered, and their names live.
pub(super) unsafe fn disable(kprobes: impl Iterator<Item = *mut bindings::kprobe>) {
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
        // SAFETY: The caller says that its name lives, if it has one.
        let name = unsafe {
            match (*kprobe).symbol_name.is_null() {
                true => c"a function that was named by its address",
                false => c_str((*kprobe).symbol_name),
            }
        };
        pr_warn!(
            "{}: the kernel could not disarm {failed} probes, this one first (error {}): they are \
             disabled, but calls of these functions stay slower until the next boot",
            Printable(bytes(name)),
            error.to_errno()
        );
    }
}

impl<H: Handler<Kprobe>> Probes<H, Kprobe> {
    /// Leaves the probes registered for good, disabled and without effect. Their memory
    /// is never freed; the module may be unloaded.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub(crate) fn abandon(self) {
        // A way into the module is open until the last one was abandoned.
        let _entrance = Entrance::new();
        let kprobes = self.leak();
        // SAFETY: They were those of a set, so they are registered, their names live, and
        // none of it is freed any more.
        unsafe {
            disable(kprobes.iter().copied());
            kprobes.iter().for_each(|&kprobe| abandon(kprobe));
        }
    }
}

/// Makes a kprobe harmless that stays registered for good: when this returns, nothing in
/// it leads into the module.
///
/// # Context
///
/// Process context; sleeps.
///
/// # Safety
///
/// It is registered, was [`disable`]d, and its memory is never freed.
unsafe fn abandon(kprobe: *mut bindings::kprobe) {
    // SAFETY: The caller says that it lives. It is disabled, so when a grace period is over
    // nobody is about to call the handler: the kernel looks at it again only if the flag is
    // not set, and this is all that ever cleared it.
    unsafe {
        flags(kprobe).fetch_or(bindings::KPROBE_FLAG_DISABLED, Ordering::SeqCst);
        rcu::synchronize();
        (&raw mut (*kprobe).pre_handler).write_volatile(None);
        (&raw mut (*kprobe).symbol_name).write_volatile(null());
    }
}

/// Abandons what `unregister_kprobes()` or `unregister_kretprobes()` has not
/// unregistered.
///
/// # Errors
///
/// `EBUSY` if there is such a probe.
///
/// # Safety
///
/// They were given to that function, which has returned, and live.
pub(super) unsafe fn abandon_remaining(
    kprobes: impl Iterator<Item = *mut bindings::kprobe>,
) -> Result {
    let mut result = Ok::<(), Error>(());
    for kprobe in kprobes {
        // SAFETY: The caller says that it lives. What the kernel has unregistered keeps
        // its address.
        if unsafe { (*kprobe).addr.is_null() } {
            // SAFETY: As the kernel has not unregistered it, it is registered. It was
            // disabled before that, and its owner is told not to free it.
            unsafe { abandon(kprobe) };
            result = Err(code::EBUSY);
        }
    }
    result
}

/// Where the kernel enters for a hit.
///
/// # Safety
///
/// `kprobe` is that of a registered probe of this backend with this handler, and `regs` are
/// those of the call. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler<Kprobe>>(
    kprobe: *mut bindings::kprobe,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel gives what was registered, and the registers of the call, to a
    // handler, which this is.
    unsafe {
        let registration = Registration::<H, Kprobe>::from_native(kprobe);
        let call = Entry::new(registration, regs);
        let _ = registration.shared().handler.entry(&call);
    }
    0
}
