// SPDX-License-Identifier: GPL-2.0

//! The parameters: what both modules have, and what `knobs` alone has.

use std::net::Ipv4Addr;

/// What values a parameter has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// An integer from the first to the second, shown in decimal.
    Integer(i128, i128),
    /// A `u32`, shown in hexadecimal.
    Hex,
    /// Shown as `Y` or `N`.
    Bool,
    /// A bool that can be set but not reset.
    Once,
    /// An `int` that is set like a bool.
    BoolInt,
    /// A text of at most so many bytes.
    Text(usize),
    /// An even `int`.
    Even,
    /// One of these.
    Word(&'static [&'static str]),
    /// A list of CPUs.
    Cpus,
    /// An IPv4 prefix, with no bit set behind its length.
    Prefix,
    /// A time between these, in nanoseconds.
    Time(u128, u128),
    /// Letters, digits, `_` and `-`, at least one, at most so many.
    Label(usize),
}

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    pub kind: Kind,
    /// An array of at most [`MAX_ITEMS`].
    pub list: bool,
    /// Permissions in sysfs; 0: it is not there.
    pub mode: u32,
    /// The default, as it is read.
    pub default: &'static str,
}

/// How long an array may be.
pub const MAX_ITEMS: usize = 4;

/// The longest text that C takes as a `charp`.
pub const CHARP_MAX: usize = 1024;

const BYTE: Kind = Kind::Integer(0, u8::MAX as i128);
const SHORT: Kind = Kind::Integer(i16::MIN as i128, i16::MAX as i128);
const USHORT: Kind = Kind::Integer(0, u16::MAX as i128);
pub const INT: Kind = Kind::Integer(i32::MIN as i128, i32::MAX as i128);
const UINT: Kind = Kind::Integer(0, u32::MAX as i128);
const LONG: Kind = Kind::Integer(i64::MIN as i128, i64::MAX as i128);
const ULONG: Kind = Kind::Integer(0, u64::MAX as i128);
pub const CHARP: Kind = Kind::Text(CHARP_MAX);

const fn one(name: &'static str, kind: Kind, mode: u32, default: &'static str) -> Param {
    Param {
        name,
        kind,
        list: false,
        mode,
        default,
    }
}

const fn list(name: &'static str, kind: Kind, default: &'static str) -> Param {
    Param {
        name,
        kind,
        list: true,
        mode: 0o644,
        default,
    }
}

/// What both modules have.
pub const STANDARD: &[Param] = &[
    one("byte_value", BYTE, 0o644, "1"),
    one("short_value", SHORT, 0o644, "-2"),
    one("ushort_value", USHORT, 0o644, "3"),
    one("int_value", INT, 0o644, "-4"),
    one("uint_value", UINT, 0o644, "5"),
    one("long_value", LONG, 0o644, "-6"),
    one("ulong_value", ULONG, 0o644, "7"),
    one("ullong_value", ULONG, 0o644, "8"),
    one("hexint_value", Kind::Hex, 0o644, "0x000009"),
    one("bool_value", Kind::Bool, 0o644, "N"),
    one("invbool_value", Kind::Bool, 0o644, "N"),
    one("bint_value", Kind::BoolInt, 0o644, "0"),
    one("charp_value", CHARP, 0o644, "none"),
    one("string_value", Kind::Text(31), 0o644, "text"),
    list("byte_list", BYTE, "1,2"),
    list("short_list", SHORT, "1,2"),
    list("ushort_list", USHORT, "1,2"),
    list("int_list", INT, "1,2"),
    list("uint_list", UINT, "1,2"),
    list("long_list", LONG, "1,2"),
    list("ulong_list", ULONG, "1,2"),
    list("ullong_list", ULONG, "1,2"),
    list("hexint_list", Kind::Hex, "0x000001,0x000002"),
    list("bool_list", Kind::Bool, "Y,N"),
    list("charp_list", CHARP, "a,b"),
    one("renamed", INT, 0o644, "0"),
    one("read_only", INT, 0o444, "1"),
    one("write_only", INT, 0o200, "0"),
    one("hidden", INT, 0, "1"),
    one("unsafe_value", INT, 0o644, "0"),
    one("hyphen_value", INT, 0o644, "0"),
    one("once_value", Kind::Once, 0o644, "N"),
];

