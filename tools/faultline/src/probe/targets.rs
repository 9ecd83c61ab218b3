// SPDX-License-Identifier: GPL-2.0

//! The functions that patterns mean, with their types.

use super::choose::{resolve, Pattern, Place, Point, Reason, Refused, System};
use super::plan::{LeftOut, Target};
use super::remarks;
use crate::btf::Cache;
use crate::terminal::tell::tell;
use std::collections::BTreeSet;

/// As many reasons are told with what each function has of its own.
const FEW: usize = 5;

/// Makes patterns that do not say when a call is seen ones of returns, unless `call` is set.
pub fn of_returns(patterns: Vec<Pattern>, call: bool) -> Vec<Pattern> {
    let each = patterns.into_iter().map(|mut pattern| {
        if !call && !pattern.text.trim_end().ends_with(".call") {
            pattern.point = Point::Return;
        }
        pattern
    });
    each.collect()
}

/// What patterns mean.
pub struct Targets {
    pub found: Vec<Target>,
    /// Patterns of modules that are not loaded.
    pub awaited: Vec<Pattern>,
}

/// Finds the functions, and says which of them cannot be probed.
///
/// # Errors
///
/// Fails where the kernel does not tell what can be probed.
pub fn targets(
    patterns: &[Pattern],
    system: &System,
    cache: &mut Cache,
) -> anyhow::Result<Targets> {
    let mut resolved = resolve(patterns, system)?;
    resolved.notes.iter().for_each(tell);
    let mut missing = BTreeSet::new();
    resolved.refused.retain(|refused| match &refused.reason {
        Reason::NotLoaded { module } => {
            missing.insert(module.clone());
            false
        }
        _ => true,
    });
    say_refused(&resolved.refused);
    let is_awaited = |pattern: &&Pattern| match &pattern.place {
        Place::Module(module) => missing.contains(&module.to_string()),
        Place::Kernel | Place::Anywhere => false,
    };
    cache.expect(resolved.functions.len());
    let mut without = BTreeSet::new();
    let mut targets = Vec::with_capacity(resolved.functions.len());
    for function in resolved.functions {
        let types = cache.types(function.module.as_deref());
        let types = types
            .map_err(|error| without.insert(format!("no types: {error:#}")))
            .ok();
        targets.push(Target {
            symbol: function.symbol(),
            address: function.address,
            prototype: types
                .as_ref()
                .and_then(|types| types.function(&function.name)),
            types,
            function: function.name,
            module: function.module,
            returns: function.point == Point::Return,
            maxactive: function.maxactive,
        });
    }
    without.into_iter().for_each(tell);
    Ok(Targets {
        found: targets,
        awaited: patterns.iter().filter(is_awaited).cloned().collect(),
    })
}

fn say_refused(refused: &[Refused]) {
    let is_few = refused.len() <= FEW;
    let each = refused.iter().map(|refused| LeftOut {
        function: match &refused.module {
            Some(module) => format!("{module}:{}", refused.name),
            None => refused.name.clone(),
        },
        reason: match is_few {
            true => refused.reason.to_string(),
            false => refused.reason.common(),
        },
    });
    remarks::not_probed(&each.collect::<Vec<_>>())
        .into_iter()
        .for_each(tell);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_calls_are_seen() {
        let patterns = || -> Vec<Pattern> {
            let texts = [
                "vfs_read",
                "vfs_read.call",
                "kernel.function(\"f\").call",
                "kernel.function(\"f\").return",
            ];
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let points =
            |patterns: Vec<Pattern>| patterns.iter().map(|one| one.point).collect::<Vec<_>>();
        use Point::{Entry, Return};
        assert_eq!(
            points(of_returns(patterns(), false)),
            [Return, Entry, Entry, Return]
        );
        assert_eq!(
            points(of_returns(patterns(), true)),
            [Entry, Entry, Entry, Return]
        );
    }
}
