// SPDX-License-Identifier: GPL-2.0

//! How a number that came from the kernel is to be read: as its type says.

use super::errno;
use serde_json::{json, Value};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What a number is. What the kernel fetched has 64 bits; a register may have more than the type has.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    Void,
    Unsigned {
        bytes: u32,
    },
    Signed {
        bytes: u32,
    },
    Hex {
        bytes: u32,
    },
    /// Of network byte order.
    BigEndian {
        bytes: u32,
    },
    /// The same, as an address.
    Ipv4,
    Bool,
    Enum {
        bytes: u32,
        signed: bool,
        values: Arc<[(String, i64)]>,
    },
    Pointer,
    /// The result of a function: errors have names.
    Result(Box<Form>),
    /// A text, which is no number.
    Text,
    /// A register of which no type is known.
    Word,
}

impl Form {
    /// How many bytes of a number count.
    pub fn bytes(&self) -> u32 {
        match self {
            Form::Unsigned { bytes }
            | Form::Signed { bytes }
            | Form::Hex { bytes }
            | Form::BigEndian { bytes }
            | Form::Enum { bytes, .. } => *bytes,
            Form::Ipv4 => 4,
            Form::Bool => 1,
            Form::Result(form) => form.bytes(),
            Form::Void | Form::Pointer | Form::Text | Form::Word => 8,
        }
    }

    /// The form itself, of a result or not.
    pub fn inner(&self) -> &Form {
        match self {
            Form::Result(form) => form,
            form => form,
        }
    }

    pub fn is_signed(&self) -> bool {
        match self {
            Form::Signed { .. } => true,
            Form::Enum { signed, .. } => *signed,
            Form::Result(form) => form.is_signed(),
            _ => false,
        }
    }

    /// The module's name of such a number.
    pub fn fetched_as(&self, bits: Option<(u32, u32)>) -> String {
        let sign = if self.is_signed() { 's' } else { 'u' };
        let all = self.bytes() * 8;
        match bits {
            Some((shift, width)) => format!("{sign}{width}@{shift}/{all}"),
            None => format!("{sign}{all}"),
        }
    }

    /// Which of such results are errors, as the module writes it.
    pub fn errors(&self) -> &'static str {
        match self.inner() {
            Form::Signed { bytes: 4 } => "s32",
            Form::Signed { bytes: 8 }
            | Form::Unsigned { bytes: 8 }
            | Form::Pointer
            | Form::Word => "s64",
            _ => "none",
        }
    }

    /// What it is, of a register or of what was fetched. Signed ones as two's complement.
    fn cut(&self, number: u64) -> u64 {
        let unused = 64 - 8 * self.bytes().clamp(1, 8);
        match self.is_signed() {
            true => ((number << unused) as i64 >> unused) as u64,
            false => number << unused >> unused,
        }
    }

    /// The error that a number is, by its name.
    pub fn error(&self, number: u64) -> Option<&'static str> {
        let number = self.cut(number);
        match self {
            Form::Result(form) => match **form {
                Form::Signed { .. } | Form::Unsigned { bytes: 8 } | Form::Pointer => {
                    errno::name(number as i64)
                }
                // Of which the upper half may be anything.
                Form::Word => errno::name(number as i64)
                    .or_else(|| (number >> 32 == 0).then(|| errno::name(number as i32 as i64))?),
                _ => None,
            },
            Form::Pointer => errno::name(number as i64),
            _ => None,
        }
    }

    /// For people.
    pub fn text(&self, number: u64) -> String {
        if let Some(error) = self.error(number) {
            return format!("-{error}");
        }
        let cut = self.cut(number);
        match self {
            Form::Void => String::new(),
            Form::Unsigned { .. } => cut.to_string(),
            Form::Signed { .. } => (cut as i64).to_string(),
            Form::Hex { .. } => format!("{cut:#x}"),
            Form::BigEndian { bytes } => swapped(cut, *bytes).to_string(),
            Form::Ipv4 => address(cut),
            Form::Bool => match cut {
                0 => "false".into(),
                1 => "true".into(),
                other => other.to_string(),
            },
            Form::Enum { signed, .. } => match (self.value_name(cut), signed) {
                (Some(name), _) => name.into(),
                (None, true) => (cut as i64).to_string(),
                (None, false) => cut.to_string(),
            },
            Form::Pointer | Form::Text if cut == 0 => "NULL".into(),
            Form::Pointer | Form::Text => format!("{cut:#x}"),
            Form::Result(form) => form.text(number),
            Form::Word if cut < 1 << 16 => cut.to_string(),
            Form::Word => format!("{cut:#x}"),
        }
    }

    /// For programs: numbers are numbers, addresses are texts in hexadecimal.
    pub fn json(&self, number: u64) -> Value {
        let cut = self.cut(number);
        match self {
            Form::Void => Value::Null,
            Form::Unsigned { .. } => json!(cut),
            Form::Signed { .. } => json!(cut as i64),
            Form::BigEndian { bytes } => json!(swapped(cut, *bytes)),
            Form::Bool if cut < 2 => json!(cut == 1),
            Form::Bool => json!(cut),
            Form::Enum { signed, .. } => match (self.value_name(cut), signed) {
                (Some(name), _) => json!(name),
                (None, true) => json!(cut as i64),
                (None, false) => json!(cut),
            },
            Form::Ipv4 => json!(address(cut)),
            Form::Pointer | Form::Hex { .. } | Form::Text | Form::Word => {
                json!(format!("{cut:#x}"))
            }
            Form::Result(form) => form.json(number),
        }
    }

    fn value_name(&self, cut: u64) -> Option<&str> {
        let Form::Enum { values, .. } = self else {
            return None;
        };
        // Those of 32 bits without a sign are as they are.
        let found = values
            .iter()
            .find(|(_, value)| self.cut(*value as u64) == cut);
        found.map(|(name, _)| name.as_str())
    }
}

