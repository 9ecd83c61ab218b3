// SPDX-License-Identifier: GPL-2.0

//! A set of probes with one handler, registered and unregistered as a whole.
//!
//! # Soundness
//!
//! - *Where the kernel enters.* By functions that are generic over the handler, of
//!   which the kernel has the addresses while a probe is registered. Each finds
//!   its [`Registration`] by the pointer that was registered, and so the handler.
//! - *Pinning.* The registrations and what they share are on the heap, are reached by
//!   raw pointers and shared references only, and are neither moved nor borrowed
//!   mutably from the first registration until the last probe is unregistered. What
//!   the set learns meanwhile (which of them failed) is outside of them.
//! - *A set that is not complete.* Whatever fails, the set is dropped, and so
//!   unregisters what is registered so far, the last one first. Probes are
//!   registered disabled, so the kernel has nothing to arm and nothing to undo
//!   when registration fails.
//! - *Unload.* Dropping the set unregisters the probes, and waits until no
//!   handler runs any more and none will. Only then is anything freed.
//! - *A probe that the kernel keeps.* Unregistering can fail, and the kernel then
//!   still refers to the probe. Each backend makes sure that it does not enter the
//!   handlers any more all the same ([`Backend::unregister`]). So the memory of the
//!   set is never freed, but the module may go: what is kept is data, and no
//!   code. To keep the module would help nobody, and cannot be done where it
//!   matters, which is in its own unload: there only an unload that never
//!   returns would, and that is a hang. The log says what became of it.
//! - *Leak.* A set that is never dropped stays registered, and its memory
//!   allocated. It holds a way into the module, so unload waits for ever instead
//!   of removing code that the kernel enters ([`module`](mod@crate::module)).

use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};

