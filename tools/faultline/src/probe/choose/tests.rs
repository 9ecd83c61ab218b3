// SPDX-License-Identifier: GPL-2.0

//! What patterns mean on a machine in small.

use super::testing::{Machine, KALLSYMS, TRACEABLE};
use super::*;
use std::fmt::Write;
use std::time::{Duration, Instant};

fn resolved(machine: &Machine, patterns: &[&str]) -> Resolved {
    let patterns: Vec<Pattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
    resolve(&patterns, &machine.system()).unwrap()
}

fn functions(machine: &Machine, patterns: &[&str]) -> Vec<String> {
    let resolved = resolved(machine, patterns);
    resolved.functions.iter().map(Function::to_string).collect()
}

/// The one reason for which a pattern is refused.
fn reason(machine: &Machine, pattern: &str) -> Reason {
    let resolved = resolved(machine, &[pattern]);
    assert_eq!(resolved.functions, [], "{pattern}");
    let [refused] = &resolved.refused[..] else {
        panic!("{pattern}: {:?}", resolved.refused)
    };
    refused.reason.clone()
}

#[test]
fn places_and_points() {
    let machine = Machine::new();
    assert_eq!(
        functions(&machine, &["kernel.function(\"vfs_*\")"]),
        [
            "kernel.function(\"vfs_read\")",
            "kernel.function(\"vfs_write\")"
        ]
    );
    assert_eq!(
        functions(&machine, &["module(\"v*\").function(\"*\").return"]),
        [
            "module(\"veth\").function(\"veth_xmit\").return",
            "module(\"veth\").function(\"vfs_read\").return",
        ]
    );
    // Both functions of this name, and each but once.
    assert_eq!(
        functions(
            &machine,
            &[
                "vfs_read",
                "vfs_r*",
                "vfs_read.return.maxactive(8)",
                "vfs_read.return"
            ]
        ),
        [
            "kernel.function(\"vfs_read\")",
            "kernel.function(\"vfs_read\").return.maxactive(8)",
            "module(\"veth\").function(\"vfs_read\")",
            "module(\"veth\").function(\"vfs_read\").return.maxactive(8)",
        ]
    );
    let symbols: Vec<_> = resolved(&machine, &["vfs_read"]).functions;
    let symbols: Vec<_> = symbols.iter().map(Function::symbol).collect();
    assert_eq!(symbols, ["vfs_read", "veth:vfs_read"]);
}

#[test]
fn backends() {
    let machine = Machine::new();
    let of = |pattern: &str| resolved(&machine, &[pattern]).functions[0].backends.clone();
    assert_eq!(of("vfs_write"), [Backend::Fprobe, Backend::Kprobe]);
    assert_eq!(
        of("vfs_write.return"),
        [Backend::Fprobe, Backend::Kretprobe]
    );
    // ftrace lists this one under its other name.
    assert_eq!(of("walk_alias"), [Backend::Fprobe, Backend::Kprobe]);
    // What ftrace does not trace is for who names it.
    assert_eq!(of("notraced"), [Backend::Kprobe]);
    assert_eq!(of("notraced.return"), [Backend::Kretprobe]);
    assert_eq!(
        of("module(\"veth\").function(\"veth_open\")"),
        [Backend::Kprobe]
    );
    assert_eq!(reason(&machine, "notrace*"), Reason::NoTrace);
    let both = resolved(&machine, &["notrace*", "notraced"]);
    assert_eq!(both.functions.len(), 1);
    assert_eq!(both.refused, []);
}

#[test]
fn each_reason() {
    let machine = Machine::new();
    let not_loaded = |module: &str| Reason::NotLoaded {
        module: module.into(),
    };
    let siblings = ["changed.constprop.0", "changed.part.0"];
    for (pattern, expected) in [
        ("vfs_raed", Reason::NotFound),
        ("nothing_*", Reason::NotFound),
        ("kernel.function(\"veth_xmit\")", Reason::NotFound),
        ("module(\"veth\").function(\"vfs_write\")", Reason::NotFound),
        // Data are no function.
        ("jiffies", Reason::NotFound),
        (
            "module(\"wireguard\").function(\"*\")",
            not_loaded("wireguard"),
        ),
        ("module(\"bpf\").function(\"*\")", not_loaded("bpf")),
        (
            "changed",
            Reason::Changed {
                siblings: siblings.map(String::from).to_vec(),
            },
        ),
        (
            "twice",
            Reason::Ambiguous {
                addresses: vec![0xffff_ffff_8100_0400, 0xffff_ffff_8100_0500],
                count: 2,
            },
        ),
        ("forbidden", Reason::Blacklisted),
        ("forbidden.return", Reason::Blacklisted),
        ("vfs_init", Reason::Init),
        ("probe_hit", Reason::Own),
    ] {
        assert_eq!(reason(&machine, pattern), expected, "{pattern}");
    }
    for (pattern, wanted) in [
        ("__switch_to", Some(false)),
        ("__switch_to.return", Some(false)),
        ("schedule.return", Some(true)),
        ("do_exit.return", Some(true)),
    ] {
        let found = match reason(&machine, pattern) {
            Reason::Dangerous { return_only, .. } => Some(return_only),
            _ => None,
        };
        assert_eq!(found, wanted, "{pattern}");
    }
    for pattern in [
        "__pfx_vfs_read",
        "changed.part.0.cold",
        "bpf_prog_0123456789abcdef_vfs",
    ] {
        let reason = reason(&machine, pattern);
        assert_eq!(reason.word(), "no-function", "{pattern}");
    }
    assert_eq!(functions(&machine, &["schedule", "do_exit"]).len(), 2);
}

