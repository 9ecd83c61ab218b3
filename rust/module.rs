// SPDX-License-Identifier: GPL-2.0

//! Makes a crate a loadable module; load and unload.
//!
//! A module is an object, which [`Module::init`] makes at load, and which is dropped at unload. The
//! object owns everything that the module registered or started.
//!
//! Our own, since `module!` of the `kernel` crate declares parameters (see
//! [`params`](mod@crate::params)) and prints (see [`print`](crate::print)) in its own way.
//!
//! # Soundness
//!
//! Code of a module must not run after unload. So each way by which the kernel can call into the
//! module, as a thread or a probe, is owned by an object that ends it when it is dropped. Safe code
//! can leak such an object, though. Therefore each of them holds an `Entrance`, and unload waits
//! until there is none: after a leak `rmmod` waits for ever, with a line in the log, instead of the
//! kernel jumping to code that was freed.
//!
//! A probe that cannot be unregistered is no `Entrance`. That mostly happens at unload, when the
//! module's reference count can no longer be raised, so that only an unload that never returns
//! would keep the code. Instead, its owner makes sure that the probe does not call into the module
//! any more, leaves its memory allocated, and prints a line
//! ([`Backend::unregister`](crate::probe::Backend::unregister)).
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

mod entrance;
mod info;
pub(crate) mod this_module;

use core::{
    cell::UnsafeCell,
    mem::MaybeUninit, //
};

use crate::{
    compat::ffi::c_int,
    error::Result,
    memory, //
};

use self::entrance::wait_for_entrances;

pub(crate) use self::{
    entrance::Entrance,
    this_module::this, //
};

pub use self::{
    info::Info,
    this_module::name, //
};

/// A module.
pub trait Module: Sized + Send + Sync {
    /// Starts the module. On failure nothing may be left behind, which is so if all that was
    /// started is owned by objects that are dropped then.
    ///
    /// # Context
    ///
    /// Process context of the task that loads the module; may sleep. The parameters are set, and
    /// visible in sysfs.
    ///
    /// # Errors
    ///
    /// The load fails with the error.
    fn init() -> Result<Self>;
}

/// Holds the module's object from load to unload.
#[doc(hidden)]
pub struct Slot<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: Only `load` and `unload` access the content. The kernel calls each of them once, and the
// second after the first has returned.
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
    /// Must be called once, from `init_module`.
    #[doc(hidden)]
    pub unsafe fn load(&self) -> c_int {
        memory::set_up();
        match T::init() {
            Ok(module) => {
                // SAFETY: Only `unload` accesses the content as well, after this has returned.
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
    /// Must be called once, from `cleanup_module`, after `load` has returned 0.
    #[doc(hidden)]
    pub unsafe fn unload(&self) {
        // SAFETY: `load` has returned 0, so it has written the object. This is called once, so the
        // object is dropped once.
        unsafe { (*self.0.get()).assume_init_drop() };
        wait_for_entrances();
    }
}

/// Makes the crate a module. Used once, in the crate's root.
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

        // A scope of its own: only the kernel knows these names.
        const _: () = {
            static MODULE: $crate::module::Slot<$type> = $crate::module::Slot::new();

            #[no_mangle]
            #[link_section = ".init.text"]
            extern "C" fn init_module() -> $crate::compat::ffi::c_int {
                // SAFETY: The kernel calls `init_module` once.
                unsafe { MODULE.load() }
            }

            #[no_mangle]
            #[link_section = ".exit.text"]
            extern "C" fn cleanup_module() {
                // SAFETY: The kernel calls `cleanup_module` once, after `init_module` has
                // returned 0.
                unsafe { MODULE.unload() }
            }

            // The kernel calls the functions by pointers in a C file that `modpost` writes. objtool
            // does not see that file, and would take the functions for never called indirectly.
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
