// SPDX-License-Identifier: GPL-2.0

//! Handlers at the entry and at the return of functions, by ftrace, with data
//! that belongs to the call.
//!
//! An [`Fprobes`] is a set of probed functions with one [`Handler`], and does what
//! one of [`kretprobe`](crate::kretprobe) does. What is different:
//!
//! - It is only where ftrace is: at the beginning of functions that the compiler
//!   gave a call to patch (`available_filter_functions` in tracefs). Nothing is
//!   counted as missed because another probe's handler runs.
//! - There is no `maxactive`: what belongs to a call is on a stack of the task's,
//!   of one page, which all users of ftrace's graph share. When that is full, the
//!   call is missed. (Before Linux 6.14 the kernel follows twice as many calls of a
//!   function at once as there are CPUs, and counts here as missed also what is
//!   hit by a handler.)
//! - Data are smaller: 14 words. Since Linux 6.14 all fprobes of a function, whosever
//!   they are, have 32 words together for a call, of which one of these takes two
//!   more than its data. If that is not enough, all of them miss every call.
//! - A probe that is disabled is hit all the same, and then looks no further, so
//!   it costs nearly as much as one whose handler does nothing. Calls in
//!   progress do not come to [`Handler::ret`] while it is disabled.
//! - Each function has an fprobe of its own, to be enabled and counted by itself.
//!   To drop a set takes a grace period of RCU for each.
//! - While the sysctl `kernel.ftrace_enabled` is 0, nothing is hit.
//!
//! # Soundness
//!
//! Besides what is said of the [set](crate::probe::Set):
//!
//! - *Unload.* Handlers run with preemption off. `unregister_fprobe()` makes that no
//!   more begin, and on some kernels returns while others still run, so
//!   `synchronize_rcu()` follows it here.
//! - *A probe that the kernel keeps.* `unregister_fprobe()` fails where ftrace is out
//!   of order (before 6.14), or has no memory for a list (from 6.14 until that was
//!   mended upstream; it has changed nothing then, and is asked again). What it keeps
//!   is marked as disabled, and whoever calls a handler looks at that before: so
//!   after `synchronize_rcu()` nobody enters one, and the fprobe is data that is
//!   never freed.
//! - *A call in progress* when its probe is unregistered. All that the kernel keeps
//!   of it is the address of the fprobe, and the data. If another fprobe is
//!   registered at the same address before the call returns, that one's handler is
//!   given these data, whosever they are (`fprobe_return()`). So each set has a
//!   number, which stands before the data, and `ret` is called for what has this
//!   number only. It is the time at which the set was made: nothing that was
//!   written before that can have it.
//! - *Instance data.* They are `Copy`, so nothing is lost with a call that never
//!   returns; their size and alignment are checked by the compiler. They are
//!   written by `entry` before `ret` can see them. They are `Send`, since a task
//!   can enter a function on one CPU and leave it on another.
//! - *Context.* See [`probe`]. An fprobe can be made to share
//!   kprobes' protection against handlers in handlers. That is not done: when the
//!   kernel then skips `entry`, it calls `ret` all the same.
//!
//! C header: [`include/linux/fprobe.h`](srctree/include/linux/fprobe.h)\
//! C source: [`kernel/trace/fprobe.c`](srctree/kernel/trace/fprobe.c)

use core::{
    ffi::CStr,
    marker::PhantomData,
    mem::{
        align_of,
        size_of, //
    },
    sync::atomic::{
        AtomicU32,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::{
            c_int,
            c_ulong,
            c_void, //
        }, //
    },
    error::{
        code,
        to_result,
        Result, //
    },
    probe::{
        self,
        Handling,
        Kind,
        Missed,
        Probe,
        Set, //
    },
    time, //
};

/// The registers that a handler is given.
#[cfg(kernel_has = "fprobe_ftrace_regs")]
type Regs = bindings::ftrace_regs;
#[cfg(not(kernel_has = "fprobe_ftrace_regs"))]
type Regs = bindings::pt_regs;

/// What is done at the entry and at the return of the functions of a set.
pub trait Handler: Send + Sync + Sized + 'static {
    /// What belongs to a call: at most 14 words, aligned as one or less.
    type Data: Copy + Send + 'static;

    /// A function was entered. With `None`, its return is of no interest.
    ///
    /// # Context
    ///
    /// That of [a handler](crate::probe).
    fn entry(&self, call: &Entry<'_>, here: &Handling<'_>) -> Option<Self::Data>;

    /// A function returns. The task is the one that entered it; the CPU may be
    /// another.
    ///
    /// # Context
    ///
    /// That of [a handler](crate::probe).
    fn ret(&self, call: &Return<'_>, data: &Self::Data, here: &Handling<'_>);
}

