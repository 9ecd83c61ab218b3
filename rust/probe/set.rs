// SPDX-License-Identifier: GPL-2.0

//! A set of probes of one kind, registered and unregistered as a whole.
//!
//! A [`Set`] is the same for all kinds; what is peculiar to one is its [`Kind`].
//!
//! # Soundness
//!
//! - *Where the kernel enters.* By functions that are generic over the kind, of
//!   which the kernel has the addresses while a probe is registered. Each finds
//!   its probe by the pointer that was registered, and so the handler.
//! - *Pinning.* The probes and what they share are on the heap, are reached by raw
//!   pointers and shared references only, and are neither moved nor borrowed
//!   mutably from the first registration until the last probe is unregistered. What
//!   the set learns meanwhile (which of them failed) is outside of them.
//! - *A set that is not complete.* Whatever fails, the set is dropped, and so
//!   unregisters what is registered so far, the last one first. Probes are
//!   registered disabled, so the kernel has nothing to arm and nothing to undo
//!   when registration fails.
//! - *Unload.* Dropping the set unregisters the probes, and waits until no
//!   handler runs any more and none will. Only then is anything freed.
//! - *A probe that the kernel keeps.* Unregistering can fail, and the kernel then
//!   still refers to the probe. Each kind sees to it that it does not enter the
//!   handlers any more all the same ([`Kind::unregister`]). So the memory of the
//!   set is never freed, but the module may go: what is kept is data, and no
//!   code. To keep the module would help nobody, and cannot be done where it
//!   matters, which is in its own unload: there only an unload that never
//!   returns would, and that is a hang. The log says what became of it.
//! - *Leak.* A set that is never dropped stays registered, and its memory
//!   allocated. It holds a way into the module, so unload waits for ever instead
//!   of removing code that the kernel enters ([`module`](mod@crate::module)).

use core::{
    cell::UnsafeCell,
    ffi::CStr,
    marker::PhantomPinned,
    ptr::NonNull, //
};

use super::{
    Failure,
    Missed,
    Name,
    Refused, //
};
use crate::{
    compat::{
        ffi::c_int,
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

/// What is peculiar to a kind of probe.
///
/// # Safety
///
/// - A function that `set_up` makes the kernel enter takes the probe by
///   `Probe::of` and does with it what any CPU may at any time.
/// - If `register` fails, the kernel has forgotten the structure.
/// - When `unregister` returns, no handler of the probes runs any more, and none
///   will. If it returns `Ok`, the kernel has forgotten the structures.
pub unsafe trait Kind: Sized + 'static {
    /// What is done at a hit.
    type Handler: Send + Sync + 'static;
    /// The kernel's structure. Zeros are one that was not set up.
    type Raw;
    /// What is said of all probes of a set.
    type Options: Copy;
    /// What a set has besides, for its handlers.
    type Extra;

    /// Makes what a set has besides.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn extra() -> Result<Self::Extra>;

    /// Sets up a structure of zeros, with the probe disabled.
    fn set_up(raw: &mut Self::Raw, function: &'static CStr, options: Self::Options);

    /// Registers a probe; negative if that fails.
    ///
    /// # Safety
    ///
    /// `raw` is that of a [`Probe`] of a set, and may be used for all of it. The
    /// probe is set up, and neither moves nor is freed before it is unregistered.
    unsafe fn register(raw: *mut Self::Raw) -> c_int;

    /// Called when all probes of a set have been registered, and none was enabled
    /// yet.
    fn registered() {}

    /// Unregisters probes in this order, and waits for their handlers.
    ///
    /// # Errors
    ///
    /// The kernel refers to one of the structures for good, although it enters no
    /// handler any more.
    ///
    /// # Safety
    ///
    /// They are registered.
    unsafe fn unregister(probes: &mut [*mut Self::Raw]) -> Result<(), Error>;

    /// Enables or disables a probe; negative if that fails.
    ///
    /// # Safety
    ///
    /// It is registered.
    unsafe fn enable(raw: *mut Self::Raw, enable: bool) -> c_int;

    /// Returns whether a probe is enabled, and its function still there.
    ///
    /// # Safety
    ///
    /// It lives and is set up.
    unsafe fn is_enabled(raw: *mut Self::Raw) -> bool;

    /// Returns whether the probed function has gone, with its module.
    ///
    /// # Safety
    ///
    /// As for [`is_enabled`](Self::is_enabled).
    unsafe fn is_gone(raw: *mut Self::Raw) -> bool {
        let _ = raw;
        false
    }

    /// The hits that no handler saw.
    ///
    /// # Safety
    ///
    /// As for [`is_enabled`](Self::is_enabled).
    unsafe fn missed(raw: *mut Self::Raw) -> Missed;
}

/// A probe. The kernel's part is first, so that a pointer to it is one to this.
///
/// # Invariants
///
/// `shared` is the set's, which lives as long as the probe.
#[repr(C)]
pub struct Probe<K: Kind> {
    raw: UnsafeCell<K::Raw>,
    shared: *const Shared<K>,
    index: usize,
    function: &'static CStr,
    /// The kernel's lists point to it.
    _pinned: PhantomPinned,
}

impl<K: Kind> Probe<K> {
    fn new(
        shared: *const Shared<K>,
        index: usize,
        function: &'static CStr,
        options: K::Options,
    ) -> Self {
        // SAFETY: Zeros are a structure of this kind, says `Kind::Raw`.
        let mut raw: K::Raw = unsafe { core::mem::zeroed() };
        K::set_up(&mut raw, function, options);
        Self {
            raw: UnsafeCell::new(raw),
            shared,
            index,
            function,
            _pinned: PhantomPinned,
        }
    }

    /// The probe that the kernel's structure belongs to, and its set.
    ///
    /// # Safety
    ///
    /// It is the pointer that a [`Set`] registered (which may be used for all of the
    /// [`Probe`]), and a handler runs, or the probe is being registered or
    /// unregistered.
    #[inline(always)]
    pub(crate) unsafe fn of<'a>(raw: *mut K::Raw) -> (&'a Self, &'a Shared<K>) {
        // SAFETY: A `Probe` begins with the structure, and only that, which is in a
        // cell, is written to. The set frees neither it nor `shared` before it is
        // unregistered and no handler runs.
        unsafe {
            let probe = &*raw.cast::<Self>();
            (probe, &*probe.shared)
        }
    }

    /// The kernel's structure.
    #[inline(always)]
    pub(crate) fn raw(&self) -> *mut K::Raw {
        self.raw.get()
    }

    /// What it probes.
    pub(crate) fn function(&self) -> &'static CStr {
        self.function
    }

    /// Which of the set's probes it is.
    #[inline(always)]
    pub(crate) fn index(&self) -> usize {
        self.index
    }
}

