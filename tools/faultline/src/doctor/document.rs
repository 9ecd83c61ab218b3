// SPDX-License-Identifier: GPL-2.0

//! docs/doctor.md: its text, and the table of checks, which is made from the code.

use super::checks::FAMILIES;
use std::fmt::Write;

const TEXT: &str = include_str!("document.md");

/// Returns the document.
pub fn text() -> String {
    let mut table = String::new();
    for family in FAMILIES {
        let _ = write!(
            table,
            "\n### {}\n\n| check | reads | why it matters | how to fix it |\n|---|---|---|---|\n",
            family.name
        );
        for check in family.checks {
            let _ = writeln!(
                table,
                "| `{}` | {} | {} | {} |",
                check.name, check.reads, check.why, check.mend
            );
        }
    }
    TEXT.replace("{checks}\n", table.trim_start_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/doctor.md");
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            there == text(),
            "build/faultline doctor --checks > docs/doctor.md"
        );
        assert!(TEXT.contains("\n{checks}\n"));
    }
}
