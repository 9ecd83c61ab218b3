// SPDX-License-Identifier: GPL-2.0

//! Fprobes: handlers at the entry and at the return of functions, by ftrace, with instance data for
//! each call.
//!
//! An fprobe does the same as a [kretprobe](super::kretprobe), with these differences:
//!
//! - It is possible only on functions that ftrace can trace, which the compiler made begin with a
//!   call to be patched (`available_filter_functions` in tracefs). A hit is not missed because
//!   another probe's handler runs.
//! - There is no `maxactive`. The data of a call are on a stack of one page per task, which all
//!   users of ftrace's graph share. If the stack is full, the call is missed. (Before Linux 6.14
//!   the kernel follows at most twice as many calls of a function at once as there are CPUs, and
//!   also counts hits in a handler as missed.)
//! - Instance data are limited to 14 words. Since Linux 6.14 all fprobes of a function, of any
//!   module, share 32 words per call; an fprobe of this kind takes two more words than its data. If
//!   they do not fit, all of them miss every call.
//! - A disabled probe is still hit, and returns after a check, so it costs nearly as much as one
//!   with an empty handler. For a call that returns while the probe is disabled, [`Handler::ret`]
//!   is not called.
//! - Each function has an fprobe of its own, which is enabled and counted separately. Dropping a
//!   set takes an RCU grace period per function. For thousands of functions use [`Group`].
//! - While the sysctl `kernel.ftrace_enabled` is 0, there are no hits.
//!
//! # Soundness
//!
//! In addition to the argument for a set ([`Probes`](super::Probes)):
//!
//! - *Unload.* Handlers run with preemption off. After `unregister_fprobe()` no handler begins, but
//!   on some kernels one may still run, so `synchronize_rcu()` follows.
//! - *A probe that the kernel keeps.* `unregister_fprobe()` fails if ftrace is disabled after an
//!   internal error (before 6.14), or if there is no memory for a list (from 6.14 until this was
//!   fixed upstream; the call then has no effect, and is repeated). A probe that stays registered
//!   is marked as disabled, which is checked before a handler is called. So after
//!   `synchronize_rcu()` no handler runs, and the fprobe is only data, which is never freed.
//! - *A call in progress* when its probe is unregistered. The kernel keeps the address of the
//!   fprobe and the data. If another fprobe is registered at the same address before the call
//!   returns, its handler gets the data, although it did not write them (`fprobe_return()`). So
//!   each set has a number, which is stored before the data, and `ret` is called only if the number
//!   matches. It is the time at which the set was made, so no data written before that can have it.
//! - *Instance data.* They are `Copy`, so nothing is leaked if a call never returns; the compiler
//!   checks their size and alignment. `entry` writes them before `ret` can see them. They are
//!   `Send`, since a task can enter a function on one CPU and leave it on another.
//! - *Context.* An fprobe could share kprobes' protection against nested handlers. It does not,
//!   since the kernel would then skip `entry` but still call `ret`.
//!
//! # Examples
//!
//! ```no_run
//! use faultline::{
//!     memory::percpu::Counters,
//!     prelude::*,
//!     probe::{fprobe::Fprobe, Backend, Entry, Function, Handler, Probes, Return},
//! };
//!
//! /// Counts reads that return fewer bytes than requested.
//! struct Short(Counters<1>);
//!
//! // Works with any backend that sees returns.
//! impl<B: Backend> Handler<B> for Short {
//!     type Target = ();
//!     type Data = usize;
//!
//!     fn entry(&self, call: &Entry<'_, Self, B>) -> Option<usize> {
//!         call.arg(2)
//!     }
//!
//!     fn ret(&self, call: &Return<'_, Self, B>, &asked: &usize) {
//!         let got: isize = call.ret();
//!         self.0.add::<0>(u64::from(got >= 0 && got.unsigned_abs() < asked));
//!     }
//! }
//!
//! let short = Short(Counters::new()?);
//! let probes: Probes<Short, Fprobe> = Probes::all(short, [Function::new(c"vfs_read", ())], ())
//!     .map_err(|error| error.report())?;
//! probes.enable_all()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! The compiler refuses data that are too large:
//!
//! ```compile_fail
//! # use faultline::probe::{fprobe::Fprobe, Entry, Function, Handler, Probes};
//! struct Large;
//!
//! impl Handler<Fprobe> for Large {
//!     type Target = ();
//!     type Data = [u64; 15];
//!     # fn entry(&self, _: &Entry<'_, Self, Fprobe>) -> Option<Self::Data> { None }
//! }
//!
//! let probes: Result<Probes<Large, Fprobe>, _> =
//!     Probes::all(Large, [Function::new(c"vfs_read", ())], ());
//! ```
//!
//! C header: [`include/linux/fprobe.h`](srctree/include/linux/fprobe.h)\
//! C source: [`kernel/trace/fprobe.c`](srctree/kernel/trace/fprobe.c)

