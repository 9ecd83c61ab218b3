// SPDX-License-Identifier: GPL-2.0

//! A program: what is fetched of a call, and which calls count.

use faultline::{
    prelude::*,
    probe::HandlerContext, //
};

use crate::{
    alternatives::Conditions,
    condition::Condition,
    fetched::{
        Fetched,
        Texts,
        NUMBERS,
        TEXTS,
        TEXT_BIT,
        TEXT_MAX, //
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

/// What results are errors.
#[derive(Clone, Copy)]
enum Errors {
    /// None: it returns nothing, or what is no error number.
    Never,
    /// From -4095 to -1 in 32 bits.
    Int,
    /// In 64 bits, so pointers too.
    Word,
}

/// What is fetched of a call, and which calls count.
pub(crate) struct Program {
    numbers: [Option<Spec>; NUMBERS],
    texts: [Option<Spec>; TEXTS],
    conditions: Conditions,
    errors: Errors,
    /// Events are recorded, and not only counts.
    pub(crate) has_events: bool,
    /// How many places of the numbers may be used.
    used: usize,
    /// Something is known at the return only: a number, a text, or whether a condition holds.
    is_late: bool,
}

impl Default for Program {
    /// One that fetches nothing, and for which all calls count.
    fn default() -> Self {
        Self {
            numbers: [None; NUMBERS],
            texts: [None; TEXTS],
            conditions: Conditions::NONE,
            errors: Errors::Word,
            has_events: true,
            used: 0,
            is_late: false,
        }
    }
}

impl Program {
    /// Reads a program.
    pub(crate) fn parse<'a>(words: impl Iterator<Item = Word<'a>>) -> Result<Self, Refusal> {
        let mut program = Self::default();
        for word in words {
            match word.0 {
                [b'i', b'f', ..] => program.conditions.add(word, &program.numbers)?,
                b"count" => program.has_events = false,
                b"errors:none" => program.errors = Errors::Never,
                b"errors:s32" => program.errors = Errors::Int,
                b"errors:s64" => program.errors = Errors::Word,
                _ => program.set_field(word)?,
            }
        }
        program.used = used(&program.numbers);
        program.is_late = program.needs_return();
        Ok(program)
    }

    /// Whether calls are counted, and nothing else is done.
    pub(crate) fn only_counts(&self) -> bool {
        !self.has_events && self.used == 0 && self.conditions.is_empty()
    }

    /// Whether anything is to be done at the return, apart from noting it.
    #[inline]
    pub(crate) fn is_late(&self) -> bool {
        self.is_late
    }

    fn set_field(&mut self, word: Word<'_>) -> Result<(), Refusal> {
        let (name, spec) = word.split_at(b'=').ok_or_else(|| {
            invalid!(
                "'{word}' is none of FIELD=SPEC, if:CONDITION, ifN:CONDITION, count, errors:TYPE"
            )
        })?;
        let spec = Spec::parse(spec)?;
        let is_number = matches!(spec.kind, Type::Number { .. });
        let (fields, prefix): (&mut [Option<Spec>], &str) = match is_number {
            true => (&mut self.numbers, "f"),
            false => (&mut self.texts, "t"),
        };
        let last = fields.len().saturating_sub(1);
        let at = name.after(prefix).and_then(Word::decimal);
        let place = at.and_then(|at| fields.get_mut(at as usize));
        let place = place.ok_or_else(|| {
            let what = if is_number { "number" } else { "text" };
            invalid!("'{word}': the field of a {what} is {prefix}0 to {prefix}{last}")
        })?;
        *place = Some(spec);
        Ok(())
    }

    /// Whether it fetches a text.
    pub(crate) fn has_texts(&self) -> bool {
        self.texts.iter().any(Option::is_some)
    }

    /// Whether a call has to return for it to be known.
    pub(crate) fn needs_return(&self) -> bool {
        let mut conditions = self.conditions.all();
        let mut specs = self.numbers.iter().chain(&self.texts).flatten();
        conditions.any(Condition::is_late) || specs.any(|spec| spec.base == Base::Returned)
    }

    /// Whether the time of a call has to be known.
    pub(crate) fn needs_time(&self) -> bool {
        let mut conditions = self.conditions.all();
        conditions.any(Condition::is_about_time)
    }

    /// Fetches the numbers of which `base` gives the first value.
    #[inline]
    pub(crate) fn fetch_numbers(&self, fetched: &mut Fetched, base: impl Fn(Base) -> Start) {
        for (at, spec) in (0..self.used).zip(&self.numbers) {
            let Some(spec) = spec else { continue };
            match base(spec.base) {
                Start::Later => {}
                Start::Unread => fetched.set_number(at, None),
                Start::Word(word) => fetched.set_number(at, spec.number(word)),
            }
        }
    }

    /// As [`fetch_numbers`](Self::fetch_numbers), for texts.
    #[inline]
    pub(crate) fn fetch_texts(
        &self,
        fetched: &mut Fetched,
        texts: &mut Texts,
        base: impl Fn(Base) -> Start,
    ) {
        for (at, (spec, text)) in (0..TEXTS).zip(self.texts.iter().zip(&mut texts.0)) {
            let Some(spec) = spec else { continue };
            let room = text
                .split_last_mut()
                .map_or(&mut [][..], |(_nul, room)| room);
            let read = match base(spec.base) {
                Start::Later => continue,
                Start::Unread => None,
                Start::Word(word) => spec.text(word, room),
            };
            match read {
                Some(read) => fetched.cut |= u16::from(read.is_cut).wrapping_shl(at as u32),
                None => {
                    *text = [0; TEXT_MAX + 1];
                    fetched.unread |= 1_u32.wrapping_shl(TEXT_BIT.wrapping_add(at as u32));
                }
            }
        }
    }

    /// Whether the call counts, by the conditions that can be told at the entry, or by those that cannot
    /// as well.
    #[inline]
    pub(crate) fn holds(
        &self,
        is_return: bool,
        fetched: &mut Fetched,
        ns: u64,
        context: HandlerContext<'_>,
    ) -> bool {
        self.conditions.hold(is_return, fetched, ns, context)
    }

    /// Whether what a function returned is an error.
    #[inline]
    pub(crate) fn is_error(&self, returned: usize) -> bool {
        const LEAST: i64 = -4095;
        let value = match self.errors {
            Errors::Never => return false,
            Errors::Int => i64::from(returned as i32),
            Errors::Word => returned as i64,
        };
        (LEAST..0).contains(&value)
    }
}

/// How many places there are up to the last one that is used.
fn used(places: &[Option<Spec>]) -> usize {
    let last = places.iter().rposition(Option::is_some);
    last.map_or(0, |last| last.wrapping_add(1))
}

/// The first value of a spec.
pub(crate) enum Start {
    Word(usize),
    /// It is an argument in memory that cannot be read.
    Unread,
    /// It is not known yet, or was fetched before.
    Later,
}
