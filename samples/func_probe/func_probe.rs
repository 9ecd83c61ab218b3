// SPDX-License-Identifier: GPL-2.0

//! Probes any function: what it was called with, what it returned and how long it took, as
//! events, and as a ledger of what became of each call.
//!
//! Which functions, and what is fetched of each call, is told by lines that are written to
//! debugfs, `func_probe/control`: each is a [command]. What is fetched and which calls count is a
//! [program]: [specs](spec) by which memory is read, and [conditions](condition). The program
//! `faultline probe` writes them, as it knows the types; so does a shell.
//!
//! A [session] lasts as long as the file is open. [What it has](work) are [batches](batch): sets of probes, whose
//! [handlers](handler) record [events] and keep the [ledger]. The [brake] disables what is hit too
//! often.

#![forbid(unsafe_code)]

mod alternatives;
mod batch;
mod brake;
mod command;
mod condition;
mod events;
mod fetched;
mod handler;
mod ledger;
mod program;
mod refusal;
mod session;
mod spec;
mod words;
mod work;

use faultline::{
    debugfs::{
        Directory,
        File,
        SessionFile, //
    },
    prelude::*, //
};
use session::{
    Functions,
    Opened, //
};
use work::Place;

/// The module. What is dropped first is first: the files, and with them the sessions. While one is
/// open, the module cannot be unloaded.
struct FuncProbe {
    _control: SessionFile<Opened>,
    _functions: File<Functions>,
}

impl Module for FuncProbe {
    fn init() -> Result<Self> {
        let place = Arc::new(Place::new()?, GFP_KERNEL)?;
        let functions = Arc::new(Functions(place.clone()), GFP_KERNEL)?;
        let directory = Directory::new()?;
        Ok(Self {
            _control: SessionFile::new(&directory, c"control", place)?,
            _functions: File::new(&directory, c"functions", false, functions)?,
        })
    }
}

faultline::module! {
    type: FuncProbe,
    license: "GPL",
    author: "The faultline authors",
    description: "Probes any function that is named",
}
