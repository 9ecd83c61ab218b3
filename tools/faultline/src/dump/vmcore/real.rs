// SPDX-License-Identifier: GPL-2.0

//! Real dumps, in the formats that makedumpfile makes of one: `FAULTLINE_TEST_DUMPS` names their
//! directory, and in it `dmesg` is what makedumpfile itself reads of the kernel log. The parts of a split dump are
//! those whose names begin with `split`.

use super::*;
use crate::dump::tests::unwatched;
use std::path::Path;

/// The lines of a log of makedumpfile: each begins with a time, or goes on with the record.
fn same_lines(ours: &str, theirs: &str) -> Result<(), String> {
    let prefix = "[    0.000000] [      T0] ".len();
    // They have no line for a record without text.
    let mut ours = ours.lines().filter(|line| line.len() > prefix);
    for line in theirs.lines() {
        let our = ours.next().unwrap_or_default();
        let same = match line.starts_with('[') {
            true => our == line,
            false => line.strip_prefix(&" ".repeat(prefix)) == our.get(prefix..),
        };
        if !same {
            return Err(format!("'{our}', and makedumpfile has '{line}'"));
        }
    }
    match ours.next() {
        Some(line) => Err(format!("'{line}', and makedumpfile has nothing")),
        None => Ok(()),
    }
}

#[test]
fn every_format_of_a_real_dump_has_the_same_log() {
    let Some(dir) = std::env::var_os("FAULTLINE_TEST_DUMPS") else {
        println!("FAULTLINE_TEST_DUMPS names no directory");
        return;
    };
    let dmesg = std::fs::read_to_string(Path::new(&dir).join("dmesg")).unwrap();
    let mut dumps = Vec::new();
    let mut split = Vec::new();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().unwrap().to_str().unwrap() {
            "dmesg" => {}
            name if name.starts_with("split") => split.push(path),
            _ => dumps.push(vec![path]),
        }
    }
    assert!(dumps.len() >= 2 && split.len() >= 2, "{dumps:?} {split:?}");
    for part in &split {
        let Ok(Input::Dump(alone)) = read(std::slice::from_ref(part), &unwatched()) else {
            panic!("{part:?} is no dump");
        };
        assert!(
            matches!(&alone.state, State::Incomplete(why) if why.contains("is a split dump")),
            "{part:?}: {:?}",
            alone.state
        );
    }
    dumps.push(split);
    for paths in dumps {
        let Ok(Input::Dump(vmcore)) = read(&paths, &unwatched()) else {
            panic!("{paths:?} is no dump");
        };
        assert!(
            matches!(vmcore.state, State::Complete { .. }),
            "{paths:?}: {:?}",
            vmcore.state
        );
        same_lines(&vmcore.log.unwrap(), &dmesg).unwrap_or_else(|why| panic!("{paths:?}: {why}"));
        println!("{paths:?}: the same log");
    }
}
