// SPDX-License-Identifier: GPL-2.0

//! Names in messages: those that are like the one that is not there.

use strsim::jaro_winkler;

/// The most names that a message lists.
const MOST: usize = 8;

/// Names with commas between.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = names.collect();
    let all = names.len();
    names.truncate(MOST);
    let mut text = names.join(", ");
    if all > MOST {
        text += &format!(" and {} others", all - MOST);
    }
    text
}

/// Those of `names` that are most like `name`.
pub fn nearest(name: &str, names: &[String]) -> String {
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let name = name.to_lowercase();
        // A part of the name counts as much as how it begins.
        let part = !name.is_empty() && known.contains(&name);
        (jaro_winkler(&name, &known) * 1000.0) as i64 + i64::from(part) * 1000
    };
    let mut by_likeness: Vec<_> = names.iter().map(String::as_str).collect();
    by_likeness.sort_by_key(|known| std::cmp::Reverse(likeness(known)));
    match by_likeness.len() {
        0 => "none".into(),
        _ => listed(by_likeness.into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let names: Vec<_> = [
            "a", "f_mode", "f_pos", "f_path", "f_flags", "x1", "x2", "x3", "x4",
        ]
        .map(String::from)
        .into();
        assert!(nearest("f_pth", &names).starts_with("f_path, "));
        assert!(nearest("pos", &names).starts_with("f_pos, "));
        assert!(nearest("", &names).starts_with("a, f_mode, "));
        assert!(nearest("", &names).ends_with(" and 1 others"));
        assert_eq!(nearest("x", &[]), "none");
        assert_eq!(listed(["a", "b"].into_iter()), "a, b");
    }
}
