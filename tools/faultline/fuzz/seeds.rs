// SPDX-License-Identifier: GPL-2.0

//! Writes the first inputs of each target into a directory of its name, in that which the
//! environment has as `SEEDS`. Built like the targets, it is one: libFuzzer lets it begin, and
//! has nothing else to do.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;

fuzz_target!(
    init: write().expect("the inputs are written"),
    |_bytes: &[u8]| {}
);

fn write() -> std::io::Result<()> {
    let directory = std::env::var_os("SEEDS").map(PathBuf::from);
    let directory = directory.expect("SEEDS is a directory");
    for (target, inputs) in faultline::fuzzing::seeds() {
        let directory = directory.join(target);
        std::fs::create_dir_all(&directory)?;
        for (number, input) in inputs.iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{number}")), input)?;
        }
    }
    Ok(())
}
