// SPDX-License-Identifier: GPL-2.0

//! BTF that is damaged: whatever it says is a clear error, or an answer; it never takes the program
//! down, or keeps it for ever.
//!
//! The damages are the same in each run: each word of a small BTF in turn becomes each type's
//! number and some others that lead astray, it is cut at each length, and bytes of it change as
//! dice fall that always fall the same.

use super::tests::bytes;
use super::*;
use crate::bindings::tests::{bindings, SAMPLE};
use crate::bindings::Bindings;
use crate::layout;
use crate::sources::Sources;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

const FUNCTIONS: [&str; 3] = ["find", "walk", "nothing"];
const COMPOSITES: [&str; 5] = ["outer", "inner", "word", "atomic_t", "hidden"];
/// More than the number of types in the sample.
const IDS: u32 = 44;
/// What a length or an offset should not be.
const ASTRAY: [u32; 6] = [
    0xff,
    0xffff,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
];
const ROLLS: usize = 3000;
/// An answer takes a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// All damaged forms of the sample.
fn damaged() -> Vec<Vec<u8>> {
    let whole = bytes();
    let mut all = Vec::new();
    for at in (0..whole.len() - 3).step_by(4) {
        for word in (0..IDS).chain(ASTRAY) {
            let mut other = whole.clone();
            other[at..at + 4].copy_from_slice(&word.to_le_bytes());
            all.push(other);
        }
    }
    all.extend((0..whole.len()).map(|length| whole[..length].to_vec()));
    let mut dice = 0x1505_2026u64;
    let mut roll = |below: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % below as u64) as usize
    };
    for _ in 0..ROLLS {
        let mut other = whole.clone();
        for _ in 0..=roll(16) {
            let at = roll(other.len());
            other[at] = match roll(3) {
                0 => roll(256) as u8,
                1 => roll(IDS as usize) as u8,
                _ => other[at] ^ (1 << roll(8)),
            };
        }
        all.push(other);
    }
    all
}

/// What the layouts are asked for, from a source that is not damaged.
struct Asked {
    all: Bindings,
    own: Bindings,
    sources: Sources,
}

impl Asked {
    fn new() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        Asked {
            all: bindings(SAMPLE),
            own: bindings(""),
            sources: Sources {
                named: names(&["outer", "word"]),
                fields: names(&["next", "hidden"]),
            },
        }
    }

    /// Asks for all that the program asks a kernel for; fails if any of it does.
    fn of(&self, bytes: &[u8]) -> Result<()> {
        let stock = Stock::parse(bytes)?;
        // Whatever a type is: some of these numbers are no type's.
        for id in 0..IDS {
            let _ = stock.composite(id);
            let _ = stock.pointee(id);
            let _ = stock.size(id);
            let _ = stock.declare(id, "name".into());
        }
        for name in FUNCTIONS {
            stock.prototypes(name)?;
        }
        for name in COMPOSITES {
            stock.composites(name)?;
        }
        layout::plan(&stock, &self.all, &self.own, &self.sources).map(drop)
    }
}

#[test]
fn each_damage_ends_in_an_answer() {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let (ended, wait) = mpsc::channel::<()>();
    let worker = std::thread::spawn(move || {
        let _ended = ended;
        let (mut refused, asked) = (0, Asked::new());
        let all = damaged();
        for bytes in &all {
            if let Err(error) = asked.of(bytes) {
                assert!(!format!("{error:#}").is_empty());
                refused += 1;
            }
            NUMBER.fetch_add(1, Relaxed);
        }
        (all.len(), refused)
    });
    let mut last = usize::MAX;
    // The sender goes when the worker ends, however it does.
    while wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
        let number = NUMBER.load(Relaxed);
        assert_ne!(number, last, "damage {number} has no end");
        last = number;
    }
    let (all, refused) = worker.join().unwrap();
    println!("{all} damages, {refused} refused");
    assert!(refused > 0 && refused < all, "{refused} of {all} refused");
}
