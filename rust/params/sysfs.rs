// SPDX-License-Identifier: GPL-2.0

//! A parameter as the kernel sees it: what is in the section `__param`, and the
//! operations by which it is set, shown and freed.

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
    line,
    Param,
    Refusal, //
};

/// What the section `__param` holds for each parameter.
#[doc(hidden)]
#[repr(transparent)]
pub struct KernelParam(bindings::kernel_param);

// SAFETY: The kernel only reads it, and what it points to is `Sync`.
unsafe impl Sync for KernelParam {}

impl KernelParam {
    #[doc(hidden)]
    pub const fn new<P: Param>(
        name: &'static CStr,
        perm: u16,
        flags: u8,
        value: &'static P,
    ) -> Self {
        // What the macro calls `taints` and `hw`.
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
                // The operations make a shared reference of it again.
                arg: ptr::from_ref(value).cast_mut().cast::<c_void>(),
            },
        })
    }
}

/// The operations of a type of parameter, as C has them.
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
    /// - `text` is null or a string with NUL.
    /// - `param` is one made by [`KernelParam::new`] from a `P`.
    /// - The current task has locked the module's parameters.
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
            Printable(text.map_or(b"", line)),
            Why(value, refusal),
        );
        refusal.error().to_errno()
    }

    /// Shows a parameter.
    ///
    /// # Safety
    ///
    /// - `buffer` has a page of room.
    /// - `param` is one made by [`KernelParam::new`] from a `P`.
    /// - The current task has locked the module's parameters.
    unsafe extern "C" fn get(buffer: *mut c_char, param: *const bindings::kernel_param) -> c_int {
        // SAFETY: `arg` is the reference to a static `P` that `KernelParam::new` put there. The
        // buffer is a page, which is at least so big, and only this function has it.
        let (value, buffer) = unsafe {
            (
                &*(*param).__bindgen_anon_1.arg.cast::<P>(),
                &mut *buffer.cast::<[u8; Page::ROOM]>(),
            )
        };
        let mut page = Page {
            buffer,
            len: 0,
            is_absent: false,
        };
        // What does not fit is left out, as in C.
        let _ = value.show(&mut page);
        if !page.is_absent {
            let _ = page.write_bytes(b"\n");
        }
        page.len as c_int
    }

    /// Frees what a parameter has allocated, when the module is gone.
    ///
    /// # Safety
    ///
    /// `value` is that of a parameter made from a `P`, which nobody uses after
    /// this.
    unsafe extern "C" fn free(value: *mut c_void) {
        // SAFETY: `value` is the static `P` of a parameter, and sysfs has removed its file.
        unsafe { (*value.cast::<P>()).free() };
    }
}

/// Shows why a value is refused.
struct Why<'a, P>(&'a P, Refusal);

impl<P: Param> fmt::Display for Why<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Refusal::Error(_, Some(reason)) => f.write_str(reason),
            Refusal::Error(error, None) => write!(f, "error {}", error.to_errno()),
            _ => self.0.allowed(f),
        }
    }
}

/// The page that sysfs gives us to write to.
pub struct Page<'a> {
    buffer: &'a mut [u8; Page::ROOM],
    len: usize,
    is_absent: bool,
}

impl Page<'_> {
    /// One less than the smallest page of any architecture: sysfs complains
    /// about a full one.
    pub(super) const ROOM: usize = 4095;

    /// Writes bytes, of which as many as there is room for.
    ///
    /// # Errors
    ///
    /// If there was no room for all.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        for &byte in bytes {
            *self.buffer.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len = self.len.wrapping_add(1);
        }
        Ok(())
    }

    /// There is no value: not even a newline is shown.
    pub(super) fn absent(&mut self) -> fmt::Result {
        self.is_absent = true;
        Ok(())
    }
}

impl fmt::Write for Page<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_bytes(text.as_bytes())
    }
}
