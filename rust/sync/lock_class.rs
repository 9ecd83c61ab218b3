// SPDX-License-Identifier: GPL-2.0

//! Lock classes, by which lockdep knows locks.
//!
//! Lockdep (`CONFIG_PROVE_LOCKING`) does not check single locks but classes: all locks that are
//! initialised at one place in the code are one class, and it reports orders of classes that can
//! deadlock. Without lockdep a class is empty.
//!
//! Our own, for [raw spinlocks](crate::sync::spinlock): the pointer in `kernel::sync::LockClassKey`
//! is private in 6.12.
//!
//! C header: [`include/linux/lockdep_types.h`](srctree/include/linux/lockdep_types.h)

use core::{
    cell::UnsafeCell,
    ffi::CStr, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi, //
    }, //
};

/// A class of locks; [`lock_class!`](crate::lock_class!) makes one.
pub struct LockClass {
    key: UnsafeCell<bindings::lock_class_key>,
    name: &'static CStr,
}

// SAFETY: Only lockdep accesses the key, under a lock of its own; the name is not changed.
unsafe impl Sync for LockClass {}

impl LockClass {
    /// Makes a class that has no locks.
    #[doc(hidden)]
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            // SAFETY: A `struct lock_class_key` of zeros is what a static one in C is.
            key: UnsafeCell::new(unsafe { core::mem::zeroed() }),
            name,
        }
    }

    /// Returns the key, which exists as long as the module.
    pub(crate) fn key(&'static self) -> *mut bindings::lock_class_key {
        self.key.get()
    }

    /// Returns the name, a string with NUL that exists as long as the module.
    pub(crate) fn name(&self) -> *const ffi::c_char {
        char_ptr(self.name)
    }
}

/// Turns a text whose last byte is its only NUL into a string for C.
#[doc(hidden)]
pub const fn name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"a lock",
    }
}

/// Returns the class, a `&'static` [`LockClass`], of the locks that are made at this place in the
/// code.
///
/// # Examples
///
/// ```no_run
/// use faultline::sync::{lock_class, spinlock::RawSpinLock};
///
/// let lock = RawSpinLock::new(lock_class!())?;
/// # let _ = lock;
/// # Ok::<(), faultline::error::Error>(())
/// ```
#[macro_export]
macro_rules! lock_class {
    () => {{
        static CLASS: $crate::sync::lock_class::LockClass =
            $crate::sync::lock_class::LockClass::new($crate::sync::lock_class::name(concat!(
                module_path!(),
                ":",
                line!(),
                "\0"
            )));
        &CLASS
    }};
}
