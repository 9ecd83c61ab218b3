// SPDX-License-Identifier: GPL-2.0

//! Lines in the kernel log.
//!
//! [`pr_info!`](crate::pr_info) and its family format in Rust and hand `printk`
//! a string, since only a kernel that was built with Rust knows how to print
//! Rust's format arguments. Each line begins with the module's name.
//!
//! # Context
//!
//! Any, also with interrupts off and in an NMI: nothing is allocated, nothing
//! sleeps. A line is built in a buffer on the stack.
//!
//! C header: [`include/linux/printk.h`](srctree/include/linux/printk.h)

use core::{
    ffi::CStr,
    fmt::{
        self,
        Write as _, //
    },
    sync::atomic::{
        AtomicU32,
        AtomicU64,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::c_int, //
    },
    module,
    task::time, //
};

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The system is unusable (`KERN_EMERG`).
    Emergency,
    /// Something failed (`KERN_ERR`).
    Error,
    /// Something may be wrong (`KERN_WARNING`).
    Warning,
    /// Normal, but worth noticing (`KERN_NOTICE`).
    Notice,
    /// What is going on (`KERN_INFO`).
    Info,
    /// For those who develop the module (`KERN_DEBUG`).
    Debug,
}

impl Level {
    /// What `_printk` is called with: the level, then the module's name and the
    /// line.
    const fn format(self) -> &'static CStr {
        match self {
            Self::Emergency => c"\x010%s: %.*s\n",
            Self::Error => c"\x013%s: %.*s\n",
            Self::Warning => c"\x014%s: %.*s\n",
            Self::Notice => c"\x015%s: %.*s\n",
            Self::Info => c"\x016%s: %.*s\n",
            Self::Debug => c"\x017%s: %.*s\n",
        }
    }
}

/// So many bytes make a line; the kernel would cut one of a kilobyte.
const LINE: usize = 400;

/// The longest rest of a character after its first byte.
const UTF8_REST: usize = 3;

/// What the rest of a line that had to be split begins with.
const CONTINUED: &[u8] = b"... ";

/// A line that is being built.
struct Line {
    level: Level,
    bytes: [u8; LINE + UTF8_REST],
    len: usize,
}

impl Line {
    /// Hands the line to the kernel and begins the next.
    fn flush(&mut self) {
        let line = self.bytes.get(..self.len).unwrap_or_default();
        // SAFETY: The format asks for a string with NUL, an `int` and so many
        // readable bytes, and that is what it gets.
        unsafe {
            bindings::_printk(
                char_ptr(self.level.format()),
                char_ptr(module::name()),
                line.len() as c_int,
                line.as_ptr(),
            )
        };
        self.len = 0;
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len = self.len.wrapping_add(1);
        }
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.flush();
                continue;
            }
            // A line is split, never cut, and not inside of a character.
            let starts_character = byte & 0xc0 != 0x80;
            if self.len >= LINE && starts_character {
                self.flush();
                for &mark in CONTINUED {
                    self.push(mark);
                }
            }
            self.push(byte);
        }
        Ok(())
    }
}

/// Prints `arguments`: a line, or several where it holds newlines. A line that
/// is too long for the log goes on in the next, which begins with `... `.
///
/// The macros are the usual way to call this.
pub fn print(level: Level, arguments: fmt::Arguments<'_>) {
    let mut line = Line {
        level,
        bytes: [0; LINE + UTF8_REST],
        len: 0,
    };
    // `Line` accepts everything; a value that refuses to be formatted loses
    // the rest of its own line only.
    let _ = line.write_fmt(arguments);
    if line.len > 0 {
        line.flush();
    }
}

/// How often a place in the code may print: ten times in five seconds, as with
/// C's `printk_ratelimited()`. What is left out is counted, and said with the
/// next line that is not.
///
/// # Context
///
/// Any, also an NMI.
pub struct RateLimit {
    /// When the five seconds began, 0 if they never did.
    begin_ns: AtomicU64,
    /// How many lines were printed since then.
    printed: AtomicU32,
    /// How many were left out since the last that was printed.
    left_out: AtomicU32,
}

impl RateLimit {
    const INTERVAL_NS: u64 = 5 * time::NSEC_PER_SEC;
    const BURST: u32 = 10;

    /// A limit that has not been reached.
    pub const fn new() -> Self {
        Self {
            begin_ns: AtomicU64::new(0),
            printed: AtomicU32::new(0),
            left_out: AtomicU32::new(0),
        }
    }

    /// Prints as [`print`] does, unless the limit is reached.
    pub fn print(&self, level: Level, arguments: fmt::Arguments<'_>) {
        if !self.admits() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            print(
                level,
                format_args!("{left_out} lines as the next one were left out"),
            );
        }
        print(level, arguments);
    }

    /// May a line be printed now? If so, it is counted.
    fn admits(&self) -> bool {
        let now = time::monotonic_ns();
        let begin = self.begin_ns.load(Ordering::Relaxed);
        if begin == 0 || now.saturating_sub(begin) >= Self::INTERVAL_NS {
            // Of several that come at once, one begins anew; the others count
            // with it or with what was before.
            let begun =
                self.begin_ns
                    .compare_exchange(begin, now, Ordering::Relaxed, Ordering::Relaxed);
            if begun.is_ok() {
                self.printed.store(0, Ordering::Relaxed);
            }
        }
        // Looked at first, so that the number never wraps around.
        self.printed.load(Ordering::Relaxed) < Self::BURST
            && self.printed.fetch_add(1, Ordering::Relaxed) < Self::BURST
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::new()
    }
}

/// Prints a line at a [`Level`], but from this place not more often than
/// [`RateLimit`] allows.
///
/// # Examples
///
/// ```no_run
/// let depth = 3;
/// faultline::pr_ratelimited!(Warning, "no slot is left at depth {depth}");
/// ```
#[macro_export]
macro_rules! pr_ratelimited {
    ($level:ident, $($arg:tt)*) => {{
        static LIMIT: $crate::print::RateLimit = $crate::print::RateLimit::new();
        LIMIT.print($crate::print::Level::$level, format_args!($($arg)*))
    }};
}

/// Prints a line at the level of errors.
///
/// # Examples
///
/// ```no_run
/// let cpu = 3;
/// faultline::pr_err!("cpu {cpu}: went offline");
/// ```
#[macro_export]
macro_rules! pr_err {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::Level::Error, format_args!($($arg)*))
    };
}

/// Prints a line at the level of warnings; see [`pr_err!`](crate::pr_err).
#[macro_export]
macro_rules! pr_warn {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::Level::Warning, format_args!($($arg)*))
    };
}

/// Prints a line at the level of notices; see [`pr_err!`](crate::pr_err).
#[macro_export]
macro_rules! pr_notice {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::Level::Notice, format_args!($($arg)*))
    };
}

/// Prints a line at the level of information; see [`pr_err!`](crate::pr_err).
#[macro_export]
macro_rules! pr_info {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::Level::Info, format_args!($($arg)*))
    };
}

/// Prints a line at the level of debugging; see [`pr_err!`](crate::pr_err).
///
/// It is always compiled in and shown by the kernel's log level; there is no
/// switch as C's dynamic debugging has it.
#[macro_export]
macro_rules! pr_debug {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::Level::Debug, format_args!($($arg)*))
    };
}
