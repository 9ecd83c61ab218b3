// SPDX-License-Identifier: GPL-2.0

//! A watch of all signals: takes what the tracer and the process connector tell, in the order of time,
//! and shows what came of each signal, until it is to end.

use super::ask::{Ask, Wanted};
use super::event::{Line, Reader};
use super::exits::Exits;
use super::json;
use super::order::{Happened, Held, HOLD_US};
use super::outcome::{Outcome, Signal};
use super::people::{clock, Look};
use super::story::{Story, Told};
use super::summary::Summary;
use super::tally::Tally;
use super::tasks::Proc;
use super::time::{monotonic_us, on_the_wall, Timed};
use crate::proc::name_of;
use crate::terminal::escape;
use crate::terminal::progress::Progress;
use crate::terminal::tell::tell;
use crate::tracing::instance::Instance;
use crate::tracing::line::Lines;
use crate::tracing::out::{End, Out};
use serde::Serialize;
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How long it is waited for events at once.
const TICK: Duration = Duration::from_millis(100);
/// As many pieces are read before something is shown.
const PIECES: usize = 64;
/// As many signals are remembered that were shown and may be told again.
const MOST_SHOWN: usize = 2048;

/// Where everything comes from.
pub struct Sources {
    pub instance: Instance,
    /// None where the kernel has none: the trace tells then that a process ended, and not how.
    pub exits: Option<Exits>,
}

/// A run.
struct Watch<'a> {
    ask: &'a Ask,
    out: Out,
    look: Look,
    progress: Progress,
    start: Instant,
    reader: Reader,
    story: Story<Proc>,
    held: Held,
    latest_us: u64,
    /// Signals that were shown, with what they were shown as.
    shown: VecDeque<(u64, Outcome)>,
    summary: Summary,
    tally: Tally,
}

/// Watches until it is to end.
pub fn watch(ask: &Ask, mut sources: Sources, out: Out) -> anyhow::Result<()> {
    let mut watch = Watch {
        ask,
        out,
        look: Look {
            width: crate::terminal::out::width(),
            colour: crate::terminal::out::colour(),
        },
        progress: Progress::new(
            !std::io::stderr().is_terminal() || ask.lines && std::io::stdout().is_terminal(),
        ),
        start: Instant::now(),
        reader: Reader::default(),
        story: Story::new(Proc::default()),
        held: Held::default(),
        latest_us: 0,
        shown: VecDeque::new(),
        summary: Summary::default(),
        tally: Tally::default(),
    };
    let result = watch.stream(&mut sources);
    let Sources { instance, exits } = sources;
    drop(exits);
    result
        .and_then(|end| instance.remove().map(|()| end))
        .and_then(|end| watch.end(end))
        .inspect_err(|error| watch.failed(error))
}

