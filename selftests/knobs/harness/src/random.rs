// SPDX-License-Identifier: GPL-2.0

//! Random writes over all parameters: what is read back is always a value that the
//! parameter may have, and both modules answer the same.

use crate::case::{Answer, Case, Way};
use crate::compare::Tally;
use crate::inputs::{self, Input};
use crate::ktap::{test, Test};
use crate::module::{self, Module};
use crate::params::{self, Kind, Param, CHARP_MAX, INT_MAX, MAX_ITEMS, STANDARD};
use anyhow::{ensure, Context};
use fastrand::Rng;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};

/// After so many writes the modules are loaded anew.
const BETWEEN_LOADS: usize = 10_000;

/// The longest list of texts that is written: C writes beyond its page to show a longer one.
const LIST_MAX: usize = 4000;

/// A loop that is not too long to be waited for.
const ROUNDS_MAX: u32 = 1000;

pub fn tests<'a>(
    twin: &'a Module,
    knobs: &'a Module,
    tally: &'a Tally,
    writes: usize,
    seed: u64,
) -> Vec<Test<'a>> {
    vec![test(format!("random_writes_{writes}"), move || {
        random(twin, knobs, tally, writes, seed).with_context(|| format!("seed {seed}"))
    })]
}

/// The open files of a parameter of a module.
struct Files {
    write: File,
    read: Option<File>,
}

/// A parameter, its files in both modules, and how many writes each outcome had.
struct Target {
    param: &'static Param,
    knobs: Files,
    twin: Option<Files>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    taken: usize,
    refused: usize,
}

fn random(
    twin: &Module,
    knobs: &Module,
    tally: &Tally,
    writes: usize,
    seed: u64,
) -> anyhow::Result<Vec<String>> {
    let mut rng = Rng::with_seed(seed);
    let table = inputs::table();
    let params: Vec<&'static Param> = params::all().filter(|param| param.is_writable()).collect();
    let mut counts = vec![Counts::default(); params.len()];
    let mut left = writes;
    while left > 0 {
        let _loaded = (knobs.load(b"")?, twin.load(b"")?);
        let targets = params
            .iter()
            .map(|param| Target::open(knobs, twin, param))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let some = left.min(BETWEEN_LOADS);
        left -= some;
        for _ in 0..some {
            let place = rng.usize(..targets.len());
            let target = &targets[place];
            let input = input(&mut rng, target.param, &table);
            let taken = match target.param.name {
                "run" => run(knobs, &mut rng)?,
                _ => target.try_out(&input, tally)?,
            };
            if taken {
                counts[place].taken += 1;
            } else {
                counts[place].refused += 1;
            }
        }
    }
    for (param, counts) in params.iter().zip(&counts) {
        ensure!(
            counts.taken > 0 && (counts.refused > 0 || param.name == "run"),
            "{}: {} taken, {} refused: both are wanted",
            param.name,
            counts.taken,
            counts.refused
        );
    }
    let taken: usize = counts.iter().map(|counts| counts.taken).sum();
    Ok(vec![format!("{writes} writes, {taken} taken, seed {seed}")])
}

impl Files {
    fn open(module: &Module, param: &Param) -> anyhow::Result<Self> {
        let path = module.path(param.name);
        let open = |options: &mut OpenOptions| {
            options
                .open(&path)
                .with_context(|| format!("{}", path.display()))
        };
        Ok(Self {
            write: open(OpenOptions::new().write(true))?,
            read: match param.is_readable() {
                true => Some(open(OpenOptions::new().read(true))?),
                false => None,
            },
        })
    }

    fn read(&self) -> Option<Result<Vec<u8>, Errno>> {
        self.read.as_ref().map(module::read)
    }

    /// Writes, and reads before and after.
    fn answer(&self, input: &[u8]) -> Answer {
        Answer {
            before: self.read().and_then(Result::ok),
            taken: module::write(&self.write, input),
            value: self.read(),
        }
    }
}

impl Target {
    fn open(knobs: &Module, twin: &Module, param: &'static Param) -> anyhow::Result<Self> {
        let in_both = STANDARD.iter().any(|standard| standard.name == param.name);
        Ok(Self {
            param,
            knobs: Files::open(knobs, param)?,
            twin: match in_both {
                true => Some(Files::open(twin, param)?),
                false => None,
            },
        })
    }

    /// Writes an input, and looks at the answers. Was it taken?
    fn try_out(&self, input: &[u8], tally: &Tally) -> anyhow::Result<bool> {
        let knobs = self.knobs.answer(input);
        if let Some(value) = &knobs.value {
            ensure!(
                value.as_ref().is_ok_and(|text| self.param.may_read(text)),
                "{}={} {knobs}",
                self.param.name,
                inputs::show(input)
            );
        }
        ensure!(
            knobs.taken.is_ok() || knobs.value == knobs.before.clone().map(Ok),
            "{}={} was refused, but changed it: {knobs}",
            self.param.name,
            inputs::show(input)
        );
        if let Some(files) = &self.twin {
            let twin = files.answer(input);
            let wrong = tally.judge(&Case {
                way: Way::Sysfs,
                param: self.param,
                input,
                twin: &twin,
                knobs: &knobs,
            });
            ensure!(wrong.is_none(), "{}", wrong.unwrap_or_default());
            // After a difference they begin with the same value again.
            if twin.value != knobs.value {
                let default = self.param.default.as_bytes();
                module::write(&files.write, default)?;
                module::write(&self.knobs.write, default)?;
            }
        }
        Ok(knobs.taken.is_ok())
    }
}

