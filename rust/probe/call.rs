// SPDX-License-Identifier: GPL-2.0

//! The call of a probed function, as a handler sees it: at its entry, and at its return.

use super::{
    Backend,
    Handler,
    HandlerContext,
    Kretprobe,
    Registers,
    Registration, //
};
use crate::memory::{
    KernelPtr,
    Pointee, //
};

/// A type that an argument or a result can be read as.
pub trait FromWord {
    /// Makes a value of the lower bytes of a register.
    fn from_word(word: usize) -> Self;
}

macro_rules! from_word {
    ($($type:ty),*) => { $(
        impl FromWord for $type {
            #[inline(always)]
            fn from_word(word: usize) -> Self {
                word as $type
            }
        }
    )* };
}

from_word!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl<T: Pointee> FromWord for KernelPtr<T> {
    #[inline(always)]
    fn from_word(word: usize) -> Self {
        Self::of_argument(word)
    }
}

/// A hit at the entry of a function, with its registers.
///
/// # Invariants
///
/// `registers` are those that the kernel gave the handler that runs during `'a`.
pub struct Entry<'a, H: Handler<B>, B: Backend = Kretprobe> {
    pub(super) registration: &'a Registration<H, B>,
    registers: *mut B::Registers,
}

impl<'a, H: Handler<B>, B: Backend> Entry<'a, H, B> {
    /// # Safety
    ///
    /// The caller is a handler that runs during `'a`, and `registers` are what the kernel
    /// gave it.
    #[inline(always)]
    pub(super) unsafe fn new(
        registration: &'a Registration<H, B>,
        registers: *mut B::Registers,
    ) -> Self {
        // INVARIANT: The caller passes the registers that it was given.
        Self {
            registration,
            registers,
        }
    }

    /// What the handler has for the probed function.
    #[inline(always)]
    pub fn target(&self) -> &'a H::Target {
        self.registration.target()
    }

    /// Returns argument `n`, counted from 0; `None` if it is passed in memory that cannot be read.
    #[inline(always)]
    pub fn arg<T: FromWord>(&self, n: usize) -> Option<T> {
        // SAFETY: By the invariant they are the running handler's registers.
        Some(T::from_word(unsafe {
            B::Registers::argument(self.registers, n)
        }?))
    }

    /// The context of the handler.
    #[inline(always)]
    pub fn context(&self) -> HandlerContext<'_> {
        // SAFETY: By the invariant a handler runs as long as this object lives.
        unsafe { HandlerContext::new() }
    }
}

/// A hit at the return of a function, with its registers.
///
/// # Invariants
///
/// `registers` are those that the kernel gave the handler that runs during `'a`.
pub struct Return<'a, H: Handler<B>, B: Backend = Kretprobe> {
    registration: &'a Registration<H, B>,
    registers: *mut B::Registers,
}

impl<'a, H: Handler<B>, B: Backend> Return<'a, H, B> {
    /// # Safety
    ///
    /// The caller is a handler that runs during `'a`, and `registers` are what the kernel
    /// gave it.
    #[inline(always)]
    pub(super) unsafe fn new(
        registration: &'a Registration<H, B>,
        registers: *mut B::Registers,
    ) -> Self {
        // INVARIANT: The caller passes the registers that it was given.
        Self {
            registration,
            registers,
        }
    }

    /// What the handler has for the probed function.
    #[inline(always)]
    pub fn target(&self) -> &'a H::Target {
        self.registration.target()
    }

    /// Returns the result of the function.
    #[inline(always)]
    pub fn ret<T: FromWord>(&self) -> T {
        // SAFETY: By the invariant they are the running handler's registers.
        T::from_word(unsafe { B::Registers::returned(self.registers) })
    }

    /// The context of the handler.
    #[inline(always)]
    pub fn context(&self) -> HandlerContext<'_> {
        // SAFETY: By the invariant a handler runs as long as this object lives.
        unsafe { HandlerContext::new() }
    }
}
