// SPDX-License-Identifier: GPL-2.0

//! A set of probes with one handler, registered and unregistered as a whole.
//!
//! # Soundness
//!
//! - *Callbacks.* The kernel calls functions that are generic over the handler, while a probe is
//!   registered. Each finds its [`Registration`], and so the handler, by the pointer that was
//!   registered.
//! - *Pinning.* The registrations and their shared data are on the heap, and are accessed only by
//!   raw pointers and shared references. From the first registration until the last probe is
//!   unregistered they are neither moved nor borrowed mutably. Results of the registration (which
//!   probes failed) are stored outside of them.
//! - *A set that is not complete.* On any failure the set is dropped, which unregisters the probes
//!   registered so far, in reverse order. Probes are registered disabled, so the kernel does not
//!   arm them, and has nothing to undo if the registration fails.
//! - *Unload.* Dropping the set unregisters the probes, and waits until no handler runs any more
//!   and none will. Nothing is freed before that.
//! - *A probe that the kernel keeps.* If unregistering fails, the kernel keeps a reference to the
//!   probe. Each backend makes sure that the kernel does not call the handlers any more
//!   ([`Backend::unregister`]). The memory of the set is never freed, but the module can be
//!   unloaded: the kernel refers to data only, not to code. It would not help to keep the module
//!   loaded, and during its unload, the most common case, nothing could but an unload that never
//!   returns. The log says what happened.
//! - *Leak.* A set that is never dropped stays registered, and its memory allocated. It holds an
//!   entrance, so unload waits for ever instead of freeing code that the kernel calls
//!   ([`module`](mod@crate::module)).

use core::{
    fmt,
    mem::{
        size_of,
        ManuallyDrop, //
    },
    ptr::NonNull, //
};

use super::{
    Backend,
    Failure,
    Function,
    Handler,
    Kretprobe,
    Probe,
    Registration,
    RegistrationError,
    Shared,
    Symbol, //
};
use crate::{
    compat::{
        append,
        into_raw,
        push,
        KBox,
        KVec,
        GFP_KERNEL, //
    },
    debugfs::Show,
    error::{
        code,
        to_result,
        Error,
        Result, //
    },
    module::Entrance,
    pr_err, //
};

/// A set of probed functions with one handler.
///
/// The handler is not called before a probe is [enabled](Probe::enable).
///
/// # Invariants
///
/// - `shared` is a box that this set owns. From the first registration until all are unregistered
///   nothing has a mutable reference to it, or to a registration.
/// - `registered` has the structures of the probes that the backend has registered, in this order.
///   The other probes, and those that the backend refused later, have a failure in `failures`,
///   unless the set is still being made.
pub struct Probes<H: Handler<B>, B: Backend = Kretprobe> {
    shared: NonNull<Shared<H, B>>,
    registered: KVec<*mut B::Native>,
    /// For each probe.
    failures: KVec<Option<Failure>>,
    _entrance: Entrance,
}

// SAFETY: The handler is `Send` and `Sync`, and so are its targets. The kernel changes a probe
// under a lock, or by single words; the rest does not change after the set was made.
unsafe impl<H: Handler<B>, B: Backend> Send for Probes<H, B> {}

// SAFETY: The handler is `Sync`, and so are its targets. By reference a probe can be enabled and
// disabled, for which the kernel has a lock, and its flags and counters can be read, each by one
// load.
unsafe impl<H: Handler<B>, B: Backend> Sync for Probes<H, B> {}

impl<H: Handler<B>, B: Backend> Probes<H, B> {
    /// Checks that the backend supports the handler.
    const IS_POSSIBLE: () = assert!(
        B::COUNTS_MISSED || !H::COUNTS_MISSED,
        "this backend does not support `Handler::missed`"
    );

    /// Registers and enables a probe for each of the functions, or none. Prints the reason on
    /// failure.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// As for [`all`](Self::all) and [`Probe::enable`].
    pub fn attach<I>(handler: H, functions: I, options: B::Options) -> Result<Self>
    where
        I: IntoIterator<Item = Function<H::Target>>,
    {
        let probes = Self::all(handler, functions, options).map_err(|error| error.report())?;
        probes.enable_all()?;
        Ok(probes)
    }

    /// Registers a probe for each of the functions, or none.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The first function that cannot be probed, with the reason. The probes registered before it
    /// are unregistered, in reverse order.
    pub fn all<I>(handler: H, functions: I, options: B::Options) -> Result<Self, RegistrationError>
    where
        I: IntoIterator<Item = Function<H::Target>>,
    {
        Self::register(handler, functions.into_iter(), options, true)
    }

