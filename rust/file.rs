// SPDX-License-Identifier: GPL-2.0

//! Small files, read from inside the kernel.
//!
//! Settings that have no C interface for modules can still be read where a
//! user reads them: in `/proc/sys` and `/sys`.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use core::{
    ffi::CStr,
    ptr::NonNull, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::c_int, //
    },
    error::{
        code,
        from_err_ptr,
        Result, //
    },
    text::Text, //
};

/// A file opened for reading.
///
/// # Invariants
///
/// `file` is a reference to an open `struct file`, owned by this object.
///
/// # Examples
///
/// ```no_run
/// use faultline::file::File;
///
/// let file = File::open(c"/proc/sys/kernel/watchdog_thresh")?;
/// let thresh = file.read_text::<16>()?;
/// faultline::pr_info!("the threshold is {} s", &*thresh);
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub struct File {
    file: NonNull<bindings::file>,
}

// SAFETY: A `struct file` is counted and may be read from and closed by any
// task.
unsafe impl Send for File {}

// SAFETY: `kernel_read` with a position of its own changes nothing that another
// reader of the same file sees.
unsafe impl Sync for File {}

impl File {
    /// Opens the file at `path`, seen from the root of the calling task.
    ///
    /// # Context
    ///
    /// Process context of the task whose files are meant; sleeps. A kernel
    /// thread may see another root than the user who loads the module.
    ///
    /// # Errors
    ///
    /// Those of `open(2)`.
    pub fn open(path: &CStr) -> Result<Self> {
        // SAFETY: The path is a string with NUL.
        let file = unsafe { bindings::filp_open(char_ptr(path), bindings::O_RDONLY as c_int, 0) };
        // INVARIANT: `filp_open` returned a reference, which is ours.
        Ok(Self {
            file: from_err_ptr(file)?,
        })
    }

    /// Reads the file from its beginning.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// Those of `read(2)`, and `EILSEQ` if that is not UTF-8. What follows the
    /// first `N` bytes is left out.
    pub fn read_text<const N: usize>(&self) -> Result<Text<N>> {
        let mut bytes = [0u8; N];
        let mut position = 0;
        // SAFETY: By the invariant the file is open, and the buffer has `N`
        // bytes.
        let read = unsafe {
            bindings::kernel_read(
                self.file.as_ptr(),
                bytes.as_mut_ptr().cast(),
                N,
                &mut position,
            )
        };
        if read < 0 {
            return Err(crate::error::Error::from_errno(read as c_int));
        }
        let read = bytes.get(..read as usize).unwrap_or_default();
        let text = core::str::from_utf8(read).map_err(|_| code::EILSEQ)?;
        Text::format(format_args!("{text}"))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: By the invariant the reference is ours, and it is not used
        // again. The file was opened by the kernel, so no task's table of
        // files has it.
        unsafe { bindings::filp_close(self.file.as_ptr(), core::ptr::null_mut()) };
    }
}
