// SPDX-License-Identifier: GPL-2.0

//! Writes an event to the buffers of tracefs and of perf.

use core::mem::{
    size_of,
    zeroed, //
};
#[cfg(CONFIG_PERF_EVENTS)]
use core::ptr::null_mut;

use super::Record;
use crate::{
    bindings,
    compat::ffi::c_ulong, //
};
#[cfg(CONFIG_PERF_EVENTS)]
use crate::{
    compat::ffi::c_int,
    task::cpu, //
};

/// The result of recording an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The event is in a buffer.
    Yes,
    /// The event is not enabled.
    Unheard,
    /// The event is enabled, but a buffer had no room, or recording is off.
    Lost,
}

/// An entry of a buffer.
#[repr(C)]
pub(super) struct Entry<R> {
    header: bindings::trace_entry,
    pub(super) record: R,
}

/// Combines the results for several listeners: if one of them has lost the event, it is lost.
pub(super) fn merge(before: Written, now: Written) -> Written {
    match (before, now) {
        (Written::Lost, _) | (_, Written::Lost) => Written::Lost,
        (Written::Yes, _) | (_, Written::Yes) => Written::Yes,
        _ => Written::Unheard,
    }
}

/// Writes a record to the buffer of an instance of tracefs.
///
/// # Safety
///
/// `file` exists until this returns, and preemption is off.
pub(super) unsafe fn write_to_instance<R: Record>(
    file: *mut bindings::trace_event_file,
    record: &R,
) -> Written {
    // The same as `trace_trigger_soft_disabled()`, which is inline.
    const CHECKED: c_ulong = (bindings::EVENT_FILE_FL_TRIGGER_MODE
        | bindings::EVENT_FILE_FL_SOFT_DISABLED
        | bindings::EVENT_FILE_FL_PID_FILTER) as c_ulong;
    const CONDITIONAL: c_ulong = bindings::EVENT_FILE_FL_TRIGGER_COND as c_ulong;

    // SAFETY: `file` exists until this function returns.
    let flags = unsafe { bindings::faultline_helper_event_file_flags(file) };
    if flags & CHECKED != 0
        && flags & CONDITIONAL == 0
        // SAFETY: `file` exists until this function returns.
        && unsafe { bindings::__trace_trigger_soft_disabled(file) }
    {
        return Written::Unheard;
    }
    // The kernel subtracts 1 from the preemption count that it records, for the tracepoint's own.
    // SAFETY: Preemption is enabled again below.
    unsafe { bindings::faultline_helper_preempt_disable() };
    // SAFETY: Zeros are valid: null pointers and integers.
    let mut buffer: bindings::trace_event_buffer = unsafe { zeroed() };
    // SAFETY: `file` exists until this function returns. The reserved entry has the size of an
    // `Entry<R>`, and is committed once.
    let written = unsafe {
        let entry = bindings::trace_event_buffer_reserve(
            &mut buffer,
            file,
            size_of::<Entry<R>>() as c_ulong,
        )
        .cast::<Entry<R>>();
        if entry.is_null() {
            Written::Lost
        } else {
            (&raw mut (*entry).record).write_unaligned(*record);
            bindings::trace_event_buffer_commit(&mut buffer);
            Written::Yes
        }
    };
    // SAFETY: Preemption was disabled above.
    unsafe { bindings::faultline_helper_preempt_enable() };
    written
}

/// Writes a record to perf's buffers, and runs BPF programs.
///
/// # Safety
///
/// The event is enabled for perf until this returns, and preemption is off.
#[cfg(CONFIG_PERF_EVENTS)]
pub(super) unsafe fn write_to_perf<R: Record>(
    call: *mut bindings::trace_event_call,
    record: &R,
) -> Written {
    /// The size of an entry, so that together with the length that perf puts before it, it is a
    /// multiple of 8.
    const fn size<R>() -> usize {
        (size_of::<Entry<R>>() + size_of::<u32>()).div_ceil(size_of::<u64>()) * size_of::<u64>()
            - size_of::<u32>()
    }

    // SAFETY: The event is enabled for perf, so it has a list for each CPU, and this is one of
    // them. Programs are freed after an RCU grace period.
    let (head, has_no_listeners) = unsafe {
        let lists = (&raw const (*call).perf_events).read_volatile();
        let head = bindings::faultline_helper_per_cpu_ptr(lists.cast(), cpu::current())
            .cast::<bindings::hlist_head>();
        let programs = (&raw const (*call).prog_array).read_volatile();
        let first = (&raw const (*head).first).read_volatile();
        (head, first.is_null() && programs.is_null())
    };
    if has_no_listeners {
        return Written::Unheard;
    }
    let size = const { size::<R>() } as c_int;
    let (mut regs, mut context) = (null_mut(), 0);
    // SAFETY: The allocated entry has `size` bytes, and is submitted to perf once.
    unsafe {
        let entry =
            bindings::perf_trace_buf_alloc(size, &mut regs, &mut context).cast::<Entry<R>>();
        if entry.is_null() {
            return Written::Lost;
        }
        bindings::faultline_helper_perf_caller_regs(regs);
        (&raw mut (*entry).record).write_unaligned(*record);
        bindings::perf_trace_run_bpf_submit(
            entry.cast(),
            size,
            context,
            call,
            1,
            regs,
            head,
            null_mut(),
        );
    }
    Written::Yes
}
