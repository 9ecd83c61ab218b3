// SPDX-License-Identifier: GPL-2.0

//! The doctor: tells for each class of fault, before one comes, whether this machine would detect
//! it, panic, boot the crash kernel, write a dump, and come back; and shows the lines that say so.
//!
//! What it reads is in [`Facts`], from a [`System`]; the rows of [`check::families`] turn that into
//! [`Finding`]s, and these are the links of the chain in each class's [`Answer`]. A check never takes
//! what it could not see for right.

pub mod answer;
pub mod check;
pub mod checks;
pub mod class;
pub mod config;
pub mod facts;
pub mod finding;
pub mod key;
#[cfg(test)]
mod machines;
pub mod people;

pub use answer::Answer;
pub use class::{Class, Classes};
pub use facts::Facts;
pub use finding::{Finding, Link, State};

use crate::system::System;

/// Examines a machine for these classes. Naming only some of them insists on them: then a class
/// that most machines leave switched off counts, too.
pub fn examine(system: &System, only: Classes) -> Answer {
    let facts = Facts::of(system, only);
    let mut findings = Vec::new();
    for check in check::all() {
        for mut finding in (check.run)(&facts) {
            finding.check = check.name;
            if facts.insists() && finding.state == State::Off {
                finding.state = State::Wrong;
            }
            if !finding.classes.and(only).is_empty() {
                findings.push(finding);
            }
        }
    }
    Answer::of(&facts, findings)
}
