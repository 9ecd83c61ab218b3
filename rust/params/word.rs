// SPDX-License-Identifier: GPL-2.0

//! Parameters that are one of some words, each of which has a meaning.

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
    ask,
    line,
    OnChange,
    Page,
    Param,
    Refusal, //
};

/// What has words. `#[derive(Words)]` makes it of an enumeration.
pub trait Words: Sync + Sized + 'static {
    /// The words, and what each stands for. It must refer to a static: a meaning
    /// is told from the others by its address, and a constant has none of its own.
    const WORDS: &'static [(&'static str, Self)];
}

/// One of the words of `T`.
///
/// # Invariants
///
/// `chosen` is `NONE` or the place of a word.
pub struct Word<T: Words> {
    chosen: AtomicUsize,
    default: usize,
    on_change: Option<OnChange<&'static T>>,
}

impl<T: Words> Word<T> {
    /// No word was chosen.
    const NONE: usize = usize::MAX;

    /// A parameter with this word as the default.
    #[inline]
    #[track_caller]
    pub const fn new(default: &str) -> Self {
        let mut place = 0;
        while place < T::WORDS.len() {
            if is_same(T::WORDS[place].0, default) {
                // INVARIANT: It was found there.
                return Self {
                    chosen: AtomicUsize::new(place),
                    default: place,
                    on_change: None,
                };
            }
            place += 1;
        }
        panic!("the default is none of the words");
    }

    /// A parameter without a default: until a word is chosen, there is none.
    #[inline]
    #[track_caller]
    pub const fn none() -> Self {
        assert!(!T::WORDS.is_empty(), "there are no words to choose from");
        // INVARIANT: None is chosen.
        Self {
            chosen: AtomicUsize::new(Self::NONE),
            default: Self::NONE,
            on_change: None,
        }
    }

    /// Has a function look at the meaning of each word that is given, before it
    /// is taken. It may refuse it.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChange<&'static T>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// The word that was chosen, and what it stands for; `None` if there is no
    /// default either.
    ///
    /// # Context
    ///
    /// Any: it is one load from memory, and a table.
    pub fn get(&self) -> Option<(&'static str, &'static T)> {
        let (word, meaning) = T::WORDS.get(self.chosen.load(Ordering::Relaxed))?;
        Some((word, meaning))
    }

    /// Chooses a word by what it stands for, in the module itself. `on_change` is not asked.
    ///
    /// # Context
    ///
    /// Any.
    pub fn choose(&self, meaning: &'static T) {
        if let Some(place) = T::WORDS
            .iter()
            .position(|(_, one)| core::ptr::eq(one, meaning))
        {
            // INVARIANT: It was just found there.
            self.chosen.store(place, Ordering::Relaxed);
        }
    }

    /// The words, to be shown: `soft, hard`.
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

/// Are two texts the same? For the compiler.
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
    const KIND: &'static str = "word";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = line(text.ok_or(Refusal::Invalid)?);
        let place = T::WORDS
            .iter()
            .position(|(word, _)| word.as_bytes() == text)
            .ok_or(Refusal::Invalid)?;
        if let Some((_, meaning)) = T::WORDS.get(place) {
            ask(self.on_change, meaning)?;
        }
        // INVARIANT: It was just found there.
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
