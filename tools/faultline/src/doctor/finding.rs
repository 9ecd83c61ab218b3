// SPDX-License-Identifier: GPL-2.0

//! The finding of a check: a sentence, its evidence, and how to fix it.

use crate::fault::class::Classes;
use crate::system::Seen;
use crate::verdict::stage::Stage;
use serde::Serialize;

/// A link of the chain from a fault to a dump, in the order of time. The last two are not part of
/// the chain: the needs of a drill, and the tools that read the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    Detector,
    Panic,
    CrashKernel,
    Dump,
    After,
    Module,
    Analyser,
}

impl Link {
    /// The links that all classes of faults have.
    pub const CHAIN: [Link; 5] = [
        Link::Detector,
        Link::Panic,
        Link::CrashKernel,
        Link::Dump,
        Link::After,
    ];
    pub const DRILL: [Link; 2] = [Link::Module, Link::Analyser];

    /// Returns its name in texts.
    pub fn title(self) -> &'static str {
        match self {
            Self::Detector => "detected",
            Self::Panic => "panic",
            Self::CrashKernel => "crash kernel",
            Self::Dump => "dump",
            Self::After => "after",
            Self::Module => "drill",
            Self::Analyser => "analysis",
        }
    }
}

/// The meaning of a finding for its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Fine,
    /// A note, which breaks nothing.
    Note,
    /// Right now, and wrong after the next boot.
    Later,
    /// Off, which most machines want. It is wrong only if the class was named.
    Off,
    /// The check could not tell.
    Unknown,
    Wrong,
}

/// A line of evidence, and its place: `/etc/sysctl.d/x.conf:3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    pub place: String,
    pub text: String,
}

impl Evidence {
    pub fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Evidence {
            place: place.into(),
            text: text.into(),
        }
    }
}

/// A finding of a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The check's name, which the doctor fills in.
    pub check: &'static str,
    pub state: State,
    pub classes: Classes,
    pub link: Link,
    /// The stage at which a drill would fail, if it is wrong.
    pub stage: Option<Stage>,
    pub says: String,
    pub evidence: Vec<Evidence>,
    /// Commands, or lines for a file, that fix it. Any other line begins with `# `.
    pub mend: Vec<String>,
}

impl Finding {
    pub fn new(
        state: State,
        classes: impl Into<Classes>,
        link: Link,
        says: impl Into<String>,
    ) -> Self {
        Finding {
            check: "",
            state,
            classes: classes.into(),
            link,
            stage: None,
            says: says.into(),
            evidence: Vec::new(),
            mend: Vec::new(),
        }
    }

    pub fn fine(classes: impl Into<Classes>, link: Link, says: impl Into<String>) -> Self {
        Self::new(State::Fine, classes, link, says)
    }

    pub fn note(classes: impl Into<Classes>, link: Link, says: impl Into<String>) -> Self {
        Self::new(State::Note, classes, link, says)
    }

    /// Makes a finding that the check could not tell, with the reason.
    pub fn unknown(classes: impl Into<Classes>, link: Link, says: impl Into<String>) -> Self {
        Self::new(State::Unknown, classes, link, says)
    }

    /// Makes a finding that is wrong, with the stage at which a drill would fail.
    pub fn wrong(
        classes: impl Into<Classes>,
        link: Link,
        stage: Stage,
        says: impl Into<String>,
    ) -> Self {
        Finding {
            stage: Some(stage),
            ..Self::new(State::Wrong, classes, link, says)
        }
    }

    pub fn evidence(mut self, place: impl Into<String>, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence::new(place, text));
        self
    }

    /// Adds a file's text, or its absence, as evidence.
    pub fn seen(self, place: &str, seen: &Seen<String>) -> Self {
        match seen {
            Seen::Is(text) => self.evidence(place, text.trim()),
            Seen::Absent => self.evidence(place, "(not there)"),
            Seen::Unseen(why) => self.evidence(place, format!("({why})")),
        }
    }

    pub fn mend(mut self, line: impl Into<String>) -> Self {
        self.mend.push(line.into());
        self
    }
}