/// A function that was entered.
pub type Entry<'a> = probe::Entry<'a, Regs>;

/// A function that returns.
pub type Return<'a> = probe::Return<'a, Regs>;

/// A set of probed functions with one handler.
///
/// # Examples
///
/// ```no_run
/// use faultline::{
///     fprobe::{Entry, Fprobes, Handler, Return},
///     percpu::Counters,
///     prelude::*,
///     probe::Handling,
/// };
///
/// /// How many reads get less than was asked for.
/// struct Short(Counters<1>);
///
/// impl Handler for Short {
///     type Data = usize;
///
///     fn entry(&self, call: &Entry<'_>, _here: &Handling<'_>) -> Option<usize> {
///         call.arg(2)
///     }
///
///     fn ret(&self, call: &Return<'_>, &asked: &usize, _here: &Handling<'_>) {
///         let got: isize = call.ret();
///         self.0.add::<0>(u64::from(got >= 0 && got.unsigned_abs() < asked));
///     }
/// }
///
/// let probes = Fprobes::all(Short(Counters::new()?), &[c"vfs_read"])
///     .map_err(|refused| refused.report())?;
/// probes.enable(0)?;
/// # Ok::<(), Error>(())
/// ```
///
/// Data that are too large are refused by the compiler:
///
/// ```compile_fail
/// # use faultline::{fprobe::{Entry, Fprobes, Handler, Return}, prelude::*, probe::Handling};
/// struct Large;
///
/// impl Handler for Large {
///     type Data = [u64; 15];
///     # fn entry(&self, _: &Entry<'_>, _: &Handling<'_>) -> Option<Self::Data> { None }
///     # fn ret(&self, _: &Return<'_>, _: &Self::Data, _: &Handling<'_>) {}
/// }
///
/// let probes = Fprobes::all(Large, &[c"vfs_read"]);
/// ```
pub type Fprobes<H> = Set<Fprobe<H>>;

/// The kind of probe.
pub struct Fprobe<H>(PhantomData<H>);

/// What the kernel keeps of a call.
#[repr(C)]
struct Kept<D> {
    /// That of the set.
    number: u64,
    data: D,
}

impl<H: Handler> Fprobe<H> {
    /// The data fit into what the kernel gives.
    const DATA_FITS: () = {
        // Older kernels have no limit, and no word for it.
        #[cfg(not(kernel_has = "fprobe_ftrace_regs"))]
        const BITS: u32 = 4;
        #[cfg(kernel_has = "fprobe_ftrace_regs")]
        const BITS: u32 = bindings::FPROBE_DATA_SIZE_BITS;

        assert!(
            size_of::<Kept<H::Data>>() <= ((1 << BITS) - 1) * size_of::<usize>(),
            "instance data may have 14 words"
        );
        assert!(
            align_of::<Kept<H::Data>>() <= align_of::<usize>(),
            "instance data are aligned as a word"
        );
    };
}

// SAFETY: `entry` and `ret` only read what they take, apart from a call's data, which
// are theirs. `register_fprobe_syms()` has undone all when it fails. For `unregister`
// see the module's documentation.
unsafe impl<H: Handler> Kind for Fprobe<H> {
    type Handler = H;
    type Raw = bindings::fprobe;
    type Options = ();
    /// The set's number.
    type Extra = u64;

    fn extra() -> Result<u64> {
        Ok(time::monotonic_ns())
    }

    fn set_up(fprobe: &mut bindings::fprobe, _function: &'static CStr, _options: ()) {
        const { Self::DATA_FITS };
        fprobe.flags = bindings::FPROBE_FL_DISABLED;
        fprobe.entry_handler = Some(entry::<H>);
        fprobe.exit_handler = Some(ret::<H>);
        fprobe.entry_data_size = size_of::<Kept<H::Data>>();
    }

    unsafe fn register(fprobe: *mut bindings::fprobe) -> c_int {
        // SAFETY: The caller says that it is a probe of a set.
        let (probe, _) = unsafe { Probe::<Self>::of(fprobe) };
        let mut function = char_ptr(probe.function());
        // SAFETY: The caller says that it is set up, and stays where it is. The name has
        // a NUL, and is used before this returns.
        unsafe { bindings::register_fprobe_syms(fprobe, &mut function, 1) }
    }

