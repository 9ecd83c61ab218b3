// SPDX-License-Identifier: GPL-2.0

//! What the program itself writes and reads again, what drgn's script prints, and trace_pipe.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| faultline::fuzzing::documents(bytes));
