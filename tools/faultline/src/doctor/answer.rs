// SPDX-License-Identifier: GPL-2.0

//! The doctor's answer: for each class of faults the links of the chain, the first broken one, and
//! the outcome. The JSON form is an interface: within one version of the schema, keys are added but
//! never changed or removed.

use super::facts::Facts;
use super::finding::{Finding, Link, State};
use crate::fault::class::Class;
use crate::system::Seen;
use crate::verdict::stage::Stage;
use serde::Serialize;

/// The schema of the document.
pub const SCHEMA: &str = "faultline.doctor/1";

/// The outcome of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A dump, and the machine comes back.
    WouldWork,
    /// No dump, which most machines want for this class.
    Off,
    CouldNotTell,
    WouldNot,
}

/// A link of a class's chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChainLink {
    pub link: Link,
    pub state: State,
    /// The sentence of the worst finding.
    pub says: String,
    /// The indexes of its findings in the answer's list.
    pub findings: Vec<usize>,
}

/// The answer for a class of faults.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassAnswer {
    pub class: Class,
    pub title: &'static str,
    pub outcome: Outcome,
    /// The first link that is broken, off, or unknown.
    pub broken: Option<Link>,
    /// The stage at which a drill would fail.
    pub stage: Option<Stage>,
    pub says: String,
    pub chain: Vec<ChainLink>,
}

/// A path that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unseen {
    pub path: String,
    pub why: String,
}

/// The examined machine; null for unknown values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subject {
    pub view: &'static str,
    pub host: Option<String>,
    pub system: Option<String>,
    pub release: Option<String>,
    pub is_root: bool,
}

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub schema: &'static str,
    pub outcome: Outcome,
    pub exit_status: u8,
    pub machine: Subject,
    pub classes: Vec<ClassAnswer>,
    /// The links of a drill and of the dump's tools, which decide no class's outcome.
    pub drill: Vec<ChainLink>,
    pub findings: Vec<Finding>,
    pub unseen: Vec<Unseen>,
}

impl Answer {
    pub fn of(facts: &Facts, findings: Vec<Finding>) -> Self {
        let classes: Vec<_> = facts
            .only
            .iter()
            .map(|class| ClassAnswer::of(class, &findings))
            .collect();
        let worst = |outcome: Outcome| classes.iter().any(|class| class.outcome == outcome);
        let outcome = match () {
            () if worst(Outcome::WouldNot) => Outcome::WouldNot,
            () if worst(Outcome::CouldNotTell) => Outcome::CouldNotTell,
            () => Outcome::WouldWork,
        };
        let drill = Link::DRILL
            .into_iter()
            .map(|link| ChainLink::of(link, &findings, |_| true));
        let is_here = facts.system.is_here();
        let record = facts.system.record();
        let unseen = record.unseen().into_iter();
        let unseen = unseen
            .map(|(path, why)| Unseen {
                path: path.into(),
                why: why.into(),
            })
            .collect();
        drop(record);
        let host = facts.system.sysctl("kernel.hostname").is();
        Answer {
            schema: SCHEMA,
            outcome,
            exit_status: outcome.exit_status(),
            machine: Subject {
                view: facts.system.described(),
                host,
                system: facts.os("PRETTY_NAME").map(str::to_string),
                release: match &facts.release {
                    Seen::Is(release) => Some(release.clone()),
                    _ => None,
                },
                is_root: !is_here || rustix::process::geteuid().is_root(),
            },
            drill: drill.collect(),
            classes,
            findings,
            unseen,
        }
    }

    /// Returns the answer for a class.
    #[cfg(test)]
    pub fn class(&self, class: Class) -> Option<&ClassAnswer> {
        self.classes.iter().find(|answer| answer.class == class)
    }
}

impl Outcome {
    /// Returns the program's exit status.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::WouldWork | Self::Off => 0,
            Self::WouldNot => 1,
            Self::CouldNotTell => 3,
        }
    }
}

impl ChainLink {
    fn of(link: Link, findings: &[Finding], concerns: impl Fn(&Finding) -> bool) -> Self {
        let of_link = findings.iter().enumerate();
        let of_link: Vec<_> = of_link
            .filter(|(_, finding)| finding.link == link && concerns(finding))
            .collect();
        let counts = of_link
            .iter()
            .filter(|(_, finding)| finding.state != State::Note);
        // The first of the worst findings decides.
        let decides = counts.rev().max_by_key(|(_, finding)| finding.state);
        let (state, says) = match decides {
            Some((_, finding)) => (finding.state, finding.says.clone()),
            None => (State::Unknown, "no check applies".into()),
        };
        let findings = of_link.iter().map(|(at, _)| *at).collect();
        ChainLink {
            link,
            state,
            says,
            findings,
        }
    }
}

