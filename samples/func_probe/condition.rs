// SPDX-License-Identifier: GPL-2.0

//! Conditions: what has to hold for a call to count.
//!
//! As text: `OPERAND:OP:VALUE`, like `f0:<:4096` or `comm:==:dd`. See `docs/func_probe.md`.

use faultline::{
    prelude::*,
    probe::HandlerContext, //
};

use crate::{
    fetched::{
        Fetched,
        NUMBERS, //
    },
    refusal::{
        invalid,
        Refusal, //
    },
    spec::{
        Base,
        Spec,
        Type, //
    },
    words::Word, //
};

/// The size of a task's name, with its NUL.
const COMM: usize = 16;

#[derive(Clone, Copy)]
pub(crate) enum Operand {
    Field(usize),
    Pid,
    Tgid,
    Cpu,
    /// How long the call took.
    Ns,
}

#[derive(Clone, Copy)]
pub(crate) enum Op {
    Equal,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    AnyBit,
}

/// What has to hold.
#[derive(Clone, Copy)]
pub(crate) enum Condition {
    Number {
        operand: Operand,
        op: Op,
        /// Of a signed one, the bits.
        value: u64,
        is_signed: bool,
        /// It is known at the return only.
        is_late: bool,
    },
    Comm {
        name: [u8; COMM],
        is_equal: bool,
    },
}

impl Condition {
    /// Reads a condition on these fields.
    pub(crate) fn parse(text: Word<'_>, fields: &[Option<Spec>; NUMBERS]) -> Result<Self, Refusal> {
        let parts = text.split_at(b':').and_then(|(operand, rest)| {
            let (op, value) = rest.split_at(b':')?;
            Some((operand, op, value))
        });
        let Some((operand, op, value)) = parts else {
            return Err(invalid!("'{text}' is not OPERAND:OP:VALUE"));
        };
        let op =
            Op::parse(op).ok_or_else(|| invalid!("'{op}': a comparison is == != < <= > >= &"))?;
        if operand.is("comm") {
            return Self::comm(op, value);
        }
        let (operand, is_signed, is_late) = match operand.0 {
            b"pid" => (Operand::Pid, false, false),
            b"tgid" => (Operand::Tgid, false, false),
            b"cpu" => (Operand::Cpu, false, false),
            b"ns" => (Operand::Ns, false, true),
            _ => {
                let field = operand.after("f").and_then(Word::decimal);
                let known = field.and_then(|at| Some((at, (*fields.get(at as usize)?)?)));
                let Some((at, spec)) = known else {
                    return Err(invalid!(
                        "'{operand}' is no field that is set before, nor pid, tgid, cpu, ns, comm"
                    ));
                };
                let is_signed = matches!(
                    spec.kind,
                    Type::Number {
                        is_signed: true,
                        ..
                    }
                );
                let is_late = spec.base == Base::Returned;
                (Operand::Field(at as usize), is_signed, is_late)
            }
        };
        let number = match value.after("-") {
            Some(digits) if is_signed => digits.decimal().map(u64::wrapping_neg),
            Some(_) => None,
            None => value.decimal(),
        };
        let number = number.ok_or_else(|| {
            let what = match is_signed {
                true => "a number",
                false => "a number that is not negative",
            };
            invalid!("'{value}' is not {what} of at most 64 bits")
        })?;
        Ok(Self::Number {
            operand,
            op,
            value: number,
            is_signed,
            is_late,
        })
    }

    fn comm(op: Op, name: Word<'_>) -> Result<Self, Refusal> {
        let is_equal = match op {
            Op::Equal => true,
            Op::Differs => false,
            _ => return Err(invalid!("comm can be compared by == and != only")),
        };
        if name.0.is_empty() || name.0.len() >= COMM {
            return Err(invalid!("'{name}': the name of a task has 1 to 15 bytes"));
        }
        let mut bytes = [0; COMM];
        for (to, &from) in bytes.iter_mut().zip(name.0) {
            *to = from;
        }
        Ok(Self::Comm {
            name: bytes,
            is_equal,
        })
    }

    /// Whether it can be told at the return only.
    pub(crate) fn is_late(&self) -> bool {
        matches!(self, Self::Number { is_late: true, .. })
    }

    /// Whether it is about the time that a call takes.
    pub(crate) fn is_about_time(&self) -> bool {
        matches!(
            self,
            Self::Number {
                operand: Operand::Ns,
                ..
            }
        )
    }

    /// Whether it holds.
    #[inline]
    pub(crate) fn holds(&self, fetched: &Fetched, ns: u64, context: HandlerContext<'_>) -> bool {
        match *self {
            Self::Comm { name, is_equal } => is_same_text(&context.comm(), &name) == is_equal,
            Self::Number {
                operand,
                op,
                value,
                is_signed,
                ..
            } => {
                let is = match operand {
                    Operand::Field(at) => match fetched.number(at) {
                        Some(number) => number,
                        None => return false,
                    },
                    Operand::Pid => context.pid().into(),
                    Operand::Tgid => context.tgid().into(),
                    Operand::Cpu => context.cpu().into(),
                    Operand::Ns => ns,
                };
                op.holds(is, value, is_signed)
            }
        }
    }
}

/// Compares texts up to their NUL. What follows one in the name of a task is left from
/// another name.
fn is_same_text(a: &[u8; COMM], b: &[u8; COMM]) -> bool {
    for (a, b) in a.iter().zip(b) {
        if a != b {
            return false;
        }
        if *a == 0 {
            return true;
        }
    }
    true
}

impl Op {
    fn parse(word: Word<'_>) -> Option<Self> {
        Some(match word.0 {
            b"==" => Self::Equal,
            b"!=" => Self::Differs,
            b"<" => Self::Less,
            b"<=" => Self::LessOrEqual,
            b">" => Self::Greater,
            b">=" => Self::GreaterOrEqual,
            b"&" => Self::AnyBit,
            _ => return None,
        })
    }

    #[inline]
    fn holds(self, is: u64, value: u64, is_signed: bool) -> bool {
        /// What makes the order of signed numbers that of unsigned ones.
        const SIGN: u64 = 1 << 63;
        let turn = if is_signed { SIGN } else { 0 };
        let (a, b) = (is ^ turn, value ^ turn);
        match self {
            Self::Equal => a == b,
            Self::Differs => a != b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
            Self::AnyBit => is & value != 0,
        }
    }
}
