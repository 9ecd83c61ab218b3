// SPDX-License-Identifier: GPL-2.0

//! One fprobe for all functions of a set.
//!
//! Each change of ftrace's filter makes the kernel walk over all functions that it can trace. So
//! thousands of functions can only be attached and detached in reasonable time all at once. The
//! differences from an fprobe for each function:
//!
//! - All functions are hit as soon as the first one is enabled. Hits of functions that are not
//!   enabled are looked up, and ignored.
//! - A handler without instance data (`Data = ()`) is called at entries only, which costs less.
//! - Missed calls are counted for the set as a whole ([`Probes::missed_in_group`]).
//! - A function that cannot have a kprobe is refused, although ftrace can trace some of these.
//!
//! It needs `CONFIG_KPROBES_ON_FTRACE`, which shows the address of ftrace's call in a function.
//! Without it (on arm64) all functions are refused as [not traceable](Failure::NotTraceable).
//!
//! # Soundness
//!
//! In addition to the argument for an [fprobe](super):
//!
//! - *The fprobe* is in a box of its own. The box is freed after the kernel has unregistered the
//!   fprobe, and never if the kernel cannot.
//! - *The function that was hit* is found in a table, by the address of ftrace's call. The table is
//!   made before the fprobe is registered, and does not change after that.

use core::{
    mem::{
        size_of,
        ManuallyDrop, //
    },
    ptr::{
        null_mut,
        NonNull, //
    },
    sync::atomic::{
        AtomicBool,
        AtomicPtr,
        Ordering, //
    }, //
};

use super::{
    flags,
    search::Search,
    table::Table,
    unregister_or_disable,
    DataFit,
    Regs,
    Stored, //
};
use crate::{
    bindings,
    compat::{
        ffi::{
            c_int,
            c_ulong,
            c_void, //
        },
        KBox,
        Opaque,
        GFP_KERNEL, //
    },
    error::{
        to_result,
        Result, //
    },
    probe::{
        Backend,
        Entry,
        Failure,
        Handler,
        Missed,
        Probes,
        Registration,
        Return,
        Shared,
        Slot,
        Symbol, //
    },
    sync::rcu,
    task::time, //
};

/// Probes the entry and the return of functions by one fprobe for all of them; only the entry if
/// the handler has no instance data.
pub enum Group {}

/// The state of one function.
pub struct Member {
    /// The set's fprobe, after it was registered for this function; null before.
    fprobe: AtomicPtr<bindings::fprobe>,
    enabled: AtomicBool,
}

/// The state of a set.
///
/// # Invariants
///
/// - `home` is a box that this object owns, unless `is_kept`.
/// - `table` does not change after the fprobe was registered.
pub struct State {
    home: ManuallyDrop<KBox<Home>>,
    /// The number stored before the data of this set's calls: the time at which the set was made.
    number: u64,
    table: Table,
}

/// The heap object with the fprobe. It begins with the fprobe, so a pointer to one is a pointer to
/// the other.
#[repr(C)]
struct Home {
    fprobe: Opaque<bindings::fprobe>,
    /// The `Shared` of the set. Set before the fprobe is registered.
    shared: AtomicPtr<c_void>,
    /// Whether the kernel keeps its references to the fprobe, so that it must not be freed.
    is_kept: AtomicBool,
}

// SAFETY: The kernel locks an fprobe when it changes it; otherwise only its flags are accessed, as
// an atomic. The other fields are atomic, or do not change.
unsafe impl Send for State {}

// SAFETY: As for `Send`.
unsafe impl Sync for State {}

impl Drop for State {
    fn drop(&mut self) {
        if !self.home.is_kept.load(Ordering::Relaxed) {
            // SAFETY: By the invariant this object owns the box. It is dropped only here, once.
            unsafe { ManuallyDrop::drop(&mut self.home) };
        }
    }
}

/// Returns the `Shared` of the set with this fprobe.
///
/// # Safety
///
/// `fprobe` is that of a set with this handler, which lives as long as `'a`.
#[inline(always)]
unsafe fn shared_of<'a, H: Handler<Group>>(fprobe: *mut bindings::fprobe) -> &'a Shared<H, Group> {
    // SAFETY: The fprobe is the first member of a `Home`, whose pointer was set to the set's
    // `Shared` before the fprobe was registered.
    unsafe {
        &*(*fprobe.cast::<Home>())
            .shared
            .load(Ordering::Relaxed)
            .cast()
    }
}

// SAFETY: `entry` and `ret` only read their arguments, except for the call's data, which nobody
// else uses. If `register_fprobe_ips()` fails, it has undone everything. For `unregister` see the
// documentation of this module and of `fprobe`.
unsafe impl Backend for Group {
    type Native = Member;
    type Registers = Regs;
    type Options = ();
    type State = State;

