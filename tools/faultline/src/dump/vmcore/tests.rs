// SPDX-License-Identifier: GPL-2.0

//! Small dumps in every format, whole and damaged.

use super::*;
use crate::dump::codec::{LZO, SNAPPY, ZLIB, ZSTD};
use crate::dump::testing::{flattened, Machine, OTHERS, PAGE};
use crate::dump::tests::{bytes, unwatched};
use std::io::Write;
use std::path::Path;

const CPU: u32 = 1 << 31;
const LOG: &str = "[    1.000002] [      T0] first\n\
                   [   12.345678] [     T42] two\n\
                   [   12.345678] [     T42] lines\n\
                   [   13.000000] [      C1] \\x1b[2J\tend\n";

fn machine() -> Machine {
    let records = [
        (1_000_002_000, 0, "first"),
        (12_345_678_999, 42, "two\nlines"),
        (13_000_000_000, CPU | 1, "\u{1b}[2J\tend"),
    ];
    Machine::new(&records, 7, 12)
}

fn read_files(parts: &[&[u8]]) -> Input {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..parts.len())
        .map(|n| dir.path().join(n.to_string()))
        .collect();
    for (path, part) in paths.iter().zip(parts) {
        std::fs::write(path, part).unwrap();
    }
    read(&paths, &unwatched()).unwrap()
}

fn examined(parts: &[&[u8]]) -> Vmcore {
    match read_files(parts) {
        Input::Dump(vmcore) => vmcore,
        Input::Other(_) => panic!("is no dump"),
    }
}

fn whole(parts: &[&[u8]], what: &str) {
    let vmcore = examined(parts);
    assert!(
        matches!(vmcore.state, State::Complete { pages: 150 }),
        "{what}: {:?}",
        vmcore.state
    );
    assert_eq!(vmcore.log.unwrap(), LOG, "{what}");
    let facts = vmcore.facts.unwrap();
    assert_eq!(
        (facts.release.as_str(), facts.machine.as_str()),
        ("7.3.4+test", "x86_64"),
        "{what}"
    );
    assert_eq!(facts.host.unwrap(), "host", "{what}");
}

fn incomplete(parts: &[&[u8]]) -> String {
    match examined(parts).state {
        State::Incomplete(missing) => missing,
        state => panic!("{state:?}"),
    }
}

#[test]
fn all_formats_and_compressions() {
    let machine = machine();
    for flags in [0, ZLIB, LZO, SNAPPY, ZSTD] {
        for (level, noted) in [(0, true), (1, true), (31, true), (1, false)] {
            let dump = machine.kdump(flags, level, None, noted);
            let what = format!("flags {flags}, level {level}, noted {noted}");
            whole(&[&dump], &what);
            whole(&[&flattened(&dump)], &format!("flattened, {what}"));
        }
    }
    for noted in [true, false] {
        whole(&[&machine.elf(noted)], &format!("ELF, noted {noted}"));
        whole(&[&flattened(&machine.elf(noted))], "flattened ELF");
    }
}

#[test]
fn packed_dumps() {
    for dump in [machine().kdump(LZO, 31, None, true), machine().elf(true)] {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        to.write_all(&dump).unwrap();
        let packed = to.finish().unwrap();
        whole(&[&packed], "gzip");
        let half = incomplete(&[&packed[..packed.len() / 2]]);
        assert!(half.starts_with("its gzip stream is cut off"), "{half}");
    }
}

#[test]
fn split_dumps() {
    let machine = machine();
    let part = |from, to| machine.kdump(ZLIB, 31, Some(from..to), true);
    let (one, two, three) = (part(0, 50), part(50, 90), part(90, 150));
    whole(&[&one, &two, &three], "split");
    whole(&[&three, &flattened(&one), &two], "split, in another order");
    let missing = incomplete(&[&one, &three]);
    assert!(
        missing.contains("0x0 to 0x31, 0x5a to 0x95 are given, of 0x96 in all"),
        "{missing}"
    );
    assert!(incomplete(&[&two]).contains("is a split dump"));
    for (parts, why) in [
        (&[&one[..], &one, &two, &three][..], "overlap"),
        (
            &[&one, &machine.kdump(LZO, 31, Some(50..150), true)],
            "different dumps",
        ),
        (
            &[&machine.kdump(ZLIB, 31, None, true), &one],
            "several dumps",
        ),
        (&[&one, b"text"], "not a part of a split dump"),
    ] {
        let state = examined(parts).state;
        assert!(
            matches!(&state, State::Unreadable(said) if said.contains(why)),
            "{state:?}"
        );
    }
    let cut = &three[..three.len() - 1];
    assert!(incomplete(&[&one, &two, cut]).starts_with("1 of its 60 pages are not in the file"));
}

