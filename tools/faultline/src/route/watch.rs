// SPDX-License-Identifier: GPL-2.0

//! A watch of the module: shows events as they come, or counts, until it is to end; then says what
//! was not shown, and why.

use super::answers::Answers;
use super::ask::Ask;
use super::call::{answers, Family};
use super::filters::show_packets;
use super::kernel::{Kernel, MODULE};
use super::ledger::Ledger;
use super::line::{Event, Record};
use super::packet::{Packet, Packets};
use super::people::{self, Look};
use super::summary::Summary;
use super::tables::Tables;
use crate::proc::name_of;
use crate::terminal::progress::Progress;
use crate::terminal::tell::tell;
use crate::terminal::{self, escape};
use crate::tracing::instance::{Instance, Settings};
use crate::tracing::line::Lines;
use crate::tracing::out::{End, Out};
use anyhow::{bail, Context};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

/// The schema of the JSON: each line of the stream, and the summary, names it.
const SCHEMA: &str = "faultline.route/1";
/// How often it is looked whether the module is still there, and what was counted.
const TICK: Duration = Duration::from_millis(100);

/// Watches the module, which has these filters.
pub fn watch(
    ask: &Ask,
    kernel: &Kernel,
    tracefs: Option<&Path>,
    filters: &BTreeMap<&'static str, String>,
    out: Out,
) -> anyhow::Result<()> {
    let targets = kernel.targets()?;
    let not_attached = targets.not_attached();
    let asked = |name| ask.filters.iter().any(|filter| filter.name == name);
    for (name, value) in filters.iter().filter(|(name, _)| !asked(**name)) {
        tell(format!(
            "the module has {name}={value} already: what that hides is not shown"
        ));
    }
    for line in &not_attached {
        tell(format!("nothing comes from {line}"));
    }
    let mut watch = Watch {
        ask,
        kernel,
        before: Ledger::default(),
        after: Default::default(),
        start: Instant::now(),
        look: look()?,
        packets: show_packets(filters).then(Packets::default),
        tables: Tables::read(),
        answers: Answers::of(filters, &targets),
        progress: Progress::new(
            !std::io::stderr().is_terminal() || ask.lines && std::io::stdout().is_terminal(),
        ),
        tally: Tally::default(),
        out,
    };
    let result = match (ask.lines, tracefs) {
        (true, Some(tracefs)) => {
            watch.begin(filters, &not_attached)?;
            let settings = Settings {
                events: &[MODULE],
                buffer_kb: ask.buffer_kb,
                ..Settings::default()
            };
            let mut instance = Instance::make(tracefs, &settings)?;
            let result = watch.stream(&mut instance);
            result.and_then(|end| instance.remove().map(|()| end))
        }
        _ => watch.count(),
    };
    result
        .and_then(|end| watch.end(end, filters))
        .inspect_err(|error| watch.failed(error))
}

/// How events are shown on this stdout.
fn look() -> anyhow::Result<Look> {
    Ok(Look {
        width: terminal::out::width(),
        colour: terminal::out::colour(),
        start_us: {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            Duration::try_from(now)?.as_micros() as u64
        },
        namespaces: people::namespaces(),
    })
}

/// What came by the stream.
#[derive(Debug, Default, Serialize)]
struct Tally {
    events: u64,
    /// Were put together of the events.
    packets: u64,
    /// Had no room in a buffer.
    lost: u64,
    unreadable: u64,
    /// Were in a buffer when it ended, or nobody read them from us.
    not_shown: u64,
}

/// A run.
struct Watch<'a> {
    ask: &'a Ask,
    kernel: &'a Kernel,
    before: Ledger,
    start: Instant,
    /// The ledger in the end, and after how long that was.
    after: (Ledger, Duration),
    look: Look,
    /// Puts packets together, if their outermost calls are among the events.
    packets: Option<Packets>,
    tables: Tables,
    answers: Answers,
    progress: Progress,
    tally: Tally,
    out: Out,
}