impl Watch<'_> {
    fn record(&mut self, record: &str, body: impl Serialize) {
        self.out.record(json::SCHEMA, record, body);
    }

    fn begin(&mut self, sources: &Sources) -> anyhow::Result<()> {
        sources.instance.begin()?;
        self.start = Instant::now();
        if self.ask.json {
            let begin = json::begin(self.ask, sources.exits.is_some());
            self.record("begin", begin);
        } else if self.ask.lines {
            self.out
                .push("UTC          who -> whom signal (how) what came of it\n");
        }
        self.out.flush()?;
        Ok(())
    }

    fn stream(&mut self, sources: &mut Sources) -> anyhow::Result<End> {
        self.begin(sources)?;
        let mut lines = Lines::default();
        let end = loop {
            let now = monotonic_us();
            let is_all = self.take(sources, &mut lines)?;
            let until = if is_all { now } else { self.latest_us };
            self.tell_in_order(until);
            if let Some(end) = self.out.flush()?.or_else(|| self.is_over()) {
                break end;
            }
            if is_all {
                self.progress.step(&format!(
                    "{} signals, {} events lost",
                    self.tally.signals, self.tally.lost
                ));
                let limit = self.left().map_or(TICK, |left| left.min(TICK));
                if let Some(end) = self.out.wait(sources.instance.fd(), limit)? {
                    break end;
                }
            }
        };
        sources.instance.end()?;
        // What is under way is told; where nobody waits for the end, as far as it has come.
        if matches!(end, End::Interrupted | End::Duration) {
            while !self.take(sources, &mut lines)? {
                self.tell_in_order(self.latest_us);
            }
            self.tell_until(u64::MAX);
            self.story.finish();
            self.show_told();
        }
        let rest = self.reader.rest();
        rest.into_iter().for_each(|line| self.line(line));
        let (entries, dropped) = sources.instance.left();
        self.tally.not_read = entries;
        self.tally.lost += dropped;
        self.tally.lost_exits = sources.exits.as_ref().map_or(0, |exits| exits.overruns);
        Ok(end)
    }

    fn left(&self) -> Option<Duration> {
        self.ask
            .duration
            .map(|limit| limit.saturating_sub(self.start.elapsed()))
    }

    fn is_over(&self) -> Option<End> {
        if self
            .ask
            .count
            .is_some_and(|limit| self.tally.signals >= limit)
        {
            return Some(End::Count);
        }
        self.left().filter(Duration::is_zero).map(|_| End::Duration)
    }

    /// Reads what there is now. Returns whether that was all.
    fn take(&mut self, sources: &mut Sources, lines: &mut Lines) -> anyhow::Result<bool> {
        let mut piece = [0; 16384];
        let mut is_all = false;
        for _ in 0..PIECES {
            let length = sources.instance.read(&mut piece)?;
            if length == 0 {
                is_all = true;
                break;
            }
            for line in lines.add(&piece[..length]) {
                for line in self.reader.read(&line) {
                    self.line(line);
                }
            }
        }
        if let Some(exits) = &mut sources.exits {
            for exit in exits.read()? {
                self.hold(exit.time_us, Happened::Exit(exit));
            }
        }
        Ok(is_all)
    }

    fn line(&mut self, line: Line) {
        match line {
            Line::Event(mut head, event) => {
                // At once, while the task may still be there.
                head.comm = head.comm.take().or_else(|| name_of(head.pid));
                self.latest_us = self.latest_us.max(head.time_us);
                self.hold(head.time_us, Happened::Event(head, event));
            }
            Line::Lost(lost) => {
                self.tally.lost += lost.events.unwrap_or(1);
                let count = lost
                    .events
                    .map_or("an unknown number of".into(), |events| events.to_string());
                match self.ask.json {
                    true => self.record("lost", json::lost(&lost)),
                    false => self.warn(&format!(
                        "CPU {}: {count} events lost, the buffer was full: more --buffer-kb",
                        lost.cpu
                    )),
                }
            }
            Line::Unreadable(text) => {
                self.tally.unreadable += 1;
                match self.ask.json {
                    true => self.record("unreadable", json::unreadable(&text)),
                    false => self.warn(&format!("not understood: {text}")),
                }
            }
        }
    }

    fn warn(&mut self, text: &str) {
        if self.ask.lines {
            let text = self.look.warning(text);
            self.out.push(&text);
        }
    }

    fn hold(&mut self, time_us: u64, what: Happened) {
        if let Some(first) = self.held.add(time_us, what) {
            self.happened(first);
        }
    }

    fn happened(&mut self, what: Happened) {
        match what {
            Happened::Event(head, event) => self.story.event(&head, &event),
            Happened::Exit(exit) => self.story.ended(&exit),
        }
    }

    /// Takes what happened until then.
    fn tell_until(&mut self, until_us: u64) {
        while let Some(what) = self.held.next(until_us) {
            self.happened(what);
        }
        self.show_told();
    }

    /// Takes what is in order, and sees to what should have happened.
    fn tell_in_order(&mut self, now_us: u64) {
        let until_us = now_us.saturating_sub(HOLD_US);
        self.tell_until(until_us);
        self.story.tick(until_us);
        self.show_told();
    }

    fn show_told(&mut self) {
        for told in self.story.told() {
            match told {
                Told::Signal(signal) => self.show(&signal),
                Told::End(end) => {
                    let is_shown = self.shown.iter().any(|(id, _)| *id == end.after);
                    if is_shown && self.ask.lines {
                        let wall = on_the_wall(end.time_us);
                        match self.ask.json {
                            true => self.record("exit", Timed::new(wall, &end, None)),
                            false => {
                                let text = self.look.end(&clock(wall), &end);
                                self.out.push(&text);
                            }
                        }
                    }
                }
            }
        }
    }

    fn show(&mut self, signal: &Signal) {
        let at = self.shown.iter().position(|(id, _)| *id == signal.id);
        let before = at.and_then(|at| self.shown.remove(at));
        if !signal.again {
            match self.ask.wants(signal) {
                Wanted::Yes => {}
                Wanted::No => return self.tally.filtered += 1,
                Wanted::OfChild => return self.tally.of_children += 1,
            }
            if self
                .ask
                .count
                .is_some_and(|limit| self.tally.signals >= limit)
            {
                return;
            }
            self.tally.signals += 1;
        } else if before.is_none() {
            return;
        }
        if signal.outcome.is_open() || signal.outcome == Outcome::Handled {
            if self.shown.len() >= MOST_SHOWN {
                self.shown.pop_front();
            }
            self.shown.push_back((signal.id, signal.outcome));
        }
        if self.ask.summary {
            self.summary.add(signal, before.map(|(_, outcome)| outcome));
        }
        if !self.ask.lines {
            return;
        }
        let wall = on_the_wall(signal.time_us);
        match self.ask.json {
            true => self.record("signal", Timed::new(wall, signal, Some(signal.words()))),
            false => {
                let text = self.look.signal(&clock(wall), signal);
                self.out.push(&text);
            }
        }
    }

    /// The last words: the summary, and what was not shown and why.
    fn end(&mut self, end: End) -> anyhow::Result<()> {
        let secs = self.start.elapsed().as_secs_f64();
        self.progress = Progress::Quiet;
        if self.ask.summary {
            let summary = std::mem::take(&mut self.summary);
            match (self.ask.json, self.ask.lines) {
                (true, _) => self.record("summary", &summary),
                (false, lines) => {
                    let blank = if lines { "\n" } else { "" };
                    let text = format!("{blank}{}", summary.for_people());
                    self.out.push(&escape::text(&text));
                }
            }
        }
        if self.ask.json {
            let end = json::end(end, secs, &self.tally);
            self.record("end", end);
        }
        if !self.out.flush_last()? && end != End::Closed {
            tell("nobody reads stdout: the last lines of it are missing");
        }
        if !self.ask.json || self.tally.is_bad() {
            tell(self.tally.words(secs));
        }
        Ok(())
    }

    /// It could not go on. Whoever reads the JSON is told there as well.
    fn failed(&mut self, error: &anyhow::Error) {
        self.progress = Progress::Quiet;
        if self.ask.json {
            self.record("failed", json::failed(error));
        }
        let _ = self.out.flush_last();
    }
}
