// SPDX-License-Identifier: GPL-2.0

//! Which of the conditions of a program have to hold.
//!
//! As text: `if:CONDITION` has to hold in any case. Those with the same number, `if1:CONDITION
//! if1:CONDITION`, are an alternative: if there are any, all conditions of at least one of them have to hold.

use faultline::{
    prelude::*,
    probe::HandlerContext, //
};

use crate::{
    condition::Condition,
    fetched::{
        Fetched,
        NUMBERS, //
    },
    refusal::{
        invalid,
        Refusal, //
    },
    spec::Spec,
    words::Word, //
};

const CONDITIONS: usize = 8;
/// The largest number of an alternative.
const ALTERNATIVES: u64 = 8;
/// The bit that stands for all conditions, while none has a number.
const UNNUMBERED: u16 = 1;

/// The conditions of a program.
pub(crate) struct Conditions {
    /// Each with the alternatives that fail without it, as bits. They fill the places from the first one.
    places: [Option<(Condition, u16)>; CONDITIONS],
    used: usize,
    /// The alternatives that there are: bit n is number n.
    alternatives: u16,
}

impl Conditions {
    /// None, with which all calls count.
    pub(crate) const NONE: Self = Self {
        places: [None; CONDITIONS],
        used: 0,
        alternatives: UNNUMBERED,
    };

    /// Adds one: `if:CONDITION`, or `if3:CONDITION`.
    pub(crate) fn add(
        &mut self,
        word: Word<'_>,
        fields: &[Option<Spec>; NUMBERS],
    ) -> Result<(), Refusal> {
        let parts = word.after("if").and_then(|rest| rest.split_at(b':'));
        let (number, text) = parts.ok_or_else(|| invalid!("'{word}' is not if:CONDITION"))?;
        let number = match number.decimal() {
            _ if number.0.is_empty() => None,
            Some(known @ 1..=ALTERNATIVES) => Some(known),
            _ => {
                return Err(invalid!(
                    "'{word}': the number of an alternative is 1 to {ALTERNATIVES}"
                ))
            }
        };
        let condition = Condition::parse(text, fields)?;
        let fails = match number {
            None => u16::MAX,
            Some(number) => {
                let bit = 1_u16.wrapping_shl(number as u32);
                self.alternatives = (self.alternatives & !UNNUMBERED) | bit;
                bit
            }
        };
        let free = self.places.get_mut(self.used);
        let free = free.ok_or_else(|| invalid!("there are more than {CONDITIONS} conditions"))?;
        *free = Some((condition, fails));
        self.used = self.used.wrapping_add(1);
        Ok(())
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Condition> {
        self.places.iter().flatten().map(|(condition, _)| condition)
    }

    /// Whether the call may count, by the conditions that can be told at the entry, or at the return by the
    /// others, too. What has failed at the entry is noted in `fetched`.
    #[inline]
    pub(crate) fn hold(
        &self,
        is_return: bool,
        fetched: &mut Fetched,
        ns: u64,
        context: HandlerContext<'_>,
    ) -> bool {
        let places = self.places.get(..self.used).unwrap_or_default();
        for (condition, fails) in places.iter().flatten() {
            if condition.is_late() != is_return || condition.holds(fetched, ns, context) {
                continue;
            }
            fetched.failed |= fails;
            if self.alternatives & !fetched.failed == 0 {
                return false;
            }
        }
        true
    }
}
