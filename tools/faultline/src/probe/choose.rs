// SPDX-License-Identifier: GPL-2.0

//! Which functions a pattern means, which of them can be probed, and why not the others.
//!
//! A [`Pattern`] is what the user wrote; [`resolve`] compares it with what the [`System`] tells: all
//! functions by name ([`symbols`]), those that ftrace traces and those that the kernel forbids
//! kprobes in ([`allowed`]), and our own table of what must not be probed ([`danger`]). What is
//! refused has a [`Reason`]. Of a `NAME@FILE`, the kernel's debug symbols tell the file ([`source`]).
//!
//! A pattern with `*`, `?` or `[]` takes only what ftrace traces: a kprobe in anything else is for
//! who names the function.

mod allowed;
mod danger;
mod glob;
mod notes;
mod pattern;
mod reader;
mod reason;
mod source;
mod symbols;
mod system;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use pattern::{Pattern, Place, Point};
pub use reason::Reason;
pub use source::{Line, Sources};
pub use system::System;

use allowed::{Blacklist, Traced};
use std::collections::btree_map::{BTreeMap, Entry};
use std::fmt;
use std::ops::Range;
use symbols::{Symbol, Symbols};

/// The module that probes: none of its functions is.
const OWN_MODULE: &str = "func_probe";

/// A function that can be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub module: Option<String>,
    pub point: Point,
    /// As a pattern has it that meant this file's alone.
    pub file: Option<String>,
    /// The largest that a pattern asked for.
    pub maxactive: Option<u32>,
    /// What can probe it, the cheapest first.
    pub backends: Vec<Backend>,
    /// 0 where the kernel hides it.
    pub address: u64,
}

/// What can probe a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Fprobe,
    Kprobe,
    Kretprobe,
}

impl Backend {
    pub fn word(self) -> &'static str {
        match self {
            Backend::Fprobe => "fprobe",
            Backend::Kprobe => "kprobe",
            Backend::Kretprobe => "kretprobe",
        }
    }
}

/// A function, or a whole pattern, that cannot be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The function's name or, where there is none that fits, the pattern.
    pub name: String,
    pub module: Option<String>,
    pub point: Point,
    pub reason: Reason,
}

/// What patterns mean. Both lists are sorted: functions of the kernel first, then by module and
/// name.
#[derive(Debug, Default)]
pub struct Resolved {
    pub functions: Vec<Function>,
    pub refused: Vec<Refused>,
    /// What the user should know of this kernel.
    pub notes: Vec<String>,
    /// Where the kernel's text begins; 0 where that is hidden.
    pub text: u64,
}

