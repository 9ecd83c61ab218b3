// SPDX-License-Identifier: GPL-2.0

//! A page, compressed by each algorithm.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faultline::fuzzing::page(bytes));
