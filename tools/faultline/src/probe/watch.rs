// SPDX-License-Identifier: GPL-2.0

//! A watch of the functions: shows events as they come, or counts, until it is to end; then says what
//! was not shown, and why.

use super::ask::Ask;
use super::event::{Call, Line};
use super::ledger::Ledger;
use super::probing::Probing;
use super::remarks::{self, Tally};
use super::show::json;
use super::show::people::Look;
use super::show::summary::Summary;
use super::stacks::Stacks;
use crate::proc::name_of;
use crate::terminal::escape;
use crate::terminal::progress::Progress;
use crate::terminal::tell::tell;
use crate::tracing::instance::Instance;
use crate::tracing::line::Lines;
use crate::tracing::out::{End, Out};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often it is looked what was counted.
const TICK: Duration = Duration::from_millis(100);
/// How often, at most, it is looked whether a function was disabled; and that takes a share of the time.
const BRAKES: Duration = Duration::from_secs(1);
const SHARE: u32 = 20;

/// A run.
pub struct Watch<'a> {
    ask: &'a Ask,
    probing: Probing<'a>,
    out: Out,
    look: Look<'a>,
    start: Instant,
    progress: Progress,
    tally: Tally,
    stacks: Stacks,
    /// The functions that were said to be disabled.
    braked: BTreeSet<u32>,
    next_look: Instant,
}

impl<'a> Watch<'a> {
    pub fn new(ask: &'a Ask, probing: Probing<'a>, out: Out, start_us: u64) -> Self {
        let is_quiet = ask.lines && std::io::stdout().is_terminal();
        Watch {
            ask,
            probing,
            out,
            look: Look {
                width: crate::terminal::out::width(),
                colour: crate::terminal::out::colour(),
                start_us,
                template: ask.print.as_ref(),
            },
            start: Instant::now(),
            progress: Progress::new(is_quiet || !std::io::stderr().is_terminal()),
            tally: Tally::default(),
            stacks: Stacks::new(ask.stack),
            braked: BTreeSet::new(),
            next_look: Instant::now() + BRAKES,
        }
    }

    /// Watches, until it is to end.
    pub fn run(mut self, mut instance: Option<Instance>) -> anyhow::Result<()> {
        let result = self.begin().and_then(|()| self.watch(instance.as_mut()));
        let removed = instance.map_or(Ok(()), Instance::remove);
        let told = result.and_then(|(end, ledger)| removed.and_then(|()| self.end(end, &ledger)));
        told.inspect_err(|error| self.failed(error))
    }

    fn ledger(&self) -> anyhow::Result<Ledger> {
        self.probing.ledger()
    }

    fn record(&mut self, record: &str, body: impl Serialize) {
        self.out.record(json::SCHEMA, record, body);
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        if self.ask.json && self.ask.lines {
            let ledger = self.ledger()?;
            self.record("begin", remarks::begin(&ledger));
            self.out.flush()?;
        }
        Ok(())
    }

    /// What of the time is left; `None` without a limit.
    fn left(&self) -> Option<Duration> {
        let limit = self.ask.duration?;
        Some(limit.saturating_sub(self.start.elapsed()))
    }

    fn is_over(&self, count: u64) -> Option<End> {
        if self.ask.count.is_some_and(|limit| count >= limit) {
            return Some(End::Count);
        }
        self.left().filter(Duration::is_zero).map(|_| End::Duration)
    }

    /// Waits for something to come from `instance`, but not long.
    fn wait(&self, instance: Option<&Instance>) -> anyhow::Result<Option<End>> {
        let limit = self.left().map_or(TICK, |left| left.min(TICK));
        self.out.wait(instance.and_then(Instance::fd), limit)
    }

    /// Says which functions were disabled since the last time.
    fn tell_braked(&mut self, ledger: &Ledger) {
        let new = ledger
            .in_state("braked")
            .filter(|account| self.braked.insert(account.id));
        remarks::braked(&new.collect::<Vec<_>>())
            .into_iter()
            .for_each(tell);
    }

    fn look_at_brakes(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        if now < self.next_look {
            return Ok(());
        }
        let ledger = self.ledger()?;
        self.tell_braked(&ledger);
        self.next_look = Instant::now() + BRAKES.max(now.elapsed() * SHARE);
        Ok(())
    }

    /// Shows events as they come, or counts, until it is to end.
    fn watch(&mut self, mut instance: Option<&mut Instance>) -> anyhow::Result<(End, Ledger)> {
        let mut lines = Lines::default();
        let end = loop {
            let anything = match &mut instance {
                Some(instance) => self.take(instance, &mut lines)?,
                None => false,
            };
            let flushed = self.out.flush()?;
            let count = self.count(anything)?;
            if let Some(end) = flushed.or(self.is_over(count)) {
                break end;
            }
            self.look_at_brakes()?;
            if !anything {
                if let Some(end) = self.wait(instance.as_deref())? {
                    break end;
                }
            }
        };
        if let Some(instance) = &instance {
            instance.end()?;
        }
        let ledger = self.ledger()?;
        self.tally.secs = self.start.elapsed().as_secs_f64();
        if let Some(instance) = instance {
            while matches!(end, End::Interrupted | End::Duration)
                && self.take(instance, &mut lines)?
            {}
            let (entries, dropped) = instance.left();
            self.tally.lost += dropped;
            if end != End::Count {
                self.tally.not_shown += entries;
                lines.rest().into_iter().for_each(|rest| self.line(&rest));
                self.stacks
                    .rest()
                    .into_iter()
                    .for_each(|call| self.call(call));
            }
        }
        Ok((end, ledger))
    }

