// SPDX-License-Identifier: GPL-2.0

//! Why a function cannot be probed.

use super::danger;
use super::pattern::Point;
use std::fmt;

/// As many addresses as a message has.
const SHOWN: usize = 4;

/// Why a function, or a pattern, is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No function has the name, or none fits the pattern.
    NotFound,
    /// The module is not loaded.
    NotLoaded { module: String },
    /// The compiler made other functions of it, these.
    Changed { siblings: Vec<String> },
    /// Several functions have the name.
    Ambiguous { addresses: Vec<u64>, count: usize },
    /// The kernel forbids kprobes in it.
    Blacklisted,
    /// Its code was given back after the boot.
    Init,
    /// ftrace does not trace it, and a pattern does not take what is left, a kprobe.
    NoTrace,
    /// It hangs or crashes the machine: see [`danger`].
    Dangerous {
        why: &'static str,
        return_only: bool,
    },
    /// It belongs to the module that probes.
    Own,
    /// A symbol that is not a function which is called.
    NoFunction { what: &'static str },
    /// The kernel hides its address.
    Hidden,
}

impl Reason {
    /// One word for it, as in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Reason::NotFound => "not-found",
            Reason::NotLoaded { .. } => "not-loaded",
            Reason::Changed { .. } => "changed",
            Reason::Ambiguous { .. } => "ambiguous",
            Reason::Blacklisted => "blacklisted",
            Reason::Init => "init",
            Reason::NoTrace => "notrace",
            Reason::Dangerous { .. } => "dangerous",
            Reason::Own => "own",
            Reason::NoFunction { .. } => "no-function",
            Reason::Hidden => "hidden",
        }
    }

    /// Why it is dangerous, if it is.
    pub fn danger(name: &str, point: Point) -> Option<Self> {
        danger::of(name, point).map(|(why, return_only)| Reason::Dangerous { why, return_only })
    }

    /// What all functions that are refused for it have in common.
    pub fn common(&self) -> String {
        match self {
            Reason::NotFound => {
                "no function of this name: misspelled, inlined wherever it is called, or of a module \
                 that is not loaded"
                    .into()
            }
            Reason::NotLoaded { .. } => {
                "no such module is loaded; functions of what is built in are kernel.function()".into()
            }
            Reason::Changed { .. } => {
                "inlined, or made into others by the compiler, whose parameters may differ".into()
            }
            Reason::Ambiguous { .. } => "several functions have this name".into(),
            Reason::Blacklisted => "the kernel forbids probes in it (its kprobes blacklist)".into(),
            Reason::Init => "its code is gone: it ran once, during the boot".into(),
            Reason::NoTrace => {
                "ftrace does not trace it; a kprobe or kretprobe is left, for which it is to be named \
                 without a pattern"
                    .into()
            }
            Reason::Dangerous { why, return_only } => format!(
                "{}: {why}",
                match return_only {
                    true => "its return is not probed",
                    false => "it is not probed",
                }
            ),
            Reason::Own => "it belongs to the module that probes".into(),
            Reason::NoFunction { what } => format!("it is not a function that is called: {what}"),
            Reason::Hidden => {
                "ftrace does not trace it, and the kernel hides its address, so that whether its code \
                 is there cannot be told"
                    .into()
            }
        }
    }

    /// What is of this function alone.
    pub fn detail(&self) -> Option<String> {
        match self {
            Reason::NotLoaded { module } => Some(format!("module {module}")),
            Reason::Changed { siblings } => Some(format!("there are {}", siblings.join(", "))),
            Reason::Ambiguous { addresses, count } => {
                let shown: Vec<_> = addresses
                    .iter()
                    .take(SHOWN)
                    .map(|address| format!("{address:x}"))
                    .collect();
                Some(match (count - shown.len().min(*count), shown.is_empty()) {
                    (_, true) => format!("{count} of them, at hidden addresses"),
                    (0, _) => format!("at {}", shown.join(", ")),
                    (more, _) => format!("at {} and {more} more", shown.join(", ")),
                })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.common())?;
        match self.detail() {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}
