// SPDX-License-Identifier: GPL-2.0

//! The lines that are written to `control`.

use faultline::{
    prelude::*,
    probe::Symbol, //
};

use crate::{
    batch::Via,
    program::Program,
    refusal::{
        invalid,
        Refusal, //
    },
    words::Word, //
};

/// The largest number of a program.
const PROGRAM_MAX: u64 = 4095;
/// The largest `maxactive`: an instance has 400 bytes.
const MAX_ACTIVE_MAX: u64 = 4096;

/// What a line wants.
pub(crate) enum Command {
    /// Nothing: the line is empty, or a comment.
    Nothing,
    MaxRate(u64),
    Program(u16, Arc<Program>),
    Probe(Probe),
    Attach,
    Detach,
}

/// A function to be probed.
pub(crate) struct Probe {
    pub(crate) id: u32,
    pub(crate) symbol: Symbol,
    pub(crate) is_return: bool,
    pub(crate) program: u16,
    pub(crate) via: Option<Via>,
    pub(crate) max_active: u16,
}

impl Command {
    pub(crate) fn parse(line: &[u8]) -> Result<Self, Refusal> {
        let mut words = Word::all_of(line);
        let Some(first) = words.next() else {
            return Ok(Self::Nothing);
        };
        let command = match first.0 {
            [b'#', ..] => return Ok(Self::Nothing),
            b"max_rate" => Self::MaxRate(wanted(&mut words, "a rate", u64::MAX)?),
            b"program" => {
                let number = wanted(&mut words, "the number of the program", PROGRAM_MAX)?;
                let program = Arc::new(Program::parse(words)?, GFP_KERNEL);
                return Ok(Self::Program(number as u16, program.map_err(Error::from)?));
            }
            b"probe" => return Ok(Self::Probe(Probe::parse(words)?)),
            b"attach" => Self::Attach,
            b"detach" => Self::Detach,
            _ => {
                return Err(invalid!(
                    "'{first}' is none of program, probe, attach, detach, max_rate"
                ))
            }
        };
        match words.next() {
            None => Ok(command),
            Some(word) => Err(invalid!("'{word}' is too much")),
        }
    }
}

impl Probe {
    fn parse<'a>(mut words: impl Iterator<Item = Word<'a>>) -> Result<Self, Refusal> {
        let id = wanted(&mut words, "the number of the function", u32::MAX.into())? as u32;
        let Some(name) = words.next() else {
            return Err(invalid!("the name of the function is missing"));
        };
        let symbol = core::str::from_utf8(name.0)
            .map_err(|_| invalid!("'{name}' is no name of a function"))
            .and_then(|name| Ok(Symbol::new(name)?))?;
        let mode = words.next().unwrap_or(Word(&[]));
        let is_return = match mode.0 {
            b"entry" => false,
            b"return" => true,
            _ => return Err(invalid!("'{mode}' is neither entry nor return")),
        };
        let program = wanted(&mut words, "the number of the program", PROGRAM_MAX)? as u16;
        let mut probe = Self {
            id,
            symbol,
            is_return,
            program,
            via: None,
            max_active: 0,
        };
        for word in words {
            if let Some(most) = word.after("maxactive=") {
                probe.max_active = most.number(MAX_ACTIVE_MAX)? as u16;
                continue;
            }
            if let Some(address) = word.after("at=") {
                let address = address.hexadecimal().filter(|&address| address != 0);
                let address = address
                    .ok_or_else(|| invalid!("'{word}': an address is as in /proc/kallsyms"))?;
                probe.symbol = probe.symbol.at(address as usize);
                continue;
            }
            probe.via = Some(match word.0 {
                b"via=fprobe" if cfg!(CONFIG_FPROBE) => Via::Fprobe,
                b"via=fprobe" => {
                    return Err(Refusal::new(
                        EOPNOTSUPP,
                        format_args!("this kernel has no fprobes (CONFIG_FPROBE)"),
                    ))
                }
                b"via=kretprobe" if is_return => Via::Kretprobe,
                b"via=kprobe" if !is_return => Via::Kprobe,
                _ => {
                    return Err(invalid!(
                        "'{word}' is none of via=fprobe, via={}, maxactive=N, at=ADDRESS",
                        if is_return { "kretprobe" } else { "kprobe" }
                    ))
                }
            });
        }
        Ok(probe)
    }
}

/// The next word, which is to be a number.
fn wanted<'a>(
    words: &mut impl Iterator<Item = Word<'a>>,
    what: &str,
    max: u64,
) -> Result<u64, Refusal> {
    let word = words.next().ok_or_else(|| invalid!("{what} is missing"))?;
    word.number(max)
}
