// SPDX-License-Identifier: GPL-2.0

//! Fault injection: panics, oopses and warnings on purpose.
//!
//! - [`crash_point`]: a fault in the middle of the Nth call of any function.
//! - [`watchdog`]: settings and counters of the kernel's lockup detectors.
//! - [`crash`]: whether a crash kernel is loaded.
//! - [`page`]: allocates pages and holds them.
//! - [`mortal`], [`hang_until`]: a thread that may die, and one that hangs.
//!
//! | function | what the kernel does | the caller |
//! |---|---|---|
//! | [`panic()`] | panics | does not continue |
//! | [`bug`], [`write_to_null`] | oopses; in an interrupt, panics | dies |
//! | [`overflow_stack`] | panics, after an oops | does not continue |
//! | [`warn`] | warns, with a stack | continues |
//! | [`free_twice`] | warns, with a report | continues |
//!
//! # Soundness
//!
//! None of them corrupts memory: address 0 is never mapped, a stack ends at a guard page, and the
//! object that is freed twice belongs to a cache whose frees the kernel checks. On a kernel without
//! such a check the function fails.
//!
//! A task that dies never runs again, so the objects on its stack are never dropped: they stay
//! locked, registered or allocated. A function that kills its task takes a [`Mortal`], which proves
//! that the death has no other consequences there. A [thread](mortal) of ours can get one, and so
//! can a [crash point](crate::fault::crash_point). Handlers of other probes cannot: the kernel
//! keeps a pointer to the probe while a handler runs, and keeps it for good if the task dies in the
//! handler.
//!
//! C header: [`include/linux/bug.h`](srctree/include/linux/bug.h)\
//! C header: [`include/linux/panic.h`](srctree/include/linux/panic.h)

pub mod crash;
pub mod crash_point;
pub mod page;
mod thread;
pub mod watchdog;

use core::{
    ffi::CStr,
    fmt,
    hint::black_box,
    marker::PhantomData,
    ptr::NonNull, //
};

pub use self::thread::{
    hang_until,
    mortal, //
};

use crate::{
    bindings,
    compat::char_ptr,
    error::{
        code,
        Error,
        Result, //
    },
    text::Text, //
};

/// Proof that the current task may die here.
pub struct Mortal<'a>(PhantomData<&'a *mut ()>);

impl Mortal<'_> {
    /// Makes the proof.
    ///
    /// # Safety
    ///
    /// Objects that the kernel refers to while the task is in the code that borrows this must never
    /// be freed if the task dies there.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(PhantomData)
    }
}

/// The size of the longest text of a panic or a warning, with its NUL.
const TEXT_MAX: usize = 128;

/// Calls `body` with the text as a C string, which is empty if the text is too long.
fn with_text<R>(text: fmt::Arguments<'_>, body: impl FnOnce(&CStr) -> R) -> R {
    let text = Text::<TEXT_MAX>::format(format_args!("{text}\0"));
    body(text.as_ref().ok().and_then(Text::as_c_str).unwrap_or(c""))
}

/// Panics: `Kernel panic - not syncing: <text>`.
///
/// # Context
///
/// Any.
#[inline]
pub fn panic(text: fmt::Arguments<'_>) -> ! {
    with_text(text, |text| {
        // SAFETY: The format has `%s`, for which a string with NUL is passed.
        unsafe { bindings::panic(char_ptr(c"%s"), char_ptr(text)) }
    })
}

/// Calls `BUG()`: an oops, which kills the task.
///
/// # Context
///
/// Any. In an interrupt, or in the idle task, the kernel panics.
#[inline]
pub fn bug(_task: &Mortal<'_>) -> ! {
    // SAFETY: `BUG()` may be called from any context, and by `_task` the task may die.
    unsafe { bindings::faultline_helper_bug() };
    // SAFETY: `BUG()` does not return.
    unsafe { core::hint::unreachable_unchecked() }
}

/// Writes to address 0: an oops, which kills the task.
///
/// # Context
///
/// As for [`bug`].
#[inline]
pub fn write_to_null(task: &Mortal<'_>) -> ! {
    // SAFETY: The kernel maps nothing at address 0, so the write faults. It is volatile in C, so
    // the compiler keeps it.
    unsafe { bindings::faultline_helper_write_to_null() };
    // Reached only if something is mapped at address 0.
    bug(task)
}

/// Prints a warning with a stack (`WARN()`).
///
/// # Context
///
/// Any.
#[inline]
pub fn warn(text: fmt::Arguments<'_>) {
    with_text(text, |text| {
        // SAFETY: `text` is a string with NUL.
        unsafe { bindings::faultline_helper_warn(char_ptr(text)) }
    });
}

/// Overflows the stack into its guard page. The kernel panics.
///
/// # Context
///
/// Thread context.
///
/// # Errors
///
/// Always `EOPNOTSUPP`: it only returns if the stack has no guard page (without
/// `CONFIG_VMAP_STACK`).
pub fn overflow_stack() -> Error {
    if cfg!(CONFIG_VMAP_STACK) {
        black_box(recurse(black_box(usize::MAX)));
    }
    code::EOPNOTSUPP
}

/// Calls itself `times` times.
#[inline(never)]
fn recurse(times: usize) -> usize {
    // Smaller than a page, so that the guard page is not skipped.
    let frame = black_box([times; 64]);
    match times.checked_sub(1) {
        // The addition keeps this from becoming a tail call.
        Some(times) => black_box(recurse(times)).wrapping_add(black_box(&frame).len()),
        None => 0,
    }
}

/// Frees an object twice, in a cache of its own whose frees the kernel checks. The kernel warns,
/// and ignores the second free.
///
/// # Context
///
/// Process context; sleeps.
///
/// # Errors
///
/// `EOPNOTSUPP` if the kernel has no such checks (without `CONFIG_SLUB_DEBUG`), `ENOMEM`.
pub fn free_twice() -> Result {
    /// A cache, destroyed when dropped.
    struct Cache(NonNull<bindings::kmem_cache>);

    impl Drop for Cache {
        fn drop(&mut self) {
            // SAFETY: The cache was created for this object, and all its objects were freed.
            unsafe { bindings::kmem_cache_destroy(self.0.as_ptr()) };
        }
    }

    if !cfg!(CONFIG_SLUB_DEBUG) {
        return Err(code::EOPNOTSUPP);
    }
    // SAFETY: The caller may sleep; the name is a string with NUL, which the
    // kernel copies.
    let cache = unsafe {
        bindings::faultline_helper_create_checked_cache(char_ptr(c"faultline_free_twice"), 64)
    };
    let cache = Cache(NonNull::new(cache).ok_or(code::ENOMEM)?);
    let raw = cache.0.as_ptr();
    // SAFETY: The cache is ours. The second of its two objects keeps their page in the cache, so
    // the first one still belongs to the cache when it is freed again. The check then finds it on
    // the freelist, and does not free it.
    unsafe {
        let object = bindings::faultline_helper_kmem_cache_alloc(raw);
        let neighbour = bindings::faultline_helper_kmem_cache_alloc(raw);
        let both = !object.is_null() && !neighbour.is_null();
        if !object.is_null() {
            bindings::kmem_cache_free(raw, object);
        }
        if both {
            bindings::kmem_cache_free(raw, object);
        }
        if !neighbour.is_null() {
            bindings::kmem_cache_free(raw, neighbour);
        }
        if both {
            Ok(())
        } else {
            Err(code::ENOMEM)
        }
    }
}
