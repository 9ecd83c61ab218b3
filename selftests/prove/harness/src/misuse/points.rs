// SPDX-License-Identifier: GPL-2.0

//! Crash points of lockup in functions of all kinds: what the kernel's lists allow is accepted, hit
//! and taken away again; what they do not is refused, with the reason.

use anyhow::{bail, ensure, Context};
use prove::kmsg::Log;
use prove::module::{self, Module};
use prove::symbols::{Expected, Symbols};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Nothing here takes a hundredth of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// What waits looks again after this.
const MOMENT: Duration = Duration::from_millis(2);
/// The longest name that `at` takes; the kernel has longer ones.
const LONGEST: usize = 128;
/// So often it is never called meanwhile: the point counts, and does not strike.
const NEVER: &str = "4294967295";
/// The function that a write to /proc/thread-self/comm calls once, and nothing else here does.
const CALLED_BY_US: &str = "comm_write";
/// Of so many functions one has to be hit by what is done here.
const HIT_IN: usize = 100;

pub fn run(file: &Path, functions: usize) -> anyhow::Result<()> {
    let symbols = Symbols::read()?;
    let mut points = Points::load(file)?;
    let sample = sample(&symbols, functions);
    let mut told = Told::default();
    for (name, expected) in &sample {
        let arm = *expected == Expected::Accepted;
        let came = points.attempt(name, symbols.place(name), arm);
        let came = came.with_context(|| format!("at={name}"))?;
        told.add(name, *expected, &came);
    }
    // Of this one the number of calls is known.
    if symbols.expected(CALLED_BY_US) == Expected::Accepted {
        for calls in [0, 1, 7] {
            points.work = calls;
            match points.attempt(CALLED_BY_US, symbols.place(CALLED_BY_US), true)? {
                Came::Accepted { calls: found } if found == u64::from(calls) => {}
                other => told
                    .wrong
                    .push(format!("{CALLED_BY_US}, called {calls} times: {other:?}")),
            }
        }
    }
    points.module.unload()?;
    let left = fs::read_to_string(LIST).context(LIST)?;
    ensure!(left.is_empty(), "left in {LIST}: {left}");
    told.finish()
}

/// So many functions of each kind, spread over the alphabet: most are those that can be probed.
fn sample(symbols: &Symbols, functions: usize) -> Vec<(String, Expected)> {
    let mut kinds: BTreeMap<Expected, Vec<&String>> = BTreeMap::new();
    for (name, _) in symbols.functions() {
        kinds.entry(symbols.expected(name)).or_default().push(name);
    }
    let inlined = symbols.inlined();
    kinds.insert(Expected::Inlined, inlined.iter().collect());
    let unknown: Vec<_> = (0..functions / 40)
        .map(|n| format!("no_such_{n}"))
        .collect();
    kinds.insert(Expected::NotFound, unknown.iter().collect());
    // Those that can be probed are what is left of it, and the most.
    let accepted = kinds.remove(&Expected::Accepted).unwrap_or_default();
    let mut all = Vec::new();
    for (kind, names) in &kinds {
        let share = match kind {
            Expected::NotFound | Expected::Inlined => functions / 40,
            Expected::Either => functions / 10,
            _ => functions / 20,
        };
        all.extend(spread(names, share).map(|name| (name, *kind)));
    }
    let left = functions.saturating_sub(all.len());
    all.extend(spread(&accepted, left).map(|name| (name, Expected::Accepted)));
    all
}

/// So many of them, evenly spread.
fn spread<'a>(names: &'a [&String], count: usize) -> impl Iterator<Item = String> + 'a {
    let count = count.min(names.len());
    (0..count).map(move |number| names[number * names.len() / count].to_string())
}

/// What came of a point.
#[derive(Debug, PartialEq)]
enum Came {
    /// It was there, and so many calls were counted.
    Accepted {
        calls: u64,
    },
    Refused {
        error: Errno,
        reason: String,
    },
    /// Not even as a name.
    TooLong,
}

const LIST: &str = "/sys/kernel/debug/kprobes/list";

/// lockup, loaded and idle.
struct Points {
    module: Module,
    log: Log,
    delay: &'static str,
    /// How often the function that is called by us is called in an attempt.
    work: u32,
}

impl Points {
    fn load(file: &Path) -> anyhow::Result<Self> {
        let arguments = "mode=warn delay_secs=3600 force=1 run_id=points";
        let module = Module::open(file, arguments)?;
        module.load().context("load")?;
        let mut points = Self {
            module,
            log: Log::open()?,
            delay: "3600",
            work: 3,
        };
        points.cancel()?;
        points.write("count", NEVER)?;
        Ok(points)
    }

    fn write(&self, parameter: &str, value: &str) -> anyhow::Result<()> {
        let file = self.module.parameter(parameter);
        module::write(&file, value).with_context(|| format!("{parameter}={value}"))
    }

    fn await_state(&self, wanted: &str) -> anyhow::Result<()> {
        let file = self.module.parameter("state");
        let end = Instant::now() + PATIENCE;
        loop {
            let state = fs::read_to_string(&file)?;
            if state.trim() == wanted {
                return Ok(());
            }
            ensure!(Instant::now() < end, "is {} and not {wanted}", state.trim());
            std::thread::sleep(MOMENT);
        }
    }

    /// Calls the run off; returns what the log says until it is over.
    fn cancel(&mut self) -> anyhow::Result<Vec<String>> {
        self.write("cancel", "1")?;
        let end = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        loop {
            lines.extend(self.log.lines()?);
            let is_over = |line: &String| line.starts_with("lockup: run points: cancelled");
            if lines.iter().any(is_over) {
                return Ok(lines);
            }
            ensure!(Instant::now() < end, "is not called off: {lines:?}");
            std::thread::sleep(MOMENT);
        }
    }

