// SPDX-License-Identifier: GPL-2.0

//! One fprobe for all functions of a set.
//!
//! To make the kernel trace another function, it goes over all that it could trace. So a set of
//! thousands of functions is attached and detached at once or not in reasonable time. What is
//! different from an fprobe for each function:
//!
//! - All functions are hit from the moment that the first one is enabled. Hits of those that are
//!   not enabled are looked up, and ignored.
//! - A handler without instance data (`Data = ()`) is called at entries only, which costs less.
//! - Missed calls are known of the set as a whole ([`Probes::missed_in_group`]).
//! - A function that no kprobe can probe is refused, though ftrace traces some of these.
//!
//! It needs `CONFIG_KPROBES_ON_FTRACE`, which tells where ftrace is in a function. Without it (on
//! arm64) all functions are refused as [not traceable](Failure::NotTraceable).
//!
//! # Soundness
//!
//! In addition to what is said of an [fprobe](super):
//!
//! - *The fprobe* is in a box of its own, which stays where it is until the kernel has
//!   unregistered it, and for good if the kernel cannot.
//! - *Who was hit* is found in a table by the address where ftrace is. The table is made before
//!   the fprobe is registered, and does not change after that.

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

/// Probes the entry and the return of functions by one fprobe for all of them; the entry alone if
/// the handler has no instance data.
pub enum Group {}

/// What there is of each function.
pub struct Member {
    /// The set's fprobe, once it is registered and this is one of its functions.
    fprobe: AtomicPtr<bindings::fprobe>,
    enabled: AtomicBool,
}

/// What there is of a set.
///
/// # Invariants
///
/// - `home` is a box that this object owns, unless `is_kept`.
/// - `table` does not change after the fprobe was registered.
pub struct State {
    home: ManuallyDrop<KBox<Home>>,
    /// What stands before the data of this set's calls: the time at which it was made.
    number: u64,
    table: Table,
}

/// Where the fprobe lives. It comes first, so that its address is that of all.
#[repr(C)]
struct Home {
    fprobe: Opaque<bindings::fprobe>,
    /// The `Shared` of the set. Set before the fprobe is registered.
    shared: AtomicPtr<c_void>,
    /// The kernel refers to it for good.
    is_kept: AtomicBool,
}

// SAFETY: The kernel has a lock for what it changes of an fprobe, of which otherwise one word is
// used here, as an atomic. The rest is atomic, or does not change.
unsafe impl Send for State {}

// SAFETY: As for `Send`.
unsafe impl Sync for State {}

impl Drop for State {
    fn drop(&mut self) {
        if !self.home.is_kept.load(Ordering::Relaxed) {
            // SAFETY: It is dropped here alone, and by the invariant it is this object's.
            unsafe { ManuallyDrop::drop(&mut self.home) };
        }
    }
}

/// The set, by its fprobe.
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

// SAFETY: `entry` and `ret` only read what they take, apart from a call's data, which are theirs.
// `register_fprobe_ips()` has undone all when it fails. For `unregister` see the documentation of
// the modules.
unsafe impl Backend for Group {
    type Native = Member;
    type Registers = Regs;
    type Options = ();
    type State = State;

    const COUNTS_MISSED: bool = false;

    fn new_state() -> Result<State> {
        // SAFETY: Zeros are an fprobe that was not set up.
        let fprobe = unsafe { core::mem::zeroed() };
        let home = Home {
            fprobe: Opaque::new(fprobe),
            shared: AtomicPtr::new(null_mut()),
            is_kept: AtomicBool::new(false),
        };
        let table = Table::new(0)?;
        let home = KBox::new(home, GFP_KERNEL)?;
        // INVARIANT: The box is new, and the fprobe is not registered. Nothing can fail any more,
        // so it is dropped with this object.
        Ok(State {
            home: ManuallyDrop::new(home),
            number: time::monotonic_ns(),
            table,
        })
    }

    unsafe fn set_up<H: Handler<Self>>(_member: &mut Member, _function: &Symbol, _options: ()) {
        const { DataFit::<H, Self>::CHECK };
    }

    /// All of them are registered by `complete`.
    unsafe fn register<H: Handler<Self>>(_member: *mut Member) -> c_int {
        0
    }

