// SPDX-License-Identifier: GPL-2.0

//! Settings in a file that a shell sources: the value of each assignment, with file and line. A
//! value that only a shell can expand (a command's output, an `if`) is not guessed, but unknown.

mod reader;

use super::place::Place;
use reader::Reader;

/// Limit on the number of assignments: beyond it no value is known.
const ASSIGNMENTS: usize = 10_000;

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    /// The value; none if only a shell can expand it.
    pub value: Option<String>,
    pub place: Place,
}

/// A setting, with its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'a> {
    /// The value; none if only a shell can expand it.
    pub text: Option<&'a str>,
    pub place: Place,
    pub is_default: bool,
}

/// All assignments of the files read so far, in order.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    all: Vec<Setting>,
    /// The first assignment beyond the limit: it, or a later one, may set any name.
    beyond: Option<Setting>,
}

impl Settings {
    /// Parses `text`, the contents of `file`.
    pub fn of(file: &str, text: &str) -> Self {
        let mut settings = Self::default();
        settings.source(file, text);
        settings
    }

    /// Parses `text`, as if sourced after the text that was parsed before.
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

    /// Returns the effective assignment to `name`: the last one.
    pub fn last(&self, name: &str) -> Option<&Setting> {
        let last = || self.all.iter().rev().find(|setting| setting.name == name);
        self.beyond.as_ref().or_else(last)
    }

    /// Returns all assignments to `name`, in order.
    pub fn every<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Setting> {
        let all = self.all.iter().filter(move |setting| setting.name == name);
        all.chain(&self.beyond)
    }

    /// Returns the value of `name` for a script that uses `default` if it is unset or empty; `file`
    /// is the file that would set it.
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

    /// Returns all assignments.
    pub fn all(&self) -> &[Setting] {
        &self.all
    }
}

#[cfg(test)]
mod tests;
