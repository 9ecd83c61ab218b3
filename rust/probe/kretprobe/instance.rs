// SPDX-License-Identifier: GPL-2.0

//! The kernel's instances of a kretprobe, one for each call that is followed. Depending on the
//! configuration they use a rethook or a holder.
//!
//! C header: [`include/linux/rethook.h`](srctree/include/linux/rethook.h)

use super::{
    Handler,
    Kretprobe,
    Registration, //
};
use crate::{
    bindings,
    probe::Shared, //
};

/// The most calls that the search for an enclosing call looks at.
const DEPTH_MAX: usize = 64;

/// Returns the address of an instance's data.
///
/// # Safety
///
/// `ri` is an instance of a kretprobe with this handler.
#[inline(always)]
pub(super) unsafe fn data<H: Handler>(ri: *mut bindings::kretprobe_instance) -> *mut H::Data {
    // SAFETY: The data follow the instance in the same allocation.
    unsafe { (&raw mut (*ri).data).cast() }
}

#[cfg(CONFIG_KRETPROBE_ON_RETHOOK)]
mod kind {
    use super::bindings;

    /// Returns the probe of an instance.
    ///
    /// # Safety
    ///
    /// `ri` is an instance that is in use.
    #[inline(always)]
    pub(in super::super) unsafe fn kretprobe(
        ri: *mut bindings::kretprobe_instance,
    ) -> *mut bindings::kretprobe {
        // SAFETY: The rethook of an instance lives as long as the instance is in use, and its data
        // is the probe.
        unsafe { (*(*ri).node.rethook).data.cast() }
    }

    /// Whether the pointer to the probe is cleared when the probe is unregistered, so that a
    /// handler may find it null. A rethook keeps it.
    pub(in super::super) const FORGETS: bool = false;

    /// Returns whether `ri` is an instance of `kretprobe`, and not of a previous probe at the same
    /// address.
    ///
    /// # Safety
    ///
    /// Both live.
    #[inline(always)]
    pub(super) unsafe fn belongs(
        ri: *mut bindings::kretprobe_instance,
        kretprobe: *mut bindings::kretprobe,
    ) -> bool {
        // SAFETY: Both live. Rethooks that exist at the same time have different addresses.
        unsafe { core::ptr::eq((*ri).node.rethook, (*kretprobe).rh) }
    }

    /// Returns the innermost followed call of a task.
    ///
    /// # Safety
    ///
    /// The task is the current one.
    #[inline(always)]
    pub(super) unsafe fn first(task: *mut bindings::task_struct) -> *mut bindings::llist_node {
        // SAFETY: The current task lives, and only it changes its list: an interrupt removes the
        // entries that it added before it returns.
        unsafe { (*task).rethooks.first }
    }

    /// Returns the instance that contains a node.
    #[inline(always)]
    pub(super) fn of(node: *mut bindings::llist_node) -> *mut bindings::kretprobe_instance {
        let offset = core::mem::offset_of!(bindings::kretprobe_instance, node.llist);
        node.wrapping_byte_sub(offset).cast()
    }
}

#[cfg(not(CONFIG_KRETPROBE_ON_RETHOOK))]
mod kind {
    use super::bindings;

    /// Returns the probe of an instance; null if it was unregistered.
    ///
    /// # Safety
    ///
    /// `ri` is an instance that is in use.
    #[inline(always)]
    pub(in super::super) unsafe fn kretprobe(
        ri: *mut bindings::kretprobe_instance,
    ) -> *mut bindings::kretprobe {
        // SAFETY: The holder lives as long as one of its instances is in use. The pointer in it is
        // written with a single store.
        unsafe { (&raw const (*(*ri).rph).rp).read_volatile() }
    }

    /// Whether the pointer to the probe is cleared when the probe is unregistered, so that a
    /// handler may find it null.
    pub(in super::super) const FORGETS: bool = true;

    /// Returns whether `ri` is an instance of `kretprobe`, and not of a previous probe at the same
    /// address.
    ///
    /// # Safety
    ///
    /// Both live.
    #[inline(always)]
    pub(super) unsafe fn belongs(
        ri: *mut bindings::kretprobe_instance,
        kretprobe: *mut bindings::kretprobe,
    ) -> bool {
        // SAFETY: Both live. Holders that exist at the same time have different addresses.
        unsafe { core::ptr::eq((*ri).rph, (*kretprobe).rph) }
    }

    /// Returns the innermost followed call of a task.
    ///
    /// # Safety
    ///
    /// The task is the current one.
    #[inline(always)]
    pub(super) unsafe fn first(task: *mut bindings::task_struct) -> *mut bindings::llist_node {
        // SAFETY: The current task lives, and only it changes its list: an interrupt removes the
        // entries that it added before it returns.
        unsafe { (*task).kretprobe_instances.first }
    }

    /// Returns the instance that contains a node.
    #[inline(always)]
    pub(super) fn of(node: *mut bindings::llist_node) -> *mut bindings::kretprobe_instance {
        let offset = core::mem::offset_of!(bindings::kretprobe_instance, llist);
        node.wrapping_byte_sub(offset).cast()
    }
}

pub(super) use kind::{
    kretprobe,
    FORGETS, //
};

/// Returns the target and the data of the innermost call of the set's functions on this stack.
/// Gives up after [`DEPTH_MAX`] calls.
///
/// # Safety
///
/// Must be called in a handler of the set.
#[inline]
pub(super) unsafe fn enclosing<H: Handler>(
    shared: &Shared<H, Kretprobe>,
) -> Option<(&H::Target, &H::Data)> {
    // SAFETY: The list is that of the current task. Its nodes are instances of calls that have not
    // returned, so they and their rethook or holder live. A probe is dereferenced only if it is one
    // of this set, which lives.
    unsafe {
        let mut node = kind::first(bindings::faultline_helper_current());
        // The common case.
        if node.is_null() {
            return None;
        }
        let registrations = shared.registrations.as_ptr_range();
        let (begin, end) = (registrations.start as usize, registrations.end as usize);
        for _ in 0..DEPTH_MAX {
            if node.is_null() {
                return None;
            }
            let ri = kind::of(node);
            let kretprobe = kind::kretprobe(ri);
            let address = kretprobe as usize;
            if begin <= address && address < end {
                // The instance may be of a previous set at this address, so the address is rounded
                // to that of a probe of this set.
                let index = address
                    .wrapping_sub(begin)
                    .wrapping_div(core::mem::size_of::<Registration<H, Kretprobe>>());
                let registration = shared.registrations.get(index)?;
                let ours = registration.native();
                if core::ptr::eq(ours, kretprobe) && kind::belongs(ri, ours) {
                    return Some((registration.target(), &*data::<H>(ri)));
                }
            }
            node = (*node).next;
        }
    }
    None
}