/// What handlers see of a set.
pub struct Shared<K: Kind> {
    pub(crate) handler: K::Handler,
    pub(crate) extra: K::Extra,
    /// Does not change after the first of them is registered.
    pub(crate) probes: KVec<Probe<K>>,
}

/// A set of probed functions with one handler.
///
/// # Invariants
///
/// - `shared` is a box that this set owns. From the first registration until all
///   are unregistered nothing has a mutable reference to it, or to a probe.
/// - The kernel's structures of the probes that are registered are in `registered`,
///   the first one first. The others have a failure in `failures`, unless the set
///   is still being made.
pub struct Set<K: Kind> {
    shared: NonNull<Shared<K>>,
    registered: KVec<*mut K::Raw>,
    /// For each probe.
    failures: KVec<Option<Failure>>,
    _entrance: Entrance,
}

// SAFETY: The handler is `Send` and `Sync`. The kernel has a lock, or one word, for
// what it changes of a probe; all else does not change once the set was made.
unsafe impl<K: Kind> Send for Set<K> {}

// SAFETY: The handler is `Sync`, and what a shared set does with a probe (enable it,
// read its flags and counts) the kernel has a lock for, or is one load of a word.
unsafe impl<K: Kind> Sync for Set<K> {}

impl<K: Kind<Options = ()>> Set<K> {
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
    pub fn all(handler: K::Handler, functions: &[&'static CStr]) -> Result<Self, Refused> {
        Self::register(handler, functions, (), true)
    }

    /// Registers a probe for each of the functions that can be probed;
    /// [`failure`](Self::failure) says what is wrong with the others.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn available(handler: K::Handler, functions: &[&'static CStr]) -> Result<Self, Refused> {
        Self::register(handler, functions, (), false)
    }
}

