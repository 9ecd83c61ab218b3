// SPDX-License-Identifier: GPL-2.0

//! What a user should know of a kernel whose functions are to be probed.

use super::symbols::Symbols;
use super::system::System;

/// All of it.
pub fn notes(system: &System, hidden: bool, has_ftrace: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if hidden {
        notes.push(Symbols::says_hidden(system));
    }
    if !has_ftrace {
        notes.push(
            "this kernel has no dynamic ftrace: all that is left are kprobes and kretprobes".into(),
        );
    }
    if system.switch("proc/sys/kernel/ftrace_enabled").as_deref() == Some("0") {
        notes.push("kernel.ftrace_enabled is 0: until it is 1, fprobes see no call".into());
    }
    if system.switch("sys/kernel/debug/kprobes/enabled").as_deref() == Some("0") {
        notes.push(
            "/sys/kernel/debug/kprobes/enabled is 0: until it is 1, kprobes and kretprobes see \
             no call"
                .into(),
        );
    }
    notes
}
