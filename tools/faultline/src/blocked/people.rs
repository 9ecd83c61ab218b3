// SPDX-License-Identifier: GPL-2.0

//! Blocked tasks for people: each with what it waits for, who holds that, and its stack.

use super::chain::End;
use super::kernel::Holding;
use super::report::{Report, Shown};
use super::waits::WaitType;
use crate::terminal::escape;
use crate::terminal::layout::{self, Part};
use std::fmt::Write;

/// The report as text. Lines are no wider than `width`, if that is given.
pub fn text(report: &Report, width: Option<usize>) -> String {
    let mut out = String::new();
    let mut say = |lead: &str, text: &str| {
        let words: Vec<_> = text.split(' ').map(Part::plain).collect();
        out += &layout::lay_out(lead, &words, width, false);
    };
    for shown in &report.blocked {
        say("", &head(shown));
        for line in chain(report, shown) {
            say("  ", &line);
        }
        stack(&mut say, shown);
    }
    for shown in report.holders.values() {
        let task = &shown.task;
        let name = format!("{}[{}]", task.comm, task.pid);
        say(
            "",
            &format!(
                "{name} holds what others wait for, and is {}{}",
                state(task.state),
                match shown.wait.wait_type {
                    WaitType::Unknown => String::new(),
                    _ => format!(": waits for {}", shown.wait.what),
                }
            ),
        );
        stack(&mut say, shown);
    }
    for limit in &report.limits {
        say("! ", limit);
    }
    let blocked = report.blocked.len() + report.others;
    let others = match report.others {
        0 => String::new(),
        others => format!(", of which {others} are not shown"),
    };
    let looked_at = report.looked_at;
    say(
        "",
        &format!("{blocked} of {looked_at} tasks blocked{others}"),
    );
    out
}

fn head(shown: &Shown) -> String {
    let task = &shown.task;
    let mut text = format!("{}[{}]", task.comm, task.pid);
    if task.process != task.pid {
        let _ = write!(text, " of process {}", task.process);
    }
    match shown.secs {
        Some(secs) => {
            let _ = write!(text, " blocked for about {secs:.1} s:");
        }
        None => text += " blocked:",
    }
    // "a mutex", but what a stack tells has its article.
    let by_memory = shown
        .chain
        .as_ref()
        .is_some_and(|chain| !chain.links.is_empty());
    match (shown.wait.wait_type, by_memory) {
        (_, true) => {
            let _ = write!(text, " waits for {}", article(shown.wait.what));
        }
        (WaitType::Unknown, _) => {
            let place = shown.wchan.as_deref().or_else(|| {
                let frames = shown.stack.as_ref().ok()?;
                Some(frames.first()?.function.as_str())
            });
            let _ = match place {
                Some(function) => write!(text, " sleeps in {function}"),
                None => write!(text, " waits for {}", shown.wait.what),
            };
        }
        _ => {
            let _ = write!(text, " waits for {}", shown.wait.what);
        }
    }
    text
}

fn article(what: &str) -> String {
    match what.starts_with("rw") || what.starts_with("rt") {
        true => format!("an {what}"),
        false => format!("a {what}"),
    }
}

/// Who holds what it waits for, and so on.
fn chain(report: &Report, shown: &Shown) -> Vec<String> {
    let Some(chain) = &shown.chain else {
        return Vec::new();
    };
    let name = |pid: i32| match report.name(pid) {
        Some(comm) => format!("{comm}[{pid}]"),
        None => format!("[{pid}]"),
    };
    let mut lines = Vec::new();
    for (at, link) in chain.links.iter().enumerate() {
        let lock = link.lock.lock_type.words();
        let how = match link.holder {
            Some((pid, Holding::Owner)) => format!("held by {}", name(pid)),
            Some((pid, Holding::Reader)) => {
                format!("held by readers, {} is or was one of them", name(pid))
            }
            Some((pid, Holding::LastTaker)) => format!("last taken by {}", name(pid)),
            None => "held by nobody that could be told".into(),
        };
        lines.push(match at {
            0 => format!("{lock}: {how}"),
            _ => format!("which waits for {}: {how}", article(lock)),
        });
    }
    match &chain.end {
        End::NoLock { pid } if !chain.links.is_empty() => {
            lines.push(match report.holders.get(pid) {
                Some(holder) => format!("which is {}", state(holder.task.state)),
                None => "which waits for no lock: see there".into(),
            });
        }
        End::NoLock { .. } => {}
        End::Deadlock { pid } => lines.push(format!(
            "DEADLOCK: {} is waited for, and waits: none of them goes on",
            name(*pid)
        )),
        End::Free => {
            if let Some(last) = lines.last_mut() {
                *last += ", it was just given back";
            }
        }
        End::Unknown { why } => lines.push(format!("could not tell: {why}")),
    }
    lines
}

fn state(state: char) -> String {
    let words = match state {
        'R' => "running, or ready to",
        'S' => "sleeping",
        'I' => "idle",
        'D' => "in uninterruptible sleep, not for long",
        'T' => "stopped",
        't' => "traced",
        'Z' | 'X' => "ended",
        other => return format!("in state {}", escape::line(&other.to_string())),
    };
    words.into()
}

fn stack(say: &mut impl FnMut(&str, &str), shown: &Shown) {
    match &shown.stack {
        Err(why) => say("  ", &format!("its stack could not be told: {why}")),
        Ok(frames) if frames.is_empty() => say("  ", "no stack: it runs, or has just ended"),
        Ok(frames) => {
            for frame in frames {
                match &frame.module {
                    Some(module) => say("    ", &format!("{} [{module}]", frame.function)),
                    None => say("    ", &frame.function),
                }
            }
        }
    }
}