impl<K: Kind> Set<K> {
    /// Registers a probe for each of the functions; if `all`, or none.
    pub(crate) fn register(
        handler: K::Handler,
        functions: &[&'static CStr],
        options: K::Options,
        all: bool,
    ) -> Result<Self, Refused> {
        let first = *functions.first().ok_or(Refused::new(c"", code::EINVAL))?;
        let no_memory = |_| Refused::new(first, code::ENOMEM);

        let shared = Shared {
            handler,
            extra: K::extra().map_err(|error| Refused::new(first, error))?,
            probes: KVec::with_capacity(functions.len(), GFP_KERNEL).map_err(no_memory)?,
        };
        // INVARIANT: The box is owned, and no probe is registered.
        let mut set = Self {
            shared: into_raw(KBox::new(shared, GFP_KERNEL).map_err(no_memory)?),
            registered: KVec::new(),
            failures: KVec::new(),
            _entrance: Entrance::new(),
        };
        set.registered = KVec::with_capacity(functions.len(), GFP_KERNEL).map_err(no_memory)?;
        set.failures = KVec::with_capacity(functions.len(), GFP_KERNEL).map_err(no_memory)?;
        let home = set.shared.as_ptr();
        for (index, &function) in functions.iter().enumerate() {
            let probe = Probe::new(home, index, function, options);
            // SAFETY: The box is the set's, and as no probe is registered, this is the
            // only reference to its list.
            push(unsafe { &mut (*home).probes }, probe).map_err(no_memory)?;
            push(&mut set.failures, None).map_err(no_memory)?;
        }
        // The address of the list's first element, good for all of them.
        // SAFETY: As at the last use of the list: it is the only one.
        let probes = unsafe { (*home).probes.as_mut_ptr() };

        // All probes have their place, so from here on there are handlers.
        for (index, &function) in functions.iter().enumerate() {
            let raw = probes.wrapping_add(index).cast::<K::Raw>();
            // SAFETY: It is the probe at `index`, derived from the list's own pointer,
            // which is good for all of the probe. It is set up. By the invariants it
            // neither moves nor is freed before it is unregistered.
            match to_result(unsafe { K::register(raw) }) {
                // INVARIANT: It is registered. There is room, so this does not
                // fail.
                Ok(_) => drop(push(&mut set.registered, raw)),
                Err(error) => {
                    let failure = Failure::find(function, error);
                    if all {
                        // Dropping the set unregisters what it has so far.
                        return Err(Refused { function, failure });
                    }
                    if let Some(place) = set.failures.get_mut(index) {
                        *place = Some(failure);
                    }
                }
            }
        }
        K::registered();
        Ok(set)
    }

    fn shared(&self) -> &Shared<K> {
        // SAFETY: By the invariants it is a box of this set's, to which there is no
        // mutable reference.
        unsafe { self.shared.as_ref() }
    }

    /// How many probes there are, registered or not.
    #[allow(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// The set's handler.
    pub fn handler(&self) -> &K::Handler {
        &self.shared().handler
    }

    pub(crate) fn probe(&self, index: usize) -> Result<&Probe<K>> {
        self.shared().probes.get(index).ok_or(code::EINVAL)
    }

    /// Why a probe is not registered; `None` if it is.
    pub fn failure(&self, index: usize) -> Option<&Failure> {
        self.failures.get(index)?.as_ref()
    }

    /// Lets a probe be hit. Another call does no harm.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such probe, what [`failure`](Self::failure)
    /// stands for if it is not registered, `ENOENT` if its function has gone since
    /// then, because its module was unloaded (the kernel does not put a probe back
    /// when the module is loaded again), and those of the kernel.
    pub fn enable(&self, index: usize) -> Result {
        self.switch(index, true)
    }

    /// Disables a probe. Another call does no harm.
    ///
    /// # Context
    ///
    /// As for [`enable`](Self::enable).
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such probe, and what [`failure`](Self::failure) stands
    /// for if it is not registered.
    pub fn disable(&self, index: usize) -> Result {
        self.switch(index, false)
    }

    fn switch(&self, index: usize, enable: bool) -> Result {
        let raw = self.probe(index)?.raw();
        if let Some(failure) = self.failure(index) {
            return Err(failure.to_error());
        }
        // SAFETY: It is a probe of this set, so it lives, and was set up.
        if enable && unsafe { K::is_gone(raw) } {
            return Err(code::ENOENT);
        }
        // SAFETY: It has no failure, so by the invariant it is registered.
        to_result(unsafe { K::enable(raw, enable) })?;
        Ok(())
    }

    /// Returns whether the probe is enabled. One whose function has gone, with its
    /// module, is not.
    pub fn is_enabled(&self, index: usize) -> bool {
        self.failure(index).is_none()
            && self.probe(index).is_ok_and(|probe| {
                // SAFETY: It is a probe of this set, so it lives, and was set up.
                unsafe { K::is_enabled(probe.raw()) }
            })
    }

    /// The hits that no handler saw, as the kernel counts them.
    ///
    /// # Context
    ///
    /// Any.
    pub fn missed(&self, index: usize) -> Missed {
        self.probe(index).map_or(Missed::default(), |probe| {
            // SAFETY: It is a probe of this set, so it lives, and was set up.
            unsafe { K::missed(probe.raw()) }
        })
    }
}

impl<K: Kind> Drop for Set<K> {
    /// Unregisters the probes and waits until no handler runs.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        reverse(&mut self.registered);
        // SAFETY: By the invariant these probes are registered.
        let kept = unsafe { K::unregister(&mut self.registered) };
        // SAFETY: By the invariant the box is this set's, and this is its last use. No
        // handler runs any more, and none will.
        let mut shared = unsafe { KBox::from_raw(self.shared.as_ptr()) };
        if let Err(error) = kept {
            pr_err!(
                "{}: the kernel could not unregister the probes of this set (error {}): they are \
                 switched off, and {} bytes of memory stay theirs until the next boot",
                Name(shared.probes.first().map_or(c"", Probe::function)),
                error.to_errno(),
                core::mem::size_of_val(shared.probes.as_slice()),
            );
            // The kernel refers to them, and to nothing else of what is dropped here.
            core::mem::forget(core::mem::replace(&mut shared.probes, KVec::new()));
        }
    }
}

/// Turns the order around. (That of `core` can panic, as far as newer compilers
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
