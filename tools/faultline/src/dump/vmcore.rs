// SPDX-License-Identifier: GPL-2.0

//! Reads a whole dump: decompresses it, recognizes its format, checks that it is complete and
//! undamaged, and reads the kernel log in it. It needs no other program, and does not interpret the
//! log.

use super::diskdump::Header;
use super::elf::Elf;
use super::fault::{Fault, Watch};
use super::flattened::View;
use super::memory::{Memory, Physical};
use super::parts::{self, Part, Parts};
use super::place::Place;
use super::source::{self, Bytes, Opened};
use super::state::{Facts, Format, State};
use super::vmcoreinfo::{self, Vmcoreinfo};
use super::{pages, printk, unpack};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Limit on nested compression: twice may be a mistake, more is not a dump.
const MOST_LAYERS: usize = 3;

/// The contents of an input.
pub enum Input {
    /// A file that claims to be a dump.
    Dump(Vmcore),
    /// A file that does not claim to be a dump.
    Other(Other),
}

/// A dump that has been read.
#[derive(Debug)]
pub struct Vmcore {
    pub state: State,
    /// The size of the dump, decompressed.
    pub bytes: u64,
    pub facts: Option<Facts>,
    /// The kernel log as text, or why it cannot be read.
    pub log: Result<String, Fault>,
    /// The place at which other programs can read it.
    pub place: Place,
}

/// A file that does not claim to be a dump.
pub struct Other {
    /// The bytes of each of its files.
    bytes: Vec<Arc<dyn Bytes>>,
    /// Why it is incomplete, if it was compressed.
    pub damage: Option<String>,
}

impl Other {
    /// Returns the number of its bytes, decompressed.
    pub fn size(&self) -> u64 {
        size_of(&self.bytes)
    }

    /// Returns its first bytes, decompressed, up to `most`.
    pub fn contents(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        for bytes in &self.bytes {
            if !all.is_empty() {
                // A part need not end with a whole line.
                all.push(b'\n');
            }
            let left = most.saturating_sub(all.len() as u64);
            all.extend(source::read_vec(bytes.as_ref(), 0, bytes.size().min(left))?);
        }
        Ok(all)
    }
}

/// A decompressed file.
struct File {
    bytes: Arc<dyn Bytes>,
    in_place: bool,
    /// Why it is incomplete, if so.
    damage: Option<String>,
}

impl File {
    fn of(opened: Opened, watch: &Watch<'_>) -> Result<Self, Fault> {
        let mut file = File {
            bytes: opened.bytes,
            in_place: opened.in_place,
            damage: None,
        };
        for _ in 0..MOST_LAYERS {
            let Some(inside) = unpack::unpack(&file.bytes, watch)? else {
                break;
            };
            file = File {
                bytes: inside.bytes,
                in_place: false,
                damage: file.damage.or(inside.damage),
            };
        }
        if let Some(view) = View::new(&file.bytes, watch)? {
            let cut = (!view.whole).then(|| {
                let megabytes = view.size() / 1_000_000;
                format!("it stops after {megabytes} MB, without the end mark of a flattened dump")
            });
            file = File {
                damage: file.damage.or(cut),
                bytes: Arc::new(view),
                in_place: false,
            };
        }
        Ok(file)
    }

    fn begins(&self) -> [u8; 8] {
        let mut head = [0; 8];
        let length = self.bytes.size().min(8) as usize;
        // An I/O error is reported by the reader of the header.
        let _ = self.bytes.read_at(&mut head[..length], 0);
        head
    }
}

/// Reads the dump in `paths`: one file, or the parts of a split dump in any order.
///
/// # Errors
///
/// Fails if a file cannot be opened.
pub fn read(paths: &[PathBuf], watch: &Watch<'_>) -> anyhow::Result<Input> {
    let opened = paths.iter().map(|path| source::open(path, watch));
    let opened = opened.collect::<anyhow::Result<Vec<_>>>();
    let read = opened.and_then(|opened| Ok(read_opened(opened, watch)?));
    read.or_else(|error| match error.downcast_ref::<Fault>() {
        Some(fault) => Ok(Input::Dump(Vmcore::failed(0, fault.clone()))),
        None => Err(error),
    })
}