#[test]
fn a_pattern_leaves_out_what_only_looks_like_a_function() {
    let machine = Machine::new();
    let all = resolved(&machine, &["*vfs_*"]);
    let refused: Vec<_> = all
        .refused
        .iter()
        .map(|refused| refused.name.as_str())
        .collect();
    assert_eq!(refused, ["vfs_init"]);
    assert_eq!(
        functions(&machine, &["changed*"]),
        [
            "kernel.function(\"changed.constprop.0\")",
            "kernel.function(\"changed.part.0\")",
        ]
    );
}

#[test]
fn messages() {
    let machine = Machine::new();
    let says = |pattern| reason(&machine, pattern).to_string();
    assert!(says("twice").ends_with("(at ffffffff81000400, ffffffff81000500)"));
    assert!(says("changed").contains("(there are changed.constprop.0, "));
    assert!(says("do_exit.return").contains("its return is not probed: it never returns"));
    let many = Reason::Ambiguous {
        addresses: (1..=9).collect(),
        count: 9,
    };
    assert!(many.to_string().ends_with("(at 1, 2, 3, 4 and 5 more)"));
}

#[test]
fn where_the_kernel_hides_addresses() {
    let machine = Machine::new().hidden();
    let note = &resolved(&machine, &["vfs_read"]).notes[..];
    assert!(
        matches!(note, [note] if note.contains("kernel.kptr_restrict is 2")),
        "{note:?}"
    );
    let both = [
        "kernel.function(\"vfs_read\")",
        "kernel.function(\"vfs_r*\")",
    ];
    assert_eq!(
        functions(&machine, &both),
        ["kernel.function(\"vfs_read\")"]
    );
    assert_eq!(reason(&machine, "notraced"), Reason::Hidden);
    // ftrace has forgotten what is gone.
    assert_eq!(reason(&machine, "vfs_init"), Reason::Hidden);
    assert_eq!(reason(&machine, "forbidden"), Reason::Blacklisted);
    let twice = reason(&machine, "twice");
    assert!(twice
        .to_string()
        .ends_with("(2 of them, at hidden addresses)"));
}

#[test]
fn what_the_kernel_was_built_without_or_has_switched_off() {
    let machine = Machine::new()
        .without("sys/kernel/tracing/available_filter_functions")
        .file("proc/sys/kernel/ftrace_enabled", "0\n")
        .file("sys/kernel/debug/kprobes/enabled", "0\n");
    let resolved = resolved(&machine, &["vfs_w*"]);
    assert_eq!(resolved.functions[0].backends, [Backend::Kprobe]);
    let said = resolved.notes.join("\n");
    for part in [
        "no dynamic ftrace",
        "ftrace_enabled is 0",
        "kprobes/enabled is 0",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_kernel_that_does_not_tell() {
    let patterns = ["vfs_read".parse().unwrap()];
    let message = |machine: Machine| match resolve(&patterns, &machine.system()) {
        Ok(resolved) => panic!("{resolved:?}"),
        Err(error) => format!("{error:#}"),
    };
    let without = |path| message(Machine::new().without(path));
    assert!(without("proc/kallsyms").contains("/proc/kallsyms: No such file"));
    assert!(without("sys/kernel/tracing/trace").contains("tracefs is not mounted"));
    assert!(without("sys/kernel/debug/kprobes/blacklist").contains("debugfs"));
    let empty = message(Machine::new().file("proc/kallsyms", ""));
    assert!(empty.contains("no function"), "{empty}");
    // The older place.
    let machine = Machine::new()
        .without("sys/kernel/tracing/trace")
        .file("sys/kernel/debug/tracing/trace", "")
        .file(
            "sys/kernel/debug/tracing/available_filter_functions",
            TRACEABLE,
        );
    assert_eq!(functions(&machine, &["vfs_write"]).len(), 1);
}

#[test]
fn ten_thousand_names() {
    let (mut kallsyms, mut traceable) = (KALLSYMS.to_string(), TRACEABLE.to_string());
    for number in 0..10_000u64 {
        let address = 0xffff_ffff_9000_0000 + number * 64;
        let _ = writeln!(kallsyms, "{address:x} t many_{number}");
        // Every second one is traced.
        if number % 2 == 0 {
            let _ = writeln!(traceable, "many_{number}");
        }
    }
    let machine = Machine::new()
        .file("proc/kallsyms", kallsyms)
        .file("sys/kernel/tracing/available_filter_functions", traceable);
    let start = Instant::now();
    let resolved = resolved(&machine, &["kernel.function(\"m*a*n*y*_*\")"]);
    assert_eq!(
        (resolved.functions.len(), resolved.refused.len()),
        (5000, 5000)
    );
    assert!(resolved
        .refused
        .iter()
        .all(|refused| refused.reason == Reason::NoTrace));
    // A step for each pair of them would take minutes.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}
