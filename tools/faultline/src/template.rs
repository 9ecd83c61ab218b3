// SPDX-License-Identifier: GPL-2.0

//! Templates: the pattern of a log line as a text with `{names}`, so that the lines that a mode or
//! a parser looks for are readable data.

use std::collections::BTreeMap;

/// The values of a template's names in a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Captures<'t, 'l>(BTreeMap<&'t str, &'l str>);

impl<'l> Captures<'_, 'l> {
    /// Returns the value of `name`; empty if the template has no such name.
    pub fn text(&self, name: &str) -> &'l str {
        self.0.get(name).copied().unwrap_or("")
    }

    /// Returns the value of `name` as a number.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name).trim().parse().ok()
    }
}

/// Finds `template` in `line`. The text before the first name may stand anywhere
/// in the line; each name takes as little as possible, and the last one, if it
/// ends the template, the rest of the line.
pub fn find<'t, 'l>(template: &'t str, line: &'l str) -> Option<Captures<'t, 'l>> {
    let (start, mut names) = template.split_at(template.find('{').unwrap_or(template.len()));
    let mut rest = &line[line.find(start)? + start.len()..];
    let mut captures = BTreeMap::new();
    while let Some((name, after)) = names.strip_prefix('{').and_then(|t| t.split_once('}')) {
        let literal = &after[..after.find('{').unwrap_or(after.len())];
        let end = if literal.is_empty() {
            rest.len()
        } else {
            rest.find(literal)?
        };
        captures.insert(name, &rest[..end]);
        rest = &rest[end + literal.len()..];
        names = &after[literal.len()..];
    }
    Some(Captures(captures))
}

/// Returns whether `template` matches the whole line.
pub fn is(template: &str, line: &str) -> bool {
    find(template, line).is_some_and(|found| {
        let names = found.0.iter();
        line == names.fold(template.to_string(), |text, (name, value)| {
            fill(&text, name, value)
        })
    })
}

/// Replaces `{name}` by `value`.
pub fn fill(template: &str, name: &str, value: impl ToString) -> String {
    template.replace(&format!("{{{name}}}"), &value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_between_literals() {
        let line = "watchdog: BUG: soft lockup - CPU#1 stuck for 6s! [lockup/1:143]";
        let found = find(
            "BUG: soft lockup - CPU#{cpu} stuck for {secs}s! [{task}]",
            line,
        )
        .unwrap();
        assert_eq!(found.number::<u32>("cpu"), Some(1));
        assert_eq!(found.number::<u32>("secs"), Some(6));
        assert_eq!(found.text("task"), "lockup/1:143");
        assert_eq!(found.text("absent"), "");
    }

    #[test]
    fn last_name_takes_the_rest() {
        assert_eq!(
            find("not syncing: {message}", "x not syncing: a: b")
                .unwrap()
                .text("message"),
            "a: b"
        );
    }

    #[test]
    fn a_template_without_names_is_a_search() {
        assert!(find("down", "system going down now").is_some());
        assert!(find("up", "system going down now").is_none());
    }

    #[test]
    fn is_the_whole_line() {
        assert!(is("a {x} c", "a b c") && is("a {x}", "a b c") && is("a", "a"));
        assert!(!is("a {x} c", "a b c d") && !is("b", "a b") && !is("a", "a b"));
    }

    #[test]
    fn a_missing_literal_is_no_match() {
        assert_eq!(find("CPU#{cpu} stuck", "CPU#1 is fine"), None);
    }
}
