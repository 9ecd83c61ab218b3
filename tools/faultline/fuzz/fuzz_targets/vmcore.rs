// SPDX-License-Identifier: GPL-2.0

//! Any file, read as a dump: packed or not, of each format.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faultline::fuzzing::vmcore(bytes));