/// A number of the other byte order.
pub fn swapped(number: u64, bytes: u32) -> u64 {
    match bytes {
        2 => u64::from((number as u16).swap_bytes()),
        4 => u64::from((number as u32).swap_bytes()),
        _ => number.swap_bytes(),
    }
}

fn address(number: u64) -> String {
    Ipv4Addr::from((number as u32).to_le_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(form: Form) -> Form {
        Form::Result(Box::new(form))
    }

    #[test]
    fn numbers() {
        let two = Form::Enum {
            bytes: 4,
            signed: false,
            values: [("ONE".to_string(), 1), ("ALL".to_string(), 0xffff_ffff)].into(),
        };
        let below = Form::Enum {
            bytes: 4,
            signed: true,
            values: [("LESS".to_string(), -1)].into(),
        };
        let minus = |number: i64| number as u64;
        for (form, number, text, json) in [
            (
                Form::Unsigned { bytes: 8 },
                u64::MAX,
                "18446744073709551615",
                "18446744073709551615",
            ),
            // A register has what was there before in its upper half.
            (Form::Unsigned { bytes: 4 }, 0xdead_0000_0007, "7", "7"),
            (Form::Signed { bytes: 4 }, 0xffff_ffff, "-1", "-1"),
            (Form::Signed { bytes: 8 }, minus(-2), "-2", "-2"),
            (Form::Signed { bytes: 1 }, 0x7f80, "-128", "-128"),
            (Form::Hex { bytes: 2 }, 0x1_00ff, "0xff", "\"0xff\""),
            (Form::BigEndian { bytes: 2 }, 0x5000, "80", "80"),
            (Form::BigEndian { bytes: 4 }, 0x0100_0000, "1", "1"),
            (Form::Ipv4, 0x0902_00c0, "192.0.2.9", "\"192.0.2.9\""),
            (Form::Bool, 0xff01, "true", "true"),
            (Form::Bool, 0x100, "false", "false"),
            (Form::Bool, 2, "2", "2"),
            (two.clone(), 0xf_0000_0001, "ONE", "\"ONE\""),
            (two.clone(), 0xffff_ffff, "ALL", "\"ALL\""),
            (two, 5, "5", "5"),
            (below.clone(), 0xffff_ffff, "LESS", "\"LESS\""),
            (below, 0xffff_fffe, "-2", "-2"),
            (
                Form::Pointer,
                0xffff_8880_03c0_a000,
                "0xffff888003c0a000",
                "\"0xffff888003c0a000\"",
            ),
            (Form::Pointer, 0, "NULL", "\"0x0\""),
            (
                Form::Pointer,
                minus(-12),
                "-ENOMEM",
                "\"0xfffffffffffffff4\"",
            ),
            (Form::Word, 7, "7", "\"0x7\""),
            (Form::Word, 1 << 16, "0x10000", "\"0x10000\""),
            (Form::Void, 7, "", "null"),
            (
                result(Form::Signed { bytes: 8 }),
                minus(-2),
                "-ENOENT",
                "-2",
            ),
            (
                result(Form::Signed { bytes: 4 }),
                0xffff_fffe,
                "-ENOENT",
                "-2",
            ),
            (result(Form::Signed { bytes: 4 }), 4096, "4096", "4096"),
            (
                result(Form::Unsigned { bytes: 8 }),
                minus(-22),
                "-EINVAL",
                "18446744073709551594",
            ),
            (
                result(Form::Unsigned { bytes: 4 }),
                minus(-22),
                "4294967274",
                "4294967274",
            ),
            (
                result(Form::Word),
                minus(-22),
                "-EINVAL",
                "\"0xffffffffffffffea\"",
            ),
            (result(Form::Word), 0xffff_ffea, "-EINVAL", "\"0xffffffea\""),
            (
                result(Form::Word),
                0x1_ffff_ffea,
                "0x1ffffffea",
                "\"0x1ffffffea\"",
            ),
            (result(Form::Bool), minus(-2), "254", "254"),
        ] {
            assert_eq!(form.text(number), text, "{form:?} {number:#x}");
            assert_eq!(form.json(number).to_string(), json, "{form:?} {number:#x}");
        }
    }

    #[test]
    fn how_they_are_fetched() {
        for (form, name) in [
            (Form::Unsigned { bytes: 2 }, "u16"),
            (result(Form::Signed { bytes: 4 }), "s32"),
            (Form::Pointer, "u64"),
            (Form::Bool, "u8"),
            (Form::Ipv4, "u32"),
        ] {
            assert_eq!(form.fetched_as(None), name);
        }
    }
}
