// SPDX-License-Identifier: GPL-2.0

//! The table of inputs, at load and through sysfs: both modules must take the same,
//! refuse the same with the same error, and read back the same.

use crate::case::{Answer, Case, Way};
use crate::compare::Tally;
use crate::differences::DIFFERENCES;
use crate::inputs::{self, Input};
use crate::ktap::{test, Test};
use crate::module::{self, Module};
use crate::params::{Kind, Param, CHARP, CHARP_MAX, INT, MAX_ITEMS, STANDARD};
use anyhow::{ensure, Context};
use rustix::io::Errno;
use std::fs::{self, OpenOptions};
use std::path::Path;

/// How many inputs there have to be.
const INPUTS_MIN: usize = 250;

/// How many unexpected differences of a parameter are printed.
const SHOWN: usize = 8;

/// The first of each family of kinds.
const FIRST: &[&str] = &[
    "int_value",
    "bool_value",
    "charp_value",
    "int_list",
    "charp_list",
    "once_value",
];

/// What is given at load as a whole, beside each parameter's name alone.
const ARGUMENTS: &[&str] = &[
    "",
    " ",
    "int_value=1 int_value=2",
    "int_value=1  byte_value=2",
    " int_value=1 ",
    "int_value=x byte_value=256",
    "byte_value=256 int_value=x",
    "byte_value=256 int_value=1",
    "hyphen_value=1",
    "hyphen-value=1",
    "hyphen-value=x",
    "int-value=1 uint-list=3,4",
    "INT_VALUE=1",
    "int_valu=1",
    "int_value_=1",
    "int_value =1",
    "int_value= 1",
    "int_value\n=1",
    "int_value=1\nbyte_value=2",
    "=1",
    "unknown",
    "unknown=1",
    "other_name=1",
    "renamed=7",
    "\"int_value=5\"",
    "\"charp_value=a b\"",
    "charp_value=\"a b",
    "charp_value=\"a b\" string_value=\"c d\"",
    "string_value=a\" \"b",
    "-- int_value=9",
    "int_value=9 -- int_value=10",
    "--int_value=9",
    "once_value once_value=0",
    "once_value=0 once_value=1",
    "once_value=1 once_value=1",
    "once_value=1 once_value=x",
    "bool_value invbool_value=1",
    "bint_value=0 bint_value",
    "charp_list=a charp_list=b,c",
    "int_list=1,2,3 int_list=4",
    "charp_value=a charp_value=b charp_value=c",
    "read_only=5 write_only=6 hidden=7 unsafe_value=8",
    "byte_value=9 short_value=9 ushort_value=9 int_value=9 uint_value=9 long_value=9 ulong_value=9 \
     ullong_value=9 hexint_value=9 bool_value=1 invbool_value=1 bint_value=1 charp_value=9 string_value=9 \
     byte_list=9 short_list=9 ushort_list=9 int_list=9 uint_list=9 long_list=9 ulong_list=9 ullong_list=9 \
     hexint_list=9 bool_list=1 charp_list=9 renamed=9 read_only=9 write_only=9 hidden=9 unsafe_value=9 \
     hyphen_value=9 once_value=1",
];

/// The tests. `docs` is the file that has to name each difference.
pub fn tests<'a>(
    twin: &'a Module,
    knobs: &'a Module,
    tally: &'a Tally,
    docs: &'a Path,
) -> Vec<Test<'a>> {
    let table: &'static [Input] = Box::leak(inputs::table().into_boxed_slice());
    let mut tests = vec![
        test("the_table_is_long_enough", || {
            ensure!(
                table.len() >= INPUTS_MIN,
                "{} inputs, want {INPUTS_MIN}",
                table.len()
            );
            let nul = table.iter().filter(|input| input.contains(&0)).count();
            Ok(vec![
                format!("{} inputs for each of {} parameters", table.len(), STANDARD.len()),
                format!(
                    "{nul} of them have a NUL inside: only sysfs can carry that, since it would end all arguments of the module"
                ),
            ])
        }),
        test("defaults", || defaults(twin, knobs)),
        test("load_arguments", || arguments(twin, knobs)),
    ];
    for param in STANDARD {
        tests.push(test(format!("load_{}", param.name), move || {
            both(twin, knobs, tally, Way::Load, param, table, |module| {
                load(module, param, table)
            })
        }));
    }
    for param in STANDARD {
        tests.push(test(format!("sysfs_{}", param.name), move || {
            both(twin, knobs, tally, Way::Sysfs, param, table, |module| {
                sysfs(module, param, table, b"")
            })
        }));
        if param.kind == Kind::Once {
            tests.push(test(format!("sysfs_{}_once_set", param.name), move || {
                both(twin, knobs, tally, Way::Sysfs, param, table, |module| {
                    sysfs(module, param, table, format!("{}=1", param.name).as_bytes())
                })
            }));
        }
    }
    tests.push(test("load_the_longest_texts", || {
        longest_texts(twin, knobs, tally)
    }));
    for (place, difference) in DIFFERENCES.iter().enumerate() {
        tests.push(test(format!("differs: {}", difference.here), move || {
            let count = tally.count(place);
            ensure!(
                count > 0,
                "it no longer does: take it off the list, here and in {}",
                docs.display()
            );
            let text = fs::read_to_string(docs).with_context(|| format!("{}", docs.display()))?;
            ensure!(
                text.contains(difference.here),
                "{} does not say so",
                docs.display()
            );
            Ok(vec![format!("{count} times")])
        }));
    }
    tests
}

