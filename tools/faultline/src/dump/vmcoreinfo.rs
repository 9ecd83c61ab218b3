// SPDX-License-Identifier: GPL-2.0

//! VMCOREINFO, a kernel's information for the tools that read its dump, and the ELF notes that
//! contain it.

use super::fault::Fault;
use super::words::Words;
use std::collections::BTreeMap;

/// The name of its note.
pub const NAME: &[u8] = b"VMCOREINFO";
/// Its first bytes.
pub const FIRST: &[u8] = b"OSRELEASE=";
const NOTE_HEADER: usize = 12;
/// Limit on its size: the kernel keeps it in one page, or in a few.
pub const MOST_BYTES: u64 = 1 << 16;

/// The lines of a note.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vmcoreinfo(pub BTreeMap<String, String>);

impl Vmcoreinfo {
    /// Parses the note's text, in which each line must be `KEY=value`.
    pub fn read(text: &[u8]) -> Result<Self, Fault> {
        let damaged =
            |what: &str| Fault::Incomplete(format!("its VMCOREINFO note is damaged: {what}"));
        // Some writers count the NULs after it.
        let end = text
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        let text = std::str::from_utf8(&text[..end]).map_err(|_| damaged("it is not text"))?;
        let mut lines = BTreeMap::new();
        for line in text.lines() {
            let line_of = |word: &str| {
                word.bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ')
            };
            match line.split_once('=') {
                Some((key, value)) if !key.is_empty() && line_of(line) => {
                    lines.insert(key.into(), value.into());
                }
                _ => return Err(damaged("a line of it is not KEY=value")),
            }
        }
        if lines.get("OSRELEASE").is_none_or(String::is_empty) {
            return Err(damaged("it does not name the kernel's release"));
        }
        Ok(Vmcoreinfo(lines))
    }

    fn get(&self, key: &str) -> Result<&str, Fault> {
        let missing = || Fault::Unreadable(format!("has no {key} in its VMCOREINFO"));
        self.0.get(key).map(String::as_str).ok_or_else(missing)
    }

    /// Returns a number, decimal or with `0x` hexadecimal, as in `NUMBER(NAME)=`.
    pub fn number(&self, name: &str) -> Result<u64, Fault> {
        let text = self.get(&format!("NUMBER({name})"))?;
        let number = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse::<i64>().map(|number| number as u64).ok(),
        };
        number.ok_or_else(|| bad(name, text))
    }

    /// Returns the address of a symbol.
    pub fn symbol(&self, name: &str) -> Result<u64, Fault> {
        self.hexadecimal(&format!("SYMBOL({name})"))
    }

    /// Returns a number in hexadecimal digits without `0x`.
    pub fn hexadecimal(&self, key: &str) -> Result<u64, Fault> {
        let text = self.get(key)?;
        u64::from_str_radix(text, 16).map_err(|_| bad(key, text))
    }

    /// Returns an offset in a structure.
    pub fn offset(&self, field: &str) -> Result<usize, Fault> {
        self.small(&format!("OFFSET({field})"))
    }

    /// Returns the size of a structure.
    pub fn bytes_of(&self, structure: &str) -> Result<usize, Fault> {
        self.small(&format!("SIZE({structure})"))
    }

    fn small(&self, key: &str) -> Result<usize, Fault> {
        let text = self.get(key)?;
        let number = text.parse().ok().filter(|number| *number < 4096);
        number.ok_or_else(|| bad(key, text))
    }

    /// Returns the kernel's architecture, by a line that only its kernels have.
    pub fn machine(&self) -> Option<&'static str> {
        let marks = [
            ("NUMBER(phys_base)", "x86_64"),
            ("NUMBER(kimage_voffset)", "aarch64"),
        ];
        let mark = marks.into_iter().find(|(key, _)| self.0.contains_key(*key));
        mark.map(|(_, machine)| machine)
    }

    /// Returns the kernel's page size, if the note has it.
    pub fn page_size(&self) -> Option<u64> {
        self.0.get("PAGESIZE")?.parse().ok()
    }
}

fn bad(key: &str, text: &str) -> Fault {
    Fault::Incomplete(format!("its VMCOREINFO note is damaged: {key} is '{text}'"))
}

