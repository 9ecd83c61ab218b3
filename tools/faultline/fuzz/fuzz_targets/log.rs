// SPDX-License-Identifier: GPL-2.0

//! A kernel log that somebody saved, judged for the mode that the first byte names.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let [mode, text @ ..] = bytes {
        faultline::fuzzing::log(*mode, text);
    }
});
