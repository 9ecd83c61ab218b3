// SPDX-License-Identifier: GPL-2.0

//! Text in a buffer of fixed size: no allocation, usable in any context.

use core::{
    ffi::CStr,
    fmt,
    ops::Deref, //
};

use crate::error::{
    code,
    Result, //
};

/// Text of at most `N` bytes, held in place.
///
/// # Invariants
///
/// The first `len` of `bytes` exist and are UTF-8.
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
    /// The empty text.
    pub const fn new() -> Self {
        // INVARIANT: No bytes are UTF-8.
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    /// What `arguments` say, if it is not longer than `N` bytes.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG` if it is.
    pub fn format(arguments: fmt::Arguments<'_>) -> Result<Self> {
        let mut text = Self::new();
        fmt::write(&mut text, arguments).map_err(|_| code::ENAMETOOLONG)?;
        Ok(text)
    }

    /// The text up to its first NUL byte, for C; `None` if it has none.
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
        // SAFETY: By the invariant, these bytes are UTF-8.
        unsafe { core::str::from_utf8_unchecked(text) }
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    /// Adds all of `text`, or nothing if it does not fit.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let room = room.get_mut(..text.len()).ok_or(fmt::Error)?;
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        // INVARIANT: Text was added to text, and there was room for it.
        self.len = self.len.wrapping_add(text.len());
        Ok(())
    }
}

/// Shows what a user gave us so that it cannot spoil the log: other than
/// printable ASCII is escaped, and only the beginning of a long text is shown.
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So much of a text says enough.
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
