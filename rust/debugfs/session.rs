// SPDX-License-Identifier: GPL-2.0

//! Files in debugfs that take commands, with one session per open file.
//!
//! Opening a [`SessionFile`] makes a [`Session`], and closing it drops the session. So whatever a
//! program sets up ends with the program, even if it is killed.
//!
//! # Soundness
//!
//! In addition to the argument for [files](super): a session lives until the file is closed, which
//! may be after the file was removed. It is on the heap, is owned by the open file, and does not
//! refer to the [`SessionFile`]. debugfs holds a reference to the module until the file is closed.

use core::{
    ffi::CStr,
    fmt,
    marker::PhantomData,
    ptr::NonNull, //
};

use super::{
    Buffered,
    Constant,
    Directory, //
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
        into_raw,
        push,
        Arc,
        KBox,
        KVec,
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

/// The state of an open file. It is dropped when the file is closed.
pub trait Session: Sized + Send + Sync + 'static {
    /// The data of the file, shared by all sessions.
    type Owner: Send + Sync + 'static;

    /// Called when the file is opened.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// The error that `open(2)` gets.
    fn open(owner: &Arc<Self::Owner>) -> Result<Self>;

    /// Handles a write, of which `bytes` are at most [`WRITE_MAX`]. Returns the number of bytes
    /// consumed.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// The error that the writer gets.
    fn write(&self, bytes: &[u8]) -> Result<usize>;

    /// Writes the text for a read from the beginning. The first read after a write is one.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result;
}

/// The most bytes of a write that are passed to [`Session::write`] at once.
pub const WRITE_MAX: usize = 4096;

/// A file in debugfs with one session per open file.
///
/// # Invariants
///
/// `dentry` is that of a file which this object owns, and which was created with a pointer to
/// the content of `_owner`.
pub struct SessionFile<S: Session> {
    dentry: NonNull<bindings::dentry>,
    _owner: KBox<Arc<S::Owner>>,
    /// The directory is removed after the file.
    _directory: Arc<Directory>,
    _entrance: Entrance,
}

// SAFETY: Any task may remove a file of debugfs, and `S::Owner` is `Send` and `Sync`.
unsafe impl<S: Session> Send for SessionFile<S> {}

// SAFETY: By reference nothing is accessible.
unsafe impl<S: Session> Sync for SessionFile<S> {}

impl<S: Session> SessionFile<S> {
    /// Creates a file with mode 0600.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOMEM`.
    pub fn new(directory: &Arc<Directory>, name: &CStr, owner: Arc<S::Owner>) -> Result<Self> {
        let owner = KBox::new(owner, GFP_KERNEL)?;
        let data: *const Arc<S::Owner> = &raw const *owner;
        // SAFETY: The name is a string with NUL. `data` points to an `Arc` on the heap, which is
        // what the operations require, and which `drop` frees after it has removed the file.
        let dentry = from_err_ptr(unsafe {
            bindings::faultline_helper_debugfs_create_file(
                char_ptr(name),
                0o600,
                directory.dentry.as_ptr(),
                data.cast_mut().cast(),
                &raw const Operations::<S>::FILE.0,
            )
        })?;
        // INVARIANT: The file was created just now, with this pointer.
        Ok(Self {
            dentry,
            _owner: owner,
            _directory: directory.clone(),
            _entrance: Entrance::new(),
        })
    }
}

impl<S: Session> Drop for SessionFile<S> {
    /// Removes the file, and waits for the calls of its operations. Sessions stay as long as their
    /// files are open.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    fn drop(&mut self) {
        // SAFETY: By the invariant this object owns the file.
        unsafe { bindings::debugfs_remove(self.dentry.as_ptr()) };
    }
}

/// The `file_operations` of a `SessionFile<S>`.
struct Operations<S>(PhantomData<S>);

