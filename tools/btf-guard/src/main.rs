// SPDX-License-Identifier: GPL-2.0

//! Compares what a module was built against with the stock kernel that it is
//! for, by this kernel's BTF: the prototypes of C functions, and the layouts of
//! structures. The build runs it, see `rust/bindings/Kbuild`.

mod bindings;
mod layout;
mod prototypes;
mod sources;
mod stock;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{bail, Context, Result};
use bindings::Bindings;
use lexopt::prelude::*;
use prototypes::List;
use sources::Sources;
use stock::Stock;

const USAGE: &str = "\
btf-guard prototypes --btf FILE --list FILE [--symvers FILE] --cfg OUT --header OUT HELPER.c...
    compares the list of prototypes; writes which of several this kernel has
btf-guard layouts --btf FILE --list FILE --kernel FILE --own FILE --out OUT SOURCE.rs...
    writes the comparison of each structure that the bindings' users touch
btf-guard show --btf FILE FUNCTION...
    a function's prototype, as the list wants it

  --btf      the stock kernel's vmlinux with a section .BTF, or bare BTF
  --list     rust/bindings/prototypes
  --symvers  the kernel's Module.symvers, which tells functions from macros
  --kernel   the kernel crate's bindings_generated.rs
  --own      ours";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("btf-guard: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The command line: options with a path each, and the rest.
#[derive(Default)]
struct Arguments {
    command: String,
    options: Vec<(String, PathBuf)>,
    rest: Vec<PathBuf>,
}

impl Arguments {
    fn parse() -> Result<Self> {
        let mut arguments = Self::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") => arguments.command = "help".into(),
                Long(name) => {
                    let name = name.to_string();
                    arguments.options.push((name, parser.value()?.into()));
                }
                Value(value) if arguments.command.is_empty() => {
                    arguments.command = value.string()?
                }
                Value(value) => arguments.rest.push(value.into()),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(arguments)
    }

    fn option(&self, name: &str) -> Option<&Path> {
        let found = self.options.iter().find(|(option, _)| option == name);
        found.map(|(_, path)| path.as_path())
    }

    fn path(&self, name: &str) -> Result<&Path> {
        self.option(name)
            .with_context(|| format!("'{}' wants --{name}\n\n{USAGE}", self.command))
    }
}

fn run() -> Result<()> {
    let arguments = Arguments::parse()?;
    match arguments.command.as_str() {
        "prototypes" => prototypes(&arguments),
        "layouts" => layouts(&arguments),
        "show" => show(&arguments),
        "help" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("'{other}' is no command of these:\n\n{USAGE}"),
    }
}

fn prototypes(arguments: &Arguments) -> Result<()> {
    let list = List::read(arguments.path("list")?)?;
    let btf = arguments.path("btf")?;
    let mut verdict = list.compare(&Stock::read(btf)?)?;
    let symvers = arguments.option("symvers").map(read).transpose()?;
    let symbol = |line: &'_ str| line.split('\t').nth(1).map(str::to_string);
    let exported: HashSet<_> = symvers
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(symbol)
        .collect();
    for helper in &arguments.rest {
        for function in list.unlisted(&read(helper)?, &exported) {
            verdict.errors.push(format!(
                "{}: calls {function}, which is not in the list of prototypes",
                helper.display()
            ));
        }
    }
    refuse(&verdict.errors, btf)?;
    if verdict.same == 0 {
        bail!("there is nothing to compare: the list is empty");
    }
    let cfg = verdict
        .has
        .iter()
        .map(|name| format!("--cfg=kernel_has=\"{name}\"\n"));
    write(arguments.path("cfg")?, &cfg.collect::<String>())?;
    let header = verdict
        .has
        .iter()
        .map(|name| format!("#define FAULTLINE_KERNEL_HAS_{name} 1\n"));
    write(arguments.path("header")?, &header.collect::<String>())?;
    println!(
        "          {} prototypes are the stock kernel's{}",
        verdict.same,
        also("not there", &verdict.absent)
    );
    Ok(())
}

fn layouts(arguments: &Arguments) -> Result<()> {
    let list = List::read(arguments.path("list")?)?;
    let btf = arguments.path("btf")?;
    let (mut own, mut all) = (Bindings::default(), Bindings::default());
    for bindings in [&mut own, &mut all] {
        bindings.add(arguments.path("own")?)?;
    }
    all.add(arguments.path("kernel")?)?;
    let mut sources = Sources::default();
    for source in &arguments.rest {
        sources.add(source)?;
    }
    let mut plan = layout::plan(&Stock::read(btf)?, &all, &own, &sources)?;
    for function in layout::unlisted(&list, &all, &own, &sources) {
        let list = arguments.path("list")?.display();
        plan.errors
            .push(format!("{function} is called, but is not in {list}"));
    }
    refuse(&plan.errors, btf)?;
    write(arguments.path("out")?, &plan.to_rust()?)?;
    println!(
        "          {} structures with {} fields to compare with the stock kernel's{}{}",
        plan.structures(),
        plan.fields(),
        also("by size only", &plan.opaque),
        also("not in its BTF", &plan.unknown)
    );
    Ok(())
}

fn show(arguments: &Arguments) -> Result<()> {
    let stock = Stock::read(arguments.path("btf")?)?;
    for function in &arguments.rest {
        let function = function.to_string_lossy();
        let found = stock.prototypes(&function)?;
        if found.is_empty() {
            bail!("{function} is not in this BTF");
        }
        for prototype in found {
            println!("{prototype}");
        }
    }
    Ok(())
}

/// Fails with all that is wrong.
fn refuse(errors: &[String], btf: &Path) -> Result<()> {
    match errors {
        [] => Ok(()),
        some => bail!(
            "{}\nbtf-guard: the stock kernel is {}",
            some.join("\nbtf-guard: "),
            btf.display()
        ),
    }
}

fn also(what: &str, names: &[String]) -> String {
    match names {
        [] => String::new(),
        some => format!(" ({what}: {})", some.join(", ")),
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}
