// SPDX-License-Identifier: GPL-2.0

//! Kprobes: a handler at the entry of functions.
//!
//! To see the result as well, use a [`kretprobe`](super::kretprobe), which costs three times as
//! much. A disabled probe costs nothing.
//!
//! # Soundness
//!
//! In addition to the argument for a set ([`Probes`]): handlers run with preemption off. After the
//! kernel has unregistered a probe, it waits for its handlers with `synchronize_rcu()`.
//!
//! *A probe that cannot be disarmed.* On a function that ftrace can trace, a kprobe is armed and
//! disarmed through ftrace's filter, and changing the filter takes memory. If this fails,
//! `__unregister_kprobe_top()` leaves the probe in the kernel's table, and the kernel keeps using
//! the structure and calling the handler. The only sign of it is that `unregister_kprobes()` sets
//! the probe's `addr` to null. This library avoids it:
//!
//! - A probe is disabled before it is unregistered, by `disable_kprobe()`, which returns an error.
//!   The call is not repeated: it has already decremented a counter, and would decrement it for
//!   another probe.
//! - If it fails, `KPROBE_FLAG_DISABLED` is set. Both ftrace's handler and that of several probes
//!   at one address (`kprobe_ftrace_handler()`, `aggr_pre_handler()`) skip probes with this flag.
//! - Unregistering a disabled probe disarms nothing, so it does not fail. The function's address
//!   stays in ftrace's filter, so calls of it are slower until the next boot; the log says so.
//! - `addr` is checked nevertheless. A probe that the kernel has kept is abandoned, and never
//!   freed.
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
//! /// Counts reads, and the bytes that they request.
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
/// It does not see returns, so a handler has no instance data. The result of [`Handler::entry`] is
/// ignored.
pub enum Kprobe {}

// SAFETY: `entry` only reads its arguments. If `register_kprobe()` of a disabled probe fails, it
// has undone everything, since it arms nothing. For `unregister` see the module's documentation.
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
                "a kprobe does not see returns, so `Handler::Data` must be `()`"
            );
        }
        name(kprobe, function);
        kprobe.flags = bindings::KPROBE_FLAG_DISABLED;
        kprobe.pre_handler = Some(entry::<H>);
    }

    unsafe fn register<H: Handler<Self>>(kprobe: *mut bindings::kprobe) -> c_int {
        // SAFETY: The probe is set up, and does not move before it is unregistered.
        unsafe { bindings::register_kprobe(kprobe) }
    }

    unsafe fn unregister(kprobes: &mut [*mut bindings::kprobe]) -> Result {
        // SAFETY: All probes of the slice are registered, and their names live. The pointer of an
        // empty slice is not dereferenced.
        unsafe {
            disable(kprobes.iter().copied());
            bindings::unregister_kprobes(kprobes.as_mut_ptr(), kprobes.len() as c_int);
            abandon_remaining(kprobes.iter().copied())
        }
    }

    unsafe fn enable(kprobe: *mut bindings::kprobe, enable: bool) -> c_int {
        if enable {
            // SAFETY: The probe is registered.
            return unsafe { bindings::enable_kprobe(kprobe) };
        }
        // SAFETY: The probe is registered, and its name lives.
        unsafe { disable([kprobe].into_iter()) };
        0
    }

    unsafe fn is_enabled(kprobe: *mut bindings::kprobe) -> bool {
        const OFF: u32 = bindings::KPROBE_FLAG_DISABLED | bindings::KPROBE_FLAG_GONE;
        // SAFETY: The caller guarantees that the probe lives.
        unsafe { flags(kprobe) }.load(Ordering::Relaxed) & OFF == 0
    }

    unsafe fn is_gone(kprobe: *mut bindings::kprobe) -> bool {
        // SAFETY: The caller guarantees that the probe lives.
        unsafe { flags(kprobe) }.load(Ordering::Relaxed) & bindings::KPROBE_FLAG_GONE != 0
    }

    unsafe fn missed(kprobe: *mut bindings::kprobe) -> Missed {
        // SAFETY: The caller guarantees that the probe lives. The kernel may write the counter
        // meanwhile, which is an aligned word, with a single store.
        let busy = unsafe { (&raw const (*kprobe).nmissed).read_volatile() };
        Missed {
            busy: busy as u64,
            no_instance: 0,
        }
    }
}

/// Sets the function of a kprobe, by its address if it has one, otherwise by its name. The kernel
/// does not accept both.
pub(super) fn name(kprobe: &mut bindings::kprobe, function: &Symbol) {
    match function.address() {
        0 => kprobe.symbol_name = char_ptr(function.as_c_str()),
        address => kprobe.addr = without_provenance_mut(address),
    }
}

