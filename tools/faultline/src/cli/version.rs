// SPDX-License-Identifier: GPL-2.0

//! `faultline version`: its command line.

use super::guide::Guide;
use crate::terminal::{escape, out};
use crate::version::Version;
use clap::Args;
use std::process::ExitCode;

#[derive(Args)]
pub struct VersionArgs {
    /// Also show the running kernel, the modules found for it, and the versions of the JSON
    /// documents
    #[arg(short, long)]
    verbose: bool,
    /// Print all of it as JSON
    #[arg(short, long)]
    json: bool,
}

pub const GUIDE: Guide = Guide {
    about: "The commit is the last one that changed the program; '-dirty' after it says that the \
        program was built with changes that are in no commit. Modules are searched where 'faultline \
        drill here' searches them: below /lib/modules/RELEASE/updates, and in the directory RELEASE \
        beside the program.",
    files: &[(
        "/lib/modules/RELEASE/updates/",
        "the modules for the kernel RELEASE",
    )],
    see_also: &[("modinfo", "8"), ("uname", "1")],
    examples: &[
        "faultline version",
        "faultline version --verbose",
        "faultline version --json",
    ],
    ..Guide::WATCHES
};

/// Shows it.
pub fn run(args: &VersionArgs) -> anyhow::Result<ExitCode> {
    let text = match (args.json, args.verbose) {
        (true, _) => {
            let json = serde_json::to_string_pretty(&Version::look()?)?;
            escape::json(&json).into_owned() + "\n"
        }
        (false, true) => escape::text(&Version::look()?.for_people()).into_owned(),
        (false, false) => crate::version::line() + "\n",
    };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