mod group;
mod search;
mod table;

pub use group::Group;

use core::{
    mem::{
        align_of,
        size_of, //
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
    Registration,
    Return,
    Slot,
    Symbol, //
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
    sync::rcu,
    task::time, //
};

/// The registers that the kernel passes to a handler.
#[cfg(kernel_has = "fprobe_ftrace_regs")]
type Regs = bindings::ftrace_regs;
#[cfg(not(kernel_has = "fprobe_ftrace_regs"))]
type Regs = bindings::pt_regs;

/// Probes the entry and the return of functions by ftrace.
pub enum Fprobe {}

/// The number of a set, which identifies its calls.
pub struct State {
    number: u64,
}

/// The data that the kernel keeps for a call.
#[repr(C)]
struct Stored<D> {
    /// The number of the set.
    number: u64,
    data: D,
}

/// Checks that the instance data of a handler fit into the kernel's memory for them.
struct DataFit<H, B>(H, B);

impl<H: Handler<B>, B: Backend> DataFit<H, B> {
    const CHECK: () = {
        // Older kernels have no limit, and do not define this.
        #[cfg(not(kernel_has = "fprobe_ftrace_regs"))]
        const BITS: u32 = 4;
        #[cfg(kernel_has = "fprobe_ftrace_regs")]
        const BITS: u32 = bindings::FPROBE_DATA_SIZE_BITS;

        assert!(
            size_of::<Stored<H::Data>>() <= ((1 << BITS) - 1) * size_of::<usize>(),
            "instance data can have at most 14 words"
        );
        assert!(
            align_of::<Stored<H::Data>>() <= align_of::<usize>(),
            "instance data cannot have a larger alignment than a word"
        );
    };
}

// SAFETY: `entry` and `ret` only read their arguments, except for the call's data, which nobody
// else uses. If `register_fprobe_syms()` fails, it has undone everything. For `unregister` see the
// module's documentation.
unsafe impl Backend for Fprobe {
    type Native = bindings::fprobe;
    type Registers = Regs;
    type Options = ();
    type State = State;

    const COUNTS_MISSED: bool = false;

    fn new_state() -> Result<State> {
        Ok(State {
            number: time::monotonic_ns(),
        })
    }

    unsafe fn set_up<H: Handler<Self>>(
        fprobe: &mut bindings::fprobe,
        _function: &Symbol,
        _options: (),
    ) {
        const { DataFit::<H, Self>::CHECK };
        fprobe.flags = bindings::FPROBE_FL_DISABLED;
        fprobe.entry_handler = Some(entry::<H>);
        fprobe.exit_handler = Some(ret::<H>);
        fprobe.entry_data_size = size_of::<Stored<H::Data>>();
    }

    unsafe fn register<H: Handler<Self>>(fprobe: *mut bindings::fprobe) -> c_int {
        // SAFETY: `fprobe` is that of a registration, which is being registered.
        let registration = unsafe { Registration::<H, Self>::from_native(fprobe) };
        let mut function = char_ptr(registration.symbol().as_c_str());
        // SAFETY: `fprobe` is set up and does not move. The name is a string with NUL, and is not
        // used after this call.
        unsafe { bindings::register_fprobe_syms(fprobe, &mut function, 1) }
    }

    unsafe fn unregister(fprobes: &mut [*mut bindings::fprobe]) -> Result {
        let mut all = Ok(());
        for &mut fprobe in fprobes {
            // SAFETY: All probes of the slice are registered.
            all = all.and(unsafe { unregister_or_disable(fprobe) });
        }
        // Waits for handlers, which run with preemption off, also those that were entered before
        // the probe was disabled.
        rcu::synchronize();
        all
    }

    unsafe fn enable(fprobe: *mut bindings::fprobe, enable: bool) -> c_int {
        let wanted = match enable {
            true => 0,
            false => bindings::FPROBE_FL_DISABLED,
        };
        // SAFETY: A registered probe is not freed.
        unsafe { flags(fprobe) }.store(wanted, Ordering::Relaxed);
        0
    }

    unsafe fn is_enabled(fprobe: *mut bindings::fprobe) -> bool {
        // SAFETY: The caller guarantees that the probe lives.
        unsafe { flags(fprobe) }.load(Ordering::Relaxed) & bindings::FPROBE_FL_DISABLED == 0
    }

    unsafe fn missed(fprobe: *mut bindings::fprobe) -> Missed {
        // SAFETY: The caller guarantees that the probe lives. The kernel may write the counter
        // meanwhile, which is an aligned word, with a single store.
        let missed = unsafe { (&raw const (*fprobe).nmissed).read_volatile() };
        Missed {
            busy: 0,
            no_instance: missed as u64,
        }
    }
}

/// Unregisters an fprobe, or disables it if the kernel cannot.
///
/// # Errors
///
/// The error of the kernel, which then keeps its references to the fprobe.
///
/// # Safety
///
/// `fprobe` is registered.
unsafe fn unregister_or_disable(fprobe: *mut bindings::fprobe) -> Result {
    /// The number of retries if the kernel has no memory.
    const ATTEMPTS: usize = 20;
    // SAFETY: `fprobe` is registered, and stays so if the call fails for lack of memory.
    let attempt = || to_result(unsafe { bindings::unregister_fprobe(fprobe) }).map(drop);
    let mut result = attempt();
    for _ in 0..ATTEMPTS {
        if result != Err(code::ENOMEM) {
            break;
        }
        time::sleep_ms(50);
        result = attempt();
    }
    // SAFETY: `fprobe` was registered, and its owner has not freed it.
    result.inspect_err(|_| unsafe {
        flags(fprobe).fetch_or(bindings::FPROBE_FL_DISABLED, Ordering::SeqCst);
    })
}

/// Returns the flags of an fprobe, which the kernel only reads after the registration.
///
/// # Safety
///
/// `fprobe` lives as long as `'a`.
unsafe fn flags<'a>(fprobe: *mut bindings::fprobe) -> &'a AtomicU32 {
    // SAFETY: `fprobe` lives as long as `'a`, and the flags are an aligned word of it.
    unsafe { AtomicU32::from_ptr(&raw mut (*fprobe).flags) }
}

/// Called by the kernel at a function's entry. If it returns non-zero, the kernel ignores the
/// return.
///
/// # Safety
///
/// `fprobe` is that of a registered probe of this backend with this handler, `regs` are those of
/// the call, and `data` is valid for writes of a `Stored`. The context is that of a probe's
/// handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler<Fprobe>>(
    fprobe: *mut bindings::fprobe,
    _entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) -> c_int {
    let stored = data.cast::<Stored<H::Data>>();
    // SAFETY: The kernel passes the registered fprobe and the registers of the call, and this is
    // the handler. `data` has `entry_data_size` bytes, is aligned to a word, and nobody else uses
    // it now.
    unsafe {
        let registration = Registration::<H, Fprobe>::from_native(fprobe);
        let shared = registration.shared();
        let call = Entry::new(registration, regs);
        let slot = Slot::new(&raw mut (*stored).data);
        match shared.handler.entry_in_place(&call, slot) {
            Some(_) => {
                (&raw mut (*stored).number).write(shared.state.number);
                0
            }
            None => 1,
        }
    }
}

/// Called by the kernel at a function's return.
///
/// # Safety
///
/// `fprobe` is that of a registered probe of this backend with this handler, and `regs` are those
/// of the return. `data` is null, or was stored for the call by an fprobe that had this address.
/// The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn ret<H: Handler<Fprobe>>(
    fprobe: *mut bindings::fprobe,
    _entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) {
    let stored = data.cast::<Stored<H::Data>>();
    // SAFETY: The kernel passes the registered fprobe and the registers of the return, and this is
    // the handler. If `data` is not null it has at least a word. If that is the number of this set,
    // `entry` wrote it, and the instance data.
    unsafe {
        let registration = Registration::<H, Fprobe>::from_native(fprobe);
        let shared = registration.shared();
        if stored.is_null() || (&raw const (*stored).number).read() != shared.state.number {
            return;
        }
        let call = Return::new(registration, regs);
        shared.handler.ret(&call, &(*stored).data);
    }
}
