// SPDX-License-Identifier: GPL-2.0

//! The arguments of `fleet`.

use super::duration::duration;
use super::guide::Guide;
use crate::fault::mode;
use crate::fleet::Ask;
use clap::ValueHint;
use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Args)]
pub struct FleetArgs {
    /// The folder with a file for each host, HOST.json: what 'faultline drill status --json' prints
    /// there
    #[arg(value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// What each host must have proven: modes of 'drill', with commas between [default: what it has
    /// drilled]
    #[arg(long, value_name = "MODES", value_delimiter = ',', value_parser = a_mode)]
    require: Vec<String>,
    /// The hosts that must be there: a file with one name per line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    hosts: Option<PathBuf>,
    /// Proofs that are older count as stale
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_age: Option<Duration>,
    /// Also write the report as an HTML page
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,
    /// Print JSON (docs/fleet.schema.json)
    #[arg(short, long)]
    json: bool,
}

impl FleetArgs {
    pub fn ask(self) -> Ask {
        Ask {
            folder: self.folder,
            require: self.require,
            hosts: self.hosts,
            max_age: self.max_age,
            html: self.html,
            json: self.json,
        }
    }
}

fn a_mode(text: &str) -> Result<String, String> {
    match mode::find(text) {
        Some(mode) => Ok(mode.name.into()),
        None => Err("it is no mode: 'faultline drill vm --help' lists them".into()),
    }
}

pub const GUIDE: Guide = Guide {
    about:
        "A host is proven if all of its faults are. One whose file is missing or cannot be read is \
        unknown. docs/fleet.md says how the files are gathered.",
    exit_status: &[
        (0, "every host is proven"),
        (1, "on some host a drill failed, or a proof is stale"),
        (2, "wrong usage"),
        (3, "could not tell: a host is unknown, or was not drilled"),
    ],
    examples: &[
        "faultline fleet reports/",
        "faultline fleet reports/ --require soft,hard --max-age 90days \\\n\
         --hosts inventory.txt --html fleet.html",
    ],
    ..Guide::NEW
};
