// SPDX-License-Identifier: GPL-2.0

//! The module's filters: what a user may ask for, checked before the module sees it, and
//! how it is set and put back.

use super::call::{comes_with, targets, Family, Kind};
use super::kernel::MODULE;
use super::tables::Tables;
use crate::files::text::read;
use crate::klog::kmsg::Log;
use anyhow::{anyhow, bail, Context};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The parameters that can be changed while the module is loaded, and what they are when
/// they let everything through.
pub const ALL: [(&str, &str); 10] = [
    ("events", "all"),
    ("src", "any"),
    ("dst", "any"),
    ("dev", "any"),
    ("netns", "0"),
    ("mark", "any"),
    ("table", "any"),
    ("cause", "any"),
    ("errors_only", "N"),
    (FAMILY, "any"),
];
/// The parameter that earlier versions of the module do not have. They see IPv4 alone.
const FAMILY: &str = "family";

const CAUSES: [&str; 6] = ["input", "validate", "arp", "ndisc", "output", "other"];

/// A parameter and the value that it is to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub name: &'static str,
    pub value: String,
}

/// An address of either family, or a prefix, in the family's usual text.
pub fn address(text: &str) -> Result<String, String> {
    let address = text.parse().map(|address: IpAddr| address.to_string());
    let prefix = || text.parse().map(|prefix: IpNet| prefix.to_string());
    match address.or_else(|_| prefix()) {
        Ok(usual) => Ok(usual),
        Err(_) => allowed(
            text,
            text == "any",
            "any, an address of IPv4 or IPv6, or a prefix as 10.0.0.0/8 or 2001:db8::/32",
        ),
    }
}

/// The family of an address or a prefix; `None` for any.
fn family_of(address: &str) -> Option<Family> {
    let ip = address.split('/').next()?.parse().ok()?;
    Some(Family::of(ip))
}

/// The filter for a family.
pub fn family(family: Family) -> Filter {
    Filter {
        name: FAMILY,
        value: family.word().into(),
    }
}

/// Checks that packets can pass these filters: that what they say of addresses is of one family.
pub fn agree(filters: &[Filter]) -> Result<(), String> {
    let mut said: Option<(&Filter, Family)> = None;
    for filter in filters {
        let family = match filter.name {
            "src" | "dst" => family_of(&filter.value),
            FAMILY => [Family::Ipv4, Family::Ipv6]
                .into_iter()
                .find(|family| family.word() == filter.value),
            _ => None,
        };
        match (said, family) {
            (Some((other, of)), Some(family)) if of != family => {
                return Err(format!(
                    "no packet is of two families: {} is {}, {} is {}",
                    other.said(),
                    of.name(),
                    filter.said(),
                    family.name()
                ));
            }
            (None, Some(family)) => said = Some((filter, family)),
            _ => {}
        }
    }
    Ok(())
}

impl Filter {
    /// As the command line has it.
    fn said(&self) -> String {
        match (self.name, self.value.as_str()) {
            (FAMILY, value) => format!("--{value}"),
            (name, value) => format!("--{name} {value}"),
        }
    }
}

/// The name of a device.
pub fn device(text: &str) -> Result<String, String> {
    let known = (1..16).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/');
    allowed(
        text,
        known,
        "any, or the name of a device of at most 15 letters",
    )
}

/// A namespace: its number, or what has it.
pub fn namespace(text: &str) -> Result<String, String> {
    const RIGHT: &str =
        "any, a number (ls -Li /proc/self/ns/net), a name of 'ip netns', or a file as /proc/1/ns/net";
    if text == "any" {
        return Ok("0".into());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return allowed(text, text.parse::<u32>().is_ok(), RIGHT);
    }
    let file = Path::new("/run/netns").join(text);
    // A namespace has a file system of its own: what else has a name there is none.
    let of_a_namespace = fs::metadata("/proc/self/ns/net").map(|own| own.dev());
    let found = fs::metadata(&file)
        .map_err(|error| format!("{}: {error}; right is {RIGHT}", file.display()))?;
    let known = of_a_namespace.is_ok_and(|device| device == found.dev());
    allowed(text, known, RIGHT)?;
    Ok(found.ino().to_string())
}

/// A mark, and perhaps which of its bits count.
pub fn mark(text: &str) -> Result<String, String> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => is_number(digits, 16),
        None => is_number(text, 10),
    };
    let known = match text.split_once('/') {
        Some((value, mask)) => number(value) && number(mask),
        None => text == "any" || number(text),
    };
    allowed(
        text,
        known && text.len() < 24,
        "any, or a mark as 0x1 or 0x1/0xff",
    )
}

/// A routing table.
pub fn table(text: &str) -> Result<String, String> {
    let known = ["any", "main", "local", "default"].contains(&text)
        || is_number(text, 10) && text.parse() != Ok(0_u32);
    let named = || Tables::read().number(text).filter(|&number| number > 0);
    match (known, known.then_some(0).or_else(named)) {
        (false, Some(number)) => Ok(number.to_string()),
        _ => allowed(
            text,
            known,
            "any, main, local, default, a name of iproute2's rt_tables, or a number from 1",
        ),
    }
}