    unsafe fn unregister(probes: &mut [*mut bindings::fprobe]) -> Result {
        /// So often a function that has no memory is asked again.
        const ATTEMPTS: usize = 20;
        let mut kept = Ok(());
        for &mut fprobe in probes {
            // SAFETY: The caller says that it is registered. What fails for lack of memory
            // has left it so.
            let attempt = || to_result(unsafe { bindings::unregister_fprobe(fprobe) });
            let mut result = attempt();
            for _ in 0..ATTEMPTS {
                if result != Err(code::ENOMEM) {
                    break;
                }
                time::sleep_ms(50);
                result = attempt();
            }
            if let Err(error) = result {
                // SAFETY: The caller says that it was registered, so it lives.
                unsafe { flags(fprobe) }.fetch_or(bindings::FPROBE_FL_DISABLED, Ordering::SeqCst);
                kept = Err(error);
            }
        }
        // SAFETY: The caller may sleep. When it returns, what ran with preemption
        // off has ended, and so has what saw a probe that was not disabled yet.
        unsafe { bindings::synchronize_rcu() };
        kept
    }

    unsafe fn enable(fprobe: *mut bindings::fprobe, enable: bool) -> c_int {
        let wanted = match enable {
            true => 0,
            false => bindings::FPROBE_FL_DISABLED,
        };
        // SAFETY: The caller says that it is registered, so it lives.
        unsafe { flags(fprobe) }.store(wanted, Ordering::Relaxed);
        0
    }

    unsafe fn is_enabled(fprobe: *mut bindings::fprobe) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { flags(fprobe) }.load(Ordering::Relaxed) & bindings::FPROBE_FL_DISABLED == 0
    }

    unsafe fn missed(fprobe: *mut bindings::fprobe) -> Missed {
        // SAFETY: The caller says that it lives. The kernel writes this while it is
        // read, as a whole.
        let missed = unsafe { (&raw const (*fprobe).nmissed).read_volatile() };
        Missed {
            busy: 0,
            no_instance: missed as u64,
        }
    }
}

/// The flags of an fprobe, which the kernel only reads once it is registered.
///
/// # Safety
///
/// It lives as long as `'a`.
unsafe fn flags<'a>(fprobe: *mut bindings::fprobe) -> &'a AtomicU32 {
    // SAFETY: The caller says that it lives, and this is an aligned word of it.
    unsafe { AtomicU32::from_ptr(&raw mut (*fprobe).flags) }
}

/// Where the kernel enters at a function's entry. Non-zero: its return is of no
/// interest.
///
/// # Safety
///
/// `fprobe` is that of a registered probe of this kind, `regs` are those of the
/// call, and `data` has room for what is kept. The context is that of a probe's
/// handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler>(
    fprobe: *mut bindings::fprobe,
    _entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) -> c_int {
    // SAFETY: The kernel gives what was registered, and the registers of the call, to a
    // handler, which this is. The room has the size that was asked for, and is aligned
    // as a word.
    unsafe {
        let (probe, shared) = Probe::<Fprobe<H>>::of(fprobe);
        let call = Entry::new(probe.index(), regs, ());
        match shared.handler.entry(&call, &Handling::new()) {
            Some(kept) => {
                data.cast::<Kept<H::Data>>().write(Kept {
                    number: shared.extra,
                    data: kept,
                });
                0
            }
            None => 1,
        }
    }
}

/// Where the kernel enters at a function's return.
///
/// # Safety
///
/// `fprobe` is that of a registered probe of this kind, and `regs` are those of the
/// return. `data` are what was kept of a call by an fprobe that had this address,
/// or null. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn ret<H: Handler>(
    fprobe: *mut bindings::fprobe,
    _entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) {
    let kept = data.cast::<Kept<H::Data>>();
    // SAFETY: The kernel gives what was registered, and the registers of the return, to
    // a handler, which this is. What is not null has a word at least, and if that is
    // this set's number, then `entry` wrote it and the data.
    unsafe {
        let (probe, shared) = Probe::<Fprobe<H>>::of(fprobe);
        if kept.is_null() || (&raw const (*kept).number).read() != shared.extra {
            return;
        }
        let call = Return::new(probe.index(), regs);
        shared.handler.ret(&call, &(*kept).data, &Handling::new());
    }
}