impl Watch<'_> {
    fn ledger(&self) -> anyhow::Result<Ledger> {
        Ledger::read(&self.kernel.ledger()?)
    }

    /// Counts from here on.
    fn count_from_here(&mut self) -> anyhow::Result<()> {
        self.before = self.ledger()?;
        self.start = Instant::now();
        Ok(())
    }

    /// Counts until here.
    fn count_to_here(&mut self) -> anyhow::Result<()> {
        self.after = (self.ledger()?, self.start.elapsed());
        Ok(())
    }

    /// A record of the JSON.
    fn record(&mut self, record: &str, body: impl Serialize) {
        self.out.record(SCHEMA, record, body);
    }

    fn begin(
        &mut self,
        filters: &BTreeMap<&'static str, String>,
        not_attached: &[String],
    ) -> anyhow::Result<()> {
        if self.ask.json {
            self.record(
                "begin",
                json!({ "filters": filters, "not_attached": not_attached }),
            );
            self.out.flush()?;
        }
        Ok(())
    }

    /// What of the time is left; `None` without a limit.
    fn left(&self) -> Option<Duration> {
        self.ask
            .duration
            .map(|limit| limit.saturating_sub(self.start.elapsed()))
    }

    fn is_over(&self, count: u64) -> Option<End> {
        if self.ask.count.is_some_and(|limit| count >= limit) {
            return Some(End::Count);
        }
        self.left().filter(Duration::is_zero).map(|_| End::Duration)
    }

    /// Waits for something to come from `instance`, but not long.
    fn wait(&self, instance: Option<&Instance>) -> anyhow::Result<Option<End>> {
        if !self.kernel.is_there() {
            bail!("the module {MODULE} was unloaded");
        }
        let limit = self.left().map_or(TICK, |left| left.min(TICK));
        self.out.wait(instance.and_then(Instance::fd), limit)
    }

    /// Shows events as they come, until it is to end.
    fn stream(&mut self, instance: &mut Instance) -> anyhow::Result<End> {
        self.count_from_here()?;
        instance.begin().context("the module's events")?;
        let mut lines = Lines::default();
        let end = loop {
            let anything = self.take(instance, &mut lines)?;
            if let Some(end) = self.out.flush()?.or_else(|| self.is_over(self.shown())) {
                break end;
            }
            if !anything {
                self.progress.step(&format!(
                    "{} events, {} lost",
                    self.tally.events, self.tally.lost
                ));
                if let Some(end) = self.wait(Some(instance))? {
                    break end;
                }
            }
        };
        instance.end()?;
        self.count_to_here()?;
        while matches!(end, End::Interrupted | End::Duration) && self.take(instance, &mut lines)? {}
        let (entries, dropped) = instance.left();
        if end != End::Count {
            self.tally.not_shown += entries;
            lines.rest().into_iter().for_each(|rest| self.show(&rest));
        }
        if dropped > 0 {
            self.show_record(&Record::Lost {
                cpu: None,
                events: Some(dropped),
            });
        }
        Ok(end)
    }

    /// What counts for `--count`.
    fn shown(&self) -> u64 {
        match self.packets {
            Some(_) if !self.ask.json => self.tally.packets,
            _ => self.tally.events,
        }
    }

    /// Reads what there is now, at most a piece. Returns whether there was anything.
    fn take(&mut self, instance: &mut Instance, lines: &mut Lines) -> anyhow::Result<bool> {
        let mut piece = [0; 16384];
        let length = instance.read(&mut piece)?;
        for line in lines.add(&piece[..length]) {
            if self.ask.count.is_some_and(|limit| self.shown() >= limit) {
                break;
            }
            self.show(&line);
        }
        Ok(length > 0)
    }

    fn show(&mut self, line: &str) {
        let mut record = Record::read(line);
        if let Record::Event(event) = &mut record {
            // The kernel notes a name when its program is not running any more: we may be earlier.
            event.comm = event.comm.take().or_else(|| name_of(event.pid));
        }
        self.show_record(&record);
    }

    fn show_record(&mut self, record: &Record) {
        match record {
            Record::Event(_) => self.tally.events += 1,
            Record::Lost { events, .. } => {
                self.tally.lost += events.unwrap_or(1);
                // What is not seen may be among them.
                self.answers = Answers::default();
            }
            Record::Unreadable(_) => self.tally.unreadable += 1,
        }
        match record {
            Record::Event(event) if self.ask.json => {
                self.record("event", event);
                self.add_to_packet(event);
            }
            Record::Event(event) if self.packets.is_some() => self.add_to_packet(event),
            _ if !self.ask.json => {
                let text = self.look.record(record);
                self.out.push(&text);
            }
            Record::Event(_) => {}
            Record::Lost { cpu, events } => {
                self.record("lost", json!({ "cpu": cpu, "events": events }))
            }
            Record::Unreadable(text) => self.record("unreadable", json!({ "text": text })),
        }
    }

    fn add_to_packet(&mut self, event: &Event) {
        let packet = self
            .packets
            .as_mut()
            .and_then(|packets| packets.add(event.clone()));
        if let Some(packet) = packet {
            self.show_packet(&packet);
        }
    }

    fn show_packet(&mut self, packet: &Packet) {
        self.tally.packets += 1;
        let mut decision = packet.decision(&self.tables, &self.answers);
        if decision.answered == Some(false) && !self.has_seen_all_answers(decision.family) {
            decision.answered = None;
            decision.why = decision.why.filter(|_| decision.reason.is_some());
        }
        if self.ask.json {
            self.record(
                "packet",
                json!({ "root": packet.root.fields.number("root"), "decision": decision }),
            );
        } else {
            let text = self.look.packet(packet, &decision, self.ask.tree);
            self.out.push(&text);
        }
    }

    /// Returns whether no answer to a neighbour was missed, or lost on its way here.
    fn has_seen_all_answers(&self, family: Option<Family>) -> bool {
        let Some(event) = family.and_then(answers) else {
            return false;
        };
        let unseen = |ledger: &Ledger| {
            let account = ledger.0.get(event)?;
            Some(account.missed + account.lost)
        };
        let before = unseen(&self.before).unwrap_or_default();
        self.ledger()
            .is_ok_and(|now| unseen(&now).is_some_and(|now| now == before))
    }

    /// Waits until it is to end, while the ledger counts.
    fn count(&mut self) -> anyhow::Result<End> {
        self.count_from_here()?;
        let end = loop {
            let mut recorded = 0;
            if self.ask.count.is_some() || matches!(self.progress, Progress::Live(_)) {
                let counted = self.ledger()?;
                recorded = counted
                    .since(&self.before)
                    .unwrap_or(counted)
                    .total(|account| account.recorded);
                self.progress.step(&format!("{recorded} calls recorded"));
            }
            if let Some(end) = self.is_over(recorded) {
                break end;
            }
            if let Some(end) = self.wait(None)? {
                break end;
            }
        };
        self.count_to_here()?;
        Ok(end)
    }

    /// The last words: the summary, and what was not shown and why.
    fn end(&mut self, end: End, filters: &BTreeMap<&'static str, String>) -> anyhow::Result<()> {
        let (after, time) = std::mem::take(&mut self.after);
        let secs = time.as_secs_f64();
        let difference = after.since(&self.before);
        let reset = difference.is_none();
        let counted = difference.unwrap_or(after);
        self.progress = Progress::Quiet;
        if self.ask.summary {
            let summary = Summary::new(secs, &counted, reset, filters);
            match (self.ask.json, self.ask.lines) {
                (true, _) => self.record("summary", summary),
                (false, lines) => {
                    let blank = if lines { "\n" } else { "" };
                    let text = format!("{blank}{}", summary.for_people());
                    self.out.push(&escape::text(&text));
                }
            }
        }
        let missed = counted.total(|account| account.missed);
        let reason = serde_json::to_value(end)?;
        if self.ask.json && self.ask.lines {
            let tally = serde_json::to_value(&self.tally)?;
            self.record(
                "end",
                json!({ "reason": reason, "secs": secs, "missed": missed, "stream": tally }),
            );
        }
        if !self.out.flush_last()? && end != End::Closed {
            tell("nobody reads stdout: the last lines of it are missing");
        }
        if self.ask.lines {
            let Tally {
                events,
                packets,
                lost,
                unreadable,
                not_shown,
            } = self.tally;
            let counts = [
                (lost, "events lost"),
                (unreadable, "lines not understood"),
                (not_shown, "events not shown"),
                (missed, "calls missed"),
            ];
            let bad: Vec<_> = counts
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!(", {count} {what}"))
                .collect();
            if !self.ask.json || !bad.is_empty() {
                let packets = match &self.packets {
                    Some(_) if packets == 1 => "1 packet, ".into(),
                    Some(_) => format!("{packets} packets, "),
                    None => String::new(),
                };
                tell(format!(
                    "{packets}{events} events in {secs:.1} s{}",
                    bad.concat()
                ));
            }
            if events == 0 {
                self.tell_nothing(&counted, filters);
            }
        }
        Ok(())
    }

    /// Says what there was instead of events, so that a filter that is wrong is seen.
    fn tell_nothing(&self, counted: &Ledger, filters: &BTreeMap<&'static str, String>) {
        let hits = counted.total(|account| account.hits);
        let filtered = counted.total(|account| account.filtered);
        let by: Vec<_> = filters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        tell(match (hits, filtered) {
            (0, _) => "no function was called that is probed".to_string(),
            (_, 0) => format!("{hits} calls, none of which a filter kept back"),
            _ => format!(
                "{filtered} of {hits} calls did not pass the filters {}",
                by.join(" ")
            ),
        });
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
