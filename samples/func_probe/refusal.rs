// SPDX-License-Identifier: GPL-2.0

//! Why a line is refused: the error that the writer gets, and the words that a read gets.

use core::fmt;

use faultline::{
    prelude::*,
    text::Text, //
};

/// Why a line is refused.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) text: Text<104>,
}

impl Refusal {
    /// A refusal in these words; as many of them as there is room for.
    pub(crate) fn new(error: Error, words: fmt::Arguments<'_>) -> Self {
        let mut text = Text::new();
        let _ = fmt::write(&mut text, words);
        Self { error, text }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error, format_args!("error {}", error.to_errno()))
    }
}

/// Refuses a line as `EINVAL`, in the words that follow.
macro_rules! invalid {
    ($($words:tt)*) => {
        $crate::refusal::Refusal::new(faultline::prelude::EINVAL, format_args!($($words)*))
    };
}
pub(crate) use invalid;
