// SPDX-License-Identifier: GPL-2.0

//! The kernel log in memory: its structures, the page tables that lead to it, and VMCOREINFO,
//! which says where they are.

#![no_main]

use arbitrary::Arbitrary;
use faultline::fuzzing::{self, Patch};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Memory {
    values: Vec<(u8, Value)>,
    patches: Vec<(u8, u16, Vec<u8>)>,
}

/// A value as VMCOREINFO has them.
#[derive(Arbitrary, Debug)]
enum Value {
    Decimal(i64),
    Small(u16),
    Hexadecimal(u64),
    Prefixed(u64),
    Text(String),
}

fuzz_target!(|memory: Memory| {
    let values = memory.values.into_iter().map(|(line, value)| {
        let text = match value {
            Value::Decimal(number) => number.to_string(),
            Value::Small(number) => number.to_string(),
            Value::Hexadecimal(number) => format!("{number:x}"),
            Value::Prefixed(number) => format!("{number:#x}"),
            Value::Text(text) => text,
        };
        (line, text)
    });
    let patches = memory.patches.into_iter();
    let patches: Vec<_> = patches
        .map(|(part, at, bytes)| Patch { part, at, bytes })
        .collect();
    fuzzing::printk(&values.collect::<Vec<_>>(), &patches);
});