/// Compares the answers of both modules to all inputs.
fn both(
    twin: &Module,
    knobs: &Module,
    tally: &Tally,
    way: Way,
    param: &Param,
    table: &[Input],
    answers: impl Fn(&Module) -> anyhow::Result<Vec<Answer>>,
) -> anyhow::Result<Vec<String>> {
    let (of_twin, of_knobs) = (answers(twin)?, answers(knobs)?);
    let given: Vec<&Input> = match way {
        Way::Sysfs => table.iter().collect(),
        Way::Load => at_load(param, table).map(|(input, _)| input).collect(),
    };
    let mut cases = 0;
    let mut wrong = Vec::new();
    for ((input, twin), knobs) in given.into_iter().zip(&of_twin).zip(&of_knobs) {
        cases += 1;
        wrong.extend(tally.judge(&Case {
            way,
            param,
            input,
            twin,
            knobs,
        }));
    }
    ensure!(
        cases == of_twin.len() && cases == of_knobs.len(),
        "{cases} cases, but {} and {} answers",
        of_twin.len(),
        of_knobs.len()
    );
    ensure!(
        wrong.is_empty(),
        "{} of {cases} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(SHOWN)].join("\n")
    );
    let taken = of_knobs
        .iter()
        .filter(|answer| answer.taken.is_ok())
        .count();
    Ok(vec![format!("{cases} cases, {taken} taken")])
}

