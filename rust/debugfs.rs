// SPDX-License-Identifier: GPL-2.0

//! Files in debugfs: text that is made when it is read, and a write that is an
//! order.
//!
//! A [`Folder`] has the name of the module, and each [`File`] is in one.
//! Each reading of a file from its beginning calls [`Show::show`] once, for all
//! of it, so what one reader gets was true at one moment.
//!
//! # Soundness
//!
//! debugfs holds a file's module while the file is open, and removing the
//! folder waits for the calls that are in progress. So what a file shows may be
//! freed after that. A folder that is leaked holds a way into the module
//! ([`module`](mod@crate::module)).
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)\
//! C header: [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

use core::{
    ffi::CStr,
    fmt,
    marker::PhantomData,
    ptr::NonNull, //
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

/// What a file shows and does.
pub trait Show: Send + Sync + 'static {
    /// Writes the file's text.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// Those of `out`, after which it is called again with more room.
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Something was written to the file, never mind what.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// What the writer gets; `EINVAL` if the file is only read.
    fn write(&self) -> Result {
        Err(code::EINVAL)
    }
}

/// A folder in debugfs.
///
/// # Invariants
///
/// `folder` is one that this object made.
pub struct Folder {
    folder: NonNull<bindings::dentry>,
    _entrance: Entrance,
}

// SAFETY: debugfs has locks of its own.
unsafe impl Send for Folder {}

// SAFETY: All that can be done by a shared reference is to make files in it, which debugfs
// locks.
unsafe impl Sync for Folder {}

impl Folder {
    /// Makes a folder with the name of the module. It is removed after the last
    /// of its files.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENODEV` on a kernel without debugfs, `EPERM` where it is switched off,
    /// `EEXIST`, `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        // SAFETY: The name is a string with NUL.
        let folder = from_err_ptr(unsafe {
            bindings::debugfs_create_dir(char_ptr(module::name()), core::ptr::null_mut())
        })?;
        // INVARIANT: It was just made.
        let folder = Self {
            folder,
            _entrance: Entrance::new(),
        };
        Ok(Arc::new(folder, GFP_KERNEL)?)
    }
}

impl Drop for Folder {
    /// Removes the folder.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        // SAFETY: By the invariant the folder is ours, with all that is in it.
        unsafe { bindings::debugfs_remove(self.folder.as_ptr()) };
    }
}

/// A file in debugfs.
///
/// # Invariants
///
/// `file` was made with a pointer to `shown`, which is on the heap.
pub struct File<T: Show> {
    file: NonNull<bindings::dentry>,
    shown: KBox<Arc<T>>,
    /// Removed after the file.
    _folder: Arc<Folder>,
    _entrance: Entrance,
}

// SAFETY: debugfs has locks of its own, and what is shown is `Send` and `Sync`.
unsafe impl<T: Show> Send for File<T> {}

// SAFETY: Nothing can be done by a shared reference.
unsafe impl<T: Show> Sync for File<T> {}

impl<T: Show> File<T> {
    /// Makes a file that only the superuser reads, or reads and writes.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOMEM`.
    pub fn new(folder: &Arc<Folder>, name: &CStr, writable: bool, shown: Arc<T>) -> Result<Self> {
        let shown = KBox::new(shown, GFP_KERNEL)?;
        let data: *const Arc<T> = &raw const *shown;
        // SAFETY: The name is a string with NUL. The file's functions are given
        // a pointer that is good until the file is removed, and are those for
        // it.
        let file = from_err_ptr(unsafe {
            bindings::faultline_helper_debugfs_create_file(
                char_ptr(name),
                if writable { 0o600 } else { 0o400 },
                folder.folder.as_ptr(),
                data.cast_mut().cast(),
                &raw const Operations::<T>::FILE.0,
            )
        })?;
        // INVARIANT: It was just made so.
        Ok(Self {
            file,
            shown,
            _folder: folder.clone(),
            _entrance: Entrance::new(),
        })
    }

    /// What is shown.
    pub fn shown(&self) -> &Arc<T> {
        &self.shown
    }
}

impl<T: Show> Drop for File<T> {
    /// Removes the file, and waits for who is in it.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        // SAFETY: By the invariant the file is ours.
        unsafe { bindings::debugfs_remove(self.file.as_ptr()) };
    }
}

/// The functions of a file, as C has them.
struct Operations<T>(PhantomData<T>);

/// A `struct file_operations` that may be in a constant.
struct Constant(bindings::file_operations);

// SAFETY: Nobody writes to it.
unsafe impl Sync for Constant {}

impl<T: Show> Operations<T> {
    const FILE: &'static Constant = &Constant(bindings::file_operations {
        owner: module::this(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        write: Some(Self::write),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        // SAFETY: Zeros are what C has for functions that are not there.
        ..unsafe { core::mem::zeroed() }
    });

    /// # Safety
    ///
    /// `inode` is that of a `File<T>`.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The inode is that of a `File<T>`, so it has the pointer that `show` wants.
        unsafe {
            let data = bindings::faultline_helper_inode_private(inode);
            bindings::single_open(file, Some(Self::show), data)
        }
    }

    /// # Safety
    ///
    /// `seq` was opened by [`open`](Self::open).
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: `open` gave it the pointer to what is shown. debugfs keeps the file while
        // this runs, so that lives.
        let shown = unsafe { &*bindings::faultline_helper_seq_private(seq).cast::<Arc<T>>() };
        // What does not fit is made again by `seq_read` with more room.
        let _ = shown.show(&mut Buffered {
            seq,
            out: [0; 256],
            len: 0,
        });
        0
    }

    /// # Safety
    ///
    /// `file` was opened by [`open`](Self::open).
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        _text: *const c_char,
        count: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The file has the pointer to what is shown, and debugfs keeps it while this
        // runs, so that lives.
        let shown = unsafe { &*bindings::faultline_helper_file_private(file).cast::<Arc<T>>() };
        match shown.write() {
            Ok(()) => count as isize,
            Err(error) => error.to_errno() as isize,
        }
    }
}

/// Writes to a `struct seq_file`, a few lines at a time.
struct Buffered {
    seq: *mut bindings::seq_file,
    out: [u8; 256],
    len: usize,
}

impl Buffered {
    fn flush(&mut self) {
        let out = self.out.get(..self.len).unwrap_or_default();
        // SAFETY: `show` lends the file, and the bytes are there. Whether they
        // fit is for `seq_read` to see.
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