impl ClassAnswer {
    fn of(class: Class, findings: &[Finding]) -> Self {
        let concerns = |finding: &Finding| finding.classes.has(class);
        let chain = Link::CHAIN
            .into_iter()
            .map(|link| ChainLink::of(link, findings, concerns));
        let chain: Vec<_> = chain.collect();
        let first = |states: &[State]| chain.iter().find(|link| states.contains(&link.state));
        let broken = first(&[State::Wrong, State::Off]).or_else(|| first(&[State::Unknown]));
        let outcome = match broken.map(|link| link.state) {
            None => Outcome::WouldWork,
            Some(State::Off) => Outcome::Off,
            Some(State::Wrong) => Outcome::WouldNot,
            Some(_) => Outcome::CouldNotTell,
        };
        let decides = |link: &ChainLink| {
            let of_link = link.findings.iter().map(|at| &findings[*at]);
            of_link
                .filter(|finding| finding.state == State::Wrong)
                .find_map(|finding| finding.stage)
        };
        ClassAnswer {
            class,
            title: class.title(),
            outcome,
            broken: broken.map(|link| link.link),
            stage: broken.and_then(decides),
            says: match broken {
                Some(link) => link.says.clone(),
                None => chain
                    .iter()
                    .find(|link| link.link == Link::Dump)
                    .map(|link| link.says.clone())
                    .unwrap_or_default(),
            },
            chain,
        }
    }
}

#[cfg(test)]
pub mod testing {
    use super::*;
    use crate::fault::class::Classes;
    use crate::system::testing::Machine;

    /// Returns the answer on a machine whose only wrong finding for these classes is this.
    pub fn answer(changes: &[(Class, Link, State, &str)]) -> Answer {
        let classes: Vec<_> = changes.iter().map(|(class, ..)| *class).collect();
        let only = Classes::of(&classes);
        let all = Link::CHAIN.into_iter().chain(Link::DRILL);
        let mut findings: Vec<_> = all.map(|link| Finding::fine(only, link, "x")).collect();
        for (class, link, state, says) in changes {
            findings.push(
                Finding::new(*state, *class, *link, *says)
                    .evidence("/x:1", *says)
                    .mend("true"),
            );
        }
        let system = Machine::new().sysctl("kernel.hostname", "web1").system();
        Answer::of(&Facts::of(&system, only), findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(findings: &[(Link, State)]) -> (Outcome, Option<Link>) {
        let finding = |(link, state): &(Link, State)| Finding::new(*state, Class::Soft, *link, "x");
        let findings: Vec<_> = findings.iter().map(finding).collect();
        let answer = ClassAnswer::of(Class::Soft, &findings);
        (answer.outcome, answer.broken)
    }

    #[test]
    fn the_first_broken_link_decides() {
        let fine = Link::CHAIN.map(|link| (link, State::Fine));
        assert_eq!(outcome(&fine), (Outcome::WouldWork, None));
        // What nobody checked is not right.
        for missing in 0..fine.len() {
            let mut some = fine.to_vec();
            let (link, _) = some.remove(missing);
            assert_eq!(outcome(&some), (Outcome::CouldNotTell, Some(link)));
            some.push((link, State::Note));
            assert_eq!(outcome(&some), (Outcome::CouldNotTell, Some(link)));
        }
        let and = |more: &[(Link, State)]| outcome(&[&fine, more].concat());
        let (wrong, unknown, off) = (State::Wrong, State::Unknown, State::Off);
        assert_eq!(
            and(&[(Link::Panic, State::Note)]),
            (Outcome::WouldWork, None)
        );
        assert_eq!(
            and(&[(Link::Dump, wrong), (Link::Panic, wrong)]),
            (Outcome::WouldNot, Some(Link::Panic))
        );
        assert_eq!(
            and(&[(Link::Detector, unknown), (Link::Dump, wrong)]),
            (Outcome::WouldNot, Some(Link::Dump))
        );
        assert_eq!(
            and(&[(Link::Panic, off), (Link::Dump, wrong)]),
            (Outcome::Off, Some(Link::Panic))
        );
        assert_eq!(
            and(&[(Link::Panic, off), (Link::Panic, unknown)]),
            (Outcome::CouldNotTell, Some(Link::Panic))
        );
        // Neither a drill's needs nor another class's.
        assert_eq!(and(&[(Link::Module, wrong)]), (Outcome::WouldWork, None));
    }
}
