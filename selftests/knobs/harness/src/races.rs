// SPDX-License-Identifier: GPL-2.0

//! Two writers and four readers for each parameter, while the module comes and goes. The
//! writers write patterns, so that a value made of two of them would be seen.

use crate::inputs;
use crate::ktap::{test, Test};
use crate::log::Log;
use crate::module::{self, Module};
use crate::objects::Objects;
use crate::params::{self, Kind, Param, MAX_ITEMS};
use anyhow::{bail, ensure, Context};
use rustix::io::Errno;
use rustix::process::setpriority_process;
use std::fs::OpenOptions;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Those that do something when they are written.
const ACTIONS: &[&str] = &["run"];

const WRITERS: usize = 2;
const READERS: usize = 4;

/// How often a file is used before it is opened anew.
const USES: usize = 64;

/// If it takes longer, something hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// While the module comes and goes, only the parameters of one of so many groups are used,
/// in turn. To remove a file, the kernel waits for each who uses it; all of them wait for
/// one lock, and if they were hundreds, that would take minutes.
const GROUPS: usize = 36;

/// Who may work now.
#[derive(Default)]
struct Turn {
    stop: AtomicBool,
    group: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Turn {
    /// All groups.
    const ALL: usize = GROUPS;

    fn pass(&self, group: usize) {
        let _lock = self.lock.lock().expect("nobody panics");
        self.group.store(group, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// The end: nobody waits any more.
    fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.pass(Self::ALL);
    }

    fn has_ended(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// May this group work?
    fn is(&self, group: usize) -> bool {
        [group, Self::ALL].contains(&self.group.load(Ordering::Relaxed))
    }

    fn wait(&self, group: usize) {
        if !self.is(group) {
            let lock = self.lock.lock().expect("nobody panics");
            let _lock = self.changed.wait_while(lock, |_| !self.is(group));
        }
    }
}

/// What the test does, for how long, how often.
pub struct Plan {
    pub time: Duration,
    pub loads: u32,
}

/// What was done to a parameter.
#[derive(Default)]
struct Done {
    reads: AtomicU64,
    writes: AtomicU64,
    /// The file was not there, or no longer.
    gone: AtomicU64,
}

pub fn tests<'a>(knobs: &'a Module, plan: &'a Plan) -> Vec<Test<'a>> {
    vec![test(
        "writers_and_readers_while_the_module_comes_and_goes",
        || race(knobs, plan),
    )]
}

/// Races twice: first for what the kernel keeps of so many threads and loads, then to see
/// that no more is kept.
fn race(knobs: &Module, plan: &Plan) -> anyhow::Result<Vec<String>> {
    run(
        knobs,
        &Plan {
            time: Duration::ZERO,
            loads: plan.loads.min(2 * GROUPS as u32),
        },
    )?;
    let objects = Objects::count()?;
    let notes = run(knobs, plan)?;
    let leaked = objects.leaked(u64::from(plan.loads) / 4 * 3)?;
    ensure!(leaked.is_empty(), "leaked: {}", leaked.join("\n"));
    Ok(notes)
}

fn run(knobs: &Module, plan: &Plan) -> anyhow::Result<Vec<String>> {
    let log = Log::follow()?;
    let raced: Vec<(&Param, Done)> = params::all()
        .filter(|param| param.mode != 0 && !ACTIONS.contains(&param.name))
        .map(|param| (param, Done::default()))
        .collect();
    let turn = Turn::default();
    let begin = Instant::now();
    let result = std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for (place, (param, done)) in raced.iter().enumerate() {
            let turn = &turn;
            let writers = if param.is_writable() { WRITERS } else { 0 };
            let readers = if param.is_readable() { READERS } else { 0 };
            for number in 0..writers + readers {
                let is_writer = number < writers;
                let builder = Builder::new().stack_size(128 << 10);
                workers.push(builder.spawn_scoped(scope, move || {
                    // The module comes and goes however busy these are.
                    setpriority_process(None, 19)?;
                    let result = work(knobs, param, is_writer, done, (turn, place % GROUPS));
                    if result.is_err() {
                        turn.end(); // the others need not go on
                    }
                    result
                })?);
            }
        }
        let count = workers.len();
        let loads = come_and_go(knobs, plan, &raced, &turn);
        turn.end();
        for worker in workers {
            worker.join().expect("a panic is not caught")?;
        }
        anyhow::Ok((count, loads?))
    });
    let lines = log.end()?;
    let (threads, loads) = result?;
    let time = begin.elapsed();
    ensure!(loads >= plan.loads, "loaded only {loads} times");

    let mut notes = vec![format!(
        "{threads} threads, {loads} loads, {:.1} s",
        time.as_secs_f32()
    )];
    let sum = |of: fn(&Done) -> &AtomicU64| -> u64 {
        raced
            .iter()
            .map(|(_, done)| of(done).load(Ordering::Relaxed))
            .sum()
    };
    notes.push(format!(
        "{} reads, {} writes, {} times it was not there",
        sum(|done| &done.reads),
        sum(|done| &done.writes),
        sum(|done| &done.gone)
    ));
    notes.extend(lines.no_warning(|line| line.starts_with("knobs: refused: once_value="))?);
    Ok(notes)
}

/// What was not yet done to a parameter that ought to be, if there is such a one.
fn missing(raced: &[(&Param, Done)]) -> Option<String> {
    raced.iter().find_map(|(param, done)| {
        [
            ("read", param.is_readable(), &done.reads),
            ("written", param.is_writable(), &done.writes),
            ("gone", true, &done.gone),
        ]
        .into_iter()
        .find(|(_, wanted, count)| *wanted && count.load(Ordering::Relaxed) == 0)
        .map(|(what, ..)| format!("{} was never {what}", param.name))
    })
}

/// Loads and unloads the module, until it was done often enough and long enough, and all was
/// done to each parameter. It goes when something was written or read since it came.
fn come_and_go(
    knobs: &Module,
    plan: &Plan,
    raced: &[(&Param, Done)],
    turn: &Turn,
) -> anyhow::Result<u32> {
    let begin = Instant::now();
    let used = || -> u64 {
        raced
            .iter()
            .map(|(_, done)| {
                done.reads.load(Ordering::Relaxed) + done.writes.load(Ordering::Relaxed)
            })
            .sum()
    };
    let mut loads = 0;
    loop {
        let missing = missing(raced);
        if loads >= plan.loads && begin.elapsed() >= plan.time && missing.is_none() {
            return Ok(loads);
        }
        ensure!(
            begin.elapsed() < LIMIT,
            "only {loads} loads in {LIMIT:?}; {}",
            missing.unwrap_or_default()
        );
        let before = used();
        let loaded = knobs.load(b"").with_context(|| format!("load {loads}"))?;
        loads += 1;
        turn.pass(Turn::ALL);
        // An equal share of the time for each.
        let until = plan.time * loads / plan.loads;
        loop {
            if turn.has_ended() {
                return Ok(loads);
            }
            if begin.elapsed() >= LIMIT || begin.elapsed() >= until && used() > before {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        turn.pass(loads as usize % GROUPS);
        drop(loaded);
    }
}

/// Writes or reads one parameter until it is told to stop.
fn work(
    knobs: &Module,
    param: &Param,
    is_writer: bool,
    done: &Done,
    (turn, group): (&Turn, usize),
) -> anyhow::Result<()> {
    let path = knobs.path(param.name);
    let patterns = patterns(param);
    let default = param.default.as_bytes();
    while !turn.has_ended() {
        turn.wait(group);
        let mut options = OpenOptions::new();
        let file = match options.read(!is_writer).write(is_writer).open(&path) {
            Ok(file) => file,
            Err(error) => match module::errno(error) {
                Errno::NOENT | Errno::NODEV => {
                    done.gone.fetch_add(1, Ordering::Relaxed);
                    std::thread::yield_now();
                    continue;
                }
                error => bail!("{}: open: {error}", param.name),
            },
        };
        for _ in 0..USES {
            let outcome = if is_writer {
                let pattern = fastrand::choice(&patterns).expect("there is a pattern");
                match module::write(&file, pattern) {
                    Err(Errno::ROFS) if param.kind == Kind::Once => Ok(()),
                    other => other.map(|taken| assert_eq!(taken, pattern.len())),
                }
                .map(|()| &done.writes)
            } else {
                match module::read(&file) {
                    Ok(text) => {
                        let value = text.strip_suffix(b"\n").unwrap_or(&text);
                        let is_whole = text.ends_with(b"\n")
                            && if patterns.is_empty() {
                                param.may_read(&text)
                            } else {
                                value == default || patterns.iter().any(|pattern| pattern == value)
                            };
                        ensure!(is_whole, "{} reads {}", param.name, inputs::show(&text));
                        Ok(&done.reads)
                    }
                    Err(error) => Err(error),
                }
            };
            match outcome {
                Ok(count) => count.fetch_add(1, Ordering::Relaxed),
                Err(Errno::NODEV) => {
                    done.gone.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Err(error) => bail!("{}: {error}", param.name),
            };
            if turn.has_ended() || !turn.is(group) {
                break;
            }
        }
    }
    Ok(())
}

/// Values of which each byte, character or item is the same, as they are written and
/// shown. None for what is only read.
fn patterns(param: &Param) -> Vec<Vec<u8>> {
    if !param.is_writable() {
        return Vec::new();
    }
    let repeated = |byte: u8, max: i128| -> i128 {
        let whole = i128::from(u64::from_ne_bytes([byte; 8]));
        let width = 128 - max.leading_zeros();
        whole & ((1 << (width / 8 * 8)) - 1)
    };
    let items: Vec<String> = match param.kind {
        // Of a range that is no power of two, some of it.
        Kind::Integer(0, 100) => ["11", "22", "33"].map(String::from).to_vec(),
        Kind::Integer(min, max) => (1..=7)
            .map(|digit| repeated(digit * 0x11, if min < 0 { 2 * max + 1 } else { max }))
            .flat_map(|value| {
                if min < 0 {
                    vec![value, -value]
                } else {
                    vec![value]
                }
            })
            .map(|value| value.to_string())
            .collect(),
        Kind::Even => [0x2222_2222, 0x4444_4444, -0x6666_6666]
            .map(|value: i32| value.to_string())
            .to_vec(),
        Kind::Hex => (1..=15_u32)
            .map(|digit| format!("{:#x}", digit * 0x1111_1111))
            .collect(),
        Kind::Bool | Kind::Once => ["Y", "N"].map(String::from).to_vec(),
        Kind::BoolInt => ["0", "1"].map(String::from).to_vec(),
        Kind::Text(max) => ('a'..='f')
            .zip([max, max / 2, max / 7, 9, 1, max])
            // Four of them and their commas have to fit into a page.
            .map(|(char, length)| {
                char.to_string()
                    .repeat(length.min(if param.list { 1000 } else { max }))
            })
            .collect(),
        Kind::Word(words) => words.iter().map(|word| word.to_string()).collect(),
        Kind::Cpus => ["0", "1", "0-1"].map(String::from).to_vec(),
        Kind::Prefix => [
            "17.17.17.17/32",
            "34.34.0.0/16",
            "51.51.51.0/24",
            "0.0.0.0/0",
        ]
        .map(String::from)
        .to_vec(),
        Kind::Time(..) => ["1111ms", "2222us", "2s", "33333333ns"]
            .map(String::from)
            .to_vec(),
        Kind::Label(max) => ('a'..='f')
            .map(|char| char.to_string().repeat(max))
            .collect(),
    };
    if !param.list {
        return items.into_iter().map(String::into_bytes).collect();
    }
    // Arrays of the same item, of each length.
    items
        .iter()
        .zip((1..=MAX_ITEMS).rev().cycle())
        .map(|(item, count)| vec![&item[..]; count].join(",").into_bytes())
        .collect()
}
