// SPDX-License-Identifier: GPL-2.0

//! One probe, as shared by the kernel and its handler, and the operations of a backend on it.

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

/// A mechanism by which functions are probed.
///
/// # Safety
///
/// - The functions that `set_up` registers as the kernel's callbacks find their probe by
///   `Registration::from_native`, and do not change fields of the structure that another CPU may be
///   using.
/// - If `register` fails, the kernel has no reference to the structure.
/// - When `unregister` returns, no handler of the probes runs any more, and none will. If it
///   returns `Ok`, the kernel has no references to the structures.
pub unsafe trait Backend: Sized + 'static {
    /// The kernel's structure. Zeros are valid, and not set up.
    type Native;
    /// The registers that the kernel passes to a handler.
    type Registers: Registers;
    /// The options for all probes of a set.
    type Options: Copy;
    /// The backend's state for a set.
    type State: Send + Sync;

    /// Whether [`Handler::missed`] can be called.
    const COUNTS_MISSED: bool;

    /// Makes the backend's state for a set.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn new_state() -> Result<Self::State>;

    /// Sets up a structure of zeros for a disabled probe.
    ///
    /// # Safety
    ///
    /// The name of the function does not move as long as the structure is used.
    unsafe fn set_up<H: Handler<Self>>(
        native: &mut Self::Native,
        function: &Symbol,
        options: Self::Options,
    );

    /// Registers a probe. Returns a negative error number on failure.
    ///
    /// # Safety
    ///
    /// `native` is that of a [`Registration`], and its provenance covers all of it. The probe is
    /// set up, and neither moves nor is freed before it is unregistered.
    unsafe fn register<H: Handler<Self>>(native: *mut Self::Native) -> c_int;

    /// Completes a set of which these probes were registered and none was enabled yet. Calls
    /// `refuse` for those that cannot be probed after all. May sleep.
    ///
    /// # Errors
    ///
    /// If no probe of the set can be used.
    ///
    /// # Safety
    ///
    /// The probes are those of registrations of `shared`, which lives, and nobody else accesses the
    /// state of the backend in it.
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
    /// If the kernel keeps a reference to one of the structures. It does not call their handlers
    /// any more.
    ///
    /// # Safety
    ///
    /// The probes are registered, and their names live.
    unsafe fn unregister(probes: &mut [*mut Self::Native]) -> Result;

    /// Enables or disables a probe. Returns a negative error number on failure.
    ///
    /// # Safety
    ///
    /// The probe is registered, and its name lives.
    unsafe fn enable(native: *mut Self::Native, enable: bool) -> c_int;

    /// Returns whether a probe is enabled, and its function still exists.
    ///
    /// # Safety
    ///
    /// The probe lives and is set up.
    unsafe fn is_enabled(native: *mut Self::Native) -> bool;

    /// Returns whether the probed function was removed, because its module was unloaded.
    ///
    /// # Safety
    ///
    /// The probe lives and is set up.
    unsafe fn is_gone(native: *mut Self::Native) -> bool {
        let _ = native;
        false
    }

    /// Returns the number of calls of the function that can be followed at once; 0 if there is no
    /// such limit.
    ///
    /// # Safety
    ///
    /// The probe lives and is set up.
    unsafe fn max_active(native: *mut Self::Native) -> u32 {
        let _ = native;
        0
    }

    /// Returns the numbers of missed hits.
    ///
    /// # Safety
    ///
    /// The probe lives and is set up.
    unsafe fn missed(native: *mut Self::Native) -> Missed;
}

/// One probe: the kernel's structure, and the data that its handler finds by it.
///
/// It is pinned: from its registration until it is unregistered it does not move, and there is no
/// mutable reference to it.
///
/// # Invariants
///
/// `shared` is that of the set, which lives as long as the probe.
pub struct Registration<H: Handler<B>, B: Backend> {
    /// The kernel links the structure into its lists, and writes to it.
    native: Opaque<B::Native>,
    shared: NonNull<Shared<H, B>>,
    symbol: Symbol,
    target: H::Target,
}

/// The data shared by all probes of a set.
pub struct Shared<H: Handler<B>, B: Backend> {
    pub(super) handler: H,
    pub(super) state: B::State,
    /// Does not change after the first probe was registered.
    pub(super) registrations: KVec<Registration<H, B>>,
}

impl<H: Handler<B>, B: Backend> Registration<H, B> {
    /// Makes a probe that is set up. Also returns the failure of the function, if one is known
    /// before the registration.
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
        // SAFETY: Zeros are valid, as `Backend::Native` requires.
        let mut native: B::Native = unsafe { core::mem::zeroed() };
        // SAFETY: This object owns the name, which does not move when the object does.
        unsafe { B::set_up::<H>(&mut native, &symbol, options) };
        // INVARIANT: `shared` lives as long as the probe.
        let this = Self {
            native: Opaque::new(native),
            shared,
            symbol,
            target,
        };
        (this, failure)
    }

    /// Returns the kernel's structure, by a pointer whose provenance covers the whole registration.
    ///
    /// # Safety
    ///
    /// `this` points to a registration that lives.
    pub(super) unsafe fn native_of(this: *mut Self) -> *mut B::Native {
        this.wrapping_byte_add(offset_of!(Self, native)).cast()
    }

    /// Returns the registration that contains the kernel's structure.
    ///
    /// # Safety
    ///
    /// `native` is the pointer that was registered ([`native_of`](Self::native_of)). During `'a` a
    /// handler of the probe runs, or the probe is being registered or unregistered.
    #[inline(always)]
    pub(super) unsafe fn from_native<'a>(native: *mut B::Native) -> &'a Self {
        let this = native
            .wrapping_byte_sub(offset_of!(Self, native))
            .cast::<Self>();
        // SAFETY: The structure is in a registration, of which only the structure itself, which is
        // opaque, is written to. The registration is freed after the probe was unregistered and no
        // handler runs.
        unsafe { &*this }
    }

    /// Returns the kernel's structure.
    #[inline(always)]
    pub(super) fn native(&self) -> *mut B::Native {
        self.native.get()
    }

    /// Returns the data shared by all probes of the set.
    #[inline(always)]
    pub(super) fn shared(&self) -> &Shared<H, B> {
        // SAFETY: By the invariant `shared` lives as long as `self`. While a probe is registered,
        // there is no mutable reference to it.
        unsafe { self.shared.as_ref() }
    }

    /// Returns the name of the probed function.
    pub(super) fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// Returns the handler's data for the probed function.
    #[inline(always)]
    pub(super) fn target(&self) -> &H::Target {
        &self.target
    }
}