    const COUNTS_MISSED: bool = false;

    fn new_state() -> Result<State> {
        // SAFETY: Zeros are a valid `struct fprobe`: integers, and pointers that may be null.
        let fprobe = unsafe { core::mem::zeroed() };
        let home = Home {
            fprobe: Opaque::new(fprobe),
            shared: AtomicPtr::new(null_mut()),
            is_kept: AtomicBool::new(false),
        };
        let table = Table::new(0)?;
        let home = KBox::new(home, GFP_KERNEL)?;
        // INVARIANT: The box is new, and the fprobe is not registered.
        Ok(State {
            home: ManuallyDrop::new(home),
            number: time::monotonic_ns(),
            table,
        })
    }

    unsafe fn set_up<H: Handler<Self>>(_member: &mut Member, _function: &Symbol, _options: ()) {
        const { DataFit::<H, Self>::CHECK };
    }

    /// Does nothing: `complete` registers all members.
    unsafe fn register<H: Handler<Self>>(_member: *mut Member) -> c_int {
        0
    }

    unsafe fn complete<H: Handler<Self>>(
        shared: NonNull<Shared<H, Self>>,
        registered: &[*mut Member],
        refuse: &mut dyn FnMut(*mut Member, Failure),
    ) -> Result {
        // SAFETY: The members are those of registrations of `shared`, which lives.
        let symbol = |member| unsafe { Registration::<H, Self>::from_native(member) }.symbol();
        // SAFETY: `shared` lives.
        let first = unsafe { (*shared.as_ptr()).registrations.as_ptr() };
        let place_of = |member: *mut Member| {
            let offset = member.addr().wrapping_sub(first.addr());
            let place = offset.checked_div(size_of::<Registration<H, Self>>());
            place.unwrap_or(0) as u32
        };
        let mut found = Search::new(registered, symbol, place_of, true)?;
        // SAFETY: `shared` lives, the members found are its own, and nobody else accesses its
        // state.
        let mut result = unsafe { register::<H>(&mut found, shared) };
        if result.is_err() && found.is_trusting {
            // ftrace cannot trace one of the given addresses, so all functions are looked up.
            found = Search::new(registered, symbol, place_of, false)?;
            // SAFETY: `shared` lives, the members found are its own, and nobody else accesses its
            // state.
            result = unsafe { register::<H>(&mut found, shared) };
        }
        result?;
        for (member, failure) in found.failures {
            refuse(member, failure);
        }
        Ok(())
    }

    unsafe fn unregister(members: &mut [*mut Member]) -> Result {
        let fprobes = members.iter().map(|&member| {
            // SAFETY: The members are those of registrations, which live.
            unsafe { (*member).fprobe.load(Ordering::Acquire) }
        });
        let Some(fprobe) = fprobes.into_iter().find(|fprobe| !fprobe.is_null()) else {
            return Ok(());
        };
        // SAFETY: Members have the pointer only after the fprobe was registered.
        let result = unsafe { unregister_or_disable(fprobe) };
        if result.is_err() {
            // SAFETY: The fprobe is the first field of a `Home`, which the set still owns.
            unsafe {
                (*fprobe.cast::<Home>())
                    .is_kept
                    .store(true, Ordering::Relaxed)
            };
        }
        // Waits for handlers, which run with preemption off, also those that were entered before
        // the probe was disabled.
        rcu::synchronize();
        result
    }

    unsafe fn enable(member: *mut Member, enable: bool) -> c_int {
        // SAFETY: The member is that of a registration, which lives.
        let member = unsafe { &*member };
        member.enabled.store(enable, Ordering::Relaxed);
        let fprobe = member.fprobe.load(Ordering::Acquire);
        if enable && !fprobe.is_null() {
            // SAFETY: The fprobe lives at least as long as its members.
            unsafe { flags(fprobe) }.store(0, Ordering::Relaxed);
        }
        0
    }

    unsafe fn is_enabled(member: *mut Member) -> bool {
        // SAFETY: The caller guarantees that the member lives.
        unsafe { (*member).enabled.load(Ordering::Relaxed) }
    }

    /// Returns zeros: missed calls are only counted for the whole group.
    unsafe fn missed(_member: *mut Member) -> Missed {
        Missed::default()
    }
}

