// SPDX-License-Identifier: GPL-2.0

//! How a value is found from an argument or the result of a call: by adding offsets, and by reading
//! the kernel's memory.
//!
//! As text: `BASE STEP... : TYPE`, like `a0.24.16:u32`, or `a0.24:u3@5/32` for a bit-field. See
//! `docs/func_probe.md`.

use faultline::{
    memory::{
        KernelPtr,
        TextRead,
        UserPtr, //
    },
    prelude::*, //
};

use crate::{
    refusal::{
        invalid,
        Refusal, //
    },
    words::Word, //
};

/// The largest offset.
const OFFSET_MAX: u64 = 1 << 20;
/// How many arguments a function can have here.
const ARGUMENTS: u64 = 12;
const STEPS: usize = 8;

/// What the first value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    Argument(u8),
    Returned,
}

/// What is done with a value.
#[derive(Clone, Copy)]
enum Step {
    /// Reads the word, or at last the value, that is so many bytes further on.
    Read(u32),
    Add(u32),
}

/// What a value is in the end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// `width` bits, which begin at bit `shift` of so many bytes.
    Number {
        size: u8,
        shift: u8,
        width: u8,
        is_signed: bool,
    },
    /// The address of a text in the kernel's memory.
    Text,
    /// The address of a text in that of the process.
    UserText,
}

/// How a value is found.
#[derive(Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) base: Base,
    steps: [Step; STEPS],
    len: usize,
    pub(crate) kind: Type,
}

impl Spec {
    pub(crate) fn parse(text: Word<'_>) -> Result<Self, Refusal> {
        let (path, kind) = text
            .split_at(b':')
            .ok_or_else(|| invalid!("'{text}' has no type: BASE[.N|+N]...:TYPE is wanted"))?;
        let kind = Type::parse(kind).ok_or_else(|| {
            invalid!("'{kind}': a type is u8 to u64, s8 to s64, uN@M/8 to sN@M/64, str, ustr")
        })?;
        let is_step = |byte: &u8| matches!(byte, b'.' | b'+');
        let mut parts = path.0.split(is_step).map(Word);
        let base = parts.next().unwrap_or(Word(&[]));
        let base = match base.after("a") {
            _ if base.is("ret") => Base::Returned,
            Some(argument) => Base::Argument(argument.number(ARGUMENTS.wrapping_sub(1))? as u8),
            None => return Err(invalid!("'{base}' is neither a0 to a11 nor ret")),
        };
        let mut spec = Self {
            base,
            steps: [Step::Add(0); STEPS],
            len: 0,
            kind,
        };
        let signs = path.0.iter().filter(|byte| is_step(byte));
        for (offset, sign) in parts.zip(signs) {
            if offset.0.is_empty() {
                return Err(invalid!("'{text}' has a step that has no offset"));
            }
            let offset = offset.number(OFFSET_MAX)? as u32;
            let Some(place) = spec.steps.get_mut(spec.len) else {
                return Err(invalid!("'{text}' has more than {STEPS} steps"));
            };
            *place = match sign {
                b'.' => Step::Read(offset),
                _ => Step::Add(offset),
            };
            spec.len = spec.len.wrapping_add(1);
        }
        Ok(spec)
    }

    /// Takes all steps but the last one, which is returned as well.
    #[inline]
    fn walk(&self, base: usize) -> Option<(usize, Option<Step>)> {
        let steps = self.steps.get(..self.len)?;
        let Some((&last, before)) = steps.split_last() else {
            return Some((base, None));
        };
        let mut value = base;
        for step in before {
            value = match *step {
                Step::Add(bytes) => value.wrapping_add(bytes as usize),
                Step::Read(bytes) => {
                    KernelPtr::<usize>::of(value.wrapping_add(bytes as usize)).read()?
                }
            };
        }
        Some((value, Some(last)))
    }

    /// The number that is found from here; `None` if memory cannot be read.
    #[inline]
    pub(crate) fn number(&self, base: usize) -> Option<u64> {
        let Type::Number {
            size,
            shift,
            width,
            is_signed,
        } = self.kind
        else {
            return None;
        };
        let (value, last) = self.walk(base)?;
        let word = match last {
            None => value as u64,
            Some(Step::Add(bytes)) => value.wrapping_add(bytes as usize) as u64,
            Some(Step::Read(bytes)) => {
                let address = value.wrapping_add(bytes as usize);
                match size {
                    1 => KernelPtr::<u8>::of(address).read()?.into(),
                    2 => KernelPtr::<u16>::of(address).read()?.into(),
                    4 => KernelPtr::<u32>::of(address).read()?.into(),
                    _ => KernelPtr::<u64>::of(address).read()?,
                }
            }
        };
        let unused = u64::BITS.wrapping_sub(u32::from(width));
        let shifted = word.wrapping_shl(unused.wrapping_sub(u32::from(shift)));
        Some(if is_signed {
            (shifted as i64).wrapping_shr(unused) as u64
        } else {
            shifted.wrapping_shr(unused)
        })
    }

    /// Copies the text that is found from here; `None` if memory cannot be read.
    #[inline]
    pub(crate) fn text(&self, base: usize, to: &mut [u8]) -> Option<TextRead> {
        let (value, last) = self.walk(base)?;
        let address = match last {
            None => value,
            Some(Step::Add(bytes)) => value.wrapping_add(bytes as usize),
            Some(Step::Read(bytes)) => {
                KernelPtr::<usize>::of(value.wrapping_add(bytes as usize)).read()?
            }
        };
        match self.kind {
            Type::UserText => UserPtr::new(address).read_text(to),
            _ => KernelPtr::of(address).read_text(to),
        }
    }
}

impl Type {
    fn parse(word: Word<'_>) -> Option<Self> {
        let (is_signed, bits) = match word.0 {
            b"str" => return Some(Self::Text),
            b"ustr" => return Some(Self::UserText),
            [b's', bits @ ..] => (true, bits),
            [b'u', bits @ ..] => (false, bits),
            _ => return None,
        };
        let bits = Word(bits);
        let (container, field) = match bits.split_at(b'/') {
            Some((field, container)) => (container, Some(field.split_at(b'@')?)),
            None => (bits, None),
        };
        let size: u8 = match container.0 {
            b"8" => 1,
            b"16" => 2,
            b"32" => 4,
            b"64" => 8,
            _ => return None,
        };
        let all = u64::from(size).wrapping_mul(8);
        let (width, shift) = match field {
            Some((width, shift)) => (width.decimal()?, shift.decimal()?),
            None => (all, 0),
        };
        let is_there = width > 0 && width.checked_add(shift)? <= all;
        is_there.then_some(Self::Number {
            size,
            shift: shift as u8,
            width: width as u8,
            is_signed,
        })
    }
}
