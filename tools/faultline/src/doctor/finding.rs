// SPDX-License-Identifier: GPL-2.0

//! What a check found: in words, with the lines that show it, and what to do about it.

use crate::fault::class::Classes;
use crate::system::Seen;
use crate::verdict::stage::Stage;
use serde::Serialize;

/// A link of the chain from a fault to a dump that somebody can read, in the order of time. The last
/// two are no part of it: what a drill needs, and what reads the dump.
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
    /// The links that every class of faults has.
    pub const CHAIN: [Link; 5] = [
        Link::Detector,
        Link::Panic,
        Link::CrashKernel,
        Link::Dump,
        Link::After,
    ];
    pub const DRILL: [Link; 2] = [Link::Module, Link::Analyser];

    /// Its name for people.
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

/// What a finding means for its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Fine,
    /// Worth knowing; it breaks nothing.
    Note,
    /// Right now, and wrong after the next boot.
    Later,
    /// Switched off, as most machines have it on purpose. It is wrong only where the class was named.
    Off,
    /// Could not be told.
    Unknown,
    Wrong,
}

/// A line that shows something, and where it is: `/etc/sysctl.d/x.conf:3`.
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

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The check's name; the doctor fills it in.
    pub check: &'static str,
    pub state: State,
    pub classes: Classes,
    pub link: Link,
    /// Where a drill would fail, if it is wrong.
    pub stage: Option<Stage>,
    pub says: String,
    pub evidence: Vec<Evidence>,
    /// Commands, or lines for a file, that mend it. A line that is neither begins with `# `.
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

    /// Something that could not be told, and why.
    pub fn unknown(classes: impl Into<Classes>, link: Link, says: impl Into<String>) -> Self {
        Self::new(State::Unknown, classes, link, says)
    }

    /// Something that is wrong, and the stage in which a drill would fail by it.
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

    /// A file's text, or that it is not there, as evidence.
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
