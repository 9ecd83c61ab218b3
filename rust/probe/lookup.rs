// SPDX-License-Identifier: GPL-2.0

//! Looks up where functions begin, and whether they can have a kprobe. Only the kernel knows this,
//! so kprobes are registered, disabled, and unregistered again: they are never armed.

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

/// The result of looking up a function.
pub(super) struct Found {
    /// The address of a probe at its entry; 0 if there is no such function.
    pub(super) address: usize,
    /// The result of registering a kprobe there.
    pub(super) probed: Result,
    /// Whether ftrace patches a call at this address.
    pub(super) is_traced: bool,
}

/// Returns whether the function of this name (or `module:name`) begins at this address. If several
/// symbols have this address, the kernel returns only one of their names.
pub(super) fn is_at(function: &CStr, address: usize) -> bool {
    /// More than `KSYM_SYMBOL_LEN`.
    const ROOM: usize = 1024;
    let mut text: KVec<u8> = match KVec::with_capacity(ROOM, GFP_KERNEL) {
        Ok(text) => text,
        Err(_) => return false,
    };
    for _ in 0..ROOM {
        let _ = push(&mut text, 0);
    }
    // SAFETY: The buffer is larger than the longest text that the function writes.
    unsafe { bindings::sprint_symbol(text.as_mut_ptr().cast(), address as c_ulong) };
    // "name+0x0/0x123", followed by " [module]" for a symbol of a module.
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
    // Without `module:` the symbol may be in any module.
    parts.next().is_none_or(|wanted| module == Some(wanted))
}

/// Looks up one function.
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

/// Looks up functions, which takes a single RCU grace period for all of them. Calls `answer` for
/// each, with its index.
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
        // SAFETY: Zeros are a valid `struct kprobe`: integers, and pointers that may be null.
        let mut kprobe: bindings::kprobe = unsafe { core::mem::zeroed() };
        kprobe.symbol_name = char_ptr(function);
        kprobe.flags = bindings::KPROBE_FLAG_DISABLED;
        push(&mut kprobes, kprobe)?;
    }
    let first: *mut bindings::kprobe = kprobes.as_mut_ptr();
    for at in 0..kprobes.len() {
        let kprobe = first.wrapping_add(at);
        // SAFETY: The probe has a name with NUL, is disabled, and has no handler. It does not move,
        // and is unregistered before the vector is dropped: the pushes below cannot fail, since the
        // vectors have capacity.
        let result = to_result(unsafe { bindings::register_kprobe(kprobe) }).map(drop);
        if result.is_ok() {
            let _ = push(&mut registered, kprobe);
        }
        let _ = push(&mut results, result);
    }
    // SAFETY: These probes are registered. The pointer of an empty vector is not dereferenced.
    unsafe {
        bindings::unregister_kprobes(registered.as_mut_ptr(), registered.len() as c_int);
    }
    for (at, probed) in results.iter().enumerate() {
        let kprobe = first.wrapping_add(at);
        // SAFETY: It is a probe of the vector, which the kernel does not use any more. The kernel
        // sets the address before it may refuse the probe.
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
