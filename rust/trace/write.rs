// SPDX-License-Identifier: GPL-2.0

//! How an event gets into the buffers of tracefs and of perf.

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

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// A buffer has it.
    Yes,
    /// Nobody listens.
    Unheard,
    /// Somebody listens, and no buffer had room, or recording is off.
    Lost,
}

/// What is in a buffer.
#[repr(C)]
pub(super) struct Entry<R> {
    header: bindings::trace_entry,
    pub(super) record: R,
}

/// What became of an event with several listeners: if one of them has lost it, it is lost.
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
/// The instance is there until this returns, and preemption is off.
pub(super) unsafe fn write_to_instance<R: Record>(
    file: *mut bindings::trace_event_file,
    record: &R,
) -> Written {
    // As `trace_trigger_soft_disabled()`, which is inline.
    const LOOK: c_ulong = (bindings::EVENT_FILE_FL_TRIGGER_MODE
        | bindings::EVENT_FILE_FL_SOFT_DISABLED
        | bindings::EVENT_FILE_FL_PID_FILTER) as c_ulong;
    const LATER: c_ulong = bindings::EVENT_FILE_FL_TRIGGER_COND as c_ulong;

    // SAFETY: The caller says that the instance is there.
    let flags = unsafe { bindings::faultline_helper_event_file_flags(file) };
    if flags & LOOK != 0
        && flags & LATER == 0
        // SAFETY: The caller says that the instance is there.
        && unsafe { bindings::__trace_trigger_soft_disabled(file) }
    {
        return Written::Unheard;
    }
    // The kernel takes one from the count of preemption, which a tracepoint has added to.
    // SAFETY: It is enabled again below.
    unsafe { bindings::faultline_helper_preempt_disable() };
    // SAFETY: Zeros are a buffer that was not reserved.
    let mut buffer: bindings::trace_event_buffer = unsafe { zeroed() };
    // SAFETY: The instance is there, and what is reserved has the size that was asked for, and
    // is committed once.
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
    // SAFETY: It was disabled above.
    unsafe { bindings::faultline_helper_preempt_enable() };
    written
}

/// Writes a record to perf's buffers, and calls the programs of BPF.
///
/// # Safety
///
/// perf listens to the event until this returns, and preemption is off.
#[cfg(CONFIG_PERF_EVENTS)]
pub(super) unsafe fn write_to_perf<R: Record>(
    call: *mut bindings::trace_event_call,
    record: &R,
) -> Written {
    /// In words, with room for the length that perf puts before it.
    const fn size<R>() -> usize {
        (size_of::<Entry<R>>() + size_of::<u32>()).div_ceil(size_of::<u64>()) * size_of::<u64>()
            - size_of::<u32>()
    }

    // SAFETY: perf listens, so it has lists for each CPU, and this is one of them. Programs
    // are kept until a grace period is over.
    let (head, is_of_nobody) = unsafe {
        let lists = (&raw const (*call).perf_events).read_volatile();
        let head = bindings::faultline_helper_per_cpu_ptr(lists.cast(), cpu::current())
            .cast::<bindings::hlist_head>();
        let programs = (&raw const (*call).prog_array).read_volatile();
        let first = (&raw const (*head).first).read_volatile();
        (head, first.is_null() && programs.is_null())
    };
    if is_of_nobody {
        return Written::Unheard;
    }
    let size = const { size::<R>() } as c_int;
    let (mut regs, mut context) = (null_mut(), 0);
    // SAFETY: What is allocated has the size that was asked for, and is handed to perf once.
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
