// SPDX-License-Identifier: GPL-2.0

//! Names of routing tables, from where iproute2 has them: `rt_tables`, and the files of
//! `rt_tables.d` whose names end in `.conf`, first the distribution's, then the administrator's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories of iproute2: that of older versions, then as now.
const DIRECTORIES: [&str; 3] = ["/usr/lib/iproute2", "/usr/share/iproute2", "/etc/iproute2"];
/// More than any such file has.
const SIZE_MAX: u64 = 1 << 20;

/// Names of tables by their numbers.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Tables(BTreeMap<u32, String>);

impl Tables {
    /// Reads the names that this machine has. What cannot be read gives none.
    pub fn read() -> Self {
        Self::read_in(&DIRECTORIES.map(Path::new))
    }

    fn read_in(directories: &[&Path]) -> Self {
        let mut tables = Tables::default();
        for directory in directories {
            let more = fs::read_dir(directory.join("rt_tables.d"))
                .into_iter()
                .flatten()
                .flatten();
            let mut more: Vec<PathBuf> = more
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|ending| ending == "conf"))
                .collect();
            more.sort();
            for file in [directory.join("rt_tables")].into_iter().chain(more) {
                let is_sane = fs::metadata(&file)
                    .is_ok_and(|found| found.is_file() && found.len() <= SIZE_MAX);
                if let (true, Ok(text)) = (is_sane, fs::read_to_string(&file)) {
                    tables.add(&text);
                }
            }
        }
        tables
    }

    /// Adds the lines `<number> <name>`; what follows a `#` is a comment.
    fn add(&mut self, text: &str) {
        for line in text.lines() {
            let mut words = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_whitespace();
            let number = words.next().and_then(|word| match word.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => word.parse().ok(),
            });
            if let (Some(number), Some(name)) = (number, words.next()) {
                self.0.insert(number, name.into());
            }
        }
    }

    /// The name of a table that the module calls `table`: a name, or a number in decimal.
    pub fn name(&self, table: &str) -> String {
        let known = table.parse().ok().and_then(|number| self.0.get(&number));
        known.map_or(table, String::as_str).into()
    }

    /// The number of the table with this name.
    pub fn number(&self, name: &str) -> Option<u32> {
        let mut found = self.0.iter().filter(|(_, known)| *known == name);
        found.next().map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_file_wins() {
        let dir = tempfile::tempdir().unwrap();
        let [lib, etc] = ["lib", "etc"].map(|name| dir.path().join(name));
        for (path, text) in [
            (
                lib.join("rt_tables"),
                "# reserved\n255\tlocal\n 100 first # it\n0x66 hex\nno number\n7\n",
            ),
            (etc.join("rt_tables"), "100 mine\n"),
            (etc.join("rt_tables.d/vpn.conf"), "52 tailscale\n"),
            (etc.join("rt_tables.d/vpn.bak"), "53 old\n"),
        ] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tables = Tables::read_in(&[&lib, &etc, &dir.path().join("none")]);
        let names = ["255", "100", "102", "52", "53", "main"].map(|table| tables.name(table));
        assert_eq!(names, ["local", "mine", "hex", "tailscale", "53", "main"]);
        assert_eq!(
            (tables.number("tailscale"), tables.number("old")),
            (Some(52), None)
        );
    }
}
