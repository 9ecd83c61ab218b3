// SPDX-License-Identifier: GPL-2.0

//! One probe of a set: what is probed, and whether it is enabled.

use super::{
    Backend,
    Failure,
    Handler,
    Kretprobe,
    Missed,
    Registration,
    Symbol, //
};
use crate::error::{
    code,
    to_result,
    Result, //
};

/// A probe of a set, registered or not.
pub struct Probe<'a, H: Handler<B>, B: Backend = Kretprobe> {
    pub(super) registration: &'a Registration<H, B>,
    pub(super) failure: Option<&'a Failure>,
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

    /// How many calls of the function can be followed at once; 0 if the backend has no such
    /// limit, or the kernel's default is not known as the probe is not registered.
    pub fn max_active(&self) -> u32 {
        // SAFETY: It is a probe of the set, so it lives, and was set up.
        unsafe { B::max_active(self.registration.native()) }
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
