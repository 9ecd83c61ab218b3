// SPDX-License-Identifier: GPL-2.0

//! Where the kernel enters: for a hit, at the entry of a function, and at its return.

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

/// Where the kernel enters for a hit, if missed calls are counted.
///
/// # Safety
///
/// `kprobe` is that of a registered probe of this backend with this handler, which
/// `register` has put there. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
pub(super) unsafe extern "C" fn hit<H: Handler<Kretprobe>>(
    kprobe: *mut bindings::kprobe,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel gives what was registered to a handler, which this is. A
    // kretprobe begins with its kprobe.
    let registration = unsafe { Registration::<H, Kretprobe>::from_native(kprobe.cast()) };
    let shared = registration.shared();
    let before = shared.state.entries.here::<0>();
    // SAFETY: `register` has put there what it found in a place of this type, before any
    // probe was enabled.
    let pre_handler: bindings::kprobe_pre_handler_t =
        unsafe { transmute(shared.state.pre_handler.load(Ordering::Relaxed)) };
    let code = match pre_handler {
        // SAFETY: It is the kernel's function for a hit of this probe, which this is.
        Some(pre_handler) => unsafe { pre_handler(kprobe, regs) },
        None => 0,
    };
    // No other hit comes to `entry` meanwhile: it would be missed itself.
    if shared.state.entries.here::<0>() == before {
        // SAFETY: This is a handler, which does not return before `missed` does.
        let context = unsafe { HandlerContext::new() };
        shared.handler.missed(registration.target(), context);
    }
    code
}

/// Where the kernel enters at a function's entry. Non-zero gives the instance
/// back.
///
/// # Safety
///
/// `ri` is an unused instance of a registered probe of this backend with this handler, and
/// `regs` are those of the call. The context is that of a probe's handler.
#[link_section = ".kprobes.text"]
pub(super) unsafe extern "C" fn entry<H: Handler<Kretprobe>>(
    ri: *mut bindings::kretprobe_instance,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel gives an instance of what was registered, and the registers of
    // the call, to a handler, which this is. The instance has room for the data, aligned
    // as a word, and nobody else has it now.
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

/// Where the kernel enters at a function's return. What is returned is ignored.
///
/// # Safety
///
/// `ri` is the instance of a call of a registered probe of this backend, with this handler,
/// for which `entry` returned 0, and `regs` are those of the return. The context is that
/// of a probe's handler.
#[link_section = ".kprobes.text"]
pub(super) unsafe extern "C" fn ret<H: Handler<Kretprobe>>(
    ri: *mut bindings::kretprobe_instance,
    regs: *mut bindings::pt_regs,
) -> c_int {
    // SAFETY: The kernel gives an instance of what was registered, and the registers of
    // the return, to a handler, which this is. `entry` has returned 0 for it, so it wrote
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