    unsafe fn complete<H: Handler<Self>>(
        shared: NonNull<Shared<H, Self>>,
        registered: &[*mut Member],
        refuse: &mut dyn FnMut(*mut Member, Failure),
    ) -> Result {
        // SAFETY: The caller says that they are of registrations that live.
        let symbol = |member| unsafe { Registration::<H, Self>::from_native(member) }.symbol();
        // SAFETY: The caller says that the set lives.
        let first = unsafe { (*shared.as_ptr()).registrations.as_ptr() };
        let place_of = |member: *mut Member| {
            let offset = member.addr().wrapping_sub(first.addr());
            let place = offset.checked_div(size_of::<Registration<H, Self>>());
            place.unwrap_or(0) as u32
        };
        let mut found = Search::new(registered, symbol, place_of, true)?;
        // SAFETY: The caller says that nobody else accesses the state.
        let mut result = unsafe { register::<H>(&mut found, shared) };
        if result.is_err() && found.is_trusting {
            // One of the addresses is no place for ftrace: the kernel is asked for each.
            found = Search::new(registered, symbol, place_of, false)?;
            // SAFETY: As above.
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
            // SAFETY: The caller says that it lives.
            unsafe { (*member).fprobe.load(Ordering::Acquire) }
        });
        let Some(fprobe) = fprobes.into_iter().find(|fprobe| !fprobe.is_null()) else {
            return Ok(());
        };
        // SAFETY: A member has it, so it is registered.
        let result = unsafe { unregister_or_disable(fprobe) };
        if result.is_err() {
            // SAFETY: The fprobe is the first member of a `Home`, which lives.
            unsafe {
                (*fprobe.cast::<Home>())
                    .is_kept
                    .store(true, Ordering::Relaxed)
            };
        }
        // What ran with preemption off has then ended, and so has what saw a probe that was not
        // disabled yet.
        rcu::synchronize();
        result
    }

    unsafe fn enable(member: *mut Member, enable: bool) -> c_int {
        // SAFETY: The caller says that it is registered, so it lives.
        let member = unsafe { &*member };
        member.enabled.store(enable, Ordering::Relaxed);
        let fprobe = member.fprobe.load(Ordering::Acquire);
        if enable && !fprobe.is_null() {
            // SAFETY: A member has it, so it lives.
            unsafe { flags(fprobe) }.store(0, Ordering::Relaxed);
        }
        0
    }

    unsafe fn is_enabled(member: *mut Member) -> bool {
        // SAFETY: The caller says that it lives.
        unsafe { (*member).enabled.load(Ordering::Relaxed) }
    }

    /// What is missed is known of the group only.
    unsafe fn missed(_member: *mut Member) -> Missed {
        Missed::default()
    }
}

impl<H: Handler<Group>> Probes<H, Group> {
    /// How many calls of the set's functions were missed, as the kernel counts them: without a
    /// lock, and not those that ftrace itself does not trace.
    ///
    /// # Context
    ///
    /// Any.
    pub fn missed_in_group(&self) -> u64 {
        // SAFETY: The set lives, so its fprobe does. The kernel writes this while it is read, as a
        // whole.
        let missed =
            unsafe { (&raw const (*self.state().home.fprobe.get()).nmissed).read_volatile() };
        missed as u64
    }
}

/// Registers the fprobe for what was found, if anything was.
///
/// # Errors
///
/// Those of the kernel, one of which is that ftrace is not at one of the addresses.
///
/// # Safety
///
/// The set lives, these are its members, and nobody else accesses its state.
unsafe fn register<H: Handler<Group>>(
    found: &mut Search<Member>,
    shared: NonNull<Shared<H, Group>>,
) -> Result {
    if found.addresses.is_empty() {
        return Ok(());
    }
    // SAFETY: The caller says that nobody else accesses the state.
    let state = unsafe { &mut (*shared.as_ptr()).state };
    core::mem::swap(&mut state.table, &mut found.table);
    let home = &state.home;
    home.shared.store(shared.as_ptr().cast(), Ordering::Relaxed);
    let fprobe = home.fprobe.get();
    // SAFETY: It lives and is not registered, so this is the only access to it. The list has
    // as many addresses.
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
        // SAFETY: The caller says that it lives.
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

/// Where the kernel enters at a function's entry. Non-zero: its return is of no interest.
///
/// # Safety
///
/// `fprobe` is that of a set of this backend with this handler, `regs` are those of the call, and
/// `data` has room for what is stored, if it has any. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn entry<H: Handler<Group>>(
    fprobe: *mut bindings::fprobe,
    entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) -> c_int {
    // SAFETY: The kernel gives what was registered, and the set lives while handlers run.
    let shared = unsafe { shared_of::<H>(fprobe) };
    let place = shared.state.table.find(word(entry_ip));
    let Some(registration) = place.and_then(|place| shared.registrations.get(place)) else {
        return 1;
    };
    // SAFETY: It is the member of a registration, which lives.
    if !unsafe { Group::is_enabled(registration.native()) } {
        return 1;
    }
    // SAFETY: These are the registers of the call that this handler is called for.
    let call = unsafe { Entry::new(registration, regs) };
    if size_of::<H::Data>() == 0 {
        let _ = shared.handler.entry(&call);
        return 0;
    }
    let stored = data.cast::<Stored<H::Data>>();
    // SAFETY: The room has the size that was asked for, and is aligned as a word. Nobody else has
    // it now.
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

/// Where the kernel enters at a function's return.
///
/// # Safety
///
/// `fprobe` is that of a set of this backend with this handler, and `regs` are those of the return.
/// `data` are what was stored of a call by an fprobe that had this address, or null. The context is
/// that of a probe's handler.
#[link_section = ".kprobes.text"]
unsafe extern "C" fn ret<H: Handler<Group>>(
    fprobe: *mut bindings::fprobe,
    entry_ip: c_ulong,
    _ret_ip: c_ulong,
    regs: *mut Regs,
    data: *mut c_void,
) {
    // SAFETY: The kernel gives what was registered, and the set lives while handlers run.
    let shared = unsafe { shared_of::<H>(fprobe) };
    let stored = data.cast::<Stored<H::Data>>();
    // SAFETY: What is not null has a word at least.
    if stored.is_null() || unsafe { (&raw const (*stored).number).read() } != shared.state.number {
        return;
    }
    let place = shared.state.table.find(word(entry_ip));
    let Some(registration) = place.and_then(|place| shared.registrations.get(place)) else {
        return;
    };
    // SAFETY: These are the registers of the return that this handler is called for. What has this
    // set's number was written by `entry`, with the data.
    unsafe {
        let call = Return::new(registration, regs);
        shared.handler.ret(&call, &(*stored).data);
    }
}
