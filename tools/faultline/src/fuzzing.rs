// SPDX-License-Identifier: GPL-2.0

//! The functions that the targets of `fuzz/` call. Each parses arbitrary bytes as an untrusted
//! file, and has to return soon, without a panic, and without more memory than such a file needs.
//! Results are compared with a second way to compute them, if there is one.

mod seeds;

pub use crate::dump::fuzzing::{damaged, flattened, notes, page, printk, vmcore, Patch};
pub use seeds::seeds;

use crate::dump::{Dump, State};
use crate::fault::case::Case;
use crate::fault::mode::MODES;
use crate::here;
use crate::klog::saved;
use crate::klog::story::Story;
use crate::ledger::Ledger;
use crate::probe::event::Line;
use crate::route::line::Record;
use crate::signals::event::Reader;
use crate::system::{self, initrd};
use crate::verdict::expected::Expected;
use crate::verdict::{self, infer};

/// Reads a saved kernel log and judges it, in any mode.
pub fn log(mode: u8, text: &[u8]) {
    let Some(dump) = Dump::of_log(text) else {
        assert!(!saved::claims(text), "a log that is none");
        return;
    };
    let log = dump.log.clone().unwrap_or_default();
    // Not every mode matches the log; its own mode does.
    let told = infer::case(&log, None, None);
    for case in [told, case(mode)] {
        judge(
            case,
            &log,
            Dump::of_log(text).unwrap_or_else(|| Dump::only(State::Absent)),
        );
    }
}

fn case(number: u8) -> Case {
    let mode = &MODES[usize::from(number) % MODES.len()];
    let detector = mode.detectors[usize::from(number) / MODES.len() % mode.detectors.len()];
    Case { mode, detector }
}

/// Judges the log.
pub(crate) fn judge(case: Case, log: &str, mut dump: Dump) {
    dump.story = Some(Story::read(case, log));
    let expected = Expected {
        case,
        run_id: Some("run".into()),
        cpus: Some("0-1".into()),
        threshold: None,
        insists: false,
    };
    verdict::dump::judge(&expected, &dump);
}

/// Searches for a file in an initrd, and decompresses it.
pub fn initrd(bytes: &[u8]) {
    let _ = initrd::find(bytes, "etc/crypttab");
    let _ = initrd::has_word(bytes, b"word");
}

/// Reads the program's own files, JSON and others.
pub fn documents(bytes: &[u8]) {
    let ledger = Ledger::parse(bytes);
    for proof in &ledger.proofs {
        assert!(serde_json::to_string(proof).is_ok());
    }
    let _ = here::state::parse(bytes);
    let _ = system::Record::read_from(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = crate::dump::drgn::Witness::read(&text);
    let mut signals = Reader::default();
    for line in text.lines() {
        Record::read(line);
        Line::read(line);
        signals.read(line);
    }
}
