// SPDX-License-Identifier: GPL-2.0

//! Pages of memory, taken from the kernel to be held.
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

/// The bytes of a page.
#[allow(
    clippy::unnecessary_cast,
    reason = "C's unsigned long is usize in newer kernels, u64 in older ones"
)]
const PAGE_SIZE: usize = bindings::PAGE_SIZE as usize;

/// What a page that is held begins with.
struct Link {
    next: Option<NonNull<Link>>,
}

/// Pages that are held until this is dropped.
///
/// # Invariants
///
/// `first` leads to `count` pages that belong to this object, each of which begins with the
/// `Link` to the next.
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

// SAFETY: The pages belong to the object alone.
unsafe impl Send for Pages {}

impl Pages {
    /// None yet.
    pub const fn new() -> Self {
        // INVARIANT: There is none.
        Self {
            first: None,
            count: 0,
        }
    }

    /// Takes one page more (`GFP_KERNEL`). Where memory runs out, the kernel
    /// kills a process for it.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn grow(&mut self) -> Result {
        // SAFETY: The caller may sleep.
        let page = unsafe { bindings::faultline_helper_get_free_page() };
        let page = NonNull::new(page as *mut Link).ok_or(code::ENOMEM)?;
        // SAFETY: The page was just taken, and is large enough and aligned.
        unsafe { page.write(Link { next: self.first }) };
        // INVARIANT: The page is ours, and leads to the others.
        self.first = Some(page);
        self.count = self.count.wrapping_add(1);
        Ok(())
    }

    /// How many bytes that is.
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
            // SAFETY: By the invariant it is a page of ours, which is read
            // before it is given back.
            unsafe {
                self.first = page.read().next;
                bindings::free_pages(page.as_ptr().cast::<c_void>() as c_ulong, 0);
            }
        }
    }
}

/// How much memory the kernel has to give.
pub fn total_bytes() -> usize {
    // SAFETY: The function reads a counter.
    let pages = unsafe { bindings::faultline_helper_totalram_pages() };
    (pages as usize).saturating_mul(PAGE_SIZE)
}

/// Takes a page as code must that cannot sleep (`GFP_ATOMIC`), and gives it
/// back. Returns whether there was one.
///
/// # Context
///
/// Any but an NMI. With [`PREEMPT_RT`](crate::task::context::PREEMPT_RT) the allocator's locks sleep, so
/// there preemption and interrupts have to be on.
pub fn borrow_atomic() -> bool {
    // SAFETY: The function may be called from any context but an NMI; where it must not sleep
    // but would, the scheduler reports that. The page is given back at once.
    unsafe {
        let page = bindings::faultline_helper_get_free_page_atomic();
        if page != 0 {
            bindings::free_pages(page, 0);
        }
        page != 0
    }
}
