// SPDX-License-Identifier: GPL-2.0

//! What the kernel says of its functions: those that ftrace traces, and those that it forbids
//! kprobes in.

use super::symbols::{lines, Symbol, Symbols};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Which of some functions `available_filter_functions` has.
pub struct Traced {
    /// Sorted. Of several names of one function, the file has one.
    addresses: Vec<u64>,
    /// Where the kernel hides addresses: the name, with the module in brackets.
    names: HashSet<String>,
}

impl Traced {
    /// Looks for the functions at these addresses or, where the kernel hides them, for all.
    pub fn new(text: &str, symbols: &Symbols<'_>, wanted: impl Iterator<Item = u64>) -> Self {
        let mut wanted: Vec<_> = wanted.collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut known = HashMap::<_, Vec<u64>>::new();
        for symbol in &symbols.functions {
            let is_wanted = wanted.binary_search(&symbol.address).is_ok();
            if is_wanted && symbol.no_function().is_none() {
                known
                    .entry(listed(*symbol))
                    .or_default()
                    .push(symbol.address);
            }
        }
        // By what tells most lines apart, since most are of functions that nobody wants.
        let mark = |line: &str| {
            let last = line.as_bytes().last().copied().unwrap_or(0);
            ((line.len() & 0xff) << 8) | usize::from(last)
        };
        let mut marks = vec![false; 1 << 16];
        for name in known.keys() {
            marks[mark(name)] = true;
        }
        let mut traced = Traced {
            addresses: Vec::new(),
            names: HashSet::new(),
        };
        for line in lines(text).filter(|line| marks[mark(line)]) {
            if let Some((name, addresses)) = known.get_key_value(line) {
                traced.addresses.extend(addresses);
                if addresses.contains(&0) {
                    traced.names.insert(name.to_string());
                }
            }
        }
        traced.addresses.sort_unstable();
        traced
    }

    /// Returns whether ftrace traces a function.
    pub fn has(&self, symbol: Symbol<'_>) -> bool {
        match symbol.address {
            0 => self.names.contains(listed(symbol).as_ref()),
            address => self.addresses.binary_search(&address).is_ok(),
        }
    }
}

/// A function as the kernel lists it: `veth_xmit [veth]`.
fn listed(symbol: Symbol<'_>) -> Cow<'_, str> {
    match symbol.module {
        None => symbol.name.into(),
        Some(module) => format!("{} [{module}]", symbol.name).into(),
    }
}

/// The kprobes' blacklist: ranges of addresses, with the name of what is there.
pub struct Blacklist<'a> {
    /// Sorted and apart from each other.
    ranges: Vec<(u64, u64)>,
    names: HashSet<&'a str>,
}

impl<'a> Blacklist<'a> {
    pub fn parse(text: &'a str) -> Self {
        let (mut ranges, mut names) = (Vec::new(), HashSet::new());
        for line in text.lines() {
            let Some((range, name)) = line.split_once('\t') else {
                continue;
            };
            let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
            if let Some((Some(start), Some(end))) = range
                .split_once('-')
                .map(|(start, end)| (number(start), number(end)))
            {
                if start < end {
                    ranges.push((start, end));
                }
            }
            names.insert(name);
        }
        ranges.sort_unstable();
        // One range may be within another: a function's in its section's.
        ranges.dedup_by(|next, kept| {
            let is_within = next.0 <= kept.1;
            if is_within {
                kept.1 = kept.1.max(next.1);
            }
            is_within
        });
        Blacklist { ranges, names }
    }

    /// Returns whether a function is in it: by its address or, where the kernel hides that, by its
    /// name.
    pub fn has(&self, symbol: Symbol<'_>) -> bool {
        if symbol.address == 0 {
            return self.names.contains(listed(symbol).as_ref());
        }
        let after = self
            .ranges
            .partition_point(|range| range.0 <= symbol.address);
        self.ranges[..after]
            .last()
            .is_some_and(|range| symbol.address < range.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(address: u64, name: &'static str, module: Option<&'static str>) -> Symbol<'static> {
        Symbol {
            address,
            name,
            module,
        }
    }

    #[test]
    fn the_same_name_in_a_module_is_another_function() {
        let kallsyms = "0000000000000010 T vfs_read\n\
            0000000000000010 T alias\n\
            0000000000000020 t veth_xmit\t[veth]\n";
        let symbols = Symbols::parse(kallsyms).unwrap();
        let text = "vfs_read\nveth_xmit [veth]\n";
        let traced = Traced::new(text, &symbols, [0x30, 0x20, 0x10, 0x10].into_iter());
        assert!(traced.has(symbol(0x20, "veth_xmit", Some("veth"))));
        assert!(!traced.has(symbol(0x30, "vfs_read", None)));
        let hidden = kallsyms.replace("0000000000000010", "0000000000000000");
        let hidden = hidden.replace("0000000000000020", "0000000000000000");
        let hidden = Traced::new(text, &Symbols::parse(&hidden).unwrap(), [0].into_iter());
        for (address, traced, has_alias) in [(0x10, &traced, true), (0, &hidden, false)] {
            assert!(traced.has(symbol(address, "vfs_read", None)));
            assert_eq!(traced.has(symbol(address, "alias", None)), has_alias);
        }
        assert!(hidden.has(symbol(0, "veth_xmit", Some("veth"))));
        assert!(!hidden.has(symbol(0, "veth_xmit", None)));
        assert!(!hidden.has(symbol(0, "vfs_read", Some("veth"))));
    }

    #[test]
    fn ranges_and_names_of_the_blacklist() {
        let text = "0x100-0x200\tsection\n0x110-0x120\tinner\n0x300-0x310\tlast [veth]\n\
            0x0000000000000000-0x0000000000000000\thidden\nbroken\n";
        let blacklist = Blacklist::parse(text);
        for (address, is_in) in [
            (0xff, false),
            (0x100, true),
            (0x130, true),
            (0x1ff, true),
            (0x200, false),
            (0x300, true),
            (0x310, false),
        ] {
            assert_eq!(
                blacklist.has(symbol(address, "x", None)),
                is_in,
                "{address:x}"
            );
        }
        assert!(blacklist.has(symbol(0, "hidden", None)));
        assert!(blacklist.has(symbol(0, "last", Some("veth"))));
        assert!(!blacklist.has(symbol(0, "last", None)));
        assert!(!blacklist.has(symbol(0x500, "hidden", None)));
    }
}