/// A note: its name without the NUL, its type, and its contents.
pub type Note<'a> = (&'a [u8], u32, &'a [u8]);

/// Splits a section of ELF notes; fails if it is malformed.
pub fn notes(section: &[u8]) -> Result<Vec<Note<'_>>, Fault> {
    let damaged = || Fault::Incomplete("its ELF notes are damaged".into());
    let mut found = Vec::new();
    let mut rest = section;
    while rest.len() >= NOTE_HEADER {
        let words = Words(rest);
        let (name, contents) = (words.u32(0) as usize, words.u32(4) as usize);
        let kind = words.u32(8);
        // The notes of CPUs that were offline are zeroes, as is the padding of the section.
        if name == 0 {
            rest = &rest[4..];
            continue;
        }
        let (name_end, at) = (NOTE_HEADER + name, NOTE_HEADER + name.next_multiple_of(4));
        let text = rest.get(NOTE_HEADER..name_end).ok_or_else(damaged)?;
        let inside = rest.get(at..at + contents).ok_or_else(damaged)?;
        let text = text.strip_suffix(&[0]).ok_or_else(damaged)?;
        found.push((text, kind, inside));
        rest = rest
            .get(at + contents.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    match rest.iter().all(|byte| *byte == 0) {
        true => Ok(found),
        false => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_forms() {
        let info = Vmcoreinfo::read(
            b"OSRELEASE=7.3\nSYMBOL(prb)=ffffffff82a0\nNUMBER(VA_BITS)=48\nNUMBER(phys_base)=-4096\n\
              NUMBER(kimage_voffset)=0xffff800040000000\nOFFSET(prb_desc.state_var)=0\nPAGESIZE=4096\n\0\0",
        )
        .unwrap();
        assert_eq!(info.symbol("prb"), Ok(0xffff_ffff_82a0));
        assert_eq!(info.number("VA_BITS"), Ok(48));
        assert_eq!(info.number("phys_base"), Ok(-4096i64 as u64));
        assert_eq!(info.number("kimage_voffset"), Ok(0xffff_8000_4000_0000));
        assert_eq!(info.offset("prb_desc.state_var"), Ok(0));
        assert_eq!(info.page_size(), Some(4096));
        assert!(
            matches!(info.symbol("none"), Err(Fault::Unreadable(why)) if why.contains("SYMBOL(none)"))
        );
    }

    #[test]
    fn a_damaged_note_is_noticed() {
        for text in [
            &b""[..],
            b"OSRELEASE=7.3\n\0\0\0A=1\n",
            b"OSRELEASE=7\xff\n",
            b"OSRELEASE=7\nnonsense\n",
            b"A=1\n",
        ] {
            assert!(
                matches!(Vmcoreinfo::read(text), Err(Fault::Incomplete(_))),
                "{text:?}"
            );
        }
        let info = Vmcoreinfo::read(b"OSRELEASE=7\nSIZE(prb_desc)=x\nSYMBOL(prb)=fffg\n").unwrap();
        assert!(matches!(
            info.bytes_of("prb_desc"),
            Err(Fault::Incomplete(_))
        ));
        assert!(matches!(info.symbol("prb"), Err(Fault::Incomplete(_))));
    }

    #[test]
    fn notes_one_after_the_other() {
        let mut section = Vec::new();
        for (name, contents) in [(&b"CORE\0"[..], &b"12345"[..]), (b"VMCOREINFO\0", b"A=1\n")] {
            for word in [name.len() as u32, contents.len() as u32, 1] {
                section.extend(word.to_le_bytes());
            }
            section.extend(name);
            section.resize(section.len().next_multiple_of(4), 0);
            section.extend(contents);
            section.resize(section.len().next_multiple_of(4), 0);
            section.extend([0; 24]);
        }
        let found = notes(&section).unwrap();
        assert_eq!(
            found,
            [(&b"CORE"[..], 1, &b"12345"[..]), (NAME, 1, b"A=1\n")]
        );
        assert!(notes(&section[..22]).is_err());
        section[4] = 0xff;
        assert!(notes(&section).is_err());
    }
}
