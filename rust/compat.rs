// SPDX-License-Identifier: GPL-2.0

//! Everything that is taken from the in-tree `kernel` crate.
//!
//! That crate changes with every release, so no other file names it, and only this one depends on
//! the release. It uses what 6.12 and 7.3 both have in the same form:
//!
//! - [`KBox`], [`KVec`] and [`Arc`], the fallible allocations, with their error and flags;
//! - [`Mutex`] with [`new_mutex!`], and [`InPlaceInit`], which puts one into a box;
//! - the C types, the structures of `bindings` that our own bindings refer to, and `Opaque`, for
//!   objects that C writes to behind a shared reference.
//!
//! For functions that only some releases have, `rust/Kbuild` searches the crate's source: see
//! [`push`].
//!
//! The other counterparts of this library in the crate cannot be used:
//!
//! | here | in the crate | why not |
//! |---|---|---|
//! | [`sync::rcu`](crate::sync::rcu) | `sync::rcu` | not in 6.12 |
//! | [`RawSpinLock`](crate::sync::spinlock::RawSpinLock) | `sync::SpinLock` | is a `spinlock_t`, which sleeps with `PREEMPT_RT`; no `try_lock()` in 6.12 |
//! | [`LockClass`](crate::sync::lock_class::LockClass) | `sync::LockClassKey` | its pointer is private in 6.12 |
//! | `core::sync::atomic` | `sync::atomic` | not in 6.12; see [`sync`](mod@crate::sync) |
//! | [`workqueue`](crate::task::workqueue) | `workqueue` | can neither choose the CPU nor wait for the work |
//! | [`CpuSet`](crate::task::cpu::CpuSet) | `cpumask` | not in 6.12 |
//! | [`context`](crate::task::context) | `interrupt` | not in 6.12, nor in 7.2 |
//! | [`time`](crate::task::time) | `time` | no clock that an NMI may read in 6.12 |
//! | [`debugfs`](crate::debugfs) | `debugfs` | not in 6.12 |
//! | [`params`](mod@crate::params) | `module_param` | not in 6.12; in 7.3 integers and `bool` only, and not in sysfs |
//! | [`print`](crate::print) | `print` | needs `%pA` of `printk()`, which only kernels with Rust have |
//! | [`error`](crate::error) | `error` | 6.12 lacks five of the numbers; `from_errno()` prints |
//! | [`module!`](crate::module!) | `module!` | its parameters: see above; 6.12 has none |
//!
//! The crate has nothing for threads, interrupts to other CPUs, `irq_work`, `stop_machine`, per-CPU
//! memory and probes.

use core::{
    ffi::CStr,
    ptr::NonNull, //
};

pub use kernel::{
    alloc::{
        flags::GFP_KERNEL,
        AllocError,
        KBox,
        KVec, //
    },
    ffi,
    init::InPlaceInit,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};

pub(crate) use kernel::{
    bindings,
    error::Error,
    types::Opaque, //
};

/// Leaks a box. The caller owns its memory, and frees it by `KBox::from_raw`.
pub(crate) fn into_raw<T>(content: KBox<T>) -> NonNull<T> {
    // SAFETY: `KBox::into_raw` returns the address of the content, which is not null.
    unsafe { NonNull::new_unchecked(KBox::into_raw(content)) }
}

/// Returns the pointer that C takes for a string. The type of `char` differs between `core` and
/// the kernel, and between kernels.
pub(crate) const fn char_ptr(text: &CStr) -> *const ffi::c_char {
    text.to_bytes_with_nul().as_ptr().cast()
}

/// Returns the C string at `text`.
///
/// # Safety
///
/// `text` points to a string with NUL, which is valid and not changed for `'a`.
pub(crate) unsafe fn c_str<'a>(text: *const ffi::c_char) -> &'a CStr {
    let text = text.cast::<u8>();
    let mut len: usize = 0;
    // SAFETY: The string at `text` ends with a NUL at index `len`, so all bytes up to that one may
    // be read, and it is the only NUL among them. (`CStr::from_ptr` contains an addition that
    // could panic, and the type that `strlen` returns in `bindings` depends on the architecture.)
    unsafe {
        while text.add(len).read() != 0 {
            len = len.wrapping_add(1);
        }
        CStr::from_bytes_with_nul_unchecked(core::slice::from_raw_parts(text, len.wrapping_add(1)))
    }
}

/// Returns the bytes of a string without its NUL.
pub(crate) fn bytes(text: &CStr) -> &[u8] {
    match text.to_bytes_with_nul() {
        [bytes @ .., _nul] => bytes,
        [] => &[],
    }
}

/// Appends a value to a vector whose capacity was reserved by `with_capacity`.
///
/// Unlike `KVec::push`, which may have to grow the vector, this contains no arithmetic that could
/// panic.
///
/// # Errors
///
/// `AllocError` if the vector is full.
pub fn push<T>(vector: &mut KVec<T>, value: T) -> Result<(), AllocError> {
    #[cfg(kernel_has = "push_within_capacity")]
    return vector.push_within_capacity(value).map_err(|_| AllocError);

    #[cfg(not(kernel_has = "push_within_capacity"))]
    {
        let len = vector.len();
        if len >= vector.capacity() {
            return Err(AllocError);
        }
        // SAFETY: `len` is below the capacity, so the memory of one more element is allocated. It
        // is initialised before the length includes it.
        unsafe {
            vector.as_mut_ptr().add(len).write(value);
            vector.set_len(len.wrapping_add(1));
        }
        Ok(())
    }
}

/// Appends a value to a vector, which grows if it is full.
///
/// # Errors
///
/// `AllocError` if there is no memory. The vector is then as it was.
pub fn append<T>(vector: &mut KVec<T>, value: T) -> Result<(), AllocError> {
    if vector.len() == vector.capacity() {
        let capacity = vector.len().saturating_mul(2).max(4);
        let mut larger = KVec::with_capacity(capacity, GFP_KERNEL)?;
        for value in core::mem::replace(vector, KVec::new()) {
            push(&mut larger, value)?;
        }
        *vector = larger;
    }
    push(vector, value)
}
