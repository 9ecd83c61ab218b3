// SPDX-License-Identifier: GPL-2.0

//! What DWARF says of functions by their addresses, read piece by piece: of a kernel it has hundreds of
//! megabytes. `.debug_aranges` tells which unit, that is compiled file, an address is of; the unit's first
//! entry its name, and where its line numbers are.

use anyhow::{bail, ensure, Context};
use gimli::{
    AttributeValue, DebugAbbrev, DebugAbbrevOffset, DebugAranges, DebugInfoOffset, DebugLine,
    DebugLineOffset, Encoding, EndianSlice, Format, LittleEndian, UnitHeader, UnitSectionOffset,
    UnitType,
};
use object::read::ReadCache;
use object::{CompressionFormat, Object, ObjectSection};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// As much of a unit is read for its header and first entry.
const HEAD: u64 = 1024;
/// The longest name of a file.
const NAME: u64 = 4096;
/// The largest table of line numbers of a unit.
const LINES: u64 = 64 << 20;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// A file with debug symbols.
pub struct Dwarf {
    file: File,
    info: Range<u64>,
    abbrev: Vec<u8>,
    line: Range<u64>,
    str: Range<u64>,
    line_str: Range<u64>,
    /// What addresses are of which unit, by its place, in order.
    units: Vec<(Range<u64>, u64)>,
    /// Where the text begins.
    pub text: u64,
    pub build_id: Option<Vec<u8>>,
}

/// The first entry of a unit.
struct Unit {
    name: String,
    /// The directory that it was compiled in.
    directory: String,
    /// Where its line numbers are.
    lines: Option<u64>,
    address_size: u8,
}

/// A line of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub file: String,
    pub line: u64,
}

impl Dwarf {
    /// Opens a file; none if it has no debug symbols.
    ///
    /// # Errors
    ///
    /// Fails where it is no ELF file, or its symbols cannot be read here.
    pub fn open(file: File) -> anyhow::Result<Option<Self>> {
        let cache = ReadCache::new(file.try_clone()?);
        let elf = object::File::parse(&cache).context("no ELF file")?;
        ensure!(elf.is_little_endian() && elf.is_64(), "not of this machine");
        let place = |name: &str| -> anyhow::Result<Range<u64>> {
            let Some(section) = elf.section_by_name(name) else {
                return Ok(0..0);
            };
            let place = section.compressed_file_range()?;
            ensure!(
                place.format == CompressionFormat::None,
                "{name} is compressed: objcopy --decompress-debug-sections"
            );
            Ok(place.offset
                ..place
                    .offset
                    .checked_add(place.uncompressed_size)
                    .context("damaged")?)
        };
        let info = place(".debug_info")?;
        if info.is_empty() {
            return Ok(None);
        }
        let aranges = place(".debug_aranges")?;
        ensure!(
            !aranges.is_empty(),
            "no .debug_aranges, which clang leaves out without -gdwarf-aranges"
        );
        let text = elf.section_by_name(".text").context("no .text")?;
        Ok(Some(Dwarf {
            abbrev: read(&file, place(".debug_abbrev")?)?,
            units: units(&read(&file, aranges)?)?,
            line: place(".debug_line")?,
            str: place(".debug_str")?,
            line_str: place(".debug_line_str")?,
            text: object::ObjectSection::address(&text),
            build_id: elf.build_id()?.map(<[u8]>::to_vec),
            info,
            file,
        }))
    }

    /// The addresses of what was compiled from files whose names fit.
    pub fn ranges(&self, fits: impl Fn(&str) -> bool) -> anyhow::Result<Vec<Range<u64>>> {
        let mut known = HashMap::new();
        let mut ranges = Vec::new();
        for (range, place) in &self.units {
            let is_one = match known.get(place) {
                Some(is_one) => *is_one,
                None => {
                    let is_one = fits(&self.unit(*place)?.name);
                    known.insert(*place, is_one);
                    is_one
                }
            };
            if is_one {
                ranges.push(range.clone());
            }
        }
        Ok(ranges)
    }

    /// The lines at which functions begin, by their addresses.
    pub fn lines(&self, addresses: &[u64]) -> anyhow::Result<HashMap<u64, Line>> {
        let mut addresses = addresses.to_vec();
        addresses.sort_unstable();
        let mut of_units = BTreeMap::<_, Vec<u64>>::new();
        for address in &addresses {
            of_units
                .entry(self.unit_of(*address))
                .or_default()
                .push(*address);
        }
        let mut lines = HashMap::new();
        for (place, addresses) in of_units {
            let Some(place) = place else { continue };
            self.lines_of(&self.unit(place)?, &addresses, &mut lines)?;
        }
        Ok(lines)
    }

    fn unit_of(&self, address: u64) -> Option<u64> {
        let after = self
            .units
            .partition_point(|(range, _)| range.start <= address);
        let (range, place) = self.units.get(after.checked_sub(1)?)?;
        range.contains(&address).then_some(*place)
    }