/// Runs the loop: it has as many rounds as are wanted, but at most as many as are allowed.
fn run(knobs: &Module, rng: &mut Rng) -> anyhow::Result<bool> {
    let (most, wanted) = (rng.u32(..ROUNDS_MAX), rng.u32(..2 * ROUNDS_MAX));
    knobs.write("max_loop_count", most.to_string().as_bytes())?;
    knobs.write("run", wanted.to_string().as_bytes())?;
    let count = knobs.read("last_count")?;
    ensure!(
        count == format!("{}\n", most.min(wanted)).into_bytes(),
        "max_loop_count={most} run={wanted}: last_count reads {}",
        inputs::show(&count)
    );
    Ok(true)
}

/// An input for a parameter: of the table, or made up, near to what it takes or not.
fn input(rng: &mut Rng, param: &Param, table: &[Input]) -> Input {
    let mut input = match rng.u8(..10) {
        0 | 1 => rng.choice(table).expect("there are inputs").clone(),
        2 => (0..rng.usize(..64)).map(|_| rng.u8(..)).collect(),
        _ if param.list => {
            let items = (0..rng.usize(1..MAX_ITEMS + 2)).map(|_| item(rng, param.kind));
            items.collect::<Vec<_>>().join(&b","[..])
        }
        _ => item(rng, param.kind),
    };
    // Now and then something is put in, or taken out.
    if rng.u8(..10) == 0 && !input.is_empty() {
        let place = rng.usize(..input.len());
        match rng.bool() {
            true => input.insert(place, rng.u8(..)),
            false => drop(input.remove(place)),
        }
    }
    if rng.u8(..4) == 0 {
        input.push(b'\n');
    }
    if param.list && param.kind == Kind::Text(CHARP_MAX) {
        input.truncate(LIST_MAX);
    }
    input
}

/// A value that the kind may have, or nearly.
fn item(rng: &mut Rng, kind: Kind) -> Input {
    let number = |rng: &mut Rng, min: i128, max: i128| {
        let value = match rng.u8(..4) {
            0 => min + rng.i128(-3..4),
            1 => max + rng.i128(-3..4),
            2 => rng.i128(min..=max),
            _ => rng.i128(..) >> rng.u32(..128),
        };
        let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
        match rng.u8(..6) {
            0 => format!("{sign}{size:#x}"),
            1 => format!("{sign}0{size:o}"),
            2 => format!("+{value}"),
            _ => format!("{value}"),
        }
    };
    let text = |rng: &mut Rng, max: usize| -> Input {
        let length = match rng.bool() {
            true => rng.usize(..8),
            false => rng.usize(..max + 3),
        };
        (0..length).map(|_| rng.u8(1..)).collect()
    };
    match kind {
        Kind::Integer(min, max) => number(rng, min, max).into_bytes(),
        Kind::Even => number(rng, -INT_MAX - 1, INT_MAX).into_bytes(),
        Kind::Hex => number(rng, 0, u32::MAX.into()).into_bytes(),
        Kind::Bool | Kind::Once | Kind::BoolInt => {
            let words = ["Y", "N", "1", "0", "on", "off", "y", "n", "o", "", "2", "x"];
            words[rng.usize(..words.len())].into()
        }
        Kind::Text(max) => text(rng, max),
        Kind::Label(max) => (0..rng.usize(..max + 2))
            .map(|_| rng.alphanumeric() as u8)
            .collect(),
        Kind::Word(words) => words[rng.usize(..words.len())].into(),
        Kind::Cpus => {
            let (first, last) = (rng.u8(..4), rng.u8(..4));
            rng.choice([
                format!("{first}"),
                format!("{first}-{last}"),
                "all".into(),
                "0,1".into(),
            ])
            .expect("there are four")
            .into_bytes()
        }
        Kind::Prefix => {
            let length = rng.u32(..35);
            let bits = match rng.bool() {
                true => rng.u32(..),
                false => rng.u32(..) & !u32::MAX.checked_shr(length).unwrap_or(0),
            };
            format!("{}/{length}", std::net::Ipv4Addr::from_bits(bits)).into_bytes()
        }
        Kind::Time(..) => {
            let units = ["ns", "us", "ms", "s", "min", "h", "", "d"];
            format!(
                "{}{}",
                rng.u64(..) >> rng.u32(..64),
                units[rng.usize(..units.len())]
            )
            .into_bytes()
        }
    }
}
