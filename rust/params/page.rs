// SPDX-License-Identifier: GPL-2.0

//! The page into which sysfs has a parameter write its value.

use core::fmt;

/// The buffer of a read from sysfs.
pub struct Page<'a> {
    buffer: &'a mut [u8; Page::ROOM],
    len: usize,
    is_absent: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(buffer: &'a mut [u8; Page::ROOM]) -> Self {
        Self {
            buffer,
            len: 0,
            is_absent: false,
        }
    }
}

impl Page<'_> {
    /// The size of the smallest page of any architecture minus one: sysfs warns about a value that
    /// fills a page.
    pub(super) const ROOM: usize = 4095;

    /// Writes as many of the bytes as fit.
    ///
    /// # Errors
    ///
    /// If not all of them fit.
    pub fn write_bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        for &byte in bytes {
            *self.buffer.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len = self.len.wrapping_add(1);
        }
        Ok(())
    }

    /// Shows that there is no value: nothing is written, not even a newline.
    pub(super) fn absent(&mut self) -> fmt::Result {
        self.is_absent = true;
        Ok(())
    }

    /// Ends the value with a newline, if there is a value. Returns the number of bytes written.
    pub(super) fn finish(mut self) -> usize {
        if !self.is_absent {
            // A value that fills the page is cut, as in C.
            let _ = self.write_bytes(b"\n");
        }
        self.len
    }
}

impl fmt::Write for Page<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_bytes(text.as_bytes())
    }
}
