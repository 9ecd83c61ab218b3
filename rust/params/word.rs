// SPDX-License-Identifier: GPL-2.0

//! Parameters that are one of several words, each of which stands for a value.

use core::{
    ffi::CStr,
    fmt,
    sync::atomic::{
        AtomicUsize,
        Ordering, //
    }, //
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

/// A type whose values have words. `#[derive(Words)]` implements it for an enumeration.
pub trait Words: Sync + Sized + 'static {
    /// The words, and the value that each stands for. It must refer to a static, since values are
    /// told apart by their addresses, and a constant has none.
    const WORDS: &'static [(&'static str, Self)];
}

/// A parameter that is one of the words of `T`.
///
/// # Invariants
///
/// `chosen` is `NONE` or an index into `T::WORDS`.
pub struct Word<T: Words> {
    chosen: AtomicUsize,
    default: usize,
    on_change: Option<OnChange<&'static T>>,
}

impl<T: Words> Word<T> {
    /// No word is chosen.
    const NONE: usize = usize::MAX;

    /// Makes a parameter with a word by default.
    #[inline]
    #[track_caller]
    pub const fn new(default: &str) -> Self {
        let mut place = 0;
        while place < T::WORDS.len() {
            if is_same(T::WORDS[place].0, default) {
                // INVARIANT: `place` is below the length.
                return Self {
                    chosen: AtomicUsize::new(place),
                    default: place,
                    on_change: None,
                };
            }
            place += 1;
        }
        panic!("the default is not one of the words");
    }

    /// Makes a parameter without a default.
    #[inline]
    #[track_caller]
    pub const fn none() -> Self {
        assert!(!T::WORDS.is_empty(), "there are no words to choose from");
        // INVARIANT: `chosen` is `NONE`.
        Self {
            chosen: AtomicUsize::new(Self::NONE),
            default: Self::NONE,
            on_change: None,
        }
    }

    /// Has `on_change` called with the value of each new word before it is set. It may refuse it.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChange<&'static T>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// Returns the chosen word and its value; `None` if no word was chosen and there is no default.
    ///
    /// # Context
    ///
    /// Any; it is a single load, and a table.
    pub fn get(&self) -> Option<(&'static str, &'static T)> {
        let (word, meaning) = T::WORDS.get(self.chosen.load(Ordering::Relaxed))?;
        Some((word, meaning))
    }

    /// Chooses a word by its value, from within the module. `on_change` is not called.
    ///
    /// # Context
    ///
    /// Any.
    pub fn choose(&self, meaning: &'static T) {
        if let Some(place) = T::WORDS
            .iter()
            .position(|(_, one)| core::ptr::eq(one, meaning))
        {
            // INVARIANT: `position` returned an index.
            self.chosen.store(place, Ordering::Relaxed);
        }
    }

    /// Shows the words: `soft, hard`.
    pub fn words(&self) -> impl fmt::Display {
        List(T::WORDS)
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, mut info: Info) -> Info {
        info = info.text(" [");
        let mut i = 0;
        while i < T::WORDS.len() {
            info = info.text(if i > 0 { "|" } else { "" }).text(T::WORDS[i].0);
            i += 1;
        }
        if self.default == Self::NONE {
            info.text("]")
        } else {
            info.text(", default ")
                .text(T::WORDS[self.default].0)
                .text("]")
        }
    }
}

/// Returns whether two texts are equal. `==` is not `const`.
const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Shows words.
struct List<T: 'static>(&'static [(&'static str, T)]);

impl<T> fmt::Display for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (word, _) in self.0 {
            write!(f, "{separator}{word}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl<T: Words> Param for Word<T> {
    const TYPE_NAME: &'static str = "word";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = trim_newline(text.ok_or(Refusal::Invalid)?);
        let place = T::WORDS
            .iter()
            .position(|(word, _)| word.as_bytes() == text)
            .ok_or(Refusal::Invalid)?;
        if let Some((_, meaning)) = T::WORDS.get(place) {
            approve(self.on_change, meaning)?;
        }
        // INVARIANT: `position` returned an index.
        self.chosen.store(place, Ordering::Relaxed);
        Ok(())
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        out.write_bytes(self.get().map_or("", |(word, _)| word).as_bytes())
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "one of {} is allowed", self.words())
    }
}
