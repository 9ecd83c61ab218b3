// SPDX-License-Identifier: GPL-2.0

//! Addresses of the kernel's variables, from /proc/kallsyms.

use anyhow::{ensure, Context};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The longest of its lines; a name has 512 bytes at most.
const LONGEST_LINE: u64 = 4096;

/// The addresses of what is read.
#[derive(Debug, PartialEq)]
pub struct Symbols {
    /// The first pid namespace.
    pub init_pid_ns: u64,
    /// What every CPU has its own of, and how far it is from there.
    pub runqueues: Option<u64>,
    pub per_cpu_offset: Option<u64>,
}

impl Symbols {
    /// Looks them up.
    ///
    /// # Errors
    ///
    /// Fails where the kernel hides addresses, or does not list variables.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let file = File::open(path).with_context(|| shown.clone())?;
        let names = ["init_pid_ns", "runqueues", "__per_cpu_offset"];
        let mut found = [None; 3];
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut line = Vec::new();
        while found.contains(&None) {
            line.clear();
            let length = reader
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
                .with_context(|| shown.clone())?;
            // Those of modules come last.
            if length == 0 || line.contains(&b'[') {
                break;
            }
            let mut words = line
                .split(|byte| byte.is_ascii_whitespace())
                .filter_map(|word| std::str::from_utf8(word).ok());
            let (Some(address), _, Some(name)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if let Some(at) = names.iter().position(|known| *known == name) {
                found[at] = u64::from_str_radix(address, 16).ok();
            }
        }
        let [init_pid_ns, runqueues, per_cpu_offset] = found;
        let init_pid_ns = init_pid_ns
            .with_context(|| format!("{shown} has no init_pid_ns (CONFIG_KALLSYMS_ALL)"))?;
        ensure!(
            init_pid_ns != 0,
            "{shown} hides addresses: sysctl kernel.kptr_restrict=1 lets root see them"
        );
        Ok(Symbols {
            init_pid_ns,
            runqueues,
            per_cpu_offset: per_cpu_offset.filter(|address| *address != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Symbols> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Symbols::read(file.path())
    }

    #[test]
    fn addresses() {
        let text = "0000000000032d40 A runqueues\nffffffff81000000 T _text\n\
                    ffffffff82a5c060 D init_pid_ns\nffffffff82a00000 r __per_cpu_offset\n\
                    ffffffffc0000000 d init_pid_ns\t[evil]\n";
        let symbols = read(text).unwrap();
        assert_eq!(symbols.init_pid_ns, 0xffff_ffff_82a5_c060);
        assert_eq!(symbols.runqueues, Some(0x32d40));
        assert_eq!(symbols.per_cpu_offset, Some(0xffff_ffff_82a0_0000));
        let error = read("ffffffffc0000000 d init_pid_ns\t[evil]\n").unwrap_err();
        assert!(error.to_string().contains("CONFIG_KALLSYMS_ALL"));
        let error = read("0000000000000000 D init_pid_ns\n").unwrap_err();
        assert!(error.to_string().contains("kptr_restrict"));
        assert!(read("").is_err() && read("\n\n x").is_err());
    }
}
