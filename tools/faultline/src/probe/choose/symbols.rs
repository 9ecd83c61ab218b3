// SPDX-License-Identifier: GPL-2.0

//! The functions that the kernel knows by name, as `/proc/kallsyms` lists them.

use super::system::System;
use anyhow::ensure;
use std::collections::BTreeSet;
use std::ops::Range;

/// A symbol in a text section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// 0 where the kernel hides it.
    pub address: u64,
    pub name: &'a str,
    pub module: Option<&'a str>,
}

impl Symbol<'_> {
    /// What it is, where it is not a function which is called.
    pub fn no_function(&self) -> Option<&'static str> {
        if self.name.starts_with("__pfx_") || self.name.starts_with("__cfi_") {
            Some("room in front of a function")
        } else if self.module.is_some_and(is_generated) {
            Some("the kernel made it at run time, for BPF, ftrace or kprobes")
        } else if self.name.ends_with(".cold") || self.name.contains(".cold.") {
            Some("the part of a function that seldom runs")
        } else if self.name.starts_with('$') || self.name.starts_with(".L") {
            Some("a mark of the assembler")
        } else {
            None
        }
    }
}

/// All of them, in the kernel's order.
pub struct Symbols<'a> {
    pub functions: Vec<Symbol<'a>>,
    /// The modules that are loaded and have symbols.
    pub modules: BTreeSet<&'a str>,
    /// Where the kernel's text begins; 0 where the kernel hides it.
    pub text: u64,
    /// What was given back after the boot.
    pub init: Range<u64>,
    /// The kernel shows no addresses.
    pub hidden: bool,
}

impl<'a> Symbols<'a> {
    /// Takes the text of `/proc/kallsyms` apart.
    ///
    /// # Errors
    ///
    /// Fails where no function is in it.
    pub fn parse(text: &'a str) -> anyhow::Result<Self> {
        let mut functions = Vec::with_capacity(text.len() / 64);
        let (mut modules, mut last_module) = (BTreeSet::new(), None);
        let (mut text_start, mut init) = (0, 0..0);
        let mut hidden = true;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
            let bytes = &text.as_bytes()[start..end];
            let place = std::mem::replace(&mut start, end + 1)..end;
            // Most are the kernel's data.
            let [.., last] = *bytes else { continue };
            if bytes.len() > KIND && !is_text(bytes[KIND]) && last != b']' {
                continue;
            }
            let Some((address, kind, name, module)) = text.get(place).and_then(parts) else {
                continue;
            };
            if let Some(module) = module {
                if !is_generated(module) && last_module != Some(module) {
                    modules.insert(module);
                    last_module = Some(module);
                }
            }
            let Some(address) = number(address).filter(|_| is_text(kind)) else {
                continue;
            };
            hidden &= address == 0;
            match (module, name) {
                (None, "_sinittext") => init.start = address,
                (None, "_einittext") => init.end = address,
                (None, "_stext") => text_start = address,
                _ => functions.push(Symbol {
                    address,
                    name,
                    module,
                }),
            }
        }
        ensure!(
            !functions.is_empty(),
            "/proc/kallsyms: there is no function in it"
        );
        Ok(Symbols {
            functions,
            modules,
            text: text_start,
            init,
            hidden,
        })
    }

    /// Why addresses are hidden.
    pub fn says_hidden(system: &System) -> String {
        let restrict = system.switch("proc/sys/kernel/kptr_restrict");
        let why = match restrict.as_deref() {
            Some("2") => "kernel.kptr_restrict is 2",
            _ => "this is not root's, or kernel.kptr_restrict forbids it",
        };
        format!("the kernel hides addresses ({why}), so that code which is gone cannot be told")
    }
}

/// Returns whether symbols under this name in brackets are made at run time: programs of BPF,
/// trampolines of ftrace, slots of kprobes.
fn is_generated(module: &str) -> bool {
    module == "bpf" || module.starts_with("__builtin__")
}

/// Returns whether symbols of that type are in a text section.
fn is_text(kind: u8) -> bool {
    matches!(kind, b't' | b'T' | b'w' | b'W')
}

/// The lines of a text. This program is compiled to be small; what looks at each letter of a text of 10 MB
/// is left to a crate that is compiled to be fast.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
    ends.filter_map(move |end| text.get(std::mem::replace(&mut start, end + 1)..end))
        .filter(|line| !line.is_empty())
}

/// A number in hexadecimal digits.
fn number(digits: &str) -> Option<u64> {
    let mut number = 0_u64;
    for digit in digits.bytes() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        number = (number << 4) | u64::from(value);
    }
    (1..=16).contains(&digits.len()).then_some(number)
}

/// Where in a line the type is, on each machine of 64 bits.
const KIND: usize = 17;

/// Address, type, name and module of a line. There are some hundred thousands.
fn parts(line: &str) -> Option<(&str, u8, &str, Option<&str>)> {
    let bytes = line.as_bytes();
    let end = match bytes.get(KIND - 1) {
        Some(b' ') => KIND - 1,
        _ => line.find(' ')?,
    };
    let kind = *bytes.get(end + 1)?;
    if bytes.get(end + 2) != Some(&b' ') {
        return None;
    }
    let rest = line.get(end + 3..)?;
    let (name, module) = match bytes.last() {
        Some(b']') => {
            let (name, module) = rest.split_once('\t')?;
            (name, Some(module.strip_prefix('[')?.strip_suffix(']')?))
        }
        _ => (rest, None),
    };
    Some((&line[..end], kind, name, module))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_kallsyms() {
        let text = "ffffffff81000000 T _stext\n\
            ffffffff81000010 t vfs_read\n\
            ffffffff82000000 D jiffies\n\
            ffffffff83000000 T _sinittext\n\
            ffffffff83000000 t start_kernel\n\
            ffffffff83001000 T _einittext\n\
            ffffffffc0000000 t veth_xmit\t[veth]\n\
            ffffffffc0001000 d data\t[nothing_else]\n\
            ffffffffc0002000 t bpf_prog_1234_x\t[bpf]\n\
            broken\nzz T x\nffffffff81000020 t odd\tveth]\nffffffff81000020 tt odd\n\
            \u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4} t\nff t short\n";
        let symbols = Symbols::parse(text).unwrap();
        let names: Vec<_> = symbols.functions.iter().map(|found| found.name).collect();
        assert_eq!(
            names,
            [
                "vfs_read",
                "start_kernel",
                "veth_xmit",
                "bpf_prog_1234_x",
                "short"
            ]
        );
        assert_eq!(symbols.text, 0xffff_ffff_8100_0000);
        assert_eq!(symbols.functions[2].module, Some("veth"));
        assert_eq!(Vec::from_iter(symbols.modules), ["nothing_else", "veth"]);
        assert_eq!(symbols.init, 0xffff_ffff_8300_0000..0xffff_ffff_8300_1000);
        assert!(!symbols.hidden);
    }

    #[test]
    fn hidden_addresses_and_none_at_all() {
        let text = "0000000000000000 T vfs_read\n0000000000000000 T _sinittext\n";
        assert!(Symbols::parse(text).unwrap().hidden);
        assert!(Symbols::parse("").is_err());
        assert!(Symbols::parse("0000000000000000 D jiffies\n").is_err());
    }
}
