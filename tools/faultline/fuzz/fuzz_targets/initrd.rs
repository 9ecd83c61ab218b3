// SPDX-License-Identifier: GPL-2.0

//! An initrd, and a compressed file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faultline::fuzzing::initrd(bytes));
