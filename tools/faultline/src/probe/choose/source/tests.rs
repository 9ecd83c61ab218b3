// SPDX-License-Identifier: GPL-2.0

//! Debug symbols as the compiler makes them, which is there wherever these tests are linked.

use super::super::testing::Machine;
use super::super::{resolve, Function, Pattern, Reason};
use super::*;
use object::{Object, ObjectSection, ObjectSymbol};
use std::fs;
use std::process::Command;

/// How much further the kernel is than it was linked for.
const SLIDE: u64 = 0x1200_0000;
const RELEASE: &str = "7.0-test";
const READ: &str = "int calls;\n\nint vfs_read(int count)\n{\n\treturn calls += count;\n}\n";
const TWICE: &str = "__attribute__((used)) static int twice(void)\n{\n\treturn 3;\n}\n";

/// A machine with a kernel of two files, in each of which there is a `twice`; and the link addresses.
fn machine() -> (Machine, Vec<(String, u64)>) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (file, text) in [
        ("fs/read_write.c", format!("{READ}{TWICE}")),
        ("net/ipv4/tcp.c", format!("\n{TWICE}")),
    ] {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), text).unwrap();
    }
    let status = Command::new("cc")
        .args([
            "-g",
            "-O1",
            "-nostdlib",
            "-static",
            "-no-pie",
            "-o",
            "vmlinux",
        ])
        .args(["-Wl,--build-id=sha1", "-Wl,-e,vfs_read"])
        .args(["fs/read_write.c", "net/ipv4/tcp.c"])
        .current_dir(root)
        .status();
    assert!(status.unwrap().success());
    let bytes = fs::read(root.join("vmlinux")).unwrap();
    let elf = object::File::parse(&bytes[..]).unwrap();
    let text = elf.section_by_name(".text").unwrap().address();
    let mut kallsyms = format!("{:016x} T _stext\n", text + SLIDE);
    let mut linked = Vec::new();
    for symbol in elf.symbols() {
        let name = symbol.name().unwrap();
        if ["vfs_read", "twice"].contains(&name) {
            kallsyms += &format!("{:016x} t {name}\n", symbol.address() + SLIDE);
            linked.push((name.to_string(), symbol.address()));
        }
    }
    let id = elf.build_id().unwrap().unwrap();
    let machine = Machine::new()
        .file("proc/kallsyms", kallsyms)
        .file("proc/sys/kernel/osrelease", format!("{RELEASE}\n"))
        .file(
            "sys/kernel/tracing/available_filter_functions",
            "vfs_read\ntwice\ntwice\n",
        )
        .file("sys/kernel/notes", notes(id))
        .file(&format!("usr/lib/debug/boot/vmlinux-{RELEASE}"), &bytes);
    (machine, linked)
}

/// As /sys/kernel/notes: another note, and the build id.
fn notes(id: &[u8]) -> Vec<u8> {
    let mut notes = Vec::new();
    for (name, kind, desc) in [(&b"Linux\0"[..], 257_u32, &[0; 5][..]), (b"GNU\0", 3, id)] {
        for word in [name.len() as u32, desc.len() as u32, kind] {
            notes.extend(word.to_ne_bytes());
        }
        for part in [name, desc] {
            notes.extend(part);
            notes.resize(notes.len().next_multiple_of(4), 0);
        }
    }
    notes
}

/// The functions of patterns, with their addresses.
fn functions(machine: &Machine, patterns: &[&str]) -> Vec<(String, u64)> {
    let patterns: Vec<Pattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
    let resolved = resolve(&patterns, &machine.system()).unwrap();
    let shown = |function: &Function| (function.to_string(), function.address);
    resolved.functions.iter().map(shown).collect()
}

fn error(machine: &Machine) -> String {
    let pattern = "twice@tcp.c".parse().unwrap();
    format!("{:#}", resolve(&[pattern], &machine.system()).unwrap_err())
}

