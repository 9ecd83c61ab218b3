// SPDX-License-Identifier: GPL-2.0

//! Files in debugfs, whose text is generated at each read, and which can be written to.
//!
//! A [`Directory`] has the name of the module, and contains [`File`]s. A read from the beginning of
//! a file calls [`Show::show`] for all of it, so a reader gets a consistent text. A [`SessionFile`]
//! takes commands; whatever they set up ends when the file is closed.
//!
//! Our own: `kernel::debugfs` is not in 6.12.
//!
//! # Soundness
//!
//! debugfs holds a reference to a file's module while the file is open, and removing a file waits
//! for the calls of its operations that are in progress. So the data of a file may be freed after
//! that. A file or directory that is leaked keeps the module loaded
//! ([`module`](mod@crate::module)).
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)\
//! C header: [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

mod session;

use core::{
    ffi::CStr,
    fmt,
    marker::PhantomData,
    ptr::NonNull, //
};

pub use session::{
    Session,
    SessionFile,
    WRITE_MAX, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::{
            c_char,
            c_int,
            c_void, //
        },
        Arc,
        KBox,
        GFP_KERNEL, //
    },
    error::{
        code,
        from_err_ptr,
        Result, //
    },
    module::{
        self,
        Entrance, //
    }, //
};

/// The data of a file: what it shows, and what a write does.
pub trait Show: Send + Sync + 'static {
    /// Writes the file's text.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Called at each write to the file. The bytes written are ignored.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// The error that the writer gets; `EINVAL` by default.
    fn write(&self) -> Result {
        Err(code::EINVAL)
    }
}

/// A directory in debugfs.
///
/// # Invariants
///
/// `dentry` is that of a directory which this object owns.
pub struct Directory {
    dentry: NonNull<bindings::dentry>,
    _entrance: Entrance,
}

// SAFETY: Any task may remove a directory of debugfs.
unsafe impl Send for Directory {}

// SAFETY: By reference files can be created in the directory, which several tasks may do at once:
// debugfs takes the directory's lock.
unsafe impl Sync for Directory {}

impl Directory {
    /// Creates a directory with the name of the module. It is removed after the last of its files.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENODEV` without `CONFIG_DEBUG_FS`, `EPERM` if debugfs is disabled (`debugfs=off`),
    /// `EEXIST`, `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        // SAFETY: The name is a string with NUL, and null stands for the root of debugfs.
        let dentry = from_err_ptr(unsafe {
            bindings::debugfs_create_dir(char_ptr(module::name()), core::ptr::null_mut())
        })?;
        // INVARIANT: The directory was created just now.
        let directory = Self {
            dentry,
            _entrance: Entrance::new(),
        };
        Ok(Arc::new(directory, GFP_KERNEL)?)
    }
}

impl Drop for Directory {
    /// Removes the directory.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        // SAFETY: By the invariant this object owns the directory. Its files were removed before,
        // since each of them holds a reference to it.
        unsafe { bindings::debugfs_remove(self.dentry.as_ptr()) };
    }
}

/// A file in debugfs.
///
/// # Invariants
///
/// `dentry` is that of a file which this object owns, and which was created with a pointer to the
/// content of `shown`.
pub struct File<T: Show> {
    dentry: NonNull<bindings::dentry>,
    shown: KBox<Arc<T>>,
    /// The directory is removed after the file.
    _directory: Arc<Directory>,
    _entrance: Entrance,
}

// SAFETY: Any task may remove a file of debugfs, and `T` is `Send` and `Sync`.
unsafe impl<T: Show> Send for File<T> {}

// SAFETY: By reference only the data is accessible, and `T` is `Sync`.
unsafe impl<T: Show> Sync for File<T> {}

impl<T: Show> File<T> {
    /// Creates a file with mode 0400, or 0600 if it is writable.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOMEM`.
    pub fn new(
        directory: &Arc<Directory>,
        name: &CStr,
        writable: bool,
        shown: Arc<T>,
    ) -> Result<Self> {
        let shown = KBox::new(shown, GFP_KERNEL)?;
        let data: *const Arc<T> = &raw const *shown;
        // SAFETY: The name is a string with NUL. `data` points to an `Arc<T>` on the heap, which is
        // what the operations require, and which `drop` frees after it has removed the file.
        let dentry = from_err_ptr(unsafe {
            bindings::faultline_helper_debugfs_create_file(
                char_ptr(name),
                if writable { 0o600 } else { 0o400 },
                directory.dentry.as_ptr(),
                data.cast_mut().cast(),
                &raw const Operations::<T>::FILE.0,
            )
        })?;
        // INVARIANT: The file was created just now, with this pointer.
        Ok(Self {
            dentry,
            shown,
            _directory: directory.clone(),
            _entrance: Entrance::new(),
        })
    }

