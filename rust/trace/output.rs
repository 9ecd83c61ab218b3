// SPDX-License-Identifier: GPL-2.0

//! What the file `trace` shows of an event.

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
/// The kernel gives the iterator, which is at an event of this kind.
pub(super) unsafe extern "C" fn print<R: Record>(
    iter: *mut bindings::trace_iterator,
    _flags: c_int,
    event: *mut bindings::trace_event,
) -> bindings::print_line_t {
    // SAFETY: The kernel lends the iterator, whose entry is one that this event has written.
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

/// Writes to a `struct trace_seq`, a piece at a time.
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
        // SAFETY: `print` lends it, and the text has a NUL. What does not fit is noted there.
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
