// SPDX-License-Identifier: GPL-2.0

//! Where functions begin, and whether a kprobe could be there. Only the kernel knows, so this asks
//! it by kprobes that are registered disabled: they are never armed.

use core::ffi::CStr;

use crate::{
    bindings,
    compat::{
        bytes,
        char_ptr,
        ffi::{
            c_int,
            c_ulong, //
        },
        push,
        KVec,
        GFP_KERNEL, //
    },
    error::{
        to_result,
        Result, //
    },
};

/// What the kernel has said of a function.
pub(super) struct Found {
    /// Where a probe of its entry would be; 0 if there is no such function.
    pub(super) address: usize,
    /// Whether a kprobe can be there.
    pub(super) probed: Result,
    /// This is a call that ftrace patches.
    pub(super) is_traced: bool,
}

/// Whether the function of this name (or `module:name`) begins at this address. Of several names
/// for one address, the kernel tells only one.
pub(super) fn is_at(function: &CStr, address: usize) -> bool {
    /// `KSYM_SYMBOL_LEN` is less.
    const ROOM: usize = 1024;
    let mut text: KVec<u8> = match KVec::with_capacity(ROOM, GFP_KERNEL) {
        Ok(text) => text,
        Err(_) => return false,
    };
    for _ in 0..ROOM {
        let _ = push(&mut text, 0);
    }
    // SAFETY: There is room for the longest text that the function writes.
    unsafe { bindings::sprint_symbol(text.as_mut_ptr().cast(), address as c_ulong) };
    // "name+0x0/0x123", and for one of a module " [module]".
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut parts = bytes(function).rsplitn(2, |&byte| byte == b':');
    let name = parts.next().unwrap_or_default();
    let Some(rest) = text
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(b"+0x0/"))
    else {
        return false;
    };
    let mut words = rest.split(|&byte| byte == b' ');
    let _size = words.next();
    let module = words
        .next()
        .and_then(|word| word.strip_prefix(b"[")?.strip_suffix(b"]"));
    // Without its module, it may be anywhere.
    parts.next().is_none_or(|wanted| module == Some(wanted))
}

/// Asks for one function.
pub(super) fn try_probe(function: &CStr) -> Found {
    let mut found = Found {
        address: 0,
        probed: Ok(()),
        is_traced: false,
    };
    let asked = try_probes([function].into_iter(), |_, answer| found = answer);
    if let Err(error) = asked {
        found.probed = Err(error);
    }
    found
}

/// Asks for some functions, which takes one grace period of RCU for all of them. `answer` is called
/// for each, with its place.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn try_probes<'a>(
    functions: impl ExactSizeIterator<Item = &'a CStr>,
    mut answer: impl FnMut(usize, Found),
) -> Result {
    let len = functions.len();
    let mut kprobes = KVec::with_capacity(len, GFP_KERNEL)?;
    let mut results = KVec::with_capacity(len, GFP_KERNEL)?;
    let mut registered = KVec::with_capacity(len, GFP_KERNEL)?;
    for function in functions.take(len) {
        // SAFETY: A `struct kprobe` of zeros is one that was not set up.
        let mut kprobe: bindings::kprobe = unsafe { core::mem::zeroed() };
        kprobe.symbol_name = char_ptr(function);
        kprobe.flags = bindings::KPROBE_FLAG_DISABLED;
        push(&mut kprobes, kprobe)?;
    }
    let first: *mut bindings::kprobe = kprobes.as_mut_ptr();
    for at in 0..kprobes.len() {
        let kprobe = first.wrapping_add(at);
        // SAFETY: The probe is set up with a name with NUL, and stays where it is until it is
        // unregistered, which is before anything here is dropped: what follows cannot fail, since
        // there is room. It is disabled, so nobody calls a handler, and there is none.
        let result = to_result(unsafe { bindings::register_kprobe(kprobe) }).map(drop);
        if result.is_ok() {
            let _ = push(&mut registered, kprobe);
        }
        let _ = push(&mut results, result);
    }
    // SAFETY: These are registered. Of an empty list nothing is looked at.
    unsafe {
        bindings::unregister_kprobes(registered.as_mut_ptr(), registered.len() as c_int);
    }
    for (at, probed) in results.iter().enumerate() {
        let kprobe = first.wrapping_add(at);
        // SAFETY: It is a probe of the list, which nobody else uses any more. The kernel has looked
        // the address up before it refuses it.
        let (address, flags) = unsafe { ((*kprobe).addr.addr(), (*kprobe).flags) };
        answer(
            at,
            Found {
                address,
                probed: *probed,
                is_traced: flags & bindings::KPROBE_FLAG_FTRACE != 0,
            },
        );
    }
    Ok(())
}
