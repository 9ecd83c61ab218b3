// SPDX-License-Identifier: GPL-2.0

//! Text in a buffer of fixed size.
//!
//! Our own: `kernel::str::CString` is on the heap, and this is used where nothing may be allocated.

use core::{
    ffi::CStr,
    fmt,
    ops::Deref, //
};

use crate::error::{
    code,
    Result, //
};

/// A text of at most `N` bytes, without an allocation.
///
/// # Invariants
///
/// `len` is at most `N`, and the first `len` of `bytes` are UTF-8.
///
/// # Examples
///
/// ```no_run
/// use faultline::text::Text;
///
/// let name = Text::<16>::format(format_args!("lockup/{}", 3))?;
/// assert_eq!(&*name, "lockup/3");
/// # Ok::<(), faultline::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    /// Makes an empty text.
    pub const fn new() -> Self {
        // INVARIANT: Zero bytes are UTF-8.
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    /// Formats `arguments`.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG` above `N` bytes.
    pub fn format(arguments: fmt::Arguments<'_>) -> Result<Self> {
        let mut text = Self::new();
        fmt::write(&mut text, arguments).map_err(|_| code::ENAMETOOLONG)?;
        Ok(text)
    }

    /// Returns the text up to its first NUL, for C; `None` if there is none.
    pub(crate) fn as_c_str(&self) -> Option<&CStr> {
        CStr::from_bytes_until_nul(self.as_bytes()).ok()
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    fn deref(&self) -> &str {
        let text = self.bytes.get(..self.len).unwrap_or_default();
        // SAFETY: By the invariant the first `len` bytes are UTF-8.
        unsafe { core::str::from_utf8_unchecked(text) }
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    /// Appends `text`, or nothing if it does not fit.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let room = room.get_mut(..text.len()).ok_or(fmt::Error)?;
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        // INVARIANT: A `str` was appended to UTF-8, and `room` was at least as long.
        self.len = self.len.wrapping_add(text.len());
        Ok(())
    }
}

/// Shows untrusted bytes in the log: all but printable ASCII is escaped, and a long text is cut.
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The most bytes that are shown.
        const SHOWN: usize = 64;

        for &byte in self.0.iter().take(SHOWN) {
            match byte {
                b' '..=b'~' => fmt::Write::write_char(f, char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        if self.0.len() > SHOWN {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}