    fn unit(&self, place: u64) -> anyhow::Result<Unit> {
        let start = self.info.start.checked_add(place).context("damaged")?;
        let end = self.info.end.min(start.saturating_add(HEAD));
        let bytes = read(&self.file, start..end)?;
        let mut head = Slice::new(&bytes, LittleEndian);
        let length = gimli::Reader::read_u32(&mut head)?;
        ensure!(
            length < 0xffff_fff0,
            "a unit of 64-bit DWARF, which is not read here"
        );
        // What comes after it is of the next one.
        gimli::Reader::truncate(&mut head, (length as usize).min(bytes.len() - 4))?;
        let version = gimli::Reader::read_u16(&mut head)?;
        let (address_size, abbrev) = match version {
            5 => {
                let _type = gimli::Reader::read_u8(&mut head)?;
                let size = gimli::Reader::read_u8(&mut head)?;
                (size, gimli::Reader::read_u32(&mut head)?)
            }
            2..=4 => {
                let abbrev = gimli::Reader::read_u32(&mut head)?;
                (gimli::Reader::read_u8(&mut head)?, abbrev)
            }
            other => bail!("DWARF of version {other}, which is not read here"),
        };
        let encoding = Encoding {
            address_size,
            format: Format::Dwarf32,
            version,
        };
        let header = UnitHeader::new(
            encoding,
            length as usize,
            UnitType::Compilation,
            DebugAbbrevOffset(abbrev as usize),
            UnitSectionOffset::DebugInfoOffset(DebugInfoOffset(place as usize)),
            head,
        );
        let abbrevs = DebugAbbrev::new(&self.abbrev, LittleEndian)
            .abbreviations(header.debug_abbrev_offset())?;
        let mut entries = header.entries(&abbrevs);
        let (_, first) = entries.next_dfs()?.context("a unit that is empty")?;
        let text = |name| match first.attr_value(name)? {
            Some(value) => self.text(value),
            None => Ok(String::new()),
        };
        let lines = match first.attr_value(gimli::DW_AT_stmt_list)? {
            Some(AttributeValue::DebugLineRef(place)) => Some(place.0 as u64),
            _ => None,
        };
        Ok(Unit {
            name: text(gimli::DW_AT_name)?,
            directory: text(gimli::DW_AT_comp_dir)?,
            lines,
            address_size,
        })
    }

    fn text(&self, value: AttributeValue<Slice<'_>>) -> anyhow::Result<String> {
        let (section, offset) = match value {
            AttributeValue::String(text) => return Ok(text.to_string_lossy().into_owned()),
            AttributeValue::DebugStrRef(offset) => (&self.str, offset.0),
            AttributeValue::DebugLineStrRef(offset) => (&self.line_str, offset.0),
            _ => bail!("a name in a form that is not read here"),
        };
        let start = section
            .start
            .checked_add(offset as u64)
            .context("damaged")?;
        let bytes = read(
            &self.file,
            start..section.end.min(start.saturating_add(NAME)),
        )?;
        let end = bytes
            .iter()
            .position(|byte| *byte == 0)
            .context("a name has no end")?;
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    /// Adds what the line numbers of a unit say of these addresses, which are in order.
    fn lines_of(
        &self,
        unit: &Unit,
        addresses: &[u64],
        lines: &mut HashMap<u64, Line>,
    ) -> anyhow::Result<()> {
        let Some(place) = unit.lines else {
            return Ok(());
        };
        let start = self.line.start.checked_add(place).context("damaged")?;
        let head = read(&self.file, start..start.saturating_add(4))?;
        let length = u64::from(u32::from_le_bytes(head.try_into().unwrap_or_default()));
        ensure!(
            length < LINES,
            "line numbers that are too many, or of 64-bit DWARF"
        );
        let bytes = read(&self.file, start..self.line.end.min(start + 4 + length))?;
        let program = DebugLine::new(&bytes, LittleEndian).program(
            DebugLineOffset(0),
            unit.address_size,
            None,
            None,
        )?;
        let mut rows = program.rows();
        while let Some((header, row)) = rows.next_row()? {
            let address = row.address();
            let is_wanted = addresses.binary_search(&address).is_ok();
            if row.end_sequence() || !is_wanted || lines.contains_key(&address) {
                continue;
            }
            let (Some(file), Some(line)) = (row.file(header), row.line()) else {
                continue;
            };
            let mut path = self.text(file.path_name())?;
            if let Some(directory) = file.directory(header).filter(|_| !path.starts_with('/')) {
                let directory = self.text(directory)?;
                path = format!("{directory}/{path}");
            }
            let file = relative(&path, &unit.directory);
            lines.insert(
                address,
                Line {
                    file,
                    line: line.get(),
                },
            );
        }
        Ok(())
    }
}

/// A path as from the directory that it was compiled in.
fn relative(path: &str, directory: &str) -> String {
    let below = path
        .strip_prefix(directory)
        .and_then(|rest| rest.strip_prefix('/'));
    let path = below.unwrap_or(path);
    path.strip_prefix("./").unwrap_or(path).into()
}

/// What addresses are of which unit.
fn units(aranges: &[u8]) -> anyhow::Result<Vec<(Range<u64>, u64)>> {
    let mut units = Vec::new();
    let mut headers = DebugAranges::new(aranges, LittleEndian).headers();
    while let Some(header) = headers.next()? {
        let place = header.debug_info_offset().0 as u64;
        let mut entries = header.entries();
        while let Some(entry) = entries.next()? {
            let range = entry.range();
            units.push((range.begin..range.end, place));
        }
    }
    units.sort_by_key(|(range, _)| range.start);
    Ok(units)
}

fn read(file: &File, place: Range<u64>) -> anyhow::Result<Vec<u8>> {
    let length = place.end.checked_sub(place.start).context("damaged")?;
    ensure!(place.end <= file.metadata()?.len(), "the file is cut off");
    let mut bytes = vec![0; usize::try_from(length)?];
    file.read_exact_at(&mut bytes, place.start)?;
    Ok(bytes)
}