impl<H: Handler<Group>> Probes<H, Group> {
    /// Returns the number of missed calls of the set's functions, as counted by the kernel: without
    /// a lock, so that some may be lost, and without those that ftrace itself does not trace.
    ///
    /// # Context
    ///
    /// Any.
    pub fn missed_in_group(&self) -> u64 {
        // SAFETY: The set owns its fprobe, which lives. The kernel may write the counter meanwhile,
        // which is an aligned word, with a single store.
        let missed =
            unsafe { (&raw const (*self.state().home.fprobe.get()).nmissed).read_volatile() };
        missed as u64
    }
}

/// Registers the fprobe for the functions that were found, if any.
///
/// # Errors
///
/// Those of the kernel, for instance if ftrace cannot trace one of the addresses.
///
/// # Safety
///
/// `shared` lives, the members of `found` are its own, and nobody else accesses its state.
unsafe fn register<H: Handler<Group>>(
    found: &mut Search<Member>,
    shared: NonNull<Shared<H, Group>>,
) -> Result {
    if found.addresses.is_empty() {
        return Ok(());
    }
    // SAFETY: `shared` lives, and nobody else accesses its state.
    let state = unsafe { &mut (*shared.as_ptr()).state };
    core::mem::swap(&mut state.table, &mut found.table);
    let home = &state.home;
    home.shared.store(shared.as_ptr().cast(), Ordering::Relaxed);
    let fprobe = home.fprobe.get();
    // SAFETY: The fprobe lives and is not registered, so nobody else accesses it. The list has
    // `len()` addresses.
    to_result(unsafe {
        (*fprobe).flags = bindings::FPROBE_FL_DISABLED;
        (*fprobe).entry_handler = Some(entry::<H>);
        if size_of::<H::Data>() > 0 {
            (*fprobe).exit_handler = Some(ret::<H>);
            (*fprobe).entry_data_size = size_of::<Stored<H::Data>>();
        }
        bindings::register_fprobe_ips(
            fprobe,
            found.addresses.as_mut_ptr().cast(),
            found.addresses.len() as c_int,
        )
    })?;
    for &member in found.members.iter() {
        // SAFETY: The member is that of a registration of `shared`, which lives.
        unsafe { (*member).fprobe.store(fprobe, Ordering::Release) };
    }
    Ok(())
}

#[inline(always)]
#[allow(
    clippy::unnecessary_cast,
    reason = "C's unsigned long is usize in newer kernels, u64 in older ones"
)]
fn word(address: c_ulong) -> usize {
    address as usize
}

/// Called by the kernel at a function's entry. If it returns non-zero, the kernel ignores the
/// return.
///
/// # Safety
///
/// `fprobe` is that of a set of this backend with this handler, `regs` are those of the call, and,
/// unless the handler has no instance data, `data` is valid for writes of a `Stored`. The context
/// is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler<Group>>(
    fprobe: *mut bindings::fprobe,
    entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) -> c_int {
    // SAFETY: The kernel passes the registered fprobe, and the set lives while handlers run.
    let shared = unsafe { shared_of::<H>(fprobe) };
    let place = shared.state.table.find(word(entry_ip));
    let Some(registration) = place.and_then(|place| shared.registrations.get(place)) else {
        return 1;
    };
    // SAFETY: The member is that of a registration, which lives.
    if !unsafe { Group::is_enabled(registration.native()) } {
        return 1;
    }
    // SAFETY: The kernel passes the registers of the call, and this is the handler.
    let call = unsafe { Entry::new(registration, regs) };
    if size_of::<H::Data>() == 0 {
        let _ = shared.handler.entry(&call);
        return 0;
    }
    let stored = data.cast::<Stored<H::Data>>();
    // SAFETY: `data` has `entry_data_size` bytes, is aligned to a word, and nobody else uses it
    // now.
    unsafe {
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
/// `fprobe` is that of a set of this backend with this handler, and `regs` are those of the return.
/// `data` is null, or was stored for the call by an fprobe that had this address. The context is
/// that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn ret<H: Handler<Group>>(
    fprobe: *mut bindings::fprobe,
    entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) {
    // SAFETY: The kernel passes the registered fprobe, and the set lives while handlers run.
    let shared = unsafe { shared_of::<H>(fprobe) };
    let stored = data.cast::<Stored<H::Data>>();
    // SAFETY: If `data` is not null, it has at least a word.
    if stored.is_null() || unsafe { (&raw const (*stored).number).read() } != shared.state.number {
        return;
    }
    let place = shared.state.table.find(word(entry_ip));
    let Some(registration) = place.and_then(|place| shared.registrations.get(place)) else {
        return;
    };
    // SAFETY: The kernel passes the registers of the return, and this is the handler. Data with the
    // number of this set were written by `entry`.
    unsafe {
        let call = Return::new(registration, regs);
        shared.handler.ret(&call, &(*stored).data);
    }
}