#[test]
fn wherever_it_is_cut() {
    let dump = machine().kdump(ZLIB, 0, None, true);
    for (length, why) in [
        (100, "ends within its header"),
        (PAGE + 50, "ends within its header"),
        (PAGE + 150, "ends within its bitmaps"),
        (3 * PAGE, "ends within its bitmaps"),
        (4 * PAGE + 24, "descriptors of its 150 pages"),
        (dump.len() - 1, "1 of its 150 pages are not in the file"),
    ] {
        let missing = incomplete(&[&dump[..length]]);
        assert!(missing.contains(why), "{length}: {missing}");
    }
    let flat = flattened(&dump);
    let missing = incomplete(&[&flat[..flat.len() - 16]]);
    assert!(missing.contains("without the end mark"), "{missing}");
}

/// What descriptors say that cannot be, what bitmaps do, what pages have.
#[test]
fn damage_of_each_kind_is_named() {
    let dump = machine().kdump(ZLIB, 1, None, true);
    let descriptor = 4 * PAGE + 24;
    let data = 4 * PAGE + 150 * 24;
    // A random page, which is not compressed.
    let loose = descriptor - 24 + (OTHERS as usize + 4) * 24;
    let loose = u64::from_le_bytes(dump[loose..loose + 8].try_into().unwrap()) as usize;
    let damages: [(usize, &[u8], &str); 13] = [
        (
            descriptor + 24,
            &[0xff],
            "does not follow the page before it",
        ),
        (descriptor + 8, &[0, 0, 0, 0], "impossible size"),
        (descriptor + 8, &[0xff, 0xff], "impossible size"),
        (descriptor + 12, &[0x40], "unknown flags"),
        (descriptor + 12, &[3], "unknown flags"),
        (descriptor + 12, &[2], "another algorithm"),
        (descriptor + 12, &[0], "not a page long"),
        (data + 7, &[1], "is the page of zeroes"),
        (loose, &[0; 3000], "a run of equal bytes"),
        (2 * PAGE, &[0], "no memory are in the dump"),
        (2 * PAGE + 3000, &[1], "no memory are in the dump"),
        (PAGE + 490, &[0], "VMCOREINFO"),
        (12 + 130, b"6", "disagree on the kernel's release"),
    ];
    for (at, bytes, why) in damages {
        let mut damaged = dump.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        let said = incomplete(&[&damaged]);
        assert!(said.contains(why), "{at}: {why}: {said}");
    }
    for (at, bytes, why) in [
        (8, 7u32, "version 7"),
        (424, 0x100, "unknown status"),
        (428, 12, "impossible block size"),
        (436, 4, "bitmaps of another size"),
        (440, 7, "disagree on the number"),
        (PAGE + 48, 0xffff, "notes that are not"),
    ] {
        let mut damaged = dump.clone();
        damaged[at..at + 4].copy_from_slice(&bytes.to_le_bytes());
        let state = examined(&[&damaged]).state;
        assert!(
            matches!(&state, State::Unreadable(said) if said.contains(why)),
            "{why}: {state:?}"
        );
    }
}

#[test]
fn an_interrupt_says_nothing_of_the_dump() {
    let stop = std::sync::atomic::AtomicBool::new(true);
    let file = File {
        bytes: bytes(&machine().kdump(ZLIB, 1, None, true)),
        in_place: true,
        damage: None,
    };
    let vmcore = examine(vec![file], 0, &Watch::new(&stop, &|_, _, _| {})).unwrap();
    assert!(matches!(vmcore.state, State::GivenUp(why) if why.contains("interrupted")));
    assert!(vmcore.log.is_err());
}

