// SPDX-License-Identifier: GPL-2.0

//! A parameter in the section `__param`, and the operations by which the kernel sets, shows and
//! frees it.

use core::{
    ffi::CStr,
    fmt,
    marker::PhantomData,
    ptr, //
};

use crate::{
    bindings,
    compat::{
        bytes,
        c_str,
        char_ptr,
        ffi::{
            c_char,
            c_int,
            c_uint,
            c_void, //
        }, //
    },
    module,
    pr_err,
    text::Printable, //
};

use super::{
    page::Page,
    param::{
        trim_newline,
        Param,
        Refusal, //
    }, //
};

/// The entry of a parameter in the section `__param`.
#[doc(hidden)]
#[repr(transparent)]
pub struct KernelParam(bindings::kernel_param);

// SAFETY: The kernel only reads a `kernel_param`, and the parameter that `arg` points to is `Sync`.
unsafe impl Sync for KernelParam {}

impl KernelParam {
    #[doc(hidden)]
    pub const fn new<P: Param>(
        name: &'static CStr,
        perm: u16,
        flags: u8,
        value: &'static P,
    ) -> Self {
        // The values that `params!` has for `taints` and `hw`.
        const {
            assert!(bindings::KERNEL_PARAM_FL_UNSAFE == 1 && bindings::KERNEL_PARAM_FL_HWPARAM == 2)
        };
        Self(bindings::kernel_param {
            name: char_ptr(name),
            mod_: module::this(),
            ops: &const { Ops::<P>::OPS },
            perm,
            level: -1,
            flags,
            __bindgen_anon_1: bindings::kernel_param__bindgen_ty_1 {
                // `Ops` turns it back into a shared reference.
                arg: ptr::from_ref(value).cast_mut().cast::<c_void>(),
            },
        })
    }
}

/// The `kernel_param_ops` of a type of parameter.
struct Ops<P>(PhantomData<P>);

impl<P: Param> Ops<P> {
    const OPS: bindings::kernel_param_ops = bindings::kernel_param_ops {
        flags: if P::NOARG {
            bindings::KERNEL_PARAM_OPS_FL_NOARG as c_uint
        } else {
            0
        },
        set: Some(Self::set),
        get: Some(Self::get),
        free: Some(Self::free),
    };

    /// Sets a parameter.
    ///
    /// # Safety
    ///
    /// - `text` is null or points to a string with NUL.
    /// - `param` points to a [`KernelParam`] that was made of a `P`.
    /// - The current task holds the module's parameter lock.
    unsafe extern "C" fn set(text: *const c_char, param: *const bindings::kernel_param) -> c_int {
        // SAFETY: `arg` is the reference to a static `P` that `KernelParam::new` put there, the
        // name is a string with NUL, and so is `text` if it is not null.
        let (value, name, text) = unsafe {
            (
                &*(*param).__bindgen_anon_1.arg.cast::<P>(),
                c_str((*param).name),
                (!text.is_null()).then(|| c_str(text)),
            )
        };

        let Err(refusal) = value.set(text) else {
            return 0;
        };
        pr_err!(
            "refused: {}={}: {}",
            Printable(bytes(name)),
            Printable(text.map_or(b"", trim_newline)),
            Reason(value, refusal),
        );
        refusal.error().to_errno()
    }

    /// Shows a parameter.
    ///
    /// # Safety
    ///
    /// - `buffer` points to a page that only this function accesses.
    /// - `param` points to a [`KernelParam`] that was made of a `P`.
    /// - The current task holds the module's parameter lock.
    unsafe extern "C" fn get(buffer: *mut c_char, param: *const bindings::kernel_param) -> c_int {
        // SAFETY: `arg` is the reference to a static `P` that `KernelParam::new` put there. The
        // buffer is a page, of which the array is a part, and only this function accesses it.
        let (value, buffer) = unsafe {
            (
                &*(*param).__bindgen_anon_1.arg.cast::<P>(),
                &mut *buffer.cast::<[u8; Page::ROOM]>(),
            )
        };
        let mut page = Page::new(buffer);
        // A value that does not fit is cut, as in C.
        let _ = value.show(&mut page);
        page.finish() as c_int
    }

    /// Frees the memory of a parameter, when the module is unloaded or could not be loaded.
    ///
    /// # Safety
    ///
    /// `value` is the `arg` of a [`KernelParam`] that was made of a `P`. The parameter is not used
    /// after this call.
    unsafe extern "C" fn free(value: *mut c_void) {
        // SAFETY: `value` is the static `P` that `KernelParam::new` put into `arg`. The kernel
        // destroys each parameter once, after its file in sysfs was removed.
        unsafe { (*value.cast::<P>()).free() };
    }
}

/// Shows why a value was refused.
struct Reason<'a, P>(&'a P, Refusal);

impl<P: Param> fmt::Display for Reason<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Refusal::Error(_, Some(reason)) => f.write_str(reason),
            Refusal::Error(error, None) => write!(f, "error {}", error.to_errno()),
            _ => self.0.allowed(f),
        }
    }
}

/// Puts one parameter, in the form that `params!` passes on, into the module.
#[doc(hidden)]
#[macro_export]
macro_rules! __param {
    (
        $(#[$attribute:meta])*
        [$($perm:tt)*] $flags:literal $name:ident $shown:literal $text:literal
        [$($type:tt)*] [$($value:tt)*]
    ) => {
        $(#[$attribute])*
        #[allow(non_upper_case_globals, reason = "the name in sysfs")]
        pub(crate) static $name: $($type)* = $($value)*;

        const _: () = {
            #[link_section = "__param"]
            #[used(compiler)]
            static __FAULTLINE_PARAM: $crate::params::KernelParam = $crate::params::KernelParam::new(
                // SAFETY: An identifier of Rust contains no NUL, and one was appended.
                unsafe {
                    ::core::ffi::CStr::from_bytes_with_nul_unchecked(
                        concat!($shown, "\0").as_bytes(),
                    )
                },
                $($perm)*,
                $flags,
                &$name,
            );
        };
        $crate::__modinfo!($crate::module::Info::new(concat!("parmtype=", $shown, ":"))
            .text(<$($type)* as $crate::params::Param>::TYPE_NAME));
        // A variable in this macro could have the name of a parameter.
        $crate::__modinfo!(<$($type)*>::describe(
            $($value)*,
            $crate::module::Info::new(concat!("parm=", $shown, ":", $text)),
        ));
    };
}
