// SPDX-License-Identifier: GPL-2.0

//! The functions that the kernel calls: at a hit, at the entry of a function, and at its return.

use core::{
    mem::transmute,
    sync::atomic::Ordering, //
};

use super::{
    instance,
    Kretprobe, //
};
use crate::{
    bindings,
    compat::ffi::c_int,
    probe::{
        Entry,
        Handler,
        HandlerContext,
        Registration,
        Return,
        Slot, //
    }, //
};

/// Called by the kernel at a hit, if missed calls are counted. The kernel's own function for that
/// takes an instance.
///
/// # Safety
///
/// `kprobe` is that of a registered probe of this backend with this handler, in which `register`
/// has stored this function, and `regs` are those of the call. The context is that of a probe's
/// handler.
#[link_section = ".kprobes.text"]
pub(super) unsafe extern "C" fn hit<H: Handler<Kretprobe>>(
    kprobe: *mut bindings::kprobe,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel passes the registered kprobe, which is the first field of its kretprobe,
    // and this is the handler.
    let registration = unsafe { Registration::<H, Kretprobe>::from_native(kprobe.cast()) };
    let shared = registration.shared();
    // SAFETY: The registers are those of the call.
    let call = unsafe { Entry::new(registration, regs) };
    if !shared.handler.may_matter(&call) {
        return 0;
    }
    let before = shared.state.entries.here::<0>();
    // SAFETY: `register` has read the pointer from a field of this type, before any probe was
    // enabled.
    let pre_handler: bindings::kprobe_pre_handler_t =
        unsafe { transmute(shared.state.pre_handler.load(Ordering::Relaxed)) };
    let code = match pre_handler {
        // SAFETY: It is the kernel's own `pre_handler` of this probe, called with its arguments.
        Some(pre_handler) => unsafe { pre_handler(kprobe, regs) },
        None => 0,
    };
    // `entry` cannot be called for another hit meanwhile, which would be missed itself.
    if shared.state.entries.here::<0>() == before {
        // SAFETY: This is a handler, which returns after `missed`.
        let context = unsafe { HandlerContext::new() };
        shared.handler.missed(registration.target(), context);
    }
    code
}

/// Called by the kernel at a function's entry. If it returns non-zero, the kernel frees the
/// instance.
///
/// # Safety
///
/// `ri` is an unused instance of a registered probe of this backend with this handler, and `regs`
/// are those of the call. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
pub(super) unsafe extern "C" fn entry<H: Handler<Kretprobe>>(
    ri: *mut bindings::kretprobe_instance,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel passes an instance of the registered probe and the registers of the call,
    // and this is the handler. The instance has `data_size` bytes for the data, aligned to a word,
    // and nobody else uses it now.
    let (registration, call, slot) = unsafe {
        let kretprobe = instance::kretprobe(ri);
        if instance::FORGETS && kretprobe.is_null() {
            // It is being unregistered.
            return 1;
        }
        let registration = Registration::<H, Kretprobe>::from_native(kretprobe);
        (
            registration,
            Entry::new(registration, regs),
            Slot::new(instance::data::<H>(ri)),
        )
    };
    let shared = registration.shared();
    if H::COUNTS_MISSED {
        shared.state.entries.add::<0>(1);
    }
    match shared.handler.entry_in_place(&call, slot) {
        Some(_) => 0,
        None => 1,
    }
}

/// Called by the kernel at a function's return. The kernel ignores the result.
///
/// # Safety
///
/// `ri` is the instance of a call for which `entry` returned 0, of a registered probe of this
/// backend with this handler, and `regs` are those of the return. The context is that of a probe's
/// handler.
#[link_section = ".kprobes.text"]
pub(super) unsafe extern "C" fn ret<H: Handler<Kretprobe>>(
    ri: *mut bindings::kretprobe_instance,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel passes an instance of the registered probe and the registers of the
    // return, and this is the handler. `entry` has returned 0 for the instance, so it has written
    // the data.
    unsafe {
        let kretprobe = instance::kretprobe(ri);
        if instance::FORGETS && kretprobe.is_null() {
            // It was unregistered meanwhile.
            return 0;
        }
        let registration = Registration::<H, Kretprobe>::from_native(kretprobe);
        let call = Return::new(registration, regs);
        let data = &*instance::data::<H>(ri);
        registration.shared().handler.ret(&call, data);
    }
    0
}
