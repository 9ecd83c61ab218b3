// SPDX-License-Identifier: GPL-2.0

//! What keeps a dump from being read, and the watch over those who read: they can be
//! interrupted, and say how far they are.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a dump could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It is no dump that can be read; this is what it is.
    Unreadable(String),
    /// A part of it is missing or damaged; this part.
    Incomplete(String),
    /// The reading was given up, which says nothing of the dump; this is why.
    GivenUp(String),
}

impl Fault {
    /// The bytes at a place cannot be read: they are not there, or the file gives an error.
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

/// A [`Fault`] passes through readers that know only I/O errors.
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

/// Told how far a step is: its name, what is done, and of how much (0: unknown).
pub type Tell<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// The watch over a reading.
pub struct Watch<'a> {
    stop: &'a AtomicBool,
    tell: Tell<'a>,
}

impl<'a> Watch<'a> {
    /// A watch that ends the reading when `stop` is set.
    pub fn new(stop: &'a AtomicBool, tell: Tell<'a>) -> Self {
        Watch { stop, tell }
    }

    /// Fails when the reading is to end.
    pub fn go_on(&self) -> Result<(), Fault> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Fault::GivenUp("interrupted while reading the dump".into())),
            false => Ok(()),
        }
    }

    /// Tells how far a step is.
    pub fn tell(&self, step: &str, done: u64, of: u64) {
        (self.tell)(step, done, of);
    }
}
