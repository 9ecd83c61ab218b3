// SPDX-License-Identifier: GPL-2.0

//! What makes a crate a loadable module; load and unload.
//!
//! A module is an object: loading makes it, with [`Module::init`], and unloading
//! drops it. What it registered or started is part of the object and ends with
//! it.
//!
//! # Soundness
//!
//! Code of a module must not run after unload. Everything by which the kernel
//! can still enter the module, such as a thread, is therefore owned by an
//! object that ends it when dropped. Safe code may leak such an object, though.
//! So each of them holds an `Entrance`, and unload waits until none is left:
//! a leak makes `rmmod` wait for ever, with a line in the log, and not the
//! kernel jump to code that is gone.
//!
//! What the kernel will not give up, a probe that cannot be unregistered, is no
//! `Entrance`. The module cannot be pinned for its sake where that mostly happens,
//! in its own unload: by then the reference count is closed, and all that could
//! keep the code is an unload that never returns. So whoever meets such a thing
//! makes sure that it does not lead into the module any more, leaves its memory
//! allocated, and says so in the log ([`Backend::unregister`](crate::probe::Backend::unregister)).
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use core::{
    cell::UnsafeCell,
    ffi::CStr,
    mem::MaybeUninit,
    sync::atomic::{
        AtomicUsize,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        c_str,
        ffi::c_int, //
    },
    error::Result,
    memory,
    pr_err,
    task::time, //
};

/// A module.
pub trait Module: Sized + Send + Sync {
    /// Starts the module. On failure nothing may be left behind, which comes by
    /// itself where everything is owned by what is dropped then.
    ///
    /// # Context
    ///
    /// Process context of the task that loads the module; may sleep. The
    /// parameters are set and already visible in sysfs.
    ///
    /// # Errors
    ///
    /// Loading fails with the error returned.
    fn init() -> Result<Self>;
}

/// This module, as the kernel sees it.
pub(crate) const fn this() -> *mut bindings::module {
    (&raw const bindings::__this_module).cast_mut()
}

/// The name of this module.
pub fn name() -> &'static CStr {
    // SAFETY: The name is a string with NUL in the module's own structure,
    // which is constant and lives as long as this code does.
    unsafe { c_str((&raw const bindings::__this_module.name).cast()) }
}

/// How many ways into this module there are; see [`Entrance`].
static ENTRANCES: AtomicUsize = AtomicUsize::new(0);

/// A way by which the kernel can enter this module. Unload waits until there is
/// none.
pub(crate) struct Entrance(());

impl Entrance {
    pub(crate) fn new() -> Self {
        ENTRANCES.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        // Whoever sees the number drop also sees that the way was closed.
        ENTRANCES.fetch_sub(1, Ordering::Release);
    }
}

/// Waits until the kernel has no way into this module.
fn wait_for_entrances() {
    let open = ENTRANCES.load(Ordering::Acquire);
    if open == 0 {
        return;
    }
    pr_err!("{open} registrations or threads were leaked: waiting for them");
    while ENTRANCES.load(Ordering::Acquire) != 0 {
        time::sleep_ms(100);
    }
}

/// The place of the module's object, from load to unload.
#[doc(hidden)]
pub struct Slot<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: Only load and unload touch the contents, and the kernel calls those
// once, one after the other.
unsafe impl<T: Module> Sync for Slot<T> {}

impl<T: Module> Slot<T> {
    #[doc(hidden)]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Loads the module.
    ///
    /// # Safety
    ///
    /// Call it once, from `init_module`.
    #[doc(hidden)]
    pub unsafe fn load(&self) -> c_int {
        memory::set_up();
        match T::init() {
            Ok(module) => {
                // SAFETY: Nobody else has access before this returns.
                unsafe { (*self.0.get()).write(module) };
                0
            }
            Err(error) => {
                wait_for_entrances();
                error.to_errno()
            }
        }
    }

    /// Unloads the module.
    ///
    /// # Safety
    ///
    /// Call it once, from `cleanup_module`, after `load` returned 0.
    #[doc(hidden)]
    pub unsafe fn unload(&self) {
        // SAFETY: `load` has put the object here, and nobody uses it after
        // this.
        unsafe { (*self.0.get()).assume_init_drop() };
        wait_for_entrances();
    }
}

