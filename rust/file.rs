// SPDX-License-Identifier: GPL-2.0

//! Small files that are read from inside the kernel.
//!
//! Settings for which there is no C interface for modules can be read where a user reads them: in
//! `/proc/sys` and `/sys`. The `kernel` crate cannot open a file by its path.
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

/// A file that is open for reading.
///
/// # Invariants
///
/// `file` is a reference to an open `struct file` that this object owns.
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

// SAFETY: A `struct file` is reference-counted, and may be read and closed by any task.
unsafe impl Send for File {}

// SAFETY: By reference the file can only be read, and `kernel_read()` with a position of its own
// may be called by several tasks at once.
unsafe impl Sync for File {}

impl File {
    /// Opens the file at `path`, from the root directory of the current task.
    ///
    /// # Context
    ///
    /// Process context; sleeps. The root directory of a kernel thread may differ from that of the
    /// user who loads the module.
    ///
    /// # Errors
    ///
    /// Those of `open(2)`.
    pub fn open(path: &CStr) -> Result<Self> {
        // SAFETY: `path` is a string with NUL.
        let file = unsafe { bindings::filp_open(char_ptr(path), bindings::O_RDONLY as c_int, 0) };
        // INVARIANT: `filp_open()` returns a reference, which its caller owns.
        Ok(Self {
            file: from_err_ptr(file)?,
        })
    }

    /// Reads the first `N` bytes of the file.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// Those of `read(2)`, and `EILSEQ` if the bytes are not UTF-8.
    pub fn read_text<const N: usize>(&self) -> Result<Text<N>> {
        let mut bytes = [0u8; N];
        let mut position = 0;
        // SAFETY: By the invariant the file is open. `bytes` has room for `N` bytes.
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
        // SAFETY: By the invariant this object owns the reference, which is not used after the
        // drop. The file has no descriptor, so the file table (the second argument) is null.
        unsafe { bindings::filp_close(self.file.as_ptr(), core::ptr::null_mut()) };
    }
}
