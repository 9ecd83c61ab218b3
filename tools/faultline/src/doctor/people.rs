// SPDX-License-Identifier: GPL-2.0

//! The answer as text: a table of the classes, then the findings and how to fix them.

use super::answer::{Answer, ChainLink, ClassAnswer, Outcome};
use super::finding::{Finding, Link, State};
use crate::fault::class::Classes;
use crate::terminal::escape;
use crate::terminal::layout::{lay_out, Part, ASIDE, BAD, DOUBT, GOOD, WIDTH};
use anstyle::Style;
use std::fmt::Write;

const PLAIN: Style = Style::new();

/// The widths of the table's first column and of a link's column, and the limit on listed paths.
const FIRST: usize = 19;
const UNSEEN: usize = 8;

/// Returns the answer as text.
pub fn text(answer: &Answer, colour: bool) -> String {
    let to = &mut Text {
        out: String::new(),
        colour,
    };
    heading(to, answer);
    table(to, answer);
    for (state, word, style) in [
        (State::Wrong, "wrong", BAD),
        (State::Later, "now only", DOUBT),
        (State::Unknown, "unknown", DOUBT),
        (State::Off, "off", ASIDE),
        (State::Note, "note", ASIDE),
    ] {
        let mut said = Vec::new();
        let of_state = answer
            .findings
            .iter()
            .filter(|finding| finding.state == state);
        for finding in of_state {
            // Two links may share a finding.
            let what = (finding.check, &finding.says, finding.classes);
            if !said.contains(&what) {
                said.push(what);
                show(to, finding, word, style);
            }
        }
    }
    unseen(to, answer);
    ending(to, answer);
    std::mem::take(&mut to.out)
}

struct Text {
    out: String,
    colour: bool,
}

impl Text {
    /// Writes words after a lead, wrapped at blanks.
    fn words(&mut self, lead: &str, text: &str, style: Style) {
        let words: Vec<_> = text
            .split_whitespace()
            .map(|word| Part(word.into(), style))
            .collect();
        self.out += &lay_out(lead, &words, Some(WIDTH), self.colour);
    }

    /// Writes a word in a column.
    fn column(&mut self, text: &str, width: usize, style: Style) {
        match self.colour {
            true => {
                let _ = write!(
                    self.out,
                    "{style}{text}{style:#}{:1$}",
                    "",
                    width.saturating_sub(text.len())
                );
            }
            false => {
                let _ = write!(self.out, "{text:<width$}");
            }
        }
    }

    fn end(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }
}

fn heading(to: &mut Text, answer: &Answer) {
    let machine = &answer.machine;
    let known = [&machine.host, &machine.system];
    let mut parts: Vec<_> = known.into_iter().flatten().cloned().collect();
    parts.push(format!(
        "kernel {}",
        machine.release.as_deref().unwrap_or("unknown")
    ));
    if machine.view != "this machine" {
        parts.push(format!("from {}", machine.view));
    }
    to.words("", &parts.join(", "), PLAIN);
    to.out.push('\n');
}

fn width(link: Link) -> usize {
    match link {
        Link::CrashKernel => 14,
        Link::Detector => 10,
        _ => 9,
    }
}

fn table(to: &mut Text, answer: &Answer) {
    to.column("fault", FIRST, ASIDE);
    for link in Link::CHAIN {
        to.column(link.title(), width(link), ASIDE);
    }
    to.column("a dump", 0, ASIDE);
    to.end();
    for class in &answer.classes {
        to.column(class.title, FIRST, PLAIN);
        for link in &class.chain {
            let (word, style) = cell(link);
            to.column(word, width(link.link), style);
        }
        let (word, style) = match class.outcome {
            Outcome::WouldWork => ("yes", GOOD),
            Outcome::Off => ("off", ASIDE),
            Outcome::CouldNotTell => ("?", DOUBT),
            Outcome::WouldNot => ("NO", BAD),
        };
        to.column(word, 0, style);
        to.end();
    }
    to.out.push('\n');
    for (title, link) in ["a drill on it", "analysis of its dumps"]
        .iter()
        .zip(&answer.drill)
    {
        let (word, style) = cell(link);
        to.column(title, 2 * FIRST - 9, PLAIN);
        to.column(word, 0, style);
        to.end();
    }
    to.out.push('\n');
}

fn cell(link: &ChainLink) -> (&'static str, Style) {
    match link.state {
        State::Fine | State::Note => ("yes", GOOD),
        State::Later => ("now only", DOUBT),
        State::Off => ("off", ASIDE),
        State::Unknown => ("?", DOUBT),
        State::Wrong => ("NO", BAD),
    }
}