impl<S: Session> Operations<S> {
    const FILE: &'static Constant = &Constant(bindings::file_operations {
        owner: module::this(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        write: Some(Self::write),
        llseek: Some(bindings::seq_lseek),
        release: Some(Self::release),
        // SAFETY: Zeros are valid: function pointers that are `None`, and flags.
        ..unsafe { core::mem::zeroed() }
    });

    /// Opens a file.
    ///
    /// # Safety
    ///
    /// `inode` is that of a `SessionFile<S>`, and `file` is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: The private pointer of the inode is that of `SessionFile::new`, to an `Arc` that
        // is freed after this call has returned.
        let owner =
            unsafe { &*bindings::faultline_helper_inode_private(inode).cast::<Arc<S::Owner>>() };
        let session = S::open(owner).and_then(|session| Ok(KBox::new(session, GFP_KERNEL)?));
        let session = match session {
            Ok(session) => into_raw(session),
            Err(error) => return error.to_errno(),
        };
        // SAFETY: `show` gets the session, which lives until `release`.
        let opened =
            unsafe { bindings::single_open(file, Some(Self::show), session.as_ptr().cast()) };
        if opened != 0 {
            // SAFETY: `into_raw` returned the pointer. The file was not opened, so it was not
            // stored.
            drop(unsafe { KBox::from_raw(session.as_ptr()) });
        }
        opened
    }

    /// Returns the session of a file.
    ///
    /// # Safety
    ///
    /// `file` was opened by [`open`](Self::open), and is not released during `'a`.
    unsafe fn session<'a>(file: *mut bindings::file) -> &'a S {
        // SAFETY: `open` has set the private pointer to the session, which lives until `release`.
        unsafe { &*bindings::faultline_helper_file_private(file).cast::<S>() }
    }

    /// Closes a file.
    ///
    /// # Safety
    ///
    /// `file` was opened by [`open`](Self::open), and is not used after this.
    unsafe extern "C" fn release(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open` has set the private pointer to that of a box. This is the last call for
        // the file, so the session is not used any more.
        unsafe {
            let session: *mut S = bindings::faultline_helper_file_private(file).cast();
            let released = bindings::single_release(inode, file);
            drop(KBox::from_raw(session));
            released
        }
    }

    /// Writes the text of a file.
    ///
    /// # Safety
    ///
    /// `seq` is the `seq_file` of a file that was opened by [`open`](Self::open).
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: `open` has set the private pointer to the session, which lives until `release`.
        let session = unsafe { &*bindings::faultline_helper_seq_private(seq).cast::<S>() };
        // If the text does not fit, `seq_read()` calls this again with a larger buffer.
        let _ = session.show(&mut Buffered::new(seq));
        0
    }

    /// Handles a write.
    ///
    /// # Safety
    ///
    /// `file` was opened by [`open`](Self::open), and `position` is valid. `text` is an address in
    /// user space, which may be bad.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        text: *const c_char,
        count: usize,
        position: *mut bindings::loff_t,
    ) -> isize {
        // Rewound in the file as well: after a write that fails, the kernel does not store
        // `position`. SAFETY: Both pointers are valid during this call, which holds the position's
        // lock.
        unsafe {
            position.write(0);
            bindings::faultline_helper_file_rewind(file);
        }
        // SAFETY: `open` opened the file, which is not released during this call.
        let session = unsafe { Self::session(file) };
        // SAFETY: `text` is the address that the user passed to `write(2)`.
        let taken = unsafe { from_user(text, count.min(WRITE_MAX)) }
            .and_then(|bytes| session.write(&bytes));
        match taken {
            Ok(taken) => taken.min(count) as isize,
            Err(error) => error.to_errno() as isize,
        }
    }
}

/// Copies bytes from the user.
///
/// # Errors
///
/// `EFAULT`, `ENOMEM`.
///
/// # Safety
///
/// `from` is an address in user space, which may be bad.
unsafe fn from_user(from: *const c_char, count: usize) -> Result<KVec<u8>> {
    let mut bytes = KVec::with_capacity(count, GFP_KERNEL)?;
    for _ in 0..count {
        push(&mut bytes, 0)?;
    }
    // SAFETY: `bytes` has `count` elements. `copy_from_user()` checks the other address.
    let left = unsafe {
        bindings::faultline_helper_copy_from_user(bytes.as_mut_ptr().cast(), from.cast(), count)
    };
    if left == 0 {
        Ok(bytes)
    } else {
        Err(code::EFAULT)
    }
}
