// SPDX-License-Identifier: GPL-2.0

//! ELF notes, and VMCOREINFO.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faultline::fuzzing::notes(bytes));
