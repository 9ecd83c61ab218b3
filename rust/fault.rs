// SPDX-License-Identifier: GPL-2.0

//! Fault injection: what a kernel dies of, or only complains about, made on purpose.
//!
//! - [`crash_point`]: a fault in the middle of the Nth call of any function.
//! - [`watchdog`]: how the machine's lockup detectors are set.
//! - [`crash`]: whether a crash kernel stands ready.
//! - [`page`]: pages that are taken to be held.
//! - [`mortal`], [`hang_until`]: a thread that may die, and one that hangs.
//!
//! | | what the kernel does | who calls it |
//! |---|---|---|
//! | [`panic()`] | panics | does not go on |
//! | [`bug`], [`write_to_null`] | an oops | dies: a task, and in an interrupt the kernel |
//! | [`overflow_stack`] | panics, after an oops | does not go on |
//! | [`warn`] | a warning with a stack | goes on |
//! | [`free_twice`] | a warning with a report | goes on |
//!
//! # Soundness
//!
//! None of them touches memory that is anybody's: address 0 is never mapped, a
//! stack ends at a guard page, and the object that is freed twice belongs to a
//! cache whose frees the kernel checks. What cannot be done so is refused.
//!
//! A task that dies never runs again, so what is on its stack is never dropped:
//! it stays locked, registered or allocated. What kills one asks for a
//! [`Mortal`], which says that where it is lent this is all that there is to it.
//! A [thread](mortal) of ours has one, and so has a [crash
//! point](crate::fault::crash_point). A handler of other probes has none: the kernel keeps a
//! pointer to the probe while a handler runs, and so for good where the task dies
//! in it.
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

/// Proof that the task which runs here may die here.
pub struct Mortal<'a>(PhantomData<&'a *mut ()>);

impl Mortal<'_> {
    /// # Safety
    ///
    /// Nothing may be freed, for as long as the kernel runs, that the kernel
    /// refers to while the task is where this is lent.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(PhantomData)
    }
}

/// The longest text that goes with a fault, with its NUL.
const TEXT_MAX: usize = 128;

/// Calls `body` with the text as C has it; an empty one, if it is too long.
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
        // SAFETY: The format asks for one string with NUL.
        unsafe { bindings::panic(char_ptr(c"%s"), char_ptr(text)) }
    })
}

/// Finds a bug (`BUG()`): an oops, of which the task dies.
///
/// # Context
///
/// Any. In an interrupt, or in the idle task, the kernel panics.
#[inline]
pub fn bug(_task: &Mortal<'_>) -> ! {
    // SAFETY: The function may be called from any context, and the task may die.
    unsafe { bindings::faultline_helper_bug() };
    // SAFETY: It does not return.
    unsafe { core::hint::unreachable_unchecked() }
}

/// Writes to address 0: an oops, of which the task dies.
///
/// # Context
///
/// As for [`bug`].
#[inline]
pub fn write_to_null(task: &Mortal<'_>) -> ! {
    // SAFETY: Nothing is mapped there in the kernel, and C is told to do as it
    // is told.
    unsafe { bindings::faultline_helper_write_to_null() };
    // Where an architecture has something there, it is a bug all the same.
    bug(task)
}

/// Warns (`WARN()`), with a stack.
///
/// # Context
///
/// Any.
#[inline]
pub fn warn(text: fmt::Arguments<'_>) {
    with_text(text, |text| {
        // SAFETY: It is a string with NUL.
        unsafe { bindings::faultline_helper_warn(char_ptr(text)) }
    });
}

/// Runs over the end of the stack, into the page that guards it. The kernel
/// panics.
///
/// # Context
///
/// Thread context.
///
/// # Errors
///
/// `EOPNOTSUPP` where no page guards the stack (without `CONFIG_VMAP_STACK`):
/// that is when it returns at all.
pub fn overflow_stack() -> Error {
    if cfg!(CONFIG_VMAP_STACK) {
        black_box(recurse(black_box(usize::MAX)));
    }
    code::EOPNOTSUPP
}

/// Calls itself so many times, with more on the stack each time.
#[inline(never)]
fn recurse(times: usize) -> usize {
    // Less than a page, so that none is skipped.
    let frame = black_box([times; 64]);
    match times.checked_sub(1) {
        // What is done with the result makes it no tail call.
        Some(times) => black_box(recurse(times)).wrapping_add(black_box(&frame).len()),
        None => 0,
    }
}

/// Frees an object twice, in a cache of its own whose frees the kernel checks.
/// It warns, and does not do it.
///
/// # Context
///
/// Process context; sleeps.
///
/// # Errors
///
/// `EOPNOTSUPP` where the kernel has no such checks (`CONFIG_SLUB_DEBUG`),
/// `ENOMEM`.
pub fn free_twice() -> Result {
    /// A cache, destroyed when dropped.
    struct Cache(NonNull<bindings::kmem_cache>);

    impl Drop for Cache {
        fn drop(&mut self) {
            // SAFETY: It was created for this object, and is empty again.
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
    // SAFETY: The cache is ours. Of its two objects the second keeps the first
    // one's page in use, so that this is still an object of the cache when it
    // comes for the second time. Then the cache finds it among those that are
    // free, and leaves it there.
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
