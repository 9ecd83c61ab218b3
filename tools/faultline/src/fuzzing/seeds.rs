// SPDX-License-Identifier: GPL-2.0

//! The first inputs of the targets: small ones of each kind, made by the helpers of the unit tests.

use crate::dump::fuzzing as dump;
use crate::pack::{cpio, gzip, lz4, xz, zstd};
use crate::system::Record;

/// A target's name, and its inputs.
pub type Seeds = (&'static str, Vec<Vec<u8>>);

/// The inputs of all targets; a target without any begins with nothing.
pub fn seeds() -> Vec<Seeds> {
    let dumps = dump::dumps();
    let packed = [gzip, zstd, xz].map(|pack| pack(&dumps[0]));
    vec![
        ("vmcore", dumps.iter().cloned().chain(packed).collect()),
        ("flattened", dump::flattened_seeds()),
        ("notes", dump::notes_seeds()),
        ("page", dump::pages()),
        ("log", logs()),
        ("initrd", initrds()),
        ("documents", documents()),
    ]
}

/// The inputs of the log's target, each of which begins with the number of a mode.
fn logs() -> Vec<Vec<u8>> {
    let logs = [
        include_str!("../../tests/data/soft.log"),
        include_str!("../../tests/data/sysrq.log"),
    ];
    let pstore = "Panic#2 Part1\n<0>[    5.0] e\nOops#1 Part1\n<6>[    2.0] b\n";
    let mut all: Vec<Vec<u8>> = Vec::new();
    for log in logs {
        all.push([b"\0", log.as_bytes()].concat());
        // Lines alone are where what is short begins.
        all.extend(log.lines().map(|line| [b"\x01", line.as_bytes()].concat()));
    }
    all.push([b"\x02", pstore.as_bytes()].concat());
    all
}

fn initrds() -> Vec<Vec<u8>> {
    let main = cpio(&[("a", "b"), ("etc/crypttab", "a word\n")]);
    let packs = [gzip, zstd, xz, lz4];
    let packed = packs.iter().map(|pack| pack(&main));
    let behind = packs
        .iter()
        .map(|pack| [main.clone(), pack(&main)].concat());
    packed.chain(behind).chain([main.clone()]).collect()
}

fn documents() -> Vec<Vec<u8>> {
    let route = include_str!("../../tests/data/route_events.log");
    let signals = include_str!("../../tests/data/signal_events.log");
    let lines = route.lines().take(20).chain(signals.lines().take(20));
    let lines = lines.map(|line| line.as_bytes().to_vec());
    let witness = include_bytes!("../../tests/data/drgn.json").to_vec();
    let mut record = Vec::new();
    let written = Record::default().write_to(&mut record);
    assert!(written.is_ok(), "{written:?}");
    lines.chain([witness, record]).collect()
}