    /// How many calls there were, if somebody wants to know.
    fn count(&self, is_busy: bool) -> anyhow::Result<u64> {
        if self.ask.lines {
            if !is_busy {
                let Tally { events, lost, .. } = self.tally;
                self.progress.step(&format!("{events} events, {lost} lost"));
            }
            return Ok(self.tally.events);
        }
        if self.ask.count.is_none() && !matches!(self.progress, Progress::Live(_)) {
            return Ok(0);
        }
        let recorded = self.ledger()?.total(|account| account.recorded);
        self.progress.step(&format!("{recorded} calls"));
        Ok(recorded)
    }

    /// Reads what there is now, at most a piece. Returns whether there was anything.
    fn take(&mut self, instance: &mut Instance, lines: &mut Lines) -> anyhow::Result<bool> {
        let mut piece = [0; 16384];
        let length = instance.read(&mut piece)?;
        for line in lines.add(&piece[..length]) {
            if self.is_enough() {
                break;
            }
            self.line(&line);
        }
        Ok(length > 0)
    }

    /// Whether as many events were shown as are to be.
    fn is_enough(&self) -> bool {
        let limit = self.ask.count.filter(|_| self.ask.lines);
        limit.is_some_and(|limit| self.tally.events >= limit)
    }

    fn line(&mut self, line: &str) {
        let line = Line::read(line);
        if let Some(complete) = self.stacks.before(&line) {
            self.call(complete);
        }
        match line {
            Line::Call(call) => {
                if let Some(complete) = self.stacks.add(*call) {
                    self.call(complete);
                }
            }
            Line::Lost(lost) => {
                self.tally.lost += lost.events.unwrap_or(1);
                match self.ask.json {
                    true => self.record("lost", json!({ "cpu": lost.cpu, "events": lost.events })),
                    false => self.out.push(&self.look.lost(&lost)),
                }
            }
            Line::Unreadable(text) => {
                self.tally.unreadable += 1;
                match self.ask.json {
                    true => self.record("unreadable", json!({ "text": text })),
                    false => self
                        .out
                        .push(&self.look.warning(&format!("not understood: {text}"))),
                }
            }
            Line::Other(name, text) if name == "module_load" => {
                let module = text.split(' ').next().unwrap_or_default();
                if let Err(error) = self.probing.came(module) {
                    tell(format!("{module}: {error:#}"));
                }
            }
            Line::Stack(_) | Line::Frame(_) | Line::Other(..) => {}
        }
    }

    fn call(&mut self, (mut call, stack): (Call, Vec<String>)) {
        if self.is_enough() {
            return;
        }
        // The kernel notes a name when its program is not running any more: we may be earlier.
        call.head.comm = call.head.comm.take().or_else(|| name_of(call.head.pid));
        let Some(probe) = self.probing.plan.probe(call.id) else {
            self.tally.unreadable += 1;
            return;
        };
        self.tally.events += 1;
        match self.ask.json {
            true => {
                let stack = self.ask.stack.then_some(&stack[..]);
                let event = json::Event::new(probe, &call, stack);
                self.out.record(json::SCHEMA, "event", event);
            }
            false => self.out.push(&self.look.call(probe, &call, &stack)),
        }
    }

    /// The last words: the summary, and what was not shown and why.
    fn end(&mut self, end: End, ledger: &Ledger) -> anyhow::Result<()> {
        self.progress = Progress::Quiet;
        if self.ask.summary {
            let summary = Summary::new(self.tally.secs, ledger);
            match self.ask.json {
                true => self.record("summary", summary.json()),
                false => {
                    let blank = if self.ask.lines { "\n" } else { "" };
                    let text = format!("{blank}{}", summary.text(self.ask.all));
                    self.out.push(&escape::text(&text));
                }
            }
        }
        if self.ask.json && self.ask.lines {
            let body = remarks::end(serde_json::to_value(end)?, &self.tally, ledger);
            self.record("end", body);
        }
        if !self.out.flush_last()? && end != End::Closed {
            tell("nobody reads stdout: the last lines of it are missing");
        }
        let is_known = self.ask.json && self.tally.is_complete();
        if self.ask.lines && !is_known {
            tell(self.tally.text(ledger, self.ask.has_filters()));
        }
        remarks::last(ledger).into_iter().for_each(tell);
        self.tell_braked(ledger);
        Ok(())
    }

    /// It could not go on. Whoever reads the JSON is told there as well.
    fn failed(&mut self, error: &anyhow::Error) {
        self.progress = Progress::Quiet;
        if self.ask.json {
            self.record("failed", json!({ "error": format!("{error:#}") }));
        }
        let _ = self.out.flush_last();
    }
}
