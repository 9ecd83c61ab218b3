// SPDX-License-Identifier: GPL-2.0

//! One probe of a set: its function, and whether it is enabled.

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
    /// Returns the name of the function.
    pub fn symbol(&self) -> &'a Symbol {
        self.registration.symbol()
    }

    /// Returns the handler's data for the function.
    pub fn target(&self) -> &'a H::Target {
        self.registration.target()
    }

    /// Returns the reason why the probe is not registered; `None` if it is.
    pub fn failure(&self) -> Option<&'a Failure> {
        self.failure
    }

    /// Enables the probe. Further calls have no effect.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// The error of its [`failure`](Self::failure) if it is not registered, `ENOENT` if its
    /// function was removed since then, because its module was unloaded (the kernel does not
    /// restore a probe when the module is loaded again), and those of the kernel.
    pub fn enable(&self) -> Result {
        self.switch(true)
    }

    /// Disables the probe. Further calls have no effect.
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
        // SAFETY: The registration is borrowed from its set, so it lives, and is set up.
        if enable && unsafe { B::is_gone(native) } {
            return Err(code::ENOENT);
        }
        // SAFETY: By the set's invariant a probe without a failure is registered.
        to_result(unsafe { B::enable(native, enable) })?;
        Ok(())
    }

    /// Returns whether the probe is enabled. A probe whose function was removed with its module is
    /// not.
    pub fn is_enabled(&self) -> bool {
        // SAFETY: The registration is borrowed from its set, so it lives, and is set up.
        self.failure.is_none() && unsafe { B::is_enabled(self.registration.native()) }
    }

    /// Returns the number of calls of the function that can be followed at once; 0 if the backend
    /// has no such limit, or if it is the kernel's default and the probe is not registered.
    pub fn max_active(&self) -> u32 {
        // SAFETY: The registration is borrowed from its set, so it lives, and is set up.
        unsafe { B::max_active(self.registration.native()) }
    }

    /// Returns the numbers of missed hits, as counted by the kernel.
    ///
    /// # Context
    ///
    /// Any.
    pub fn missed(&self) -> Missed {
        // SAFETY: The registration is borrowed from its set, so it lives, and is set up.
        unsafe { B::missed(self.registration.native()) }
    }
}