impl Function {
    /// As the module takes it: `vfs_read`, `veth:veth_xmit`.
    pub fn symbol(&self) -> String {
        match &self.module {
            Some(module) => format!("{module}:{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// As a pattern that means this function alone.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.module {
            Some(module) => write!(f, "module(\"{module}\")")?,
            None => write!(f, "kernel")?,
        }
        match &self.file {
            Some(file) => write!(f, ".function(\"{}@{file}\")", self.name)?,
            None => write!(f, ".function(\"{}\")", self.name)?,
        }
        if self.point == Point::Return {
            write!(f, ".return")?;
        }
        match self.maxactive {
            Some(maxactive) => write!(f, ".maxactive({maxactive})"),
            None => Ok(()),
        }
    }
}

/// Finds what patterns mean.
///
/// # Errors
///
/// Fails where the kernel does not tell what can be probed: without root, tracefs or debugfs; and where a
/// pattern has a source file, without debug symbols.
pub fn resolve(patterns: &[Pattern], system: &System) -> anyhow::Result<Resolved> {
    // The kernel takes its time to write these texts.
    let (kallsyms, allowed) = std::thread::scope(|scope| {
        let allowed = scope.spawn(|| Ok((system.traceable()?, system.blacklist()?)));
        (system.kallsyms(), joined(allowed))
    });
    let kallsyms = kallsyms?;
    let (traceable, blacklist): (Option<String>, String) = allowed?;
    let mut kernel = Kernel {
        symbols: Symbols::parse(&kallsyms)?,
        traced: None,
        blacklist: Blacklist::parse(&blacklist),
    };
    let mut wanted = BTreeMap::new();
    let mut resolved = Resolved {
        notes: notes::notes(system, kernel.symbols.hidden, traceable.is_some()),
        text: kernel.symbols.text,
        ..Resolved::default()
    };
    let mut sources = None;
    for pattern in patterns {
        let ranges = match &pattern.file {
            Some(file) => {
                let sources = match &sources {
                    Some(known) => known,
                    None => sources.insert(Sources::find(system, kernel.symbols.text)?),
                };
                Some(sources.ranges(|path| file.matches(path))?)
            }
            None => None,
        };
        let found = kernel.collect(pattern, ranges.as_deref(), &mut wanted);
        resolved.refused.extend(found.err().map(|reason| Refused {
            name: pattern.function.to_string(),
            module: match &pattern.place {
                Place::Module(module) => Some(module.to_string()),
                Place::Kernel | Place::Anywhere => None,
            },
            point: pattern.point,
            reason,
        }));
    }
    let addresses = wanted.values().flat_map(|wanted| wanted.addresses.iter());
    kernel.traced = traceable
        .as_deref()
        .map(|text| Traced::new(text, &kernel.symbols, addresses.copied()));
    for (key, wanted) in wanted {
        let module = key.module.map(String::from);
        match kernel.judge(&key, &wanted) {
            Ok(backends) => resolved.functions.push(Function {
                name: key.name.into(),
                module,
                point: key.point,
                file: wanted.file,
                maxactive: wanted.maxactive,
                backends,
                address: wanted.addresses.first().copied().unwrap_or(0),
            }),
            Err(reason) => resolved.refused.push(Refused {
                name: key.name.into(),
                module,
                point: key.point,
                reason,
            }),
        }
    }
    resolved
        .refused
        .sort_by(|a, b| (&a.module, &a.name, a.point).cmp(&(&b.module, &b.name, b.point)));
    resolved.refused.dedup();
    Ok(resolved)
}

/// What a thread has returned.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    let result = thread.join();
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A function that some pattern fits.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    module: Option<&'a str>,
    name: &'a str,
    point: Point,
}

#[derive(Default)]
struct Wanted {
    /// Of each function of the name.
    addresses: Vec<u64>,
    /// A pattern that is a name means it.
    is_named: bool,
    /// Only patterns with this file mean it.
    file: Option<String>,
    maxactive: Option<u32>,
}

/// What the kernel tells of its functions.
struct Kernel<'a> {
    symbols: Symbols<'a>,
    /// Of what is wanted; none where the kernel has no dynamic ftrace.
    traced: Option<Traced>,
    blacklist: Blacklist<'a>,
}

