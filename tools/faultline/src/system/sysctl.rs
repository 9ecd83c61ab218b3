// SPDX-License-Identifier: GPL-2.0

//! The file of a sysctl.

/// Returns the file of a sysctl. In a name whose first separator is `.`, a `/` stands for a dot.
pub fn sysctl_path(name: &str) -> String {
    let dotted = name
        .find(['.', '/'])
        .is_some_and(|at| name[at..].starts_with('.'));
    let swap = |letter| match letter {
        '.' if dotted => '/',
        '/' if dotted => '.',
        other => other,
    };
    format!("/proc/sys/{}", name.chars().map(swap).collect::<String>())
}
