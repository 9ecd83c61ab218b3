// SPDX-License-Identifier: GPL-2.0

//! Results in KTAP (Documentation/dev-tools/ktap.rst).

use std::process::ExitCode;
use std::time::Instant;

/// A test: its name, and what it does. An error makes it fail; what it returns
/// is printed as diagnostic lines.
pub type Test<'a> = (
    String,
    Box<dyn FnOnce() -> anyhow::Result<Vec<String>> + 'a>,
);

/// Makes a [`Test`].
pub fn test<'a>(
    name: impl Into<String>,
    body: impl FnOnce() -> anyhow::Result<Vec<String>> + 'a,
) -> Test<'a> {
    (name.into(), Box::new(body))
}

/// Runs the tests in order and prints the report.
pub fn run(tests: Vec<Test<'_>>) -> ExitCode {
    println!("KTAP version 1\n1..{}", tests.len());
    let mut code = ExitCode::SUCCESS;
    for (number, (name, body)) in (1..).zip(tests) {
        let began = Instant::now();
        let (verdict, notes) = match body() {
            Ok(notes) => ("ok", notes),
            Err(error) => {
                code = ExitCode::FAILURE;
                ("not ok", vec![format!("{error:#}")])
            }
        };
        for line in notes.iter().flat_map(|note| note.lines()) {
            println!("# {line}");
        }
        let took = began.elapsed().as_secs();
        println!("{verdict} {number} {name} # {took} s");
    }
    code
}
