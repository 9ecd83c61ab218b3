// SPDX-License-Identifier: GPL-2.0

//! Allocates pages of memory and holds them.
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use core::{
    ffi::c_void,
    ptr::NonNull, //
};

use crate::{
    bindings,
    compat::ffi::c_ulong,
    error::{
        code,
        Result, //
    }, //
};

/// The size of a page.
#[allow(
    clippy::unnecessary_cast,
    reason = "C's unsigned long is usize in newer kernels, u64 in older ones"
)]
const PAGE_SIZE: usize = bindings::PAGE_SIZE as usize;

/// The beginning of a held page.
struct Link {
    next: Option<NonNull<Link>>,
}

/// A list of pages, which are freed when it is dropped.
///
/// # Invariants
///
/// `first` is the head of a list of `count` pages that this object owns. Each begins with a `Link`
/// to the next.
///
/// # Examples
///
/// ```no_run
/// use faultline::fault::page::Pages;
///
/// let mut pages = Pages::new();
/// while pages.bytes() < 1 << 20 {
///     pages.grow()?;
/// }
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub struct Pages {
    first: Option<NonNull<Link>>,
    count: usize,
}

// SAFETY: By the invariant the object owns the pages, which any task may free.
unsafe impl Send for Pages {}

impl Pages {
    /// Makes an empty list.
    pub const fn new() -> Self {
        // INVARIANT: The list is empty.
        Self {
            first: None,
            count: 0,
        }
    }

    /// Allocates one more page (`GFP_KERNEL`). If memory runs out, the kernel kills a process.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn grow(&mut self) -> Result {
        // SAFETY: The function has no requirements but its context; a caller that must not sleep is
        // reported by the scheduler, which harms no memory.
        let page = unsafe { bindings::faultline_helper_get_free_page() };
        let page = NonNull::new(page as *mut Link).ok_or(code::ENOMEM)?;
        // SAFETY: The page was allocated just now. It is larger than a `Link`, and aligned.
        unsafe { page.write(Link { next: self.first }) };
        // INVARIANT: The page is ours, and its `Link` is to the previous head.
        self.first = Some(page);
        self.count = self.count.wrapping_add(1);
        Ok(())
    }

    /// Returns the size of the pages in bytes.
    pub const fn bytes(&self) -> usize {
        self.count.saturating_mul(PAGE_SIZE)
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        while let Some(page) = self.first {
            // SAFETY: By the invariant this object owns the page, which begins with a `Link`. The
            // link is read before the page is freed.
            unsafe {
                self.first = page.read().next;
                bindings::free_pages(page.as_ptr().cast::<c_void>() as c_ulong, 0);
            }
        }
    }
}

/// Returns the size of the machine's usable memory (`totalram_pages()`).
pub fn total_bytes() -> usize {
    // SAFETY: The function only reads a counter.
    let pages = unsafe { bindings::faultline_helper_totalram_pages() };
    (pages as usize).saturating_mul(PAGE_SIZE)
}

/// Allocates a page with `GFP_ATOMIC`, and frees it again. Returns whether the allocation
/// succeeded.
///
/// # Context
///
/// Any but an NMI. With [`PREEMPT_RT`](crate::task::context::PREEMPT_RT) the allocator's locks
/// sleep, so preemption and interrupts must be on.
pub fn borrow_atomic() -> bool {
    // SAFETY: The function may be called from any context but an NMI. If it sleeps where it must
    // not, the scheduler reports it, which harms no memory. The page is not used after it is freed.
    unsafe {
        let page = bindings::faultline_helper_get_free_page_atomic();
        if page != 0 {
            bindings::free_pages(page, 0);
        }
        page != 0
    }
}