use super::{
    Backend,
    Failure,
    Function,
    Handler,
    Kretprobe,
    Missed,
    Registration,
    RegistrationError,
    Shared,
    Symbol, //
};
use crate::{
    compat::{
        into_raw,
        push,
        KBox,
        KVec,
        GFP_KERNEL, //
    },
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
/// Nothing is called until a probe is [enabled](Probe::enable).
///
/// # Invariants
///
/// - `shared` is a box that this set owns. From the first registration until all
///   are unregistered nothing has a mutable reference to it, or to a registration.
/// - The kernel's structures of the probes that are registered are in `registered`,
///   the first one first. The others have a failure in `failures`, unless the set
///   is still being made.
pub struct Probes<H: Handler<B>, B: Backend = Kretprobe> {
    shared: NonNull<Shared<H, B>>,
    registered: KVec<*mut B::Native>,
    /// For each probe.
    failures: KVec<Option<Failure>>,
    _entrance: Entrance,
}

// SAFETY: The handler is `Send` and `Sync`, and so are its targets. The kernel has a lock,
// or one word, for what it changes of a probe; all else does not change once the set was
// made.
unsafe impl<H: Handler<B>, B: Backend> Send for Probes<H, B> {}

// SAFETY: The handler is `Sync`, and so are its targets. What a shared set does with a probe
// (enable it, read its flags and counts) the kernel has a lock for, or is one load of a
// word.
unsafe impl<H: Handler<B>, B: Backend> Sync for Probes<H, B> {}

impl<H: Handler<B>, B: Backend> Probes<H, B> {
    /// The handler does not ask for what the backend cannot do.
    const IS_POSSIBLE: () = assert!(
        B::COUNTS_MISSED || !H::COUNTS_MISSED,
        "this backend cannot tell a handler of hits that are missed"
    );

    /// Registers a probe for each of the functions, or none.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The first function that cannot be probed, and why. What was registered
    /// before it is unregistered, the last one first.
    pub fn all<I>(handler: H, functions: I, options: B::Options) -> Result<Self, RegistrationError>
    where
        I: IntoIterator<Item = Function<H::Target>, IntoIter: ExactSizeIterator>,
    {
        Self::register(handler, functions.into_iter(), options, true)
    }

    /// Registers a probe for each of the functions that can be probed;
    /// [`Probe::failure`] says what is wrong with the others.
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
        I: IntoIterator<Item = Function<H::Target>, IntoIter: ExactSizeIterator>,
    {
        Self::register(handler, functions.into_iter(), options, false)
    }

    fn register(
        handler: H,
        functions: impl ExactSizeIterator<Item = Function<H::Target>>,
        options: B::Options,
        all: bool,
    ) -> Result<Self, RegistrationError> {
        const { Self::IS_POSSIBLE };
        let mut set = Self::unregistered(handler, functions, options)?;
        let home = set.shared.as_ptr();
        // The address of the first registration, good for all of them.
        // SAFETY: The box is the set's, and as no probe is registered, this is the only
        // reference to its list.
        let first = unsafe { (*home).registrations.as_mut_ptr() };

        // All registrations have their place, so from here on there are handlers.
        for index in 0..set.len() {
            let mut failure = set.failures.get_mut(index).and_then(Option::take);
            if failure.is_none() {
                // SAFETY: It is the registration at `index`, which lives. The pointer is
                // derived from the list's own.
                let native = unsafe { Registration::native_of(first.wrapping_add(index)) };
                // SAFETY: The pointer may be used for all of the registration, which is set
                // up. By the invariants it neither moves nor is freed before it is
                // unregistered.
                match to_result(unsafe { B::register::<H>(native) }) {
                    // INVARIANT: It is registered. There is room, so this does not fail.
                    Ok(_) => drop(push(&mut set.registered, native)),
                    Err(error) => {
                        let symbol = set.registration(index).map(Registration::symbol);
                        failure = symbol.ok().map(|symbol| Failure::find(symbol, error));
                    }
                }
            }
            let Some(failure) = failure else {
                continue;
            };
            if all {
                // Dropping the set unregisters what it has so far.
                let symbol = set.registration(index).map(Registration::symbol);
                return Err(RegistrationError {
                    symbol: symbol.map_or(Symbol::from(c""), Symbol::for_message),
                    failure,
                });
            }
            if let Some(place) = set.failures.get_mut(index) {
                *place = Some(failure);
            }
        }
        B::registered::<H>();
        Ok(set)
    }

    /// Makes a set of which no probe is registered yet.
    fn unregistered(
        handler: H,
        functions: impl ExactSizeIterator<Item = Function<H::Target>>,
        options: B::Options,
    ) -> Result<Self, Error> {
        let len = functions.len();
        if len == 0 {
            return Err(code::EINVAL);
        }
        let shared = Shared {
            handler,
            state: B::new_state()?,
            registrations: KVec::with_capacity(len, GFP_KERNEL)?,
        };
        let registered = KVec::with_capacity(len, GFP_KERNEL)?;
        let failures = KVec::with_capacity(len, GFP_KERNEL)?;
        // INVARIANT: The box is owned, and no probe is registered.
        let mut set = Self {
            shared: into_raw(KBox::new(shared, GFP_KERNEL)?),
            registered,
            failures,
            _entrance: Entrance::new(),
        };
        for function in functions.take(len) {
            // SAFETY: The box is the set's, in which the registration will be.
            let (registration, failure) =
                unsafe { Registration::new(set.shared, function, options) };
            // SAFETY: The box is the set's, and as no probe is registered, this is the only
            // reference to it.
            let registrations = unsafe { &mut set.shared.as_mut().registrations };
            push(registrations, registration)?;
            push(&mut set.failures, failure)?;
        }
        Ok(set)
    }

    fn shared(&self) -> &Shared<H, B> {
        // SAFETY: By the invariants it is a box of this set's, to which there is no
        // mutable reference.
        unsafe { self.shared.as_ref() }
    }

    pub(super) fn registration(&self, index: usize) -> Result<&Registration<H, B>> {
        self.shared().registrations.get(index).ok_or(code::EINVAL)
    }

    /// The number of probes, registered or not.
    #[allow(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// The set's handler.
    pub fn handler(&self) -> &H {
        &self.shared().handler
    }

    /// All probes of the set, registered or not, in the order of the functions.
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

    /// Gives up the probes, which stay registered for good: their memory is never freed.
    /// The caller has to make sure that they do not lead into the module, which may be
    /// unloaded from now on. Returns the kernel's structures.
    pub(super) fn leak(self) -> KVec<*mut B::Native> {
        let mut set = ManuallyDrop::new(self);
        drop(core::mem::replace(&mut set.failures, KVec::new()));
        // SAFETY: The set is not used again, nor dropped.
        unsafe { core::ptr::drop_in_place(&raw mut set._entrance) };
        core::mem::replace(&mut set.registered, KVec::new())
    }
}

impl<H: Handler<B>, B: Backend> Drop for Probes<H, B> {
    /// Unregisters the probes and waits until no handler runs.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        reverse(&mut self.registered);
        // SAFETY: By the invariant these probes are registered, and their names live.
        let unregistered = unsafe { B::unregister(&mut self.registered) };
        // SAFETY: By the invariant the box is this set's, and this is its last use. No
        // handler runs any more, and none will.
        let mut shared = unsafe { KBox::from_raw(self.shared.as_ptr()) };
        if let Err(error) = unregistered {
            let first = shared.registrations.first().map(Registration::symbol);
            pr_err!(
                "{}: the kernel could not unregister the probes of this set (error {}): they are \
                 disabled, and {} bytes of memory stay theirs until the next boot",
                first.map_or(Symbol::from(c""), Symbol::for_message),
                error.to_errno(),
                core::mem::size_of_val(shared.registrations.as_slice()),
            );
            // The kernel refers to them, and to nothing else of what is dropped here.
            core::mem::forget(core::mem::replace(&mut shared.registrations, KVec::new()));
        }
    }
}

