// SPDX-License-Identifier: GPL-2.0

//! The kernel's instances of a kretprobe, one for each call that is followed. It has
//! two kinds of them.
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

/// Looked at so many calls, there is none of ours: nobody nests deeper.
const DEPTH_MAX: usize = 64;

/// Where an instance keeps the data.
///
/// # Safety
///
/// `ri` is an instance of a probe of this kind, with this handler.
#[inline(always)]
pub(super) unsafe fn data<H: Handler>(ri: *mut bindings::kretprobe_instance) -> *mut H::Data {
    // SAFETY: The data follow the instance in the same allocation.
    unsafe { (&raw mut (*ri).data).cast() }
}

#[cfg(CONFIG_KRETPROBE_ON_RETHOOK)]
mod kind {
    use super::bindings;

    /// The probe of an instance.
    ///
    /// # Safety
    ///
    /// `ri` is an instance that is in use.
    #[inline(always)]
    pub(in super::super) unsafe fn kretprobe(
        ri: *mut bindings::kretprobe_instance,
    ) -> *mut bindings::kretprobe {
        // SAFETY: An instance knows its rethook, which lives as long as one
        // of its instances is in use, and has the probe for its data.
        unsafe { (*(*ri).node.rethook).data.cast() }
    }

    /// Does a handler come upon an instance whose probe was unregistered?
    /// No, a rethook has its data for ever.
    pub(in super::super) const FORGETS: bool = false;

    /// Is `ri` an instance that `kretprobe` has now, and not one of a probe
    /// that was at the same address before?
    ///
    /// # Safety
    ///
    /// Both live.
    #[inline(always)]
    pub(super) unsafe fn belongs(
        ri: *mut bindings::kretprobe_instance,
        kretprobe: *mut bindings::kretprobe,
    ) -> bool {
        // SAFETY: The caller says that both live. Two rethooks that live have two
        // addresses.
        unsafe { core::ptr::eq((*ri).node.rethook, (*kretprobe).rh) }
    }

    /// The first call of a task that is followed.
    ///
    /// # Safety
    ///
    /// The task is the current one.
    #[inline(always)]
    pub(super) unsafe fn first(task: *mut bindings::task_struct) -> *mut bindings::llist_node {
        // SAFETY: The current task lives, and only it changes its list: what an
        // interrupt adds it removes before this goes on.
        unsafe { (*task).rethooks.first }
    }

    /// The instance that a node is in.
    #[inline(always)]
    pub(super) fn of(node: *mut bindings::llist_node) -> *mut bindings::kretprobe_instance {
        let offset = core::mem::offset_of!(bindings::kretprobe_instance, node.llist);
        node.wrapping_byte_sub(offset).cast()
    }
}

#[cfg(not(CONFIG_KRETPROBE_ON_RETHOOK))]
mod kind {
    use super::bindings;

    /// The probe of an instance, null if it was unregistered.
    ///
    /// # Safety
    ///
    /// `ri` is an instance that is in use.
    #[inline(always)]
    pub(in super::super) unsafe fn kretprobe(
        ri: *mut bindings::kretprobe_instance,
    ) -> *mut bindings::kretprobe {
        // SAFETY: The holder lives as long as one of its instances is in
        // use; the pointer in it is written as a whole.
        unsafe { (&raw const (*(*ri).rph).rp).read_volatile() }
    }

    /// Does a handler come upon an instance whose probe was unregistered?
    pub(in super::super) const FORGETS: bool = true;

    /// Is `ri` an instance that `kretprobe` has now, and not one of a probe
    /// that was at the same address before?
    ///
    /// # Safety
    ///
    /// Both live.
    #[inline(always)]
    pub(super) unsafe fn belongs(
        ri: *mut bindings::kretprobe_instance,
        kretprobe: *mut bindings::kretprobe,
    ) -> bool {
        // SAFETY: The caller says that both live. Two holders that live have two
        // addresses.
        unsafe { core::ptr::eq((*ri).rph, (*kretprobe).rph) }
    }

    /// The first call of a task that is followed.
    ///
    /// # Safety
    ///
    /// The task is the current one.
    #[inline(always)]
    pub(super) unsafe fn first(task: *mut bindings::task_struct) -> *mut bindings::llist_node {
        // SAFETY: The current task lives, and only it changes its list: what an
        // interrupt adds it removes before this goes on.
        unsafe { (*task).kretprobe_instances.first }
    }

    /// The instance that a node is in.
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

/// The innermost call of the set's functions on this stack: what the handler has for the
/// function, and the data of the call.
///
/// # Safety
///
/// This is called in a handler of the set.
#[inline]
pub(super) unsafe fn enclosing<H: Handler>(
    shared: &Shared<H, Kretprobe>,
) -> Option<(&H::Target, &H::Data)> {
    // SAFETY: The list is that of the current task. Its nodes are instances
    // of calls which have not returned, so they and what they belong to
    // (rethook or holder, with which all kinds of nodes begin) live. A probe
    // is looked at only if it is this set's, which lives.
    unsafe {
        let mut node = kind::first(bindings::faultline_helper_current());
        // Mostly there is none.
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
                // It may be a leftover of another set at this place, so the
                // address is rounded to one of a probe before it is used.
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
