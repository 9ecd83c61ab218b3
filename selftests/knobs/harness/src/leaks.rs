// SPDX-License-Identifier: GPL-2.0

//! Loading, writing texts, unloading, many times: nothing may be left. That a leak would
//! be seen is shown with the one that C has.

use crate::inputs;
use crate::ktap::{test, Test};
use crate::module::Module;
use crate::objects::Objects;
use anyhow::{ensure, Context};

/// How often. What others allocate meanwhile moves a count by up to 60.
const ROUNDS: u64 = 120;

/// So many more objects are a leak: less than one a round, since others free meanwhile.
const LEAST: u64 = ROUNDS / 4 * 3;

pub fn tests<'a>(twin: &'a Module, knobs: &'a Module) -> Vec<Test<'a>> {
    vec![
        test("nothing_is_left", || {
            let leaked = leaked(|| everything(knobs))?;
            ensure!(leaked.is_empty(), "{}", leaked.join("\n"));
            Ok(vec![])
        }),
        test("a_leak_would_be_seen", || {
            let leaked = leaked(|| shorter_list(twin))?;
            ensure!(!leaked.is_empty(), "C's leak was not seen");
            Ok(leaked)
        }),
        test(
            "c_leaks_what_a_shorter_list_leaves_out_and_we_do_not",
            || {
                let leaked = leaked(|| shorter_list(knobs))?;
                ensure!(leaked.is_empty(), "{}", leaked.join("\n"));
                Ok(vec![])
            },
        ),
    ]
}

/// The kinds of objects that grow with the rounds.
fn leaked(round: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<Vec<String>> {
    for _ in 0..20 {
        round()?;
    }
    let before = Objects::count()?;
    for _ in 0..ROUNDS {
        round()?;
    }
    before.leaked(LEAST)
}

/// Texts at load, then every other one that is taken or refused, then none.
fn everything(module: &Module) -> anyhow::Result<()> {
    let text = "x".repeat(100);
    let arguments = format!(
        "charp_value={text} charp_list={text},{text},{text},{text} string_value=x int_list=1,2,3,4 bool_list=Y \
         cpus=0 label=one"
    );
    // With one that makes it fail after all others were taken.
    ensure!(
        module
            .load(format!("{arguments} int_value=x").as_bytes())
            .is_err(),
        "int_value=x was taken"
    );
    let _loaded = module.load(arguments.as_bytes())?;
    for (parameter, value, wanted) in [
        ("charp_value", text.repeat(3), true),
        ("charp_value", text.repeat(20), false),
        ("charp_list", format!("{text},{text}"), true),
        ("charp_list", "a,b,c,d,e".to_owned(), false),
        ("string_value", "y".to_owned(), true),
        ("string_value", text, false),
        ("int_list", "1,2,3".to_owned(), true),
        ("int_list", "1,2,3,x".to_owned(), false),
        ("bool_list", "Y,N,x".to_owned(), false),
        ("hexint_list", "1,2,3,4,5".to_owned(), false),
        ("cpus", "0-1".to_owned(), true),
        ("cpus", "0,99".to_owned(), false),
        ("label", "two".to_owned(), true),
        ("label", "busy".to_owned(), false),
    ] {
        ensure!(
            module.write(parameter, value.as_bytes()).is_ok() == wanted,
            "{parameter}={}: it should be {}",
            inputs::show(value.as_bytes()),
            if wanted { "taken" } else { "refused" }
        );
    }
    Ok(())
}

/// A list of texts that becomes shorter before the module goes.
fn shorter_list(module: &Module) -> anyhow::Result<()> {
    let text = "x".repeat(100);
    let loaded = module.load(format!("charp_list={text},{text},{text},{text}").as_bytes())?;
    module.write("charp_list", b"x").context("charp_list=x")?;
    drop(loaded);
    Ok(())
}
