// SPDX-License-Identifier: GPL-2.0

//! The program, which calls the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    faultline::main()
}
