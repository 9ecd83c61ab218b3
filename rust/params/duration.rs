// SPDX-License-Identifier: GPL-2.0

//! Parameters that are durations, with a unit.

use core::{
    ffi::CStr,
    fmt,
    sync::atomic::{
        AtomicU64,
        Ordering, //
    },
    time, //
};

use crate::module::Info;

use super::{
    page::Page,
    param::{
        approve,
        trim_newline,
        OnChange,
        Param,
        Refusal, //
    }, //
};

/// The units in nanoseconds, the largest first.
const UNITS: &[(&[u8], u64)] = &[
    (b"h", 3_600_000_000_000),
    (b"min", 60_000_000_000),
    (b"s", 1_000_000_000),
    (b"ms", 1_000_000),
    (b"us", 1_000),
    (b"ns", 1),
];

/// Parses a whole number and a unit, as in `500ms`. Returns nanoseconds.
const fn parse(mut text: &[u8]) -> Result<u64, Refusal> {
    // `None` once the number overflows.
    let mut number: Option<u64> = Some(0);
    let mut has_digits = false;
    while let [digit @ b'0'..=b'9', rest @ ..] = text {
        has_digits = true;
        number = match number {
            Some(number) => match number.checked_mul(10) {
                Some(number) => number.checked_add((*digit & 15) as u64),
                None => None,
            },
            None => None,
        };
        text = rest;
    }
    if !has_digits {
        return Err(Refusal::Invalid);
    }
    let mut units = UNITS;
    while let [(unit, ns), rest @ ..] = units {
        if is_same(unit, text) {
            let Some(number) = number else {
                return Err(Refusal::OutOfRange);
            };
            return match number.checked_mul(*ns) {
                Some(ns) => Ok(ns),
                None => Err(Refusal::OutOfRange),
            };
        }
        units = rest;
    }
    Err(Refusal::Invalid)
}

/// Returns whether two texts are equal. `==` is not `const`.
const fn is_same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([first, rest @ ..], [other, others @ ..]) = (a, b) {
        if *first != *other {
            return false;
        }
        (a, b) = (rest, others);
    }
    a.is_empty() && b.is_empty()
}

/// Shows nanoseconds in the largest unit, up to seconds, of which they are a multiple.
struct Shown(u64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self.0 {
            0 => (0, "s"),
            ns if ns % 1_000_000_000 == 0 => (ns / 1_000_000_000, "s"),
            ns if ns % 1_000_000 == 0 => (ns / 1_000_000, "ms"),
            ns if ns % 1_000 == 0 => (ns / 1_000, "us"),
            ns => (ns, "ns"),
        };
        write!(f, "{number}{unit}")
    }
}

/// An end of a range.
#[derive(Clone, Copy)]
struct Bound {
    ns: u64,
    /// The text in the declaration.
    text: &'static str,
}

/// A duration: a whole number with its unit, `ns`, `us`, `ms`, `s`, `min` or `h`.
pub struct Duration {
    ns: AtomicU64,
    default: &'static str,
    /// The least and the greatest value allowed.
    range: Option<[Bound; 2]>,
    on_change: Option<OnChange<time::Duration>>,
}

impl Duration {
    /// Makes a parameter with a default, as `500ms`.
    #[inline]
    #[track_caller]
    pub const fn new(default: &'static str) -> Self {
        let Ok(ns) = parse(default.as_bytes()) else {
            panic!("a whole number with its unit is allowed, as 500ms: ns, us, ms, s, min, h");
        };
        Self {
            ns: AtomicU64::new(ns),
            default,
            range: None,
            on_change: None,
        }
    }

    /// Allows the durations from `min` to `max`, both included.
    #[must_use = "the parameter with the range is returned"]
    #[inline]
    #[track_caller]
    pub const fn range(mut self, min: &'static str, max: &'static str) -> Self {
        let (Ok(least), Ok(most), Ok(default)) = (
            parse(min.as_bytes()),
            parse(max.as_bytes()),
            parse(self.default.as_bytes()),
        ) else {
            panic!("a whole number with its unit is allowed, as 500ms: ns, us, ms, s, min, h");
        };
        assert!(
            least <= default && default <= most,
            "the default is out of the range"
        );
        self.range = Some([
            Bound {
                ns: least,
                text: min,
            },
            Bound {
                ns: most,
                text: max,
            },
        ]);
        self
    }

    /// Has `on_change` called with each new duration in the range before it is set. It may refuse
    /// it.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChange<time::Duration>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// Returns the current duration.
    ///
    /// # Context
    ///
    /// Any.
    pub fn get(&self) -> time::Duration {
        time::Duration::from_nanos(self.ns())
    }

    /// Returns the current duration in nanoseconds.
    ///
    /// # Context
    ///
    /// Any; it is a single load.
    #[inline]
    pub fn ns(&self) -> u64 {
        self.ns.load(Ordering::Relaxed)
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, mut info: Info) -> Info {
        info = info.text(" [");
        if let Some([min, max]) = self.range {
            info = info.text(min.text).text(" to ").text(max.text).text(", ");
        }
        info.text("default ").text(self.default).text("]")
    }
}

impl Param for Duration {
    const TYPE_NAME: &'static str = "duration";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let ns = parse(trim_newline(text.ok_or(Refusal::Invalid)?))?;
        if let Some([min, max]) = self.range {
            if ns < min.ns || ns > max.ns {
                return Err(Refusal::OutOfRange);
            }
        }
        approve(self.on_change, time::Duration::from_nanos(ns))?;
        self.ns.store(ns, Ordering::Relaxed);
        Ok(())
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        fmt::Write::write_fmt(out, format_args!("{}", Shown(self.ns())))
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some([min, max]) = self.range {
            write!(out, "{} to {} is allowed: ", min.text, max.text)?;
        }
        out.write_str("a whole number with its unit, ns, us, ms, s, min or h, as 500ms")
    }
}