#[test]
fn empty_and_other_files() {
    assert!(matches!(examined(&[b""]).state, State::Unreadable(why) if why == "is empty"));
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text");
    std::fs::write(&text, "[    1.0] a log").unwrap();
    match read(&[text], &unwatched()).unwrap() {
        Input::Other(other) => assert_eq!(other.contents(5).unwrap(), b"[    "),
        Input::Dump(vmcore) => panic!("{vmcore:?}"),
    }
    let error = read(&[dir.path().into()], &unwatched()).err().unwrap();
    assert!(format!("{error:#}").contains("is a directory"));
    let error = read(&[dir.path().join("none")], &unwatched())
        .err()
        .unwrap();
    assert!(format!("{error:#}").contains("No such file"));
}

#[test]
fn a_fifo_is_read_to_its_end() {
    use rustix::fs::{mknodat, FileType, Mode, CWD};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let to = path.clone();
    let dump = machine().kdump(ZSTD, 31, None, true);
    let written = dump.clone();
    let writer = std::thread::spawn(move || std::fs::write(to, written).unwrap());
    match read(&[path], &unwatched()).unwrap() {
        Input::Dump(vmcore) => {
            assert_eq!(vmcore.state, State::Complete { pages: 150 });
            // Another program can read what came.
            let lent = vmcore.place.lend(Path::new("fifo")).unwrap();
            assert!(std::fs::read(&lent.path).unwrap() == dump);
        }
        Input::Other(_) => panic!("is no dump"),
    }
    writer.join().unwrap();
}

/// Numbers at the end of what numbers can say.
#[test]
fn numbers_that_lead_astray() {
    // A part of a split dump without a page frame.
    let state = examined(&[&machine().kdump(ZLIB, 31, Some(0..0), true)]).state;
    assert!(
        matches!(&state, State::Incomplete(why) if why.contains("is a split dump")),
        "{state:?}"
    );
    // Two files that are larger together than any number.
    let mut far = flattened(b"text");
    far[PAGE..PAGE + 8].copy_from_slice(&i64::MAX.to_be_bytes());
    match read_files(&[&far, &far]) {
        Input::Other(other) => assert_eq!(other.size(), u64::MAX),
        Input::Dump(vmcore) => panic!("{vmcore:?}"),
    }
    // Addresses at the end of memory.
    let elf = Elf::read(bytes(&machine().elf(true))).unwrap();
    let info = elf.vmcoreinfo.clone().unwrap();
    for (key, value) in [
        ("SYMBOL(init_uts_ns)", "ffffffffffffffff"),
        ("SYMBOL(prb)", "ffffffffffffffff"),
        ("SYMBOL(init_top_pgt)", "ffffffffffffffff"),
        ("NUMBER(phys_base)", "-4096"),
        ("NUMBER(phys_base)", "-8192"),
    ] {
        let mut info = info.clone();
        info.0.insert(key.into(), value.into());
        let read = Read::of(&elf, "x86_64", info, &unwatched());
        assert!(matches!(read, Err(Fault::Incomplete(_))), "{key}={value}");
    }
}

/// A flattened dump is as large as its last piece says, with nothing before that.
#[test]
fn memory_is_taken_for_what_is_there() {
    let mut dump = machine().kdump(ZLIB, 31, None, true);
    // The largest bitmaps that a header can have: 8 TiB each.
    let blocks = u32::MAX / 2;
    let frames = u64::from(blocks) * 8 * PAGE as u64;
    dump[436..440].copy_from_slice(&(2 * blocks).to_le_bytes());
    dump[440..444].copy_from_slice(&u32::MAX.to_le_bytes());
    dump[PAGE + 96..PAGE + 104].copy_from_slice(&frames.to_le_bytes());
    let mut flat = flattened(&dump);
    flat.truncate(flat.len() - 16);
    flat.extend((1i64 << 60).to_be_bytes());
    flat.extend(1i64.to_be_bytes());
    flat.extend([0; 1]);
    flat.extend([0xff; 16]);
    let missing = incomplete(&[&flat]);
    assert!(missing.contains("ends within its bitmaps"), "{missing}");
}
