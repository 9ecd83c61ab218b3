// SPDX-License-Identifier: GPL-2.0

//! What a session has: programs, functions that are queued, and batches that are attached. There is
//! one session at a time, in its place.

use core::{
    fmt,
    pin::Pin, //
};

use faultline::{
    compat::{
        append,
        push, //
    },
    debugfs::WRITE_MAX,
    prelude::*,
    sync::{
        new_mutex,
        Mutex, //
    },
    text::Text, //
};

use crate::{
    batch::{
        Batch,
        Interest,
        Queued,
        Via,
        Way, //
    },
    command::{
        Command,
        Probe, //
    },
    handler::Tracked,
    program::Program,
    refusal::{
        invalid,
        Refusal, //
    }, //
};

/// How many functions can be queued. What has them is then no more than an allocation may be.
const QUEUED_MAX: usize = 1024;
/// From how many hits a second a function is disabled, if nothing else is said.
const MAX_RATE: u64 = 100_000;

/// Where the session is, if there is one.
pub(crate) struct Place(pub(crate) Pin<KBox<Mutex<Option<Work>>>>);

impl Place {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(KBox::pin_init(new_mutex!(None), GFP_KERNEL)?))
    }

    /// Calls a function for what is attached, if there is a session.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&mut Work) -> R) -> Option<R> {
        let mut work = self.0.lock();
        (*work).as_mut().map(body)
    }
}

/// What a session has.
pub(crate) struct Work {
    programs: KVec<(u16, Arc<Program>)>,
    queued: KVec<Queued>,
    pub(crate) batches: KVec<Batch>,
    pub(crate) max_rate: u64,
    /// A line that has not ended.
    pub(crate) begun: KVec<u8>,
    /// What became of the last write.
    pub(crate) reply: Text<192>,
}

impl Work {
    pub(crate) fn new() -> Self {
        Self {
            programs: KVec::new(),
            queued: KVec::new(),
            batches: KVec::new(),
            max_rate: MAX_RATE,
            begun: KVec::new(),
            reply: Text::new(),
        }
    }

