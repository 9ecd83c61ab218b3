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
/// Nothing is called until a probe is [enabled](Probe::enable).
///
/// # Invariants
///
/// - `shared` is a box that this set owns. From the first registration until all
///   are unregistered nothing has a mutable reference to it, or to a registration.
/// - The structures of the probes that the backend has registered are in `registered`,
///   the first one first. Those that are not, or that it has refused later, have a
///   failure in `failures`, unless the set is still being made.
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

    /// Registers and enables a probe for each of the functions, or none; what is wrong is
    /// printed.
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
    /// The first function that cannot be probed, and why. What was registered
    /// before it is unregistered, the last one first.
    pub fn all<I>(handler: H, functions: I, options: B::Options) -> Result<Self, RegistrationError>
    where
        I: IntoIterator<Item = Function<H::Target>>,
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
        // SAFETY: These are the set's, they live, and no handler runs as none is enabled.
        unsafe {
            B::complete::<H>(*shared, registered, &mut |native, failure| {
                let at = native.addr().wrapping_sub(first.addr()).checked_div(size);
                // There is room, so this does not fail.
                let _ = push(&mut refused, (at.unwrap_or(usize::MAX), failure));
            })?;
        }
        for (index, failure) in refused {
            result = result.and(set.fail(index, failure, all));
        }
        result.map(|()| set)
    }

    /// Notes why a probe is not registered.
    ///
    /// # Errors
    ///
    /// That, if `all` are wanted. Dropping the set unregisters what it has so far.
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
            // SAFETY: The box is the set's, in which the registration will be.
            let (registration, failure) =
                unsafe { Registration::new(set.shared, function, options) };
            // SAFETY: The box is the set's, and as no probe is registered, this is the only
            // reference to it.
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
        // SAFETY: By the invariants it is a box of this set's, to which there is no
        // mutable reference.
        unsafe { self.shared.as_ref() }
    }

    /// What the backend has for the set.
    #[cfg(CONFIG_FPROBE)]
    pub(super) fn state(&self) -> &B::State {
        &self.shared().state
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

    /// Unregisters the probes and waits until no handler runs, as a drop does, and tells
    /// whether the kernel could.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The kernel refers to one of the probes for good. They are disabled, none of them
    /// enters a handler any more, and their memory is never freed. The log says so.
    pub fn unregister(self) -> Result {
        let mut set = ManuallyDrop::new(self);
        let result = set.end();
        drop(core::mem::replace(&mut set.registered, KVec::new()));
        drop(core::mem::replace(&mut set.failures, KVec::new()));
        // SAFETY: The set is not used again, nor dropped.
        unsafe { core::ptr::drop_in_place(&raw mut set._entrance) };
        result
    }

    /// # Errors
    ///
    /// As for [`unregister`](Self::unregister). Nothing of the set may be used after this.
    fn end(&mut self) -> Result {
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
        unregistered
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

/// A set shows what its handler shows.
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
        // The log says what has failed.
        let _ = self.end();
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