/// Returns the flags of a kprobe, which the kernel reads as a word at each hit.
///
/// # Safety
///
/// `kprobe` lives as long as `'a`.
unsafe fn flags<'a>(kprobe: *mut bindings::kprobe) -> &'a AtomicU32 {
    // SAFETY: `kprobe` lives as long as `'a`, and the flags are an aligned word of it.
    unsafe { AtomicU32::from_ptr(&raw mut (*kprobe).flags) }
}

/// Disables kprobes: their handlers are not called for hits that begin after this.
///
/// # Context
///
/// Process context; sleeps.
///
/// # Safety
///
/// The kprobes are registered, and their names live.
pub(super) unsafe fn disable(kprobes: impl Iterator<Item = *mut bindings::kprobe>) {
    let mut failed: usize = 0;
    let mut first = None;
    for kprobe in kprobes {
        // SAFETY: The probe is registered.
        if let Err(error) = to_result(unsafe { bindings::disable_kprobe(kprobe) }) {
            // The kernel changes the flags under its own lock. The only change that it can make now
            // is to set the flag of a function that was removed, which is kept.
            // SAFETY: A registered probe is not freed.
            unsafe { flags(kprobe) }.fetch_or(bindings::KPROBE_FLAG_DISABLED, Ordering::SeqCst);
            first.get_or_insert((kprobe, error));
            failed = failed.wrapping_add(1);
        }
    }
    if let Some((kprobe, error)) = first {
        // SAFETY: The name lives, if the probe has one.
        let name = unsafe {
            match (*kprobe).symbol_name.is_null() {
                true => c"a function given by its address",
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
    /// Leaves the probes registered until the next boot, disabled and without effect. Their memory
    /// is never freed; the module may be unloaded.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub(crate) fn abandon(self) {
        // The kernel can call into the module until the last probe was abandoned.
        let _entrance = Entrance::new();
        let kprobes = self.leak();
        // SAFETY: The probes of a set are registered, and their names live. After `leak` they are
        // never freed.
        unsafe {
            disable(kprobes.iter().copied());
            kprobes.iter().for_each(|&kprobe| abandon(kprobe));
        }
    }
}

/// Makes a kprobe harmless that stays registered: afterwards it has no pointers into the module.
///
/// # Context
///
/// Process context; sleeps.
///
/// # Safety
///
/// `kprobe` is registered, was [`disable`]d, and is never freed.
unsafe fn abandon(kprobe: *mut bindings::kprobe) {
    // SAFETY: The probe is never freed. It is disabled, so after a grace period nobody is about to
    // call the handler: the kernel reads the pointer only if the flag is not set, and only this
    // library could clear the flag.
    unsafe {
        flags(kprobe).fetch_or(bindings::KPROBE_FLAG_DISABLED, Ordering::SeqCst);
        rcu::synchronize();
        (&raw mut (*kprobe).pre_handler).write_volatile(None);
        (&raw mut (*kprobe).symbol_name).write_volatile(null());
    }
}

/// Abandons the probes that `unregister_kprobes()` or `unregister_kretprobes()` has not
/// unregistered.
///
/// # Errors
///
/// `EBUSY` if there is such a probe.
///
/// # Safety
///
/// The kprobes were passed to that function, which has returned, and live.
pub(super) unsafe fn abandon_remaining(
    kprobes: impl Iterator<Item = *mut bindings::kprobe>,
) -> Result {
    let mut result = Ok::<(), Error>(());
    for kprobe in kprobes {
        // SAFETY: The probe lives. The `addr` of a probe that was unregistered is not null.
        if unsafe { (*kprobe).addr.is_null() } {
            // SAFETY: The kernel has not unregistered the probe, which was disabled before. The
            // error tells its owner not to free it.
            unsafe { abandon(kprobe) };
            result = Err(code::EBUSY);
        }
    }
    result
}

/// Called by the kernel at a hit.
///
/// # Safety
///
/// `kprobe` is that of a registered probe of this backend with this handler, and `regs` are those
/// of the call. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler<Kprobe>>(
    kprobe: *mut bindings::kprobe,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel passes the registered kprobe and the registers of the call, and this is
    // the handler.
    unsafe {
        let registration = Registration::<H, Kprobe>::from_native(kprobe);
        let call = Entry::new(registration, regs);
        let _ = registration.shared().handler.entry(&call);
    }
    0
}
