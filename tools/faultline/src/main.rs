// SPDX-License-Identifier: GPL-2.0

//! The program, which calls the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Only this file depends on it: a new commit does not compile the library again.
    faultline::main(option_env!("FAULTLINE_COMMIT"))
}
