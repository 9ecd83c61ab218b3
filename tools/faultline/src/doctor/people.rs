// SPDX-License-Identifier: GPL-2.0

//! The answer for people: a table of the classes, then the findings with what mends them.

use super::answer::{Answer, Outcome};
use super::finding::{Link, State};
use crate::layout::wrapped;
use std::fmt::Write;

/// The answer as text.
pub fn text(answer: &Answer) -> String {
    let mut out = String::new();
    let _ = write!(out, "{:<19}", "fault");
    for link in Link::CHAIN {
        let _ = write!(out, "{:<14}", link.title());
    }
    out = out.trim_end().to_string() + "\n";
    for class in &answer.classes {
        let _ = write!(out, "{:<19}", class.title);
        for link in &class.chain {
            let word = match link.state {
                State::Fine | State::Note => "yes",
                State::Later => "now only",
                State::Off => "off",
                State::Unknown => "?",
                State::Wrong => "NO",
            };
            let _ = write!(out, "{word:<14}");
        }
        out = out.trim_end().to_string() + "\n";
    }
    out.push('\n');
    for finding in &answer.findings {
        let word = match finding.state {
            State::Wrong => "WRONG",
            State::Unknown => "unknown",
            _ => continue,
        };
        out += &wrapped(&format!("{word:<8}"), &finding.says);
        for evidence in &finding.evidence {
            out += &wrapped(
                "        | ",
                &format!("{}: {}", evidence.place, evidence.text),
            );
        }
        for line in &finding.mend {
            let _ = writeln!(out, "        {}", crate::escape::line(line));
        }
    }
    out += match answer.outcome {
        Outcome::WouldWork | Outcome::Off => "\nAll would work.\n",
        Outcome::CouldNotTell => "\nCould not tell.\n",
        Outcome::WouldNot => "\nSomething would not work.\n",
    };
    out
}
