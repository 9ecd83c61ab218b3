// SPDX-License-Identifier: GPL-2.0

//! A set of probes of one kind, registered and unregistered as a whole.
//!
//! A [`Set`] is the same for all kinds; what is peculiar to one is its [`Kind`].
//!
//! # Soundness
//!
//! - *Where the kernel enters.* By functions that are generic over the kind, of
//!   which the kernel has the addresses while a probe is registered. Each finds
//!   its probe by the pointer that was registered, and so the handler. The
//!   probes are on the heap and do not move.
//! - *A set that is not complete.* Whatever fails, the set is dropped, and so
//!   unregisters what is registered so far, the last one first.
//! - *Unload.* Dropping the set unregisters the probes, and waits until no
//!   handler runs any more and none will. Only then is anything freed.
//! - *Leak.* A set that is never dropped stays registered, and its memory
//!   allocated. It holds a way into the module, so unload waits for ever instead
//!   of removing code that the kernel enters ([`module`](mod@crate::module)).

use core::{
    cell::UnsafeCell,
    ffi::CStr, //
};

use super::{
    Failure,
    Missed,
    Refused, //
};
use crate::{
    compat::{
        ffi::c_int,
        push,
        KBox,
        KVec,
        GFP_KERNEL, //
    },
    error::{
        code,
        to_result,
        Result, //
    },
    module::Entrance,
};

/// What is peculiar to a kind of probe.
///
/// # Safety
///
/// - A function that `set_up` makes the kernel enter takes the probe by
///   `Probe::of` and does with it what any CPU may at any time.
/// - If `register` fails, the kernel has forgotten the structure.
/// - When `unregister` returns, the kernel has forgotten the structures, no
///   handler runs any more, and none will.
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
    /// The probe is set up, and neither moves nor is freed before it is
    /// unregistered.
    unsafe fn register(probe: &Probe<Self>) -> c_int;

    /// Unregisters probes in this order.
    ///
    /// # Safety
    ///
    /// They are registered.
    unsafe fn unregister(probes: &mut [*mut Self::Raw]);

    /// Enables or disables a probe; negative if that fails.
    ///
    /// # Safety
    ///
    /// It is registered.
    unsafe fn enable(raw: *mut Self::Raw, enable: bool) -> c_int;

    /// Is it enabled?
    ///
    /// # Safety
    ///
    /// It lives and is set up.
    unsafe fn is_enabled(raw: *mut Self::Raw) -> bool;

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
    failure: Option<Failure>,
}

impl<K: Kind> Probe<K> {
    fn new(
        shared: *const Shared<K>,
        index: usize,
        function: &'static CStr,
        options: K::Options,
    ) -> Self {
        // SAFETY: By what `Kind` says of the structure.
        let mut raw: K::Raw = unsafe { core::mem::zeroed() };
        K::set_up(&mut raw, function, options);
        Self {
            raw: UnsafeCell::new(raw),
            shared,
            index,
            function,
            failure: None,
        }
    }

    /// The probe that the kernel's structure belongs to, and its set.
    ///
    /// # Safety
    ///
    /// It is that of a probe of a [`Set`], and a handler runs, or the probe is
    /// being registered.
    #[inline(always)]
    pub(crate) unsafe fn of<'a>(raw: *mut K::Raw) -> (&'a Self, &'a Shared<K>) {
        // SAFETY: By the function's requirement; a `Probe` begins with the
        // structure. It lives until no handler runs, and so does `shared`.
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
    /// Does not move after the first of them is registered.
    pub(crate) probes: KVec<Probe<K>>,
}

/// A set of probed functions with one handler.
///
/// # Invariants
///
/// The kernel's structures of the probes that are registered are in `registered`,
/// the first one first. The others have a `failure`, unless the set is still
/// being made.
pub struct Set<K: Kind> {
    shared: KBox<Shared<K>>,
    registered: KVec<*mut K::Raw>,
    _entrance: Entrance,
}

// SAFETY: The handler is `Send` and `Sync`. The kernel has a lock, or one word, for
// what it changes of a probe; all else does not change once the set was made.
unsafe impl<K: Kind> Send for Set<K> {}

// SAFETY: As above.
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
        // INVARIANT: No probe is there, so none is registered.
        let mut set = Self {
            shared: KBox::new(shared, GFP_KERNEL).map_err(no_memory)?,
            registered: KVec::with_capacity(functions.len(), GFP_KERNEL).map_err(no_memory)?,
            _entrance: Entrance::new(),
        };
        let shared: *const Shared<K> = &raw const *set.shared;
        for (index, &function) in functions.iter().enumerate() {
            let probe = Probe::new(shared, index, function, options);
            push(&mut set.shared.probes, probe).map_err(no_memory)?;
        }

        // All probes have their place, so from here on there are handlers.
        for index in 0..functions.len() {
            let Some(probe) = set.shared.probes.get(index) else {
                continue;
            };
            // SAFETY: The probe is set up, and neither moves nor is freed before
            // it is unregistered.
            match to_result(unsafe { K::register(probe) }) {
                // INVARIANT: It is registered. There is room, so this does not
                // fail.
                Ok(_) => drop(push(&mut set.registered, probe.raw())),
                Err(error) => {
                    let function = probe.function;
                    let failure = Failure::find(function, error);
                    if all {
                        // Dropping the set unregisters what it has so far.
                        return Err(Refused { function, failure });
                    }
                    if let Some(probe) = set.shared.probes.get_mut(index) {
                        probe.failure = Some(failure);
                    }
                }
            }
        }
        Ok(set)
    }

    /// How many probes there are, registered or not.
    #[allow(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.shared.probes.len()
    }

    /// The set's handler.
    pub fn handler(&self) -> &K::Handler {
        &self.shared.handler
    }

    pub(crate) fn probe(&self, index: usize) -> Result<&Probe<K>> {
        self.shared.probes.get(index).ok_or(code::EINVAL)
    }

    /// Why a probe is not registered; `None` if it is.
    pub fn failure(&self, index: usize) -> Option<&Failure> {
        self.probe(index).ok()?.failure.as_ref()
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
    /// stands for if it is not registered, and those of the kernel.
    pub fn enable(&self, index: usize) -> Result {
        self.switch(index, true)
    }

    /// Has a probe hit no more. Another call does no harm.
    ///
    /// # Context
    ///
    /// As for [`enable`](Self::enable).
    ///
    /// # Errors
    ///
    /// As for [`enable`](Self::enable).
    pub fn disable(&self, index: usize) -> Result {
        self.switch(index, false)
    }

    fn switch(&self, index: usize, enable: bool) -> Result {
        let probe = self.probe(index)?;
        if let Some(failure) = &probe.failure {
            return Err(failure.to_error());
        }
        // SAFETY: By the invariant the probe is registered.
        to_result(unsafe { K::enable(probe.raw(), enable) })?;
        Ok(())
    }

    /// Is the probe enabled?
    pub fn is_enabled(&self, index: usize) -> bool {
        self.probe(index).is_ok_and(|probe| {
            // SAFETY: The probe lives and is set up.
            probe.failure.is_none() && unsafe { K::is_enabled(probe.raw()) }
        })
    }

    /// The hits that no handler saw, as the kernel counts them.
    ///
    /// # Context
    ///
    /// Any.
    pub fn missed(&self, index: usize) -> Missed {
        self.probe(index).map_or(Missed::default(), |probe| {
            // SAFETY: The probe lives and is set up.
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
        if !self.registered.is_empty() {
            // SAFETY: By the invariant these probes are registered.
            unsafe { K::unregister(&mut self.registered) };
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
