// SPDX-License-Identifier: GPL-2.0

//! BTF that is damaged: each question still ends in an answer or an error; none takes the program
//! down, or keeps it for ever.
//!
//! The damages are the same in each run: each word in turn becomes the number of some type and
//! others that lead astray, the BTF is cut at each length, and bytes change as dice fall that
//! always fall the same.

use super::testing::kernel;
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// More than the number of types.
const IDS: u32 = 80;
/// What a length or an offset should not be.
const ASTRAY: [u32; 6] = [
    0xff,
    0xffff,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
];
const ROLLS: usize = 2000;
/// An answer takes a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(20);

fn damaged(whole: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (number, at) in (0..whole.len() - 3).step_by(4).enumerate() {
        // Each word gets every seventh type's number, beginning with another one.
        let ids = (number as u32 % 7..IDS).step_by(7);
        for word in ids.chain(ASTRAY) {
            let mut other = whole.to_vec();
            other[at..at + 4].copy_from_slice(&word.to_le_bytes());
            all.push(other);
        }
    }
    all.extend(
        (0..whole.len())
            .step_by(3)
            .map(|length| whole[..length].to_vec()),
    );
    let mut dice = 0x1505_2026u64;
    let mut roll = |below: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % below as u64) as usize
    };
    for _ in 0..ROLLS {
        let mut other = whole.to_vec();
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

/// Asks for everything.
fn ask(types: &Types) {
    for id in 0..IDS {
        let ty = types.at(id);
        let _ = ty.shape(types);
        let _ = types.member(&ty, "f_pos");
        let _ = types.member_names(&ty);
    }
    for name in ["vfs_read", "walk", "nothing", "differs", "veth_xmit"] {
        let _ = types.function(name).map(|found| found.to_string());
    }
    for name in ["struct file", "size_t", "circle", "enum way"] {
        let _ = types.named(name);
    }
}

#[test]
fn each_damage_ends_in_an_answer() {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let (ended, wait) = mpsc::channel::<()>();
    let worker = std::thread::spawn(move || {
        let _ended = ended;
        let (vmlinux, veth) = kernel();
        let mut refused = 0;
        let pairs = damaged(&vmlinux).into_iter().map(|bytes| (bytes, None));
        let split = damaged(&veth).into_iter();
        let pairs = pairs.chain(split.map(|bytes| (vmlinux.clone(), Some(bytes))));
        let mut all = 0;
        for (vmlinux, module) in pairs {
            match Types::parse(&vmlinux, module.as_deref()) {
                Ok(types) => ask(&types),
                Err(_) => refused += 1,
            }
            all += 1;
            NUMBER.fetch_add(1, Relaxed);
        }
        (all, refused)
    });
    let mut last = usize::MAX;
    // The sender goes when the worker ends, however it does.
    while wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
        let number = NUMBER.load(Relaxed);
        assert_ne!(number, last, "damage {number} has no end");
        last = number;
    }
    let (all, refused) = worker.join().unwrap();
    assert!(refused > 0 && refused < all, "{refused} of {all} refused");
}