#[test]
fn functions_of_a_file_and_their_lines() {
    let (machine, linked) = machine();
    let of = |name: &'static str| {
        let those = linked.iter().filter(move |(known, _)| known == name);
        those.map(|(_, at)| at + SLIDE)
    };
    let twice: Vec<_> = of("twice").collect();
    assert_eq!(twice.len(), 2);
    let ambiguous = resolve(&["twice".parse().unwrap()], &machine.system()).unwrap();
    assert!(matches!(
        ambiguous.refused[0].reason,
        Reason::Ambiguous { count: 2, .. }
    ));
    let [(ours, first)] = &functions(&machine, &["kernel.function(\"twice@net/ipv4/tcp.c\")"])[..]
    else {
        panic!()
    };
    assert_eq!(ours, "kernel.function(\"twice@net/ipv4/tcp.c\")");
    for pattern in ["twice@tcp.c", "tw*@*/tcp.c", "twice@ipv4/t*", "*@net/*"] {
        let [(_, at)] = &functions(&machine, &[pattern])[..] else {
            panic!("{pattern}")
        };
        assert_eq!(at, first, "{pattern}");
    }
    let [(_, other), (_, read)] = &functions(&machine, &["*@fs/read_write.c"])[..] else {
        panic!()
    };
    assert_eq!(of("vfs_read").next(), Some(*read));
    assert!(twice.contains(first) && twice.contains(other) && first != other);
    for pattern in ["twice@cp.c", "twice@tcp", "twice@write.c"] {
        assert_eq!(functions(&machine, &[pattern]), [], "{pattern}");
    }
    // Both files, and any: both functions, which have one name.
    assert_eq!(
        functions(&machine, &["twice@tcp.c", "twice@read_write.c"]),
        []
    );
    assert_eq!(functions(&machine, &["twice@tcp.c", "twice"]), []);

    let text = linked.iter().map(|(_, at)| at).min().unwrap();
    let sources = Sources::find(&machine.system(), text + SLIDE).unwrap();
    let lines = sources.lines(&[*first, *other, *read, 1]).unwrap();
    let line = |at: &u64| lines.get(at).map(|line| (line.file.as_str(), line.line));
    assert_eq!(line(first), Some(("net/ipv4/tcp.c", 3)));
    assert_eq!(line(other), Some(("fs/read_write.c", 8)));
    assert_eq!(line(read), Some(("fs/read_write.c", 4)));
    assert_eq!(line(&1), None);
}

#[test]
fn without_symbols_of_this_kernel() {
    let (machine, _) = machine();
    let machine = machine.file("sys/kernel/notes", notes(&[7; 20]));
    assert!(error(&machine).contains("is of another kernel: its build id is "));
    let machine = machine.without("sys/kernel/notes");
    assert!(error(&machine).contains("there is no build id"));
    let place = format!("usr/lib/debug/boot/vmlinux-{RELEASE}");
    let machine = machine.file(&place, "no ELF file");
    assert!(error(&machine).contains("no ELF file"));
    let machine = machine.without(&place);
    let missing = error(&machine);
    assert!(
        missing.starts_with("no debug symbols of this kernel"),
        "{missing}"
    );
    assert!(missing.contains("linux-image-<release>-dbg"));
    // A file that is named is taken, or said to be wrong.
    let named = |path: &Path| {
        let found = Sources::find_or_take(&machine.system(), 1, Some(path.into()));
        format!("{:#}", found.err().unwrap())
    };
    assert!(named(Path::new("/does/not/exist")).starts_with("/does/not/exist: No such file"));
    let program = std::env::current_exe().unwrap();
    let other = named(&program);
    let complaints = [
        "no debug symbols",
        "cannot be told",
        "another kernel",
        "compressed",
    ];
    assert!(
        complaints.iter().any(|complaint| other.contains(complaint)),
        "{other}"
    );
    // Who does not ask for a file needs none.
    assert_eq!(functions(&machine, &["vfs_read"]).len(), 1);
}

/// Whatever is in the file, there is an answer.
#[test]
fn damage() {
    let (machine, _) = machine();
    let place = format!("usr/lib/debug/boot/vmlinux-{RELEASE}");
    let bytes = fs::read(machine.system().path(&place)).unwrap();
    let pattern: Pattern = "twice@tcp.c".parse().unwrap();
    for at in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] = !damaged[at];
        fs::write(machine.system().path(&place), &damaged).unwrap();
        let _ = resolve(&[pattern.clone()], &machine.system());
        let text = 0x40_1000 + SLIDE;
        if let Ok(sources) = Sources::find(&machine.system(), text) {
            let _ = sources.lines(&[text, text + 16]);
        }
    }
}
