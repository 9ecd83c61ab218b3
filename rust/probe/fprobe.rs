// SPDX-License-Identifier: GPL-2.0

//! Fprobes: handlers at the entry and at the return of functions, by ftrace, with
//! instance data that belong to the call.
//!
//! An fprobe does what a [kretprobe](super::kretprobe) does. What is different:
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
//!   To drop a set takes a grace period of RCU for each. Thousands of functions share
//!   one with [`Group`].
//! - While the sysctl `kernel.ftrace_enabled` is 0, nothing is hit.
//!
//! # Soundness
//!
//! In addition to what is said of a set ([`Probes`](super::Probes)):
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
//! - *Context.* An fprobe can be made to share kprobes' protection against handlers in
//!   handlers. That is not done: when the kernel then skips `entry`, it calls `ret` all
//!   the same.
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
//! /// How many reads get less than was asked for.
//! struct Short(Counters<1>);
//!
//! // By any backend that sees returns.
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
//! Data that are too large are refused by the compiler:
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

/// The registers that a handler is given.
#[cfg(kernel_has = "fprobe_ftrace_regs")]
type Regs = bindings::ftrace_regs;
#[cfg(not(kernel_has = "fprobe_ftrace_regs"))]
type Regs = bindings::pt_regs;

/// Probes the entry and the return of functions by ftrace.
pub enum Fprobe {}

/// What tells the calls of a set from those of another: its number.
pub struct State {
    number: u64,
}

/// What the kernel keeps of a call.
#[repr(C)]
struct Stored<D> {
    /// The number of the set.
    number: u64,
    data: D,
}

/// The instance data of a handler fit into what the kernel gives.
struct DataFit<H, B>(H, B);

impl<H: Handler<B>, B: Backend> DataFit<H, B> {
    const CHECK: () = {
        // Older kernels have no limit, and no word for it.
        #[cfg(not(kernel_has = "fprobe_ftrace_regs"))]
        const BITS: u32 = 4;
        #[cfg(kernel_has = "fprobe_ftrace_regs")]
        const BITS: u32 = bindings::FPROBE_DATA_SIZE_BITS;

        assert!(
            size_of::<Stored<H::Data>>() <= ((1 << BITS) - 1) * size_of::<usize>(),
            "instance data may have 14 words"
        );
        assert!(
            align_of::<Stored<H::Data>>() <= align_of::<usize>(),
            "instance data are aligned as a word"
        );
    };
}

// SAFETY: `entry` and `ret` only read what they take, apart from a call's data, which
// are theirs. `register_fprobe_syms()` has undone all when it fails. For `unregister`
// see the module's documentation.
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
        // SAFETY: The caller says that it is that of a registration, which is being
        // registered.
        let registration = unsafe { Registration::<H, Self>::from_native(fprobe) };
        let mut function = char_ptr(registration.symbol().as_c_str());
        // SAFETY: The caller says that it is set up, and stays where it is. The name has
        // a NUL, and is used before this returns.
        unsafe { bindings::register_fprobe_syms(fprobe, &mut function, 1) }
    }

    unsafe fn unregister(fprobes: &mut [*mut bindings::fprobe]) -> Result {
        let mut all = Ok(());
        for &mut fprobe in fprobes {
            // SAFETY: The caller says that it is registered.
            all = all.and(unsafe { unregister_or_disable(fprobe) });
        }
        // What ran with preemption off has then ended, and so has what saw a probe that was
        // not disabled yet.
        rcu::synchronize();
        all
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

/// Unregisters an fprobe, or disables it if the kernel cannot.
///
/// # Errors
///
/// The kernel refers to it for good.
///
/// # Safety
///
/// It is registered.
unsafe fn unregister_or_disable(fprobe: *mut bindings::fprobe) -> Result {
    /// So often a function that has no memory is asked again.
    const ATTEMPTS: usize = 20;
    // SAFETY: The caller says that it is registered. What fails for lack of memory has left it
    // so.
    let attempt = || to_result(unsafe { bindings::unregister_fprobe(fprobe) }).map(drop);
    let mut result = attempt();
    for _ in 0..ATTEMPTS {
        if result != Err(code::ENOMEM) {
            break;
        }
        time::sleep_ms(50);
        result = attempt();
    }
    // SAFETY: It was registered, so it lives.
    result.inspect_err(|_| unsafe {
        flags(fprobe).fetch_or(bindings::FPROBE_FL_DISABLED, Ordering::SeqCst);
    })
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
/// `fprobe` is that of a registered probe of this backend with this handler, `regs` are those
/// of the call, and `data` has room for what is stored. The context is that of a probe's
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
    // SAFETY: The kernel gives what was registered, and the registers of the call, to a
    // handler, which this is. The room has the size that was asked for, and is aligned
    // as a word. Nobody else has it now.
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

/// Where the kernel enters at a function's return.
///
/// # Safety
///
/// `fprobe` is that of a registered probe of this backend with this handler, and `regs` are
/// those of the return. `data` are what was stored of a call by an fprobe that had this
/// address, or null. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn ret<H: Handler<Fprobe>>(
    fprobe: *mut bindings::fprobe,
    _entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) {
    let stored = data.cast::<Stored<H::Data>>();
    // SAFETY: The kernel gives what was registered, and the registers of the return, to
    // a handler, which this is. What is not null has a word at least, and if that is
    // this set's number, then `entry` wrote it and the data.
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
