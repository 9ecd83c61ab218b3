// SPDX-License-Identifier: GPL-2.0

//! The value of a parameter that is a text: its bytes, in memory of their own.

use crate::{
    compat::{
        bytes,
        c_str,
        push,
        KVec,
        GFP_KERNEL, //
    },
    error::Error, //
};

use super::{
    page::Page,
    param::Refusal,
    rcu_value::{
        Block,
        Guard,
        RcuValue, //
    }, //
};

/// A text's bytes, none of which is NUL.
///
/// # Invariants
///
/// What `current` publishes is a string with NUL.
pub(super) struct Bytes {
    /// The value until another one is published.
    pub(super) default: &'static str,
    current: RcuValue,
}

impl Bytes {
    /// Makes a value of at most `max` bytes.
    #[inline]
    #[track_caller]
    pub(super) const fn new(default: &'static str, max: usize) -> Self {
        assert!(
            max > 0 && max < Page::ROOM,
            "a text may be declared with 1 to 4094 bytes: sysfs has one page for it"
        );
        assert!(
            default.len() <= max,
            "the default is longer than the maximum"
        );
        let mut i = 0;
        while i < default.len() {
            assert!(default.as_bytes()[i] != 0, "the default has a NUL byte");
            i += 1;
        }
        // INVARIANT: Nothing is published.
        Self {
            default,
            current: RcuValue::empty(),
        }
    }

    /// Copies a text of at most `max` bytes, for [`publish`](Self::publish).
    pub(super) fn copy(text: &[u8], max: usize) -> Result<Copied, Refusal> {
        if text.len() > max {
            return Err(Refusal::TooLong);
        }
        let mut copy =
            KVec::with_capacity(text.len().wrapping_add(1), GFP_KERNEL).map_err(Error::from)?;
        for &byte in text {
            push(&mut copy, byte).map_err(Error::from)?;
        }
        push(&mut copy, 0).map_err(Error::from)?;
        // INVARIANT: The NUL was appended just now.
        Ok(Copied(Block::of_bytes(copy).ok_or(Refusal::Invalid)?))
    }

    /// Returns the current value.
    pub(super) fn read(&self) -> Guard<'_, [u8]> {
        // SAFETY: By the invariant the pointer is that of a string with NUL, which is what `c_str`
        // requires; `RcuValue` keeps it for the lifetime of the guard.
        unsafe {
            self.current
                .read(self.default.as_bytes(), |at| bytes(c_str(at.cast())))
        }
    }

    /// Replaces the value.
    pub(super) fn publish(&self, copy: Copied) {
        // INVARIANT: By the invariant of `Copied` it is a string with NUL.
        self.current.publish(copy.0);
    }

    /// Returns whether the value still is the default.
    pub(super) fn is_default(&self) -> bool {
        self.current.is_empty()
    }

    /// Frees the current value.
    ///
    /// # Safety
    ///
    /// Must be called at most once, and the value must not be used after it.
    pub(super) unsafe fn free(&self) {
        // SAFETY: This is called once, after the last use of the value, so no reader is left.
        unsafe { self.current.free() };
    }
}

/// A copy of a text.
///
/// # Invariants
///
/// It is a string with NUL.
pub(super) struct Copied(Block);