/// One string of `.modinfo`, put together by the compiler.
///
/// All of this is evaluated by the compiler. It is inline so that none of it,
/// with its checks that panic, becomes part of a module.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Info {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Info {
    const MAX: usize = 1024;

    #[doc(hidden)]
    #[inline]
    pub const fn new(text: &str) -> Self {
        let info = Self {
            bytes: [0; Self::MAX],
            len: 0,
        };
        info.text(text)
    }

    /// Adds a text.
    #[doc(hidden)]
    #[must_use = "the string with the addition is returned"]
    #[inline]
    pub const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    /// Adds a number of at most 64 bits.
    #[doc(hidden)]
    #[must_use = "the string with the addition is returned"]
    #[inline]
    pub const fn number(mut self, number: i128) -> Self {
        if number < 0 {
            self = self.text("-");
        }
        let number = number.unsigned_abs() as u64;
        let mut unit = 1;
        while number / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            self.bytes[self.len] = b'0' + (number / unit % 10) as u8;
            self.len += 1;
            unit /= 10;
        }
        self
    }

    /// The bytes of the string, with its NUL.
    #[doc(hidden)]
    #[inline]
    pub const fn size(&self) -> usize {
        self.len + 1
    }

    /// The string, with its NUL.
    #[doc(hidden)]
    #[inline]
    pub const fn array<const N: usize>(&self) -> [u8; N] {
        let mut array = [0; N];
        let mut i = 0;
        while i < self.len {
            array[i] = self.bytes[i];
            i += 1;
        }
        array
    }
}

/// Puts a string that is an [`Info`] into `.modinfo`.
#[doc(hidden)]
#[macro_export]
macro_rules! __modinfo {
    ($info:expr) => {
        const _: () = {
            // Names that nothing in `$info` has.
            const __FAULTLINE_INFO: $crate::module::Info = $info;
            #[link_section = ".modinfo"]
            #[used(compiler)]
            static __FAULTLINE_STRING: [u8; __FAULTLINE_INFO.size()] = __FAULTLINE_INFO.array();
        };
    };
}

/// Makes the crate a module. Call it once, in the crate's root.
///
/// # Examples
///
/// ```no_run
/// # mod example {
/// use faultline::prelude::*;
///
/// struct Hello;
///
/// impl Module for Hello {
///     fn init() -> Result<Self> {
///         pr_info!("hello");
///         Ok(Self)
///     }
/// }
///
/// impl Drop for Hello {
///     fn drop(&mut self) {
///         pr_info!("good bye");
///     }
/// }
///
/// faultline::module! {
///     type: Hello,
///     license: "GPL",
///     author: "A. U. Thor",
///     description: "Says hello",
/// }
/// # }
/// ```
#[macro_export]
macro_rules! module {
    (
        type: $type:ty,
        license: $license:literal,
        author: $author:literal,
        description: $description:literal $(,)?
    ) => {
        $crate::__modinfo!($crate::module::Info::new(concat!("license=", $license)));
        $crate::__modinfo!($crate::module::Info::new(concat!("author=", $author)));
        $crate::__modinfo!($crate::module::Info::new(concat!(
            "description=",
            $description
        )));

        // The names in here are for the kernel alone.
        const _: () = {
            static MODULE: $crate::module::Slot<$type> = $crate::module::Slot::new();

            #[no_mangle]
            #[link_section = ".init.text"]
            extern "C" fn init_module() -> $crate::compat::ffi::c_int {
                // SAFETY: The kernel calls this once.
                unsafe { MODULE.load() }
            }

            #[no_mangle]
            #[link_section = ".exit.text"]
            extern "C" fn cleanup_module() {
                // SAFETY: The kernel calls this once, after `init_module`
                // returned 0.
                unsafe { MODULE.unload() }
            }

            // The functions are entered through pointers that `modpost` writes
            // to a file of C, which objtool does not see here.
            #[link_section = ".init.data"]
            #[used(compiler)]
            static __UNIQUE_ID___addressable_init_module:
                extern "C" fn() -> $crate::compat::ffi::c_int = init_module;
            #[link_section = ".exit.data"]
            #[used(compiler)]
            static __UNIQUE_ID___addressable_cleanup_module: extern "C" fn() = cleanup_module;
        };
    };
}
