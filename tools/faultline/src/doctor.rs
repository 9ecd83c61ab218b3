// SPDX-License-Identifier: GPL-2.0

//! The doctor: predicts for each class of faults whether this machine would detect it, panic, boot
//! the crash kernel, write a dump, and come back; and shows the evidence.
//!
//! It reads a [`System`] into [`Facts`]; the rows of [`checks`] turn these into [`finding`]s, which
//! decide the links of the chain in each class's [`Answer`]. A check never takes a value that it
//! could not read for right.

pub mod answer;
pub mod check;
pub mod checks;
pub mod command;
pub mod config;
mod document;
pub mod facts;
pub mod finding;
pub mod key;
#[cfg(test)]
mod machines;
mod monitor;
mod people;

use crate::fault::class::Classes;
use crate::system::System;
use answer::Answer;
use facts::Facts;
use finding::State;

/// Examines a machine for these classes. If only some classes are named, those that most machines
/// have off on purpose count as well.
pub fn examine(system: &System, only: Classes) -> Answer {
    let facts = Facts::of(system, only);
    let mut findings = Vec::new();
    for check in checks::all() {
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

#[cfg(test)]
mod tests {
    use super::finding::Link;
    use super::*;
    use crate::fault::class::Class;
    use crate::schema;
    use crate::system::testing::Machine;

    /// What a test compares: all but how the machine was seen. A tree is searched for more than one
    /// log.
    fn told(answer: &Answer, is_here: bool) -> serde_json::Value {
        let mut told = serde_json::to_value(answer).unwrap();
        let keys = told.as_object_mut().unwrap();
        keys.remove("machine");
        if !is_here {
            keys.remove("unseen");
        }
        told
    }

    fn machines() -> Vec<System> {
        let some = Machine::new()
            .sysctl("kernel.softlockup_panic", "0")
            .file("/etc/sysctl.d/a.conf", "kernel.softlookup_panic = 1\n")
            .file("/etc/default/kdump-tools", "USE_KDUMP=0\n")
            .file("/proc/cmdline", "crashkernel=256M")
            .log("[    0.0] Linux version 6.1\n");
        let sos = Machine::new().file("/version.txt", "").dir("/sos_commands");
        vec![System::here().unwrap(), some.system(), sos.system()]
    }

    #[test]
    fn what_was_collected_gives_the_same_answer() {
        let dir = tempfile::tempdir().unwrap();
        for (at, system) in machines().into_iter().enumerate() {
            for (only, name) in [(Classes::ALL, "all"), (Class::Oom.into(), "oom")] {
                let answer = examine(&system, only);
                let path = dir.path().join(format!("{at}-{name}.tar"));
                system.record().write(&path).unwrap();
                let again = examine(&System::at(&path).unwrap(), only);
                let is_here = system.is_here();
                assert!(
                    told(&again, is_here) == told(&answer, is_here),
                    "{at} {name}"
                );
                assert_eq!(again.machine.release, answer.machine.release);
            }
        }
    }

    #[test]
    fn json_is_as_the_schema_says() {
        for system in machines() {
            for only in [Classes::ALL, Class::Soft.into()] {
                let document = serde_json::to_value(examine(&system, only)).unwrap();
                assert_eq!(schema::complaint("doctor.schema.json", &document), None);
            }
        }
        let states = [
            State::Fine,
            State::Note,
            State::Later,
            State::Off,
            State::Unknown,
            State::Wrong,
        ];
        for state in states {
            let answer = answer::testing::answer(&[(Class::Nmi, Link::Dump, state, "x")]);
            let mut document = serde_json::to_value(answer).unwrap();
            assert_eq!(schema::complaint("doctor.schema.json", &document), None);
            document["outcome"] = "fine".into();
            assert!(schema::complaint("doctor.schema.json", &document).is_some());
        }
    }

    #[test]
    fn only_what_was_named_and_that_is_wanted() {
        let machine = || Machine::new().sysctl("vm.panic_on_oom", "0").system();
        let answer = examine(&machine(), Class::Oom.into());
        assert_eq!(answer.classes.len(), 1);
        assert_eq!(
            (answer.exit_status, answer.classes[0].broken),
            (1, Some(Link::Panic))
        );
        let answer = examine(&machine(), Classes::ALL);
        assert_eq!(
            answer.class(Class::Oom).unwrap().outcome,
            answer::Outcome::Off
        );
    }
}