    /// Creates the module's only file, together with its directory, with mode 0400.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new) and [`Directory::new`].
    pub fn only(name: &CStr, shown: T) -> Result<Self> {
        Self::new(
            &Directory::new()?,
            name,
            false,
            Arc::new(shown, GFP_KERNEL)?,
        )
    }

    /// Returns the data of the file.
    pub fn shown(&self) -> &Arc<T> {
        &self.shown
    }
}

impl<T: Show> Drop for File<T> {
    /// Removes the file, and waits for the calls of its operations.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        // SAFETY: By the invariant this object owns the file.
        unsafe { bindings::debugfs_remove(self.dentry.as_ptr()) };
    }
}

/// The `file_operations` of a `File<T>`.
struct Operations<T>(PhantomData<T>);

/// A `struct file_operations` in a constant.
struct Constant(bindings::file_operations);

// SAFETY: The kernel only reads the `file_operations` of a file.
unsafe impl Sync for Constant {}

impl<T: Show> Operations<T> {
    const FILE: &'static Constant = &Constant(bindings::file_operations {
        owner: module::this(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        write: Some(Self::write),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        // SAFETY: Zeros are valid: function pointers that are `None`, and flags.
        ..unsafe { core::mem::zeroed() }
    });

    /// Opens a file.
    ///
    /// # Safety
    ///
    /// `inode` is that of a `File<T>`, and `file` is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The private pointer of the inode is that of `File::new`, to an `Arc<T>`, which is
        // what `show` requires of the private pointer of a `seq_file`.
        unsafe {
            let data = bindings::faultline_helper_inode_private(inode);
            bindings::single_open(file, Some(Self::show), data)
        }
    }

    /// Writes the text of a file.
    ///
    /// # Safety
    ///
    /// `seq` is the `seq_file` of a file that was opened by [`open`](Self::open).
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: `open` has set the private pointer to the `Arc<T>` of a `File<T>`. Its drop waits
        // for this call before it frees the data.
        let shown = unsafe { &*bindings::faultline_helper_seq_private(seq).cast::<Arc<T>>() };
        // If the text does not fit, `seq_read()` calls this again with a larger buffer.
        let _ = shown.show(&mut Buffered::new(seq));
        0
    }

    /// Handles a write.
    ///
    /// # Safety
    ///
    /// `file` was opened by [`open`](Self::open).
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        _text: *const c_char,
        count: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The inode of the file has the pointer to the `Arc<T>` of a `File<T>`. Its drop
        // waits for this call before it frees the data.
        let shown = unsafe { &*bindings::faultline_helper_file_private(file).cast::<Arc<T>>() };
        match shown.write() {
            Ok(()) => count as isize,
            Err(error) => error.to_errno() as isize,
        }
    }
}

/// Writes to a `struct seq_file` through a buffer.
struct Buffered {
    seq: *mut bindings::seq_file,
    out: [u8; 256],
    len: usize,
}

impl Buffered {
    fn new(seq: *mut bindings::seq_file) -> Self {
        Self {
            seq,
            out: [0; 256],
            len: 0,
        }
    }

    fn flush(&mut self) {
        let out = self.out.get(..self.len).unwrap_or_default();
        // SAFETY: `seq` is that of `show`, which has not returned yet. `out` may be read. If the
        // bytes do not fit, `seq_write()` marks the file as overflowed.
        unsafe { bindings::seq_write(self.seq, out.as_ptr().cast(), out.len()) };
        self.len = 0;
    }
}

impl fmt::Write for Buffered {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.len >= self.out.len() {
                self.flush();
            }
            if let Some(slot) = self.out.get_mut(self.len) {
                *slot = byte;
                self.len = self.len.wrapping_add(1);
            }
        }
        Ok(())
    }
}

impl Drop for Buffered {
    fn drop(&mut self) {
        self.flush();
    }
}
