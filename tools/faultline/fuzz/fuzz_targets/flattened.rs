// SPDX-License-Identifier: GPL-2.0

//! makedumpfile's flattened form, rearranged in both ways.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faultline::fuzzing::flattened(bytes));
