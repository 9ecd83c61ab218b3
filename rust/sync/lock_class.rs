// SPDX-License-Identifier: GPL-2.0

//! Lock classes: what the kernel's lock checker knows locks by.
//!
//! Lockdep (`CONFIG_PROVE_LOCKING`) does not look at single locks, but at classes of them: all locks
//! that are made in one place are one class, and it reports orders of classes that may end in a
//! deadlock. Without it a class is empty.
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

// SAFETY: A key is written to by lockdep alone, under its own lock.
unsafe impl Sync for LockClass {}

impl LockClass {
    /// A class that is not in use.
    #[doc(hidden)]
    pub const fn new(name: &'static CStr) -> Self {
        Self {
            // SAFETY: A `struct lock_class_key` of zeros is one that lockdep does not know yet.
            key: UnsafeCell::new(unsafe { core::mem::zeroed() }),
            name,
        }
    }

    /// The key, which lives as long as the module.
    pub(crate) fn key(&'static self) -> *mut bindings::lock_class_key {
        self.key.get()
    }

    pub(crate) fn name(&self) -> *const ffi::c_char {
        char_ptr(self.name)
    }
}

/// The name of a class, of a text that ends with the only zero byte in it.
#[doc(hidden)]
pub const fn name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => c"a lock",
    }
}

/// The class of the locks that are made in this place: a `&'static` [`LockClass`].
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