/// A probe of a set, registered or not.
pub struct Probe<'a, H: Handler<B>, B: Backend = Kretprobe> {
    pub(super) registration: &'a Registration<H, B>,
    failure: Option<&'a Failure>,
}

impl<'a, H: Handler<B>, B: Backend> Probe<'a, H, B> {
    /// The name of the function.
    pub fn symbol(&self) -> &'a Symbol {
        self.registration.symbol()
    }

    /// What the handler has for the function.
    pub fn target(&self) -> &'a H::Target {
        self.registration.target()
    }

    /// Why the probe is not registered; `None` if it is.
    pub fn failure(&self) -> Option<&'a Failure> {
        self.failure
    }

    /// Enables the probe: from now on it can be hit. Another call does no harm.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The error of its [`failure`](Self::failure) if it is not registered, `ENOENT` if its
    /// function was removed since then, because its module was unloaded (the kernel does not
    /// put a probe back when the module is loaded again), and those of the kernel.
    pub fn enable(&self) -> Result {
        self.switch(true)
    }

    /// Disables the probe. Another call does no harm.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The error of its [`failure`](Self::failure) if it is not registered.
    pub fn disable(&self) -> Result {
        self.switch(false)
    }

    fn switch(&self, enable: bool) -> Result {
        let native = self.registration.native();
        if let Some(failure) = self.failure {
            return Err(failure.to_error());
        }
        // SAFETY: It is a probe of the set, so it lives, and was set up.
        if enable && unsafe { B::is_gone(native) } {
            return Err(code::ENOENT);
        }
        // SAFETY: It has no failure, so by the set's invariant it is registered.
        to_result(unsafe { B::enable(native, enable) })?;
        Ok(())
    }

    /// Returns whether the probe is enabled. One whose function was removed, with its
    /// module, is not.
    pub fn is_enabled(&self) -> bool {
        // SAFETY: It is a probe of the set, so it lives, and was set up.
        self.failure.is_none() && unsafe { B::is_enabled(self.registration.native()) }
    }

    /// The hits that no handler saw, as the kernel counts them.
    ///
    /// # Context
    ///
    /// Any.
    pub fn missed(&self) -> Missed {
        // SAFETY: It is a probe of the set, so it lives, and was set up.
        unsafe { B::missed(self.registration.native()) }
    }
}

/// Reverses the order. (The function of `core` can panic, as far as newer compilers
/// know.)
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
