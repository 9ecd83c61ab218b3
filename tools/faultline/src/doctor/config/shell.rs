// SPDX-License-Identifier: GPL-2.0

//! Settings in a file that a shell sources: what each assignment leaves in its variable, with
//! file and line. What only a shell could tell (a command's output, an `if`) is not guessed:
//! such a value is not known.

mod reader;

use super::place::Place;
use reader::Reader;

/// As many assignments as are looked at: where there are more, no value is known.
const ASSIGNMENTS: usize = 10_000;

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    /// The value, or nothing where only a shell could tell it.
    pub value: Option<String>,
    pub place: Place,
}

/// A setting, with its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'a> {
    /// Nothing where only a shell could tell it.
    pub text: Option<&'a str>,
    pub place: Place,
    pub is_default: bool,
}

/// All assignments of the files read so far, in order.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    all: Vec<Setting>,
    /// The first assignment that was too many: it, or one after it, may be to any name.
    beyond: Option<Setting>,
}

impl Settings {
    /// Reads `text`, which is `file`'s.
    pub fn of(file: &str, text: &str) -> Self {
        let mut settings = Self::default();
        settings.source(file, text);
        settings
    }

    /// Reads `text`, as a shell does that sources it after what was read before.
    pub fn source(&mut self, file: &str, text: &str) {
        let mut reader = Reader::new(text);
        while self.beyond.is_none() {
            let lookup = |name: &str| match self.last(name) {
                Some(setting) => setting.value.clone(),
                None => Some(String::new()),
            };
            let Some(read) = reader.assignment(&lookup) else {
                return;
            };
            let setting = Setting {
                name: read.name,
                value: read.value,
                place: Place::at(file, read.line),
            };
            if self.all.len() < ASSIGNMENTS {
                self.all.push(setting);
            } else {
                self.beyond = Some(Setting {
                    value: None,
                    ..setting
                });
            }
        }
    }

    /// The assignment to `name` that holds: the last one.
    pub fn last(&self, name: &str) -> Option<&Setting> {
        let last = || self.all.iter().rev().find(|setting| setting.name == name);
        self.beyond.as_ref().or_else(last)
    }

    /// All assignments to `name`, the first one first.
    pub fn every<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Setting> {
        let all = self.all.iter().filter(move |setting| setting.name == name);
        all.chain(&self.beyond)
    }

    /// What `name` is for a script that has `default` for one that is not set or empty;
    /// `file` is where it would be set.
    pub fn or<'a>(&'a self, name: &str, default: &'a str, file: &str) -> Value<'a> {
        match self.last(name) {
            Some(setting) if setting.value.as_deref() == Some("") => Value {
                text: Some(default),
                place: setting.place.clone(),
                is_default: true,
            },
            Some(setting) => Value {
                text: setting.value.as_deref(),
                place: setting.place.clone(),
                is_default: false,
            },
            None => Value {
                text: Some(default),
                place: Place::whole(file),
                is_default: true,
            },
        }
    }

    /// All assignments.
    pub fn all(&self) -> &[Setting] {
        &self.all
    }
}

#[cfg(test)]
mod tests;