/// Reads the dump in these opened files.
///
/// # Errors
///
/// Fails if they cannot be decompressed.
pub fn read_opened(opened: Vec<Opened>, watch: &Watch<'_>) -> Result<Input, Fault> {
    let files = opened.into_iter().map(|file| File::of(file, watch));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let bytes = size_of(files.iter().map(|file| &file.bytes));
    let is_other = |file: &File| {
        let head = file.begins();
        file.bytes.size() > 0 && !Elf::claims(&head) && !Header::claims(&head)
    };
    if files.iter().all(is_other) {
        return Ok(Input::Other(Other {
            damage: files.iter().find_map(|file| file.damage.clone()),
            bytes: files.into_iter().map(|file| file.bytes).collect(),
        }));
    }
    Ok(Input::Dump(
        examine(files, bytes, watch).unwrap_or_else(|fault| Vmcore::failed(bytes, fault)),
    ))
}

/// Returns the size of all files together, which holes may make arbitrarily large.
fn size_of<'a>(files: impl IntoIterator<Item = &'a Arc<dyn Bytes>>) -> u64 {
    let sizes = files.into_iter().map(|bytes| bytes.size());
    sizes.fold(0, u64::saturating_add)
}

impl Vmcore {
    /// Returns a dump of which nothing could be read.
    fn failed(bytes: u64, fault: Fault) -> Self {
        Vmcore {
            state: fault.clone().into(),
            bytes,
            facts: None,
            log: Err(fault),
            place: Place::Nowhere,
        }
    }
}

impl From<Fault> for State {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unreadable(why) => State::Unreadable(why),
            Fault::Incomplete(missing) => State::Incomplete(missing),
            Fault::GivenUp(why) => State::GivenUp(why),
        }
    }
}

/// Examines files that claim to be dumps.
fn examine(files: Vec<File>, bytes: u64, watch: &Watch<'_>) -> Result<Vmcore, Fault> {
    let place = match &files[..] {
        [file] if file.in_place => Place::Given,
        [file] => Place::Inside(file.bytes.clone()),
        _ => Place::Nowhere,
    };
    let damage = files.iter().find_map(|file| file.damage.clone());
    if files.iter().any(|file| file.bytes.size() == 0) {
        return Err(Fault::Unreadable("is empty".into()));
    }
    let mut vmcore = match &files[..] {
        [file] if Elf::claims(&file.begins()) => of_elf(file.bytes.clone(), watch)?,
        _ => of_parts(files, watch)?,
    };
    vmcore.bytes = bytes;
    vmcore.place = place;
    // A truncated stream is the reason for missing pages, and a better message than their number.
    if let (Some(damage), State::Complete { .. } | State::Incomplete(_)) = (damage, &vmcore.state) {
        vmcore.state = State::Incomplete(damage);
    }
    Ok(vmcore)
}

fn of_elf(bytes: Arc<dyn Bytes>, watch: &Watch<'_>) -> Result<Vmcore, Fault> {
    let elf = Elf::read(bytes)?;
    let checked = elf.check();
    let facts = Facts {
        format: Format::Elf,
        release: String::new(),
        machine: elf.machine.into(),
        dump_level: None,
        host: None,
        vmcoreinfo: Default::default(),
    };
    let info = elf.vmcoreinfo.clone();
    Ok(told(facts, checked, &elf, info, watch))
}

fn of_parts(files: Vec<File>, watch: &Watch<'_>) -> Result<Vmcore, Fault> {
    let mut parts = Vec::new();
    for file in files {
        if !Header::claims(&file.begins()) {
            let why = "is several files, of which one is not a part of a split dump";
            return Err(Fault::Unreadable(why.into()));
        }
        let header = Header::read(file.bytes.as_ref())?;
        parts.push(Part::read(file.bytes, header)?);
    }
    let parts = Parts(parts::join(parts)?);
    let header = parts.header();
    let info = header.vmcoreinfo(parts.0[0].bytes.as_ref())?;
    let mut checked = Ok(0);
    for part in &parts.0 {
        checked =
            checked.and_then(|pages: u64| pages::check(part, watch).map(|()| pages + part.pages));
    }
    let facts = Facts {
        format: Format::KdumpCompressed,
        release: header.release.clone(),
        machine: header.machine.clone(),
        dump_level: Some(header.dump_level),
        host: None,
        vmcoreinfo: Default::default(),
    };
    Ok(told(facts, checked, &parts, info, watch))
}

