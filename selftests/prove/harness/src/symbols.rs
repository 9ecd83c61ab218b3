// SPDX-License-Identifier: GPL-2.0

//! The kernel's functions, and where its own lists allow a kprobe: what a module says of one can be
//! compared with that.

use anyhow::Context;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::ops::Range;

/// What is to come of a probe at a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expected {
    /// ftrace lists it, and the blacklist does not have it.
    Accepted,
    Blacklisted,
    /// Its code is gone.
    Init,
    /// Nothing is called so.
    NotFound,
    /// Only a part of it is there, which has a name of its own.
    Inlined,
    /// None of the lists tells.
    Either,
}

/// The kernel proper, without modules.
pub struct Symbols {
    /// The addresses of each name.
    names: BTreeMap<String, Vec<u64>>,
    /// Those that are of code, each there once.
    functions: Vec<(String, u64)>,
    traceable: HashSet<String>,
    blacklist: Vec<Range<u64>>,
    init: Range<u64>,
}

impl Symbols {
    pub fn read() -> anyhow::Result<Self> {
        let mut names: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut code = HashSet::new();
        for line in read("/proc/kallsyms")?.lines() {
            let mut words = line.split_whitespace();
            let (Some(at), Some(kind), Some(name)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let at = u64::from_str_radix(at, 16).context("/proc/kallsyms")?;
            names.entry(name.into()).or_default().push(at);
            if words.next().is_none() && matches!(kind, "t" | "T" | "w" | "W") {
                code.insert(name.to_string());
            }
        }
        let place = |name: &str| names.get(name).and_then(|places| places.first()).copied();
        let init = place("_sinittext").zip(place("_einittext"));
        let (start, end) = init.context("/proc/kallsyms has no _sinittext and _einittext")?;
        let functions = names
            .iter()
            .filter(|(name, places)| places.len() == 1 && code.contains(*name))
            .filter(|(name, _)| !is_padding(name))
            .map(|(name, places)| (name.clone(), places[0]))
            .collect();
        let traceable = read("/sys/kernel/tracing/available_filter_functions")?;
        let traceable = traceable.lines().filter(|line| !line.contains(' '));
        let blacklist = read("/sys/kernel/debug/kprobes/blacklist")?;
        let blacklist = blacklist.lines().filter_map(|line| {
            let (from, to) = line.split_whitespace().next()?.split_once('-')?;
            let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
            Some(number(from)?..number(to)?)
        });
        Ok(Self {
            functions,
            traceable: traceable.map(String::from).collect(),
            blacklist: blacklist.collect(),
            init: start..end,
            names,
        })
    }

    /// All functions whose name stands for one address.
    pub fn functions(&self) -> &[(String, u64)] {
        &self.functions
    }

    /// Where a name is, if it is at one place.
    pub fn place(&self, name: &str) -> Option<u64> {
        match self.names.get(name)?[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// What is to come of a probe at `name`.
    pub fn expected(&self, name: &str) -> Expected {
        let Some(places) = self.names.get(name) else {
            let part = |end: &str| self.names.contains_key(&format!("{name}{end}"));
            return match [".part.0", ".isra.0", ".constprop.0", ".cold"]
                .map(part)
                .contains(&true)
            {
                true => Expected::Inlined,
                false => Expected::NotFound,
            };
        };
        let [at] = places[..] else {
            return Expected::Either;
        };
        let within = |range: &Range<u64>| range.contains(&at);
        if within(&self.init) {
            Expected::Init
        } else if self.blacklist.iter().any(within) || self.is_part_of_blacklisted(name) {
            Expected::Blacklisted
        } else if self.traceable.contains(name) {
            Expected::Accepted
        } else {
            Expected::Either
        }
    }

    /// The kernel takes a part of a function that it lists, `<name>.part.0`, for listed as well.
    fn is_part_of_blacklisted(&self, name: &str) -> bool {
        let whole = name.split_once('.').map(|(whole, _)| whole);
        let places = whole.and_then(|whole| self.names.get(whole));
        let at = places.and_then(|places| places.first());
        at.is_some_and(|at| self.blacklist.iter().any(|range| range.contains(at)))
    }

    /// Names of functions that the compiler has inlined, but for a part of each.
    pub fn inlined(&self) -> Vec<String> {
        let part = |name: &String| Some(name.strip_suffix(".part.0")?.to_string());
        let whole = self.names.keys().filter(|name| !is_padding(name));
        let whole = whole.filter_map(part);
        whole
            .filter(|name| self.expected(name) == Expected::Inlined)
            .collect()
    }
}

/// What is in front of a function, to be patched, has a name of its own.
fn is_padding(name: &str) -> bool {
    name.starts_with("__pfx_") || name.starts_with("__cfi_")
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| path.to_string())
}