    /// Registers a probe for each of the functions that can be probed. For the others,
    /// [`Probe::failure`] returns the reason.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn available<I>(
        handler: H,
        functions: I,
        options: B::Options,
    ) -> Result<Self, RegistrationError>
    where
        I: IntoIterator<Item = Function<H::Target>>,
    {
        Self::register(handler, functions.into_iter(), options, false)
    }

    fn register(
        handler: H,
        functions: impl Iterator<Item = Function<H::Target>>,
        options: B::Options,
        all: bool,
    ) -> Result<Self, RegistrationError> {
        const { Self::IS_POSSIBLE };
        let mut set = Self::unregistered(handler, functions, options)?;
        let home = set.shared.as_ptr();
        // The provenance of this pointer covers all registrations. SAFETY: The set owns the box. No
        // probe is registered, so this is the only reference to the vector.
        let first = unsafe { (*home).registrations.as_mut_ptr() };

        // The registrations do not move any more, so handlers may run from here on.
        for index in 0..set.len() {
            let mut failure = set.failures.get_mut(index).and_then(Option::take);
            if failure.is_none() {
                // SAFETY: It is the registration at `index`, which lives. The pointer is derived
                // from the vector's own.
                let native = unsafe { Registration::native_of(first.wrapping_add(index)) };
                // SAFETY: The provenance of the pointer covers the whole registration, which is set
                // up. By the invariants it neither moves nor is freed before it is unregistered.
                match to_result(unsafe { B::register::<H>(native) }) {
                    // INVARIANT: The probe is registered. The push cannot fail: the vector has
                    // capacity.
                    Ok(_) => drop(push(&mut set.registered, native)),
                    Err(error) => {
                        let symbol = set.registration(index).map(Registration::symbol);
                        failure = symbol.ok().map(|symbol| Failure::find(symbol, error));
                    }
                }
            }
            if let Some(failure) = failure {
                set.fail(index, failure, all)?;
            }
        }
        let mut result = Ok(());
        let size = size_of::<Registration<H, B>>();
        let Self {
            shared, registered, ..
        } = &set;
        let mut refused = KVec::with_capacity(registered.len(), GFP_KERNEL).map_err(Error::from)?;
        // SAFETY: The probes are those of this set, which lives. None is enabled, so no handler
        // accesses the state.
        unsafe {
            B::complete::<H>(*shared, registered, &mut |native, failure| {
                let at = native.addr().wrapping_sub(first.addr()).checked_div(size);
                // Cannot fail: the vector has capacity.
                let _ = push(&mut refused, (at.unwrap_or(usize::MAX), failure));
            })?;
        }
        for (index, failure) in refused {
            result = result.and(set.fail(index, failure, all));
        }
        result.map(|()| set)
    }

    /// Stores the failure of a probe.
    ///
    /// # Errors
    ///
    /// The failure, if `all` functions are required. The drop of the set then unregisters its
    /// probes.
    fn fail(&mut self, index: usize, failure: Failure, all: bool) -> Result<(), RegistrationError> {
        if all {
            let symbol = self.registration(index).map(Registration::symbol);
            return Err(RegistrationError {
                symbol: symbol.map_or(Symbol::from(c""), Symbol::for_message),
                failure,
            });
        }
        if let Some(place) = self.failures.get_mut(index) {
            *place = Some(failure);
        }
        Ok(())
    }

    /// Makes a set of which no probe is registered yet.
    fn unregistered(
        handler: H,
        functions: impl Iterator<Item = Function<H::Target>>,
        options: B::Options,
    ) -> Result<Self, Error> {
        let shared = Shared {
            handler,
            state: B::new_state()?,
            registrations: KVec::new(),
        };
        // INVARIANT: The box is owned, and no probe is registered.
        let mut set = Self {
            shared: into_raw(KBox::new(shared, GFP_KERNEL)?),
            registered: KVec::new(),
            failures: KVec::new(),
            _entrance: Entrance::new(),
        };
        for function in functions {
            // SAFETY: The set owns the box, which will contain the registration.
            let (registration, failure) =
                unsafe { Registration::new(set.shared, function, options) };
            // SAFETY: The set owns the box. No probe is registered, so this is the only reference
            // to it.
            let registrations = unsafe { &mut set.shared.as_mut().registrations };
            append(registrations, registration)?;
            append(&mut set.failures, failure)?;
        }
        if set.len() == 0 {
            return Err(code::EINVAL);
        }
        set.registered = KVec::with_capacity(set.len(), GFP_KERNEL)?;
        Ok(set)
    }

    fn shared(&self) -> &Shared<H, B> {
        // SAFETY: By the invariants the set owns the box, and there is no mutable reference to it.
        unsafe { self.shared.as_ref() }
    }

    /// Returns the backend's state for the set.
    #[cfg(CONFIG_FPROBE)]
    pub(super) fn state(&self) -> &B::State {
        &self.shared().state
    }

    pub(super) fn registration(&self, index: usize) -> Result<&Registration<H, B>> {
        self.shared().registrations.get(index).ok_or(code::EINVAL)
    }

    /// Returns the number of probes, registered or not.
    #[allow(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Returns the set's handler.
    pub fn handler(&self) -> &H {
        &self.shared().handler
    }

    /// Returns all probes of the set, registered or not, in the order of the functions.
    pub fn iter(&self) -> impl Iterator<Item = Probe<'_, H, B>> {
        let registrations = self.shared().registrations.iter();
        registrations
            .zip(self.failures.iter())
            .map(|(registration, failure)| Probe {
                registration,
                failure: failure.as_ref(),
            })
    }

    /// Enables all probes that are registered.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// As for [`Probe::enable`]. Those before the one that failed stay enabled.
    pub fn enable_all(&self) -> Result {
        self.iter()
            .filter(|probe| probe.failure().is_none())
            .try_for_each(|probe| probe.enable())
    }

    /// Unregisters the probes and waits until no handler runs, like a drop, but returns the result.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// If the kernel keeps a reference to one of the probes. They are disabled, their handler is
    /// not called any more, and their memory is never freed. The log says so.
    pub fn unregister(self) -> Result {
        let mut set = ManuallyDrop::new(self);
        let result = set.end();
        drop(core::mem::replace(&mut set.registered, KVec::new()));
        drop(core::mem::replace(&mut set.failures, KVec::new()));
        // SAFETY: The set is neither used again nor dropped.
        unsafe { core::ptr::drop_in_place(&raw mut set._entrance) };
        result
    }

    /// Unregisters the probes, and frees the set's memory unless the kernel keeps a reference.
    ///
    /// # Errors
    ///
    /// As for [`unregister`](Self::unregister). Nothing of the set may be used after this.
    fn end(&mut self) -> Result {
        reverse(&mut self.registered);
        // SAFETY: By the invariant these probes are registered, and their names live.
        let unregistered = unsafe { B::unregister(&mut self.registered) };
        // SAFETY: By the invariant this set owns the box, and does not use it again. No handler
        // runs any more, and none will.
        let mut shared = unsafe { KBox::from_raw(self.shared.as_ptr()) };
        if let Err(error) = unregistered {
            let first = shared.registrations.first().map(Registration::symbol);
            pr_err!(
                "{}: the kernel could not unregister the probes of this set (error {}): they are \
                 disabled, and {} bytes of memory stay allocated until the next boot",
                first.map_or(Symbol::from(c""), Symbol::for_message),
                error.to_errno(),
                core::mem::size_of_val(shared.registrations.as_slice()),
            );
            // Leaked, since the kernel refers to them. It does not refer to the rest of `shared`.
            core::mem::forget(core::mem::replace(&mut shared.registrations, KVec::new()));
        }
        unregistered
    }

    /// Leaks the probes, which stay registered: their memory is never freed. The caller has to make
    /// sure that they have no pointers into the module, which may be unloaded from now on. Returns
    /// the kernel's structures.
    pub(super) fn leak(self) -> KVec<*mut B::Native> {
        let mut set = ManuallyDrop::new(self);
        drop(core::mem::replace(&mut set.failures, KVec::new()));
        // SAFETY: The set is neither used again nor dropped.
        unsafe { core::ptr::drop_in_place(&raw mut set._entrance) };
        core::mem::replace(&mut set.registered, KVec::new())
    }
}

/// The text of a set is that of its handler.
impl<H: Handler<B> + Show, B: Backend> Show for Probes<H, B> {
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.handler().show(out)
    }

    fn write(&self) -> Result {
        self.handler().write()
    }
}

impl<H: Handler<B>, B: Backend> Drop for Probes<H, B> {
    /// Unregisters the probes and waits until no handler runs.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        // A failure was logged.
        let _ = self.end();
    }
}

/// Reverses the order. (`slice::reverse` contains a panic that newer compilers do not optimise
/// away.)
fn reverse<T: Copy>(list: &mut [T]) {
    let mut begin: usize = 0;
    let mut end = list.len();
    while begin < end {
        end = end.wrapping_sub(1);
        if let (Some(&first), Some(&last)) = (list.get(begin), list.get(end)) {
            if let Some(place) = list.get_mut(begin) {
                *place = last;
            }
            if let Some(place) = list.get_mut(end) {
                *place = first;
            }
        }
        begin = begin.wrapping_add(1);
    }
}