/// Adds the facts in a dump's memory to those of its headers.
fn told(
    mut facts: Facts,
    checked: Result<u64, Fault>,
    physical: &dyn Physical,
    info: Option<Vmcoreinfo>,
    watch: &Watch<'_>,
) -> Vmcore {
    // After giving up nothing more is read.
    let read = match &checked {
        Err(fault @ Fault::GivenUp(_)) => Err(fault.clone()),
        _ => kernel_log(physical, &facts.machine, info.clone(), watch),
    };
    let (info, log) = match read {
        Ok(read) => {
            facts.host = Some(read.host).filter(|host| !host.is_empty());
            (Some(read.info), Ok(read.log))
        }
        Err(fault) => (info, Err(fault)),
    };
    if let Some(machine) = info.as_ref().and_then(Vmcoreinfo::machine) {
        facts.machine = machine.into();
    }
    if let Some(Vmcoreinfo(lines)) = info {
        facts.release = lines.get("OSRELEASE").cloned().unwrap_or_default();
        facts.vmcoreinfo = lines;
    }
    let state = match (checked, &log) {
        (Err(fault), _) => fault.into(),
        (Ok(_), Err(fault)) => fault.clone().into(),
        (Ok(pages), Ok(_)) => State::Complete { pages },
    };
    Vmcore {
        state,
        bytes: 0,
        facts: Some(facts),
        log,
        place: Place::Nowhere,
    }
}

/// The facts in a kernel's memory.
struct Read {
    info: Vmcoreinfo,
    log: String,
    /// The host name.
    host: String,
}

impl Read {
    fn of(
        physical: &dyn Physical,
        machine: &str,
        info: Vmcoreinfo,
        watch: &Watch<'_>,
    ) -> Result<Self, Fault> {
        let memory = Memory::new(physical, machine, &info)?;
        let host = same_kernel(&memory, &info)?;
        let log = printk::log(&memory, &info, watch)?;
        Ok(Read { info, log, host })
    }
}

/// Reads the kernel log with the VMCOREINFO in the notes, or else with the one in memory.
fn kernel_log(
    physical: &dyn Physical,
    machine: &str,
    noted: Option<Vmcoreinfo>,
    watch: &Watch<'_>,
) -> Result<Read, Fault> {
    // QEMU's dump does not always have VMCOREINFO.
    let machine = |info: &Vmcoreinfo| info.machine().unwrap_or(machine).to_string();
    if let Some(info) = noted {
        return Read::of(physical, &machine(&info), info, watch);
    }
    let mut next = physical.next(0);
    let mut looked = 0;
    while let Some(frame) = next {
        if let Some(info) = vmcoreinfo_at(physical, frame)? {
            // Memory may still have the one of an earlier kernel.
            match Read::of(physical, &machine(&info), info, watch) {
                Ok(read) => return Ok(read),
                Err(Fault::GivenUp(why)) => return Err(Fault::GivenUp(why)),
                Err(_) => {}
            }
        }
        looked += 1;
        watch.tell("searching the dump for VMCOREINFO", looked, 0);
        watch.go_on()?;
        next = physical.next(frame + 1);
    }
    Err(Fault::Unreadable(
        "has no VMCOREINFO, neither as a note nor in its memory: not a Linux kernel's dump".into(),
    ))
}

/// Returns the VMCOREINFO at the beginning of a page, if there is one.
fn vmcoreinfo_at(physical: &dyn Physical, frame: u64) -> Result<Option<Vmcoreinfo>, Fault> {
    // A damaged page was reported before.
    let page = |frame| match physical.page(frame) {
        Err(Fault::GivenUp(why)) => Err(Fault::GivenUp(why)),
        Err(_) => Ok(None),
        found => found,
    };
    let Some(mut text) = page(frame)?.filter(|page| page.starts_with(vmcoreinfo::FIRST)) else {
        return Ok(None);
    };
    let mut frame = frame;
    while !text.contains(&0) && (text.len() as u64) < vmcoreinfo::MOST_BYTES {
        frame += 1;
        let Some(more) = page(frame)? else { break };
        text.extend(more);
    }
    let end = text
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(text.len());
    Ok(Vmcoreinfo::read(&text[..end]).ok())
}

/// Checks that the kernel in memory is that of VMCOREINFO. Returns its host name.
fn same_kernel(memory: &Memory<'_>, info: &Vmcoreinfo) -> Result<String, Fault> {
    // Of `struct new_utsname`.
    const FIELD: usize = 65;
    let offset = info.offset("uts_namespace.name")? as u64;
    let name = info.symbol("init_uts_ns")?.wrapping_add(offset);
    let fields = memory.read(name, 3 * FIELD)?;
    let fields = super::words::Words(&fields);
    let (host, release) = (fields.text(FIELD, FIELD), fields.text(2 * FIELD, FIELD));
    match info.0.get("OSRELEASE") {
        Some(noted) if *noted == release => Ok(host),
        _ => Err(Fault::Incomplete(
            "its memory is damaged: the kernel in it is not that of its notes".into(),
        )),
    }
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod real;
#[cfg(test)]
mod tests;