impl<'a> Kernel<'a> {
    /// Adds what fits a pattern and, if it has a file, is in its ranges.
    fn collect(
        &self,
        pattern: &Pattern,
        ranges: Option<&[Range<u64>]>,
        wanted: &mut BTreeMap<Key<'a>, Wanted>,
    ) -> Result<(), Reason> {
        let is_named = pattern.function.is_name();
        if let Place::Module(module) = &pattern.place {
            if !self
                .symbols
                .modules
                .iter()
                .any(|known| module.matches(known))
            {
                return Err(Reason::NotLoaded {
                    module: module.to_string(),
                });
            }
        }
        let is_place = |symbol: &&Symbol<'_>| {
            let has = |range: &Range<u64>| range.contains(&symbol.address);
            match (&pattern.place, symbol.module) {
                _ if ranges.is_some_and(|ranges| !ranges.iter().any(has)) => false,
                (Place::Anywhere, _) | (Place::Kernel, None) => true,
                (Place::Module(wanted), Some(module)) => wanted.matches(module),
                _ => false,
            }
        };
        // A pattern is for functions; what only looks like one is left out, unless it is named.
        let is_meant = |symbol: &&Symbol<'_>| is_named || symbol.no_function().is_none();
        let all = self.symbols.functions.iter();
        let mut found: Vec<_> = all
            .filter(|symbol| pattern.function.matches(symbol.name))
            .filter(is_place)
            .filter(is_meant)
            .collect();
        if found.is_empty() {
            return Err(self.absent(pattern, is_place));
        }
        let key = |symbol: &Symbol<'a>| Key {
            module: symbol.module,
            name: symbol.name,
            point: pattern.point,
        };
        found.sort_by(|a, b| key(a).cmp(&key(b)));
        for same in found.chunk_by(|a, b| key(a) == key(b)) {
            let addresses = same.iter().map(|symbol| symbol.address);
            let file = pattern.file.as_ref().map(ToString::to_string);
            let wanted = match wanted.entry(key(same[0])) {
                Entry::Vacant(place) => place.insert(Wanted {
                    file,
                    ..Wanted::default()
                }),
                Entry::Occupied(place) => {
                    let known = place.into_mut();
                    known.file.take_if(|known| file.as_ref() != Some(known));
                    known
                }
            };
            // Each pattern without a file that fits a name finds all functions of it.
            match pattern.file {
                None => wanted.addresses = addresses.collect(),
                Some(_) => {
                    wanted.addresses.extend(addresses);
                    wanted.addresses.sort_unstable();
                    wanted.addresses.dedup();
                }
            }
            wanted.is_named |= is_named;
            wanted.maxactive = wanted.maxactive.max(pattern.maxactive);
        }
        Ok(())
    }

    /// Why nothing fits.
    fn absent(&self, pattern: &Pattern, is_place: impl Fn(&&Symbol<'_>) -> bool) -> Reason {
        let name = pattern.function.to_string();
        if !pattern.function.is_name() {
            return Reason::NotFound;
        }
        let is_made_of_it = |symbol: &&Symbol<'_>| {
            let rest = symbol.name.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.starts_with('.')) && symbol.no_function().is_none()
        };
        let all = self.symbols.functions.iter().filter(is_made_of_it);
        let mut siblings: Vec<_> = all
            .filter(is_place)
            .map(|symbol| symbol.name.to_string())
            .collect();
        siblings.sort();
        siblings.dedup();
        match siblings.is_empty() {
            true => Reason::NotFound,
            false => Reason::Changed { siblings },
        }
    }

    /// What can probe a function, or why nothing can.
    fn judge(&self, key: &Key<'_>, wanted: &Wanted) -> Result<Vec<Backend>, Reason> {
        let symbol = Symbol {
            address: wanted.addresses.first().copied().unwrap_or(0),
            name: key.name,
            module: key.module,
        };
        if key.module == Some(OWN_MODULE) {
            return Err(Reason::Own);
        }
        if let Some(what) = symbol.no_function() {
            return Err(Reason::NoFunction { what });
        }
        if let Some(danger) = Reason::danger(key.name, key.point) {
            return Err(danger);
        }
        let is_init = |address: &u64| self.symbols.init.contains(address);
        if key.module.is_none() && wanted.addresses.iter().any(is_init) {
            return Err(Reason::Init);
        }
        if wanted.addresses.len() > 1 {
            let addresses = wanted.addresses.iter().copied();
            return Err(Reason::Ambiguous {
                addresses: addresses.filter(|address| *address != 0).collect(),
                count: wanted.addresses.len(),
            });
        }
        if self.blacklist.has(symbol) {
            return Err(Reason::Blacklisted);
        }
        let kprobe = match key.point {
            Point::Entry => Backend::Kprobe,
            Point::Return => Backend::Kretprobe,
        };
        match &self.traced {
            Some(traced) if traced.has(symbol) => Ok(vec![Backend::Fprobe, kprobe]),
            _ if symbol.address == 0 => Err(Reason::Hidden),
            Some(_) if !wanted.is_named => Err(Reason::NoTrace),
            _ => Ok(vec![kprobe]),
        }
    }
}
