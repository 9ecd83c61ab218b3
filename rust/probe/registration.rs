// SPDX-License-Identifier: GPL-2.0

//! One probe, as the kernel and its handler share it, and what a backend does
//! with it.

use core::{
    mem::offset_of,
    ptr::NonNull, //
};

use super::{
    Failure,
    Function,
    Handler,
    Missed,
    Registers,
    Symbol, //
};
use crate::{
    compat::{
        ffi::c_int,
        KVec,
        Opaque, //
    },
    error::Result, //
};

/// How functions are probed.
///
/// # Safety
///
/// - The functions that `set_up` makes the kernel enter find their probe by
///   `Registration::from_native`, and change nothing of the structure that another
///   CPU may be using.
/// - If `register` fails, the kernel has forgotten the structure.
/// - When `unregister` returns, no handler of the probes runs any more, and none
///   will. If it returns `Ok`, the kernel has forgotten the structures.
pub unsafe trait Backend: Sized + 'static {
    /// The kernel's structure. Zeros are one that was not set up.
    type Native;
    /// The registers that a handler is given.
    type Registers: Registers;
    /// What is said of all probes of a set when they are registered.
    type Options: Copy;
    /// What the backend needs for all probes of a set.
    type State: Send + Sync;

    /// Whether [`Handler::missed`] can be called.
    const COUNTS_MISSED: bool;

    /// Makes the backend's state for a set.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn new_state() -> Result<Self::State>;

    /// Sets up a structure of zeros for a probe that is disabled.
    ///
    /// # Safety
    ///
    /// The name of the function stays where it is as long as the structure is used.
    unsafe fn set_up<H: Handler<Self>>(
        native: &mut Self::Native,
        function: &Symbol,
        options: Self::Options,
    );

    /// Registers a probe; negative if that fails.
    ///
    /// # Safety
    ///
    /// `native` is that of a [`Registration`], and may be used to access all of it. The
    /// probe is set up, and neither moves nor is freed before it is unregistered.
    unsafe fn register<H: Handler<Self>>(native: *mut Self::Native) -> c_int;

    /// Completes a set, of which these probes were registered and none was enabled yet.
    /// Calls `refuse` for those that cannot be probed after all. May sleep.
    ///
    /// # Errors
    ///
    /// The set cannot be had at all.
    ///
    /// # Safety
    ///
    /// The probes are those of registrations of `shared`, which lives, and nobody else
    /// accesses the state of the backend in it.
    unsafe fn complete<H: Handler<Self>>(
        shared: NonNull<Shared<H, Self>>,
        registered: &[*mut Self::Native],
        refuse: &mut dyn FnMut(*mut Self::Native, Failure),
    ) -> Result {
        let _ = (shared, registered, refuse);
        Ok(())
    }

    /// Unregisters probes in this order, and waits for their handlers.
    ///
    /// # Errors
    ///
    /// The kernel refers to one of the structures for good, although it enters no
    /// handler any more.
    ///
    /// # Safety
    ///
    /// They are registered, and their names live.
    unsafe fn unregister(probes: &mut [*mut Self::Native]) -> Result;

    /// Enables or disables a probe; negative if that fails.
    ///
    /// # Safety
    ///
    /// It is registered, and its name lives.
    unsafe fn enable(native: *mut Self::Native, enable: bool) -> c_int;

    /// Returns whether a probe is enabled, and its function still there.
    ///
    /// # Safety
    ///
    /// It lives and is set up.
    unsafe fn is_enabled(native: *mut Self::Native) -> bool;

    /// Returns whether the probed function was removed, with its module.
    ///
    /// # Safety
    ///
    /// It lives and is set up.
    unsafe fn is_gone(native: *mut Self::Native) -> bool {
        let _ = native;
        false
    }

    /// How many calls of the function can be followed at once; 0 if there is no such limit.
    ///
    /// # Safety
    ///
    /// It lives and is set up.
    unsafe fn max_active(native: *mut Self::Native) -> u32 {
        let _ = native;
        0
    }

    /// The hits that no handler saw.
    ///
    /// # Safety
    ///
    /// It lives and is set up.
    unsafe fn missed(native: *mut Self::Native) -> Missed;
}

/// One probe: the kernel's structure, and what its handler finds by it.
///
/// It is pinned: from its registration until it is unregistered it does not move, and
/// there is no mutable reference to it.
///
/// # Invariants
///
/// `shared` is that of the set, which lives as long as the probe.
pub struct Registration<H: Handler<B>, B: Backend> {
    /// The kernel links it in its lists, and writes to it.
    native: Opaque<B::Native>,
    shared: NonNull<Shared<H, B>>,
    symbol: Symbol,
    target: H::Target,
}

/// What the handlers of a set share.
pub struct Shared<H: Handler<B>, B: Backend> {
    pub(super) handler: H,
    pub(super) state: B::State,
    /// Does not change after the first of them was registered.
    pub(super) registrations: KVec<Registration<H, B>>,
}

impl<H: Handler<B>, B: Backend> Registration<H, B> {
    /// A probe that is set up, and the failure that is known beforehand.
    ///
    /// # Safety
    ///
    /// `shared` lives as long as the probe.
    pub(super) unsafe fn new(
        shared: NonNull<Shared<H, B>>,
        function: Function<H::Target>,
        options: B::Options,
    ) -> (Self, Option<Failure>) {
        let Function {
            symbol,
            target,
            failure,
        } = function;
        // SAFETY: Zeros are a structure of this kind, says `Backend::Native`.
        let mut native: B::Native = unsafe { core::mem::zeroed() };
        // SAFETY: The name is owned by this object, and does not move when it does.
        unsafe { B::set_up::<H>(&mut native, &symbol, options) };
        // INVARIANT: The caller says that `shared` lives as long.
        let this = Self {
            native: Opaque::new(native),
            shared,
            symbol,
            target,
        };
        (this, failure)
    }

    /// The kernel's structure, by a pointer that may be used to access all of the
    /// registration.
    ///
    /// # Safety
    ///
    /// `this` points to a registration that lives.
    pub(super) unsafe fn native_of(this: *mut Self) -> *mut B::Native {
        this.wrapping_byte_add(offset_of!(Self, native)).cast()
    }

    /// The registration that the kernel's structure belongs to.
    ///
    /// # Safety
    ///
    /// It is the pointer that was registered ([`native_of`](Self::native_of)), and a
    /// handler of the probe runs during `'a`, or the probe is being registered or
    /// unregistered.
    #[inline(always)]
    pub(super) unsafe fn from_native<'a>(native: *mut B::Native) -> &'a Self {
        let this = native
            .wrapping_byte_sub(offset_of!(Self, native))
            .cast::<Self>();
        // SAFETY: The structure is that of a registration, of which only the structure,
        // which is opaque, is written to. It is not freed before it is unregistered and
        // no handler runs.
        unsafe { &*this }
    }

    /// The kernel's structure.
    #[inline(always)]
    pub(super) fn native(&self) -> *mut B::Native {
        self.native.get()
    }

    /// What the handlers of the set share.
    #[inline(always)]
    pub(super) fn shared(&self) -> &Shared<H, B> {
        // SAFETY: By the invariant it lives as long as `self`. While there are handlers,
        // there is no mutable reference to it.
        unsafe { self.shared.as_ref() }
    }

    /// The name of the probed function.
    pub(super) fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// What the handler has for the probed function.
    #[inline(always)]
    pub(super) fn target(&self) -> &H::Target {
        &self.target
    }
}
