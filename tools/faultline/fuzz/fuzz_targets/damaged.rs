// SPDX-License-Identifier: GPL-2.0

//! Whole dumps of each format and compression, damaged where something begins.

#![no_main]

use arbitrary::Arbitrary;
use faultline::fuzzing::{self, Patch};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Damage {
    dump: u8,
    cut: u16,
    patches: Vec<(u8, u16, Vec<u8>)>,
}

fuzz_target!(|damage: Damage| {
    let patches = damage.patches.into_iter();
    let patches: Vec<_> = patches
        .map(|(part, at, bytes)| Patch { part, at, bytes })
        .collect();
    fuzzing::damaged(damage.dump, &patches, damage.cut);
});