    /// Makes a point, uses the kernel for a while, and takes it away.
    fn attempt(&mut self, name: &str, place: Option<u64>, arm: bool) -> anyhow::Result<Came> {
        let delay = if arm { "0" } else { "3600" };
        if delay != self.delay {
            self.write("delay_secs", delay)?;
            self.delay = delay;
        }
        if module::write(&self.module.parameter("at"), name).is_err() {
            ensure!(name.len() > LONGEST, "is no name of a function");
            return Ok(Came::TooLong);
        }
        self.log.lines()?;
        if let Err(error) = self.trigger()? {
            let lines = self.log.lines()?;
            let begin = format!("lockup: run points: refused: at={name}: ");
            let reason = lines.iter().find_map(|line| line.strip_prefix(&begin));
            return Ok(Came::Refused {
                error,
                reason: reason.unwrap_or_default().into(),
            });
        }
        self.await_state(if arm { "armed" } else { "countdown" })?;
        if let Some(place) = place {
            check_list(place, arm)?;
        }
        self.work()?;
        let lines = self.cancel()?;
        let calls = lines.iter().find_map(|line| {
            let text = line.strip_prefix("lockup: run points: ")?;
            text.strip_suffix(" calls were counted")?.parse().ok()
        });
        match (calls, arm) {
            (Some(calls), true) => Ok(Came::Accepted { calls }),
            (None, false) => Ok(Came::Accepted { calls: 0 }),
            _ => bail!("the log says of its calls: {lines:?}"),
        }
    }

    /// Begins a run. The one before has just said that it is over.
    fn trigger(&self) -> anyhow::Result<Result<(), Errno>> {
        let file = self.module.parameter("trigger");
        let end = Instant::now() + PATIENCE;
        loop {
            match module::write(&file, "warn") {
                Err(Errno::BUSY) => ensure!(Instant::now() < end, "the run before has no end"),
                other => return Ok(other),
            }
            std::thread::sleep(MOMENT);
        }
    }

    /// Uses the kernel a little, and calls what is only called here.
    fn work(&self) -> anyhow::Result<()> {
        let path = "/tmp/misuse";
        fs::write(path, "text")?;
        let mut text = String::new();
        let mut file = fs::File::open(path)?;
        file.read_to_string(&mut text)?;
        file.metadata()?;
        fs::remove_file(path)?;
        let (mut from, mut to) = UnixStream::pair()?;
        to.write_all(b"x")?;
        from.read_exact(&mut [0])?;
        fs::read_dir("/tmp")?.count();
        let _ = std::thread::spawn(std::thread::yield_now).join();
        for _ in 0..self.work {
            fs::write("/proc/thread-self/comm", "misuse")?;
        }
        Ok(())
    }
}

/// The kernel's list has a probe at `place`, or behind the mark that a branch may lead there.
fn check_list(place: u64, armed: bool) -> anyhow::Result<()> {
    let list = fs::read_to_string(LIST).context(LIST)?;
    let ours = list.lines().find(|line| {
        let at = line.split_whitespace().next();
        let at = at.and_then(|at| u64::from_str_radix(at.trim_start_matches("0x"), 16).ok());
        at.is_some_and(|at| (place..place + 16).contains(&at))
    });
    let line = ours.with_context(|| format!("{LIST} has nothing at {place:#x}: {list}"))?;
    ensure!(armed != line.contains("[DISABLED]"), "{LIST}: {line}");
    Ok(())
}

/// What came of all of them.
#[derive(Default)]
struct Told {
    counts: BTreeMap<String, usize>,
    hit: usize,
    wrong: Vec<String>,
}

impl Told {
    fn add(&mut self, name: &str, expected: Expected, came: &Came) {
        let refused = |wanted: Errno, word: &str| match came {
            Came::Refused { error, reason } => *error == wanted && reason.starts_with(word),
            _ => false,
        };
        let is_right = match (expected, came) {
            (_, Came::TooLong) => true,
            (Expected::Accepted, _) => matches!(came, Came::Accepted { .. }),
            (Expected::Blacklisted, _) => refused(Errno::INVAL, "blacklisted: "),
            (Expected::Init, _) => refused(Errno::INVAL, "init: "),
            (Expected::NotFound, _) => refused(Errno::NOENT, "not found: "),
            (Expected::Inlined, _) => refused(Errno::NOENT, "inlined: "),
            (Expected::Either, Came::Accepted { .. }) => true,
            // A stub of a debug build may be a trap and nothing else.
            (Expected::Either, _) => {
                refused(Errno::INVAL, "blacklisted: ") || refused(Errno::INVAL, "undecodable: ")
            }
        };
        if !is_right {
            self.wrong.push(format!("{name} is {expected:?}: {came:?}"));
        }
        let word = match came {
            Came::Accepted { calls } => {
                self.hit += usize::from(*calls > 0);
                "accepted"
            }
            Came::Refused { reason, .. } => reason.split(':').next().unwrap_or_default(),
            Came::TooLong => "too long a name",
        };
        *self
            .counts
            .entry(format!("{expected:?}: {word}"))
            .or_default() += 1;
    }

    fn finish(self) -> anyhow::Result<()> {
        for (what, count) in &self.counts {
            println!("{what} {count}");
        }
        println!("hit {}", self.hit);
        let all: usize = self.counts.values().sum();
        println!("functions {all}");
        for wrong in self.wrong.iter().take(20) {
            println!("WRONG {wrong}");
        }
        ensure!(self.wrong.is_empty(), "{} are wrong", self.wrong.len());
        ensure!(self.hit * HIT_IN >= all, "only {} were hit", self.hit);
        Ok(())
    }
}
