// SPDX-License-Identifier: GPL-2.0

//! Lines in the kernel log.
//!
//! [`pr_info!`](crate::pr_info) and its family format the line in Rust, and pass `printk` a string:
//! the macros of `kernel::print` pass format arguments of Rust (`%pA`), which only a kernel that
//! was built with Rust can print. Each line begins with the module's name.
//!
//! # Context
//!
//! Any, also with interrupts off and in an NMI: nothing is allocated, and nothing sleeps. A line is
//! formatted in a buffer on the stack.
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
    module::this_module,
    task::time, //
};

/// The log level of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// The system is unusable (`KERN_EMERG`).
    Emergency,
    /// Something failed (`KERN_ERR`).
    Error,
    /// Something may be wrong (`KERN_WARNING`).
    Warning,
    /// Normal, but worth noticing (`KERN_NOTICE`).
    Notice,
    /// Information (`KERN_INFO`).
    Info,
    /// For developers of the module (`KERN_DEBUG`).
    Debug,
}

impl LogLevel {
    /// Returns the format of `_printk()`: the level, the module's name and the line.
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

/// The most bytes of a line. The kernel cuts lines of about a kilobyte.
const LINE: usize = 400;

/// The most bytes of a character after its first one.
const UTF8_REST: usize = 3;

/// The beginning of a line that continues the one before.
const CONTINUED: &[u8] = b"... ";

/// The buffer in which a line is formatted.
struct Line {
    level: LogLevel,
    bytes: [u8; LINE + UTF8_REST],
    len: usize,
}

impl Line {
    /// Prints the line and begins the next.
    fn flush(&mut self) {
        let line = self.bytes.get(..self.len).unwrap_or_default();
        // SAFETY: The format has `%s`, for which a string with NUL is passed, and `%.*s`, for which
        // the length of `line` as an `int` and its bytes are.
        unsafe {
            bindings::_printk(
                char_ptr(self.level.format()),
                char_ptr(this_module::name()),
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
            // A line is split, not cut, and only between characters.
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

/// Prints `arguments` as a line, or as several if there are newlines in it. A line that is too long
/// for the log is continued in the next, which begins with `... `.
///
/// Usually called through the macros.
pub fn print(level: LogLevel, arguments: fmt::Arguments<'_>) {
    let mut line = Line {
        level,
        bytes: [0; LINE + UTF8_REST],
        len: 0,
    };
    // Writing to `Line` does not fail. If formatting a value does, the rest of the line is lost.
    let _ = line.write_fmt(arguments);
    if line.len > 0 {
        line.flush();
    }
}

/// Limits how often a place in the code prints: ten lines in five seconds, as C's
/// `printk_ratelimited()`. Suppressed lines are counted, and their number is printed before the
/// next line.
///
/// # Context
///
/// Any, also an NMI: it uses atomics only, where C's `struct ratelimit_state` has a lock.
pub struct RateLimit {
    /// When the current interval began, 0 before the first.
    begin_ns: AtomicU64,
    /// Lines printed in this interval.
    printed: AtomicU32,
    /// Lines suppressed since the last one that was printed.
    suppressed: AtomicU32,
}

impl RateLimit {
    const INTERVAL_NS: u64 = 5 * time::NSEC_PER_SEC;
    const BURST: u32 = 10;

    /// Makes a limit of which no interval has begun.
    pub const fn new() -> Self {
        Self {
            begin_ns: AtomicU64::new(0),
            printed: AtomicU32::new(0),
            suppressed: AtomicU32::new(0),
        }
    }

    /// Prints as [`print`] does, unless the limit is reached.
    pub fn print(&self, level: LogLevel, arguments: fmt::Arguments<'_>) {
        if !self.admits() {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let suppressed = self.suppressed.swap(0, Ordering::Relaxed);
        if suppressed > 0 {
            print(
                level,
                format_args!("{suppressed} lines like the next one were suppressed"),
            );
        }
        print(level, arguments);
    }

    /// Returns whether a line may be printed now, and counts it if so.
    fn admits(&self) -> bool {
        let now = time::monotonic_ns();
        let begin = self.begin_ns.load(Ordering::Relaxed);
        if begin == 0 || now.saturating_sub(begin) >= Self::INTERVAL_NS {
            // Of concurrent callers one begins an interval. The others count in it, or in the one
            // before.
            let begun =
                self.begin_ns
                    .compare_exchange(begin, now, Ordering::Relaxed, Ordering::Relaxed);
            if begun.is_ok() {
                self.printed.store(0, Ordering::Relaxed);
            }
        }
        // Loaded first, so that the counter does not grow without bound and wrap around.
        self.printed.load(Ordering::Relaxed) < Self::BURST
            && self.printed.fetch_add(1, Ordering::Relaxed) < Self::BURST
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::new()
    }
}

/// Prints a line at a [`LogLevel`](crate::print::LogLevel), at most as often as
/// [`RateLimit`](crate::print::RateLimit) allows for this place in the code.
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
        LIMIT.print($crate::print::LogLevel::$level, format_args!($($arg)*))
    }};
}

/// Prints an error (`KERN_ERR`).
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
        $crate::print::print($crate::print::LogLevel::Error, format_args!($($arg)*))
    };
}

/// Prints a warning (`KERN_WARNING`); see [`pr_err!`](crate::pr_err).
#[macro_export]
macro_rules! pr_warn {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::LogLevel::Warning, format_args!($($arg)*))
    };
}

/// Prints a notice (`KERN_NOTICE`); see [`pr_err!`](crate::pr_err).
#[macro_export]
macro_rules! pr_notice {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::LogLevel::Notice, format_args!($($arg)*))
    };
}

/// Prints information (`KERN_INFO`); see [`pr_err!`](crate::pr_err).
#[macro_export]
macro_rules! pr_info {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::LogLevel::Info, format_args!($($arg)*))
    };
}

/// Prints a debug message (`KERN_DEBUG`); see [`pr_err!`](crate::pr_err).
///
/// It is always compiled in; the kernel's log level decides whether it is shown. There is no
/// dynamic debug, as C has it.
#[macro_export]
macro_rules! pr_debug {
    ($($arg:tt)*) => {
        $crate::print::print($crate::print::LogLevel::Debug, format_args!($($arg)*))
    };
}