/// The inputs that a parameter is given at load, and how. Since each costs two loads, the
/// first of a family gets what may mean something to it; another gets the numbers at its
/// bounds and every twelfth of those, each another twelfth, so that the numbers get all of them
/// between them, but one more `int` none; and each gets every sixteenth of the whole table.
/// (Through sysfs, which ends in the same functions, all get all.)
fn at_load<'a>(
    param: &'a Param,
    table: &'a [Input],
) -> impl Iterator<Item = (&'a Input, Vec<u8>)> + 'a {
    let number = STANDARD.iter().position(|other| other.name == param.name);
    let is_first = FIRST.contains(&param.name);
    let one_more_int = !param.list && param.kind == INT;
    table.iter().enumerate().filter_map(move |(place, input)| {
        let turn = is_first || (!one_more_int && (place + number?) % 12 == 0);
        let given = place % 16 == 0 || param.is_bound(input) || (turn && concerns(param, input));
        let argument = inputs::argument(param.name, input).filter(|_| given)?;
        Some((input, argument))
    })
}

/// Is this a list for an array, no text for a number, no long number for the others?
fn concerns(param: &Param, input: &[u8]) -> bool {
    let is_number = matches!(param.kind, Kind::Integer(..) | Kind::Hex);
    let begins_as_text = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
    let begins_as_number = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    input.contains(&b',') == param.list
        && match is_number {
            true => !input.first().is_some_and(begins_as_text),
            false => {
                !(3..=25).contains(&input.len()) || !input.first().is_some_and(begins_as_number)
            }
        }
}

/// The answers of a module when it is loaded with each input.
fn load(module: &Module, param: &Param, table: &[Input]) -> anyhow::Result<Vec<Answer>> {
    Ok(at_load(param, table)
        .map(|(_, argument)| {
            let loaded = module.load(&argument);
            Answer {
                before: None,
                value: (loaded.is_ok() && param.mode != 0).then(|| module.read(param.name)),
                taken: loaded.map(|_| argument.len()),
            }
        })
        .collect())
}

/// Four texts, each as long as one may be. They are not read: C writes behind the page.
fn longest_texts(twin: &Module, knobs: &Module, tally: &Tally) -> anyhow::Result<Vec<String>> {
    let param = STANDARD
        .iter()
        .find(|param| param.list && param.kind == CHARP)
        .context("there is no list of texts")?;
    let input = vec!["x".repeat(CHARP_MAX); MAX_ITEMS]
        .join(",")
        .into_bytes();
    let argument = inputs::argument(param.name, &input).context("there is no NUL in it")?;
    let [twin, knobs] = [twin, knobs].map(|module| Answer {
        before: None,
        taken: module.load(&argument).map(|_| argument.len()),
        value: None,
    });
    let wrong = tally.judge(&Case {
        way: Way::Load,
        param,
        input: &input,
        twin: &twin,
        knobs: &knobs,
    });
    ensure!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    Ok(vec![])
}

/// The answers of a module, loaded with `arguments`, when each input is written. Before
/// each the parameter has the value that it was loaded with.
fn sysfs(
    module: &Module,
    param: &Param,
    table: &[Input],
    arguments: &[u8],
) -> anyhow::Result<Vec<Answer>> {
    let load = || {
        module
            .load(arguments)
            .with_context(|| format!("loading {}", module.name))
    };
    let mut loaded = load()?;
    let begin = module.read(param.name);
    let mut answers = Vec::new();
    for input in table {
        if module.read(param.name) != begin {
            if param.kind == Kind::Once {
                drop(loaded);
                loaded = load()?;
            } else {
                let value = begin.as_ref().map_err(|error| *error)?;
                let value = value.strip_suffix(b"\n").unwrap_or(value);
                module
                    .write(param.name, value)
                    .with_context(|| format!("writing back {}", inputs::show(value)))?;
            }
        }
        let before = module.read(param.name);
        ensure!(
            before == begin,
            "{} cannot be brought back to {begin:?}: {before:?}",
            param.name
        );
        answers.push(Answer {
            before: before.ok(),
            taken: write(module, param, input),
            value: Some(module.read(param.name)),
        });
    }
    drop(loaded);
    Ok(answers)
}

/// Writes an input in one call.
fn write(module: &Module, param: &Param, input: &[u8]) -> Result<usize, Errno> {
    let file = OpenOptions::new()
        .write(true)
        .open(module.path(param.name))
        .map_err(module::errno)?;
    module::write(&file, input)
}

/// All parameters of a module, as they read.
fn all(module: &Module) -> Vec<(&'static str, Result<Vec<u8>, Errno>)> {
    STANDARD
        .iter()
        .map(|param| (param.name, module.read(param.name)))
        .collect()
}

/// Both modules begin with the values that they should.
fn defaults(twin: &Module, knobs: &Module) -> anyhow::Result<Vec<String>> {
    for module in [twin, knobs] {
        let _loaded = module.load(b"")?;
        for param in STANDARD {
            let want = match param.mode {
                0 => Err(Errno::NOENT),
                0o200 => Err(Errno::ACCESS),
                _ => Ok(format!("{}\n", param.default).into_bytes()),
            };
            let got = module.read(param.name);
            ensure!(
                got == want,
                "{}.{}: want {want:?}, got {got:?}",
                module.name,
                param.name
            );
        }
    }
    Ok(vec![])
}

/// Loads with several arguments, or odd ones: the same error, or the same values of all
/// parameters.
fn arguments(twin: &Module, knobs: &Module) -> anyhow::Result<Vec<String>> {
    let names = STANDARD.iter().map(|param| param.name);
    let lines: Vec<&str> = ARGUMENTS.iter().copied().chain(names).collect();
    let answers = |module: &Module| -> Vec<_> {
        let load = |line: &&str| module.load(line.as_bytes()).map(|_loaded| all(module));
        lines.iter().map(load).collect()
    };
    let (of_twin, of_knobs) = (answers(twin), answers(knobs));
    let mut taken = 0;
    for ((line, twin), knobs) in lines.iter().zip(&of_twin).zip(&of_knobs) {
        match (twin, knobs) {
            (Ok(twin), Ok(knobs)) => {
                taken += 1;
                for ((name, twin), (_, knobs)) in twin.iter().zip(knobs) {
                    ensure!(
                        twin == knobs,
                        "after '{line}' {name} reads: C {twin:?}, Rust {knobs:?}"
                    );
                }
            }
            (Err(twin), Err(knobs)) if twin == knobs => {}
            _ => anyhow::bail!(
                "'{line}': C {:?}, Rust {:?}",
                twin.as_ref().err(),
                knobs.as_ref().err()
            ),
        }
    }
    Ok(vec![format!("{} lines, {taken} taken", lines.len())])
}
