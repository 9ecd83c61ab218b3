// SPDX-License-Identifier: GPL-2.0

//! Prints an event in the file `trace`.

use core::fmt;

use super::{
    write::Entry,
    Record, //
};
use crate::{
    bindings,
    compat::ffi::c_int, //
};

/// Prints an event.
///
/// # Safety
///
/// `iter` is the kernel's iterator, at an entry that an event with this `R` wrote.
pub(super) unsafe extern "C" fn print<R: Record>(
    iter: *mut bindings::trace_iterator,
    _flags: c_int,
    event: *mut bindings::trace_event,
) -> bindings::print_line_t {
    // SAFETY: The iterator is valid during this call, and its entry is an `Entry<R>`, which may be
    // unaligned.
    unsafe {
        let ready = bindings::trace_raw_output_prep(iter, event);
        if ready as bindings::print_line_t != bindings::print_line_t_TRACE_TYPE_HANDLED {
            return ready as bindings::print_line_t;
        }
        let entry = bindings::faultline_helper_trace_entry(iter).cast::<Entry<R>>();
        let record = (&raw const (*entry).record).read_unaligned();
        let seq = bindings::faultline_helper_trace_seq(iter);
        let mut out = Output {
            seq,
            text: [0; 64],
            len: 0,
        };
        let _ = record.show(&mut out);
        let _ = fmt::Write::write_str(&mut out, "\n");
        out.flush();
        bindings::trace_handle_return(seq)
    }
}

/// Writes to a `struct trace_seq` through a buffer.
struct Output {
    seq: *mut bindings::trace_seq,
    /// With room for a NUL.
    text: [u8; 64],
    len: usize,
}

impl Output {
    fn flush(&mut self) {
        if let Some(end) = self.text.get_mut(self.len) {
            *end = 0;
        }
        // SAFETY: `seq` is that of `print`, which has not returned yet, and the text has a NUL. If
        // it does not fit, `trace_seq_puts()` marks the sequence as full.
        unsafe { bindings::trace_seq_puts(self.seq, self.text.as_ptr().cast()) };
        self.len = 0;
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.len.wrapping_add(1) >= self.text.len() {
                self.flush();
            }
            if let Some(place) = self.text.get_mut(self.len) {
                *place = byte;
                self.len = self.len.wrapping_add(1);
            }
        }
        Ok(())
    }
}
