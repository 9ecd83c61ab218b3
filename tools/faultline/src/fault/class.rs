// SPDX-License-Identifier: GPL-2.0

//! The classes of faults that the doctor examines.

use anyhow::bail;
use serde::{Serialize, Serializer};
use std::str::FromStr;

/// A class of faults: those that one detector reports, and one switch turns into a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Soft,
    Hard,
    Hung,
    Rcu,
    Oops,
    Warning,
    Oom,
    Panic,
    Nmi,
    HardwareWatchdog,
}

impl Class {
    pub const ALL: [Class; 10] = [
        Class::Soft,
        Class::Hard,
        Class::Hung,
        Class::Rcu,
        Class::Oops,
        Class::Warning,
        Class::Oom,
        Class::Panic,
        Class::Nmi,
        Class::HardwareWatchdog,
    ];

    /// Returns its word on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Soft => "soft",
            Self::Hard => "hard",
            Self::Hung => "hung",
            Self::Rcu => "rcu",
            Self::Oops => "oops",
            Self::Warning => "warning",
            Self::Oom => "oom",
            Self::Panic => "panic",
            Self::Nmi => "nmi",
            Self::HardwareWatchdog => "watchdog",
        }
    }

    /// Returns its name in texts.
    pub fn title(self) -> &'static str {
        match self {
            Self::Soft => "soft lockup",
            Self::Hard => "hard lockup",
            Self::Hung => "hung task",
            Self::Rcu => "RCU stall",
            Self::Oops => "oops",
            Self::Warning => "warning",
            Self::Oom => "out of memory",
            Self::Panic => "panic",
            Self::Nmi => "NMI from outside",
            Self::HardwareWatchdog => "hardware watchdog",
        }
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// A set of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classes(u16);

impl Classes {
    pub const NONE: Classes = Classes(0);
    pub const ALL: Classes = Classes((1 << Class::ALL.len()) - 1);

    pub const fn of(classes: &[Class]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < classes.len() {
            bits |= 1 << classes[at] as u16;
            at += 1;
        }
        Classes(bits)
    }

    pub fn and(self, other: Classes) -> Classes {
        Classes(self.0 & other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn has(self, class: Class) -> bool {
        self.0 & (1 << class as u16) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.has(*class))
    }
}

impl From<Class> for Classes {
    fn from(class: Class) -> Self {
        Classes::of(&[class])
    }
}

/// A list of their words: `soft,hung`.
impl FromStr for Classes {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut all = Classes::NONE;
        for word in text.split(',') {
            let Some(class) = Class::ALL.into_iter().find(|class| class.name() == word) else {
                let names: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
                bail!("no fault class {word:?}; allowed: {}", names.join(","));
            };
            all.0 |= Classes::from(class).0;
        }
        Ok(all)
    }
}

impl Serialize for Classes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_classes() {
        let some: Classes = "hung,soft".parse().unwrap();
        assert_eq!(some.iter().collect::<Vec<_>>(), [Class::Soft, Class::Hung]);
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"["soft","hung"]"#);
        let all = Class::ALL.map(Class::name).join(",");
        assert_eq!(all.parse::<Classes>().unwrap(), Classes::ALL);
        for wrong in ["", "soft,", "lockup", "Soft"] {
            assert!(wrong.parse::<Classes>().is_err(), "{wrong}");
        }
    }
}