    /// Obeys lines, of which the first was begun by an earlier write; the last one may go on in a
    /// later write. `number` is that of the line.
    pub(crate) fn obey_all(
        &mut self,
        begun: &[u8],
        bytes: &[u8],
        number: &mut u32,
    ) -> Result<(), Refusal> {
        let mut begun = begun;
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            *number = number.wrapping_add(1);
            let len = begun.len().saturating_add(piece.len());
            if len > WRITE_MAX {
                return Err(invalid!(
                    "a line has at most {WRITE_MAX} bytes, with its newline"
                ));
            }
            let mut line = KVec::with_capacity(len, GFP_KERNEL).map_err(Error::from)?;
            for &byte in begun.iter().chain(piece) {
                push(&mut line, byte).map_err(Error::from)?;
            }
            begun = &[];
            match &*line {
                [line @ .., b'\n'] => self.obey(line)?,
                _ => self.begun = line,
            }
        }
        Ok(())
    }

    fn obey(&mut self, line: &[u8]) -> Result<(), Refusal> {
        match Command::parse(line)? {
            Command::Nothing => Ok(()),
            Command::MaxRate(rate) => {
                self.max_rate = rate;
                Ok(())
            }
            Command::Program(number, program) => {
                if self.program(number).is_some() {
                    return Err(Refusal::new(
                        EEXIST,
                        format_args!("there is a program {number} already"),
                    ));
                }
                append(&mut self.programs, (number, program)).map_err(Error::from)?;
                Ok(())
            }
            Command::Probe(probe) => self.queue(probe),
            Command::Attach => self.attach(),
            Command::Detach => {
                let rate = self.max_rate;
                *self = Self::new();
                self.max_rate = rate;
                Ok(())
            }
        }
    }

    fn program(&self, number: u16) -> Option<&Arc<Program>> {
        let mut programs = self.programs.iter();
        programs
            .find(|(there, _)| *there == number)
            .map(|(_, program)| program)
    }

    fn queue(&mut self, probe: Probe) -> Result<(), Refusal> {
        let Some(program) = self.program(probe.program).cloned() else {
            return Err(invalid!("there is no program {}", probe.program));
        };
        if !probe.is_return && (program.needs_return() || program.needs_time()) {
            return Err(invalid!(
                "program {} needs what is known at the return only, and this is an entry",
                probe.program
            ));
        }
        let has_texts = program.has_texts();
        if probe.is_return && has_texts && probe.via == Some(Via::Fprobe) {
            return Err(invalid!(
                "an fprobe has no room for texts at a return: via=kretprobe"
            ));
        }
        let is_known = self.batches.iter().any(|batch| batch.has(probe.id));
        if is_known || self.queued.iter().any(|queued| queued.id == probe.id) {
            return Err(Refusal::new(
                EEXIST,
                format_args!("there is a function {} already", probe.id),
            ));
        }
        if self.queued.len() >= QUEUED_MAX {
            return Err(Refusal::new(
                ENOSPC,
                format_args!("{QUEUED_MAX} functions are queued: attach them first"),
            ));
        }
        let kprobe = match probe.is_return {
            true => Via::Kretprobe,
            false => Via::Kprobe,
        };
        // What needs instances is said for a kretprobe.
        let can_be_fprobe =
            cfg!(CONFIG_FPROBE) && !(probe.is_return && has_texts) && probe.max_active == 0;
        let way = Way {
            via: probe.via.unwrap_or(match can_be_fprobe {
                true => Via::Fprobe,
                false => kprobe,
            }),
            is_choice: probe.via.is_none() && can_be_fprobe,
            interest: match (probe.is_return, program.only_counts()) {
                (false, true) => Interest::Count,
                (false, false) => Interest::Entry,
                (true, true) => Interest::Time,
                (true, false) if has_texts => Interest::Texts,
                (true, false) => Interest::Return,
            },
            max_active: probe.max_active,
        };
        let function = Tracked::function(probe.id, probe.symbol, program)?;
        let queued = Queued {
            id: probe.id,
            way,
            function,
        };
        append(&mut self.queued, queued).map_err(Error::from)?;
        Ok(())
    }

    /// Attaches what is queued: batch by batch, of what is probed in the same way.
    fn attach(&mut self) -> Result<(), Refusal> {
        let mut rest = core::mem::replace(&mut self.queued, KVec::new());
        while let Some(way) = rest.first().map(|queued| queued.way) {
            let is_of_it = |queued: &&Queued| queued.way == way;
            let count = rest.iter().filter(is_of_it);
            let count = count.fold(0_usize, |count, _| count.wrapping_add(1));
            let mut functions = KVec::with_capacity(count, GFP_KERNEL).map_err(Error::from)?;
            let others = rest.len().saturating_sub(count);
            let mut others = KVec::with_capacity(others, GFP_KERNEL).map_err(Error::from)?;
            for queued in rest {
                let pushed = if queued.way == way {
                    push(&mut functions, queued.function)
                } else {
                    push(&mut others, queued)
                };
                pushed.map_err(Error::from)?;
            }
            Batch::attach(way, functions, &mut self.batches)?;
            rest = others;
        }
        Ok(())
    }

    pub(crate) fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.batches.iter().try_for_each(|batch| batch.show(out))?;
        for queued in self.queued.iter() {
            let symbol = queued.function.symbol();
            writeln!(out, "id={} function={symbol} state=queued", queued.id)?;
        }
        let missed = self.batches.iter().fold(0, |sum: u64, batch| {
            sum.wrapping_add(batch.missed_in_group())
        });
        if missed > 0 {
            writeln!(out, "missed_in_groups={missed}")?;
        }
        Ok(())
    }
}