fn show(to: &mut Text, finding: &Finding, word: &str, style: Style) {
    to.column(word, 10, style);
    let classes = match finding.classes {
        Classes::ALL => String::new(),
        some => {
            some.iter()
                .map(|class| class.name())
                .collect::<Vec<_>>()
                .join(", ")
                + ": "
        }
    };
    let says = format!("{classes}{} [{}]", finding.says, finding.check);
    let lead = " ".repeat(10);
    let start = to.out.len();
    to.words(&lead, &says, PLAIN);
    // The word replaces the blanks of the lead.
    to.out.replace_range(start..start + lead.len(), "");
    for evidence in &finding.evidence {
        for line in evidence.text.lines().take(4) {
            to.words(
                "          | ",
                &format!("{}: {line}", evidence.place),
                ASIDE,
            );
        }
    }
    // No advice for a finding that is off on purpose: its class was not named.
    let mend = finding.mend.iter().filter(|_| finding.state != State::Off);
    for line in mend {
        if let Some(advice) = line.strip_prefix("# ") {
            to.words("          # ", advice, ASIDE);
            continue;
        }
        // Never wrapped, so that it can be copied.
        let _ = writeln!(to.out, "          $ {}", escape::line(line));
    }
}

fn unseen(to: &mut Text, answer: &Answer) {
    if answer.unseen.is_empty() {
        return;
    }
    let count = answer.unseen.len();
    to.out.push('\n');
    to.words("", &format!("Not read ({count}):"), ASIDE);
    for unseen in answer.unseen.iter().take(UNSEEN) {
        to.words("  ", &format!("{}: {}", unseen.path, unseen.why), ASIDE);
    }
    if count > UNSEEN {
        to.words(
            "  ",
            &format!("and {} more: --json lists them", count - UNSEEN),
            ASIDE,
        );
    }
    if !answer.machine.is_root {
        to.words("", "Run the doctor as root to read these.", PLAIN);
    }
}

fn ending(to: &mut Text, answer: &Answer) {
    to.out.push('\n');
    for (outcome, title, style) in [
        (Outcome::WouldWork, "Dump expected for:", GOOD),
        (Outcome::Off, "No dump, as on most machines, for:", ASIDE),
        (Outcome::CouldNotTell, "Could not tell:", DOUBT),
        (Outcome::WouldNot, "NO DUMP for:", BAD),
    ] {
        let of_outcome = answer
            .classes
            .iter()
            .filter(|class| class.outcome == outcome);
        let classes: Vec<_> = of_outcome.map(told).collect();
        if !classes.is_empty() {
            to.words("", &format!("{title} {}", classes.join(", ")), style);
        }
    }
}

fn told(class: &ClassAnswer) -> String {
    match class.stage {
        Some(stage) => format!("{} ({})", class.title, stage.title()),
        None => class.title.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::answer::testing::answer;
    use crate::fault::class::Class;

    #[test]
    fn fits_and_harms_no_terminal() {
        let nasty = "a\u{1b}[2J\n".to_string() + &"word ".repeat(60);
        let mut answer = answer(&[
            (Class::HardwareWatchdog, Link::Panic, State::Wrong, &nasty),
            (Class::Soft, Link::Panic, State::Later, "x"),
            (Class::Oom, Link::Panic, State::Off, "x"),
            (Class::Hung, Link::CrashKernel, State::Unknown, "x"),
        ]);
        for finding in &mut answer.findings {
            finding.mend.push(format!("# {nasty}"));
        }
        let plain = text(&answer, false);
        assert!(plain.contains("          # a\\x1b[2J word"), "{plain}");
        assert!(
            plain.lines().all(|line| line.chars().count() <= WIDTH),
            "{plain}"
        );
        assert!(!plain.contains('\u{1b}'));
        let table: Vec<_> = plain.lines().skip(2).take(5).collect();
        assert_eq!(
            table,
            [
                "fault              detected  panic    crash kernel  dump     after    a dump",
                "soft lockup        yes       now only yes           yes      yes      yes",
                "hung task          yes       yes      ?             yes      yes      ?",
                "out of memory      yes       off      yes           yes      yes      off",
                "hardware watchdog  yes       NO       yes           yes      yes      NO",
            ]
        );
        assert!(
            plain.ends_with("NO DUMP for: hardware watchdog\n"),
            "{plain}"
        );
        let colours = text(&answer, true);
        let mut bare = String::new();
        let mut rest = colours.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            bare += before;
            rest = after.split_once('m').unwrap().1;
        }
        let trimmed = |text: &str| {
            text.lines()
                .map(str::trim_end)
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(trimmed(&(bare + rest)), trimmed(&plain));
    }
}