/// The greatest `int`.
pub const INT_MAX: i128 = i32::MAX as i128;

/// What `knobs` alone has.
pub const EXTRA: &[Param] = &[
    one("max_loop_count", Kind::Integer(0, INT_MAX), 0o644, "100000"),
    one("run", UINT, 0o200, "0"),
    one("last_count", UINT, 0o444, "0"),
    one("percent", Kind::Integer(0, 100), 0o644, "50"),
    one("color", Kind::Word(&["red", "green", "blue"]), 0o644, "red"),
    one("cpus", Kind::Cpus, 0o644, ""),
    one("prefix", Kind::Prefix, 0o644, "10.0.0.0/8"),
    one(
        "interval",
        Kind::Time(1_000_000, 3_600_000_000_000),
        0o644,
        "500ms",
    ),
    one("even", Kind::Even, 0o644, "0"),
    one("even_changes", UINT, 0o444, "0"),
    one("label", Kind::Label(16), 0o644, "knobs"),
];

/// All parameters of `knobs`.
pub fn all() -> impl Iterator<Item = &'static Param> {
    STANDARD.iter().chain(EXTRA)
}

impl Param {
    pub fn is_readable(&self) -> bool {
        self.mode & 0o400 != 0
    }

    pub fn is_writable(&self) -> bool {
        self.mode & 0o200 != 0
    }

    /// Is this its least or greatest number, or the one behind?
    pub fn is_bound(&self, input: &[u8]) -> bool {
        let (min, max) = match self.kind {
            Kind::Integer(min, max) => (min, max),
            Kind::Hex => (0, u32::MAX.into()),
            _ => return false,
        };
        std::str::from_utf8(input)
            .ok()
            .and_then(|text| text.parse().ok())
            .is_some_and(|number: i128| [min - 1, min, max, max + 1].contains(&number))
    }

    /// May this be read from it? With the newline at the end.
    pub fn may_read(&self, text: &[u8]) -> bool {
        let Some(text) = text.strip_suffix(b"\n") else {
            return false;
        };
        if !self.list {
            return self.kind.has(text);
        }
        let mut items = text.split(|&byte| byte == b',');
        items.clone().count() <= MAX_ITEMS && items.all(|item| self.kind.has(item))
    }
}

impl Kind {
    /// Is this how a value of this kind is shown?
    fn has(self, text: &[u8]) -> bool {
        // A text is any bytes.
        if let Kind::Text(max) = self {
            return text.len() <= max;
        }
        let Ok(text) = std::str::from_utf8(text) else {
            return false;
        };
        let number = || {
            text.parse()
                .ok()
                .filter(|value: &i128| value.to_string() == text)
        };
        match self {
            Kind::Integer(min, max) => number().is_some_and(|value| (min..=max).contains(&value)),
            Kind::Even => {
                number().is_some_and(|value| value.abs() <= INT_MAX + 1 && value % 2 == 0)
            }
            Kind::Hex => text
                .strip_prefix("0x")
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .is_some_and(|value| format!("{value:#08x}") == text),
            Kind::Bool | Kind::Once => ["Y", "N"].contains(&text),
            Kind::BoolInt => ["1", "0"].contains(&text),
            Kind::Word(words) => words.contains(&text),
            Kind::Cpus => text.is_empty() || text.split(',').all(is_cpus),
            Kind::Prefix => is_prefix(text),
            Kind::Time(min, max) => nanoseconds(text).is_some_and(|ns| (min..=max).contains(&ns)),
            Kind::Label(max) => {
                (1..=max).contains(&text.len())
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
            }
            Kind::Text(_) => true,
        }
    }
}

/// Is this a CPU, or a range of them, of a machine of our size?
fn is_cpus(range: &str) -> bool {
    const CPUS_MAX: usize = 64;
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => first <= last && last < CPUS_MAX,
        _ => false,
    }
}

fn is_prefix(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    match (address.parse::<Ipv4Addr>(), length.parse::<u32>()) {
        (Ok(address), Ok(length)) if length <= 32 => {
            address.to_bits() & u32::MAX.checked_shr(length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

fn nanoseconds(text: &str) -> Option<u128> {
    let unit = text.find(|char: char| !char.is_ascii_digit())?;
    let scale = match &text[unit..] {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    Some(text[..unit].parse::<u64>().ok()? as u128 * scale)
}
