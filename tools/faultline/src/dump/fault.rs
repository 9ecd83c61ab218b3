// SPDX-License-Identifier: GPL-2.0

//! The faults of reading a dump; and the watch, which interrupts a reading and reports its
//! progress.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a dump could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It is not a readable dump; the reason.
    Unreadable(String),
    /// A part of it is missing or damaged; the part.
    Incomplete(String),
    /// The reading was given up, which says nothing about the dump; the reason.
    GivenUp(String),
}

impl Fault {
    /// Converts an error of reading `what`: the file is too short, or has an I/O error.
    pub fn reading(what: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Self::Incomplete(format!("the file ends within {what}"))
            }
            _ => match Self::from(error) {
                Self::GivenUp(why) => Self::GivenUp(format!("{what}: {why}")),
                other => other,
            },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unreadable(why) | Self::Incomplete(why) | Self::GivenUp(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for Fault {}

/// Wraps a [`Fault`] for readers that return only I/O errors.
impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        io::Error::other(fault)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Fault>() {
            Ok(fault) => fault,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Incomplete("the file ends early".into())
            }
            Err(error) => Self::GivenUp(format!("cannot be read: {error}")),
        }
    }
}

/// The receiver of progress: a step's name, the amount done, and the total (0: unknown).
pub type Tell<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// The watch over a reading.
pub struct Watch<'a> {
    stop: &'a AtomicBool,
    tell: Tell<'a>,
}

impl<'a> Watch<'a> {
    /// Makes a watch that ends the reading when `stop` is set.
    pub fn new(stop: &'a AtomicBool, tell: Tell<'a>) -> Self {
        Watch { stop, tell }
    }

    /// Fails if the reading has to end.
    pub fn go_on(&self) -> Result<(), Fault> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Fault::GivenUp("interrupted while reading the dump".into())),
            false => Ok(()),
        }
    }

    /// Reports the progress of a step.
    pub fn tell(&self, step: &str, done: u64, of: u64) {
        (self.tell)(step, done, of);
    }
}
