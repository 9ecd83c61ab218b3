// SPDX-License-Identifier: GPL-2.0

//! Who may read and write which parameter.

use crate::ktap::{test, Test};
use crate::log::Log;
use crate::module::{self, Module};
use crate::params::{self, Param, STANDARD};
use anyhow::{ensure, Context};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Nobody.
const USER: u32 = 65534;

pub fn tests<'a>(twin: &'a Module, knobs: &'a Module) -> Vec<Test<'a>> {
    vec![
        test("modes_are_as_declared", || modes(twin, knobs)),
        test("only_root_may_write", || another_user(knobs)),
        test("root_is_bound_by_the_mode", || root(knobs)),
        test("a_changed_mode_opens_the_same_as_in_c", || {
            changed(twin, knobs)
        }),
        test("an_unsafe_one_taints", || taints(twin, knobs)),
    ]
}

/// Opens each parameter of a module for reading, and for writing, and says how that went:
/// what another user runs.
pub fn try_all(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let open = |options: &mut OpenOptions| match options.open(&path) {
            Ok(_) => 0,
            Err(error) => module::errno(error).raw_os_error(),
        };
        println!(
            "{} {} {}",
            path.file_name().unwrap_or_default().to_string_lossy(),
            open(OpenOptions::new().read(true)),
            open(OpenOptions::new().write(true))
        );
    }
    Ok(())
}

/// What should come of opening it, as a user who is `own` bits of the mode.
fn wanted(param: &Param, own: u32, read: bool) -> i32 {
    let bit = if read { 4 } else { 2 } << own;
    if param.mode & bit != 0 {
        0
    } else {
        Errno::ACCESS.raw_os_error()
    }
}

fn modes(twin: &Module, knobs: &Module) -> anyhow::Result<Vec<String>> {
    let standard = STANDARD.iter();
    for (module, params) in [
        (twin, standard.clone().collect::<Vec<_>>()),
        (knobs, params::all().collect()),
    ] {
        let _loaded = module.load(b"")?;
        let want: BTreeMap<String, u32> = params
            .iter()
            .filter(|param| param.mode != 0)
            .map(|param| (param.name.to_owned(), param.mode))
            .collect();
        let mut got = BTreeMap::new();
        for entry in fs::read_dir(module.path(""))? {
            let entry = entry?;
            let mode = entry.metadata()?.permissions().mode() & 0o7777;
            got.insert(entry.file_name().to_string_lossy().into_owned(), mode);
        }
        for name in want.keys().chain(got.keys()) {
            let [want, got] = [&want, &got].map(|modes| match modes.get(name) {
                Some(mode) => format!("{mode:03o}"),
                None => "none".to_owned(),
            });
            ensure!(
                want == got,
                "{}.{name}: want mode {want}, got {got}",
                module.name
            );
        }
    }
    Ok(vec![])
}

/// Compares what came of opening the parameters with what should.
fn check(answers: &str, own: u32) -> anyhow::Result<usize> {
    let mut count = 0;
    for line in answers.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, read, write] = words[..] else {
            anyhow::bail!("what is '{line}'?");
        };
        let param = params::all()
            .find(|param| param.name == name)
            .with_context(|| format!("there is no {name}"))?;
        for (what, want, got) in [
            ("read", wanted(param, own, true), read),
            ("write", wanted(param, own, false), write),
        ] {
            ensure!(
                got == want.to_string(),
                "{name}: open to {what}: want error {want}, got {got}"
            );
        }
        count += 1;
    }
    Ok(count)
}

fn another_user(knobs: &Module) -> anyhow::Result<Vec<String>> {
    let _loaded = knobs.load(b"")?;
    let output = Command::new("/proc/self/exe")
        .args(["--modules", "/", "open"])
        .arg(knobs.path(""))
        .uid(USER)
        .gid(USER)
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let count = check(&String::from_utf8(output.stdout)?, 0)?;
    ensure!(count > 0, "there was no parameter");
    Ok(vec![format!("{count} parameters")])
}

fn root(knobs: &Module) -> anyhow::Result<Vec<String>> {
    let _loaded = knobs.load(b"")?;
    for param in params::all().filter(|param| param.mode != 0) {
        let read = knobs
            .read(param.name)
            .map_or_else(Errno::raw_os_error, |_| 0);
        let open = OpenOptions::new().write(true).open(knobs.path(param.name));
        let write = open.map_or_else(|error| module::errno(error).raw_os_error(), |_| 0);
        check(&format!("{} {read} {write}", param.name), 6)?;
    }
    Ok(vec![])
}

/// With all permissions, what is only to be read is still not written.
fn changed(twin: &Module, knobs: &Module) -> anyhow::Result<Vec<String>> {
    let mut answers = [twin, knobs].map(|module| {
        let _loaded = module.load(b"")?;
        let mut answers = Vec::new();
        for param in STANDARD.iter().filter(|param| param.mode != 0) {
            fs::set_permissions(module.path(param.name), fs::Permissions::from_mode(0o666))?;
            let written = module.write(param.name, param.default.as_bytes());
            answers.push((param.name, written, module.read(param.name)));
        }
        anyhow::Ok(answers)
    });
    let [twin, knobs] = &mut answers;
    let (Ok(twin), Ok(knobs)) = (twin, knobs) else {
        anyhow::bail!("{answers:?}");
    };
    for (twin, knobs) in twin.iter().zip(knobs) {
        ensure!(twin == knobs, "C {twin:?}, Rust {knobs:?}");
        if twin.0 == "read_only" {
            ensure!(twin.1 == Err(Errno::IO), "C {twin:?}");
        }
    }
    Ok(vec![])
}

/// Setting an unsafe parameter, at load and in sysfs, says so and taints the kernel;
/// setting another does not say so.
fn taints(twin: &Module, knobs: &Module) -> anyhow::Result<Vec<String>> {
    const SAID: &str = "Setting dangerous option unsafe_value - tainting kernel";
    const TAINT_USER: u64 = 1 << 6;
    for module in [twin, knobs] {
        let said = |times: usize, what: &dyn Fn() -> anyhow::Result<()>| -> anyhow::Result<()> {
            let log = Log::follow()?;
            what()?;
            let count = log.end()?.count(SAID);
            ensure!(
                count == times,
                "{} says so {count} times, not {times}",
                module.name
            );
            Ok(())
        };
        let load = |arguments: &'static [u8]| move || anyhow::Ok(module.load(arguments).map(drop)?);
        let write = |name: &'static str| move || anyhow::Ok(module.write(name, b"1").map(|_| ())?);
        said(0, &load(b"int_value=1"))?;
        said(1, &load(b"unsafe_value=1"))?;
        let _loaded = module.load(b"")?;
        said(0, &write("int_value"))?;
        said(1, &write("unsafe_value"))?;
        let taint: u64 = fs::read_to_string("/proc/sys/kernel/tainted")?
            .trim()
            .parse()?;
        ensure!(
            taint & TAINT_USER != 0,
            "the kernel is not tainted: {taint}"
        );
    }
    Ok(vec![])
}