/// Causes.
pub fn cause(text: &str) -> Result<String, String> {
    let known = text == "any" || text.split(',').all(|word| CAUSES.contains(&word));
    let right = format!(
        "any, or words of {}, with commas between",
        CAUSES.join(", ")
    );
    allowed(text, known && text.len() < 64, &right)
}

/// Events: which functions are probed.
pub fn events(text: &str) -> Result<String, String> {
    let names: Vec<_> = targets().collect();
    let known = text == "all" || text.split(',').all(|word| names.contains(&word));
    let right = format!("all, or names of {}, with commas between", names.join(", "));
    allowed(text, known && text.len() < 256, &right).map_err(|wrong| {
        let with = text
            .split(',')
            .find_map(|word| Some((word, comes_with(word)?)));
        match with {
            Some((word, with)) => format!("{word} comes with {with}; {wrong}"),
            None => wrong,
        }
    })
}

/// Whether with these filters in effect the outermost call for a packet is among the events, after
/// those of the calls in it.
pub fn show_packets(in_effect: &BTreeMap<&'static str, String>) -> bool {
    let is_open = |name| !in_effect.contains_key(name);
    let is_outermost = |event: &str| Kind::of(event).is_some_and(|kind| kind.call.is_outermost());
    let all_outermost = |events: &String| events.split(',').all(is_outermost);
    is_open("cause") && is_open("table") && in_effect.get("events").is_none_or(all_outermost)
}

fn allowed(text: &str, known: bool, right: &str) -> Result<String, String> {
    if known {
        Ok(text.into())
    } else {
        Err(format!("right is {right}"))
    }
}

/// Whether that are digits of a number of 32 bits, and nothing else.
fn is_number(digits: &str, base: u32) -> bool {
    digits.chars().all(|digit| digit.is_digit(base)) && u32::from_str_radix(digits, base).is_ok()
}

/// The filters that the module has now and that do not let everything through.
pub fn in_effect(parameters: &Path) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let mut filters = BTreeMap::new();
    let sees_both = has_family(parameters);
    for (name, open) in ALL {
        if name == FAMILY && !sees_both {
            continue;
        }
        let value = get(parameters, name)?;
        // Where there are two families, a prefix of any length is one of them.
        let is_all = !sees_both && ["src", "dst"].contains(&name) && value == "0.0.0.0/0";
        let is_open = value == open || is_all;
        if !is_open {
            filters.insert(name, value);
        }
    }
    Ok(filters)
}

/// A parameter that this program changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub name: String,
    pub before: String,
    pub ours: String,
}

/// What would change if the parameters became these.
pub fn changes(parameters: &Path, filters: &[Filter]) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for filter in filters {
        if filter.name == FAMILY && !has_family(parameters) {
            if filter.value == Family::Ipv4.word() {
                continue;
            }
            bail!(
                "the loaded module is of an earlier version, which sees IPv4 alone and has no \
                 parameter {FAMILY}: run this without {}, or load a newer one",
                filter.said()
            );
        }
        let before = get(parameters, filter.name)?;
        if before != filter.value {
            changes.push(Change {
                name: filter.name.into(),
                before,
                ours: filter.value.clone(),
            });
        }
    }
    Ok(changes)
}

/// Makes the changes, one after the other. What the module does not take is an error with
/// the module's own words.
pub fn set(parameters: &Path, changes: &[Change]) -> anyhow::Result<()> {
    let mut log = Log::open().ok();
    for change in changes {
        put(parameters, &change.name, &change.ours).map_err(|error| {
            let lines = log.as_mut().map_or(Vec::new(), Log::lines);
            let ours = format!("{MODULE}: refused: {}=", change.name);
            let said = lines.into_iter().rfind(|line| line.starts_with(&ours));
            match said {
                Some(line) => anyhow!("{line}"),
                None => error.context(format!(
                    "the module does not take {}={}",
                    change.name, change.ours
                )),
            }
        })?;
    }
    Ok(())
}

/// Takes the changes back, the last one first. A parameter that somebody else has set since
/// is left to them. Returns what is to be told.
pub fn put_back(parameters: &Path, changes: &[Change]) -> Vec<String> {
    let mut told = Vec::new();
    for Change { name, before, ours } in changes.iter().rev() {
        match get(parameters, name) {
            Ok(now) if now == *before => {}
            Ok(now) if now == *ours => {
                if let Err(error) = put(parameters, name, before) {
                    told.push(format!("{name} stays {ours}, and was {before}: {error:#}"));
                }
            }
            Ok(now) => told.push(format!(
                "{name} is left at {now}, which somebody else has set"
            )),
            Err(error) => told.push(format!("{name} was {before}: {error:#}")),
        }
    }
    told
}

/// Returns whether the module is of a version that sees both families.
fn has_family(parameters: &Path) -> bool {
    parameters.join(FAMILY).exists()
}

fn get(parameters: &Path, name: &str) -> anyhow::Result<String> {
    let text = read(&parameters.join(name))?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_string())
}

fn put(parameters: &Path, name: &str, value: &str) -> anyhow::Result<()> {
    fs::write(parameters.join(name), value).with_context(|| format!("{name}={value}"))
}

#[cfg(test)]
mod tests;
