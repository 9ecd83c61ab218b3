// SPDX-License-Identifier: GPL-2.0

//! Tests of what assignments leave in their variables.

use super::reader::LONGEST;
use super::*;

fn value(text: &str, name: &str) -> Option<Option<String>> {
    Settings::of("f", text)
        .last(name)
        .map(|setting| setting.value.clone())
}

#[track_caller]
fn is(text: &str, expected: &str) {
    assert_eq!(value(text, "A"), Some(Some(expected.to_owned())), "{text}");
}

#[test]
fn what_a_shell_leaves() {
    is("A=1", "1");
    is("A=", "");
    is("A=1\nA=2\n", "2");
    is("A=\"x y\" # z", "x y");
    is("A='x $B' ", "x $B");
    is("A=x#y", "x#y");
    is("A=a\\ b", "a b");
    is("A=\"a \\\"b\\\" \\c\"", "a \"b\" \\c");
    is("A='it'\"s\"", "its");
    is("export A=1", "1");
    is("  A=1;B=2", "1");
    is("B=1 A=2", "2");
    is("A=\"x\\\ny\"", "xy");
    is("A=\"x\ny\"", "x\ny");
    is("A=x\nA+=y", "xy");
    is("B=x\nA=\"$B y ${B}\"", "x y x");
    is("A=\"$none crashkernel=1\"", " crashkernel=1");
}

#[test]
fn what_only_a_shell_could_tell() {
    for text in [
        "A=$(uname -r)",
        "A=`uname`",
        "A=${B:-x}",
        "B=$(x)\nA=\"$B\"",
        "if [ -e /x ]; then\n A=1\nfi",
        "A=1\nif true\nthen A=2; fi",
        "B=$(x)\nA=$B\nA+=y",
        "[ -e /x ] && A=1",
        "A=2; test -e /x || A=1",
        "case $x in\n a) A=1 ;;\nesac",
        "case $x in\n a)\n  A=1\n  ;;\n *) A=2;;\nesac",
        "f() {\n A=1\n}",
    ] {
        assert_eq!(value(text, "A"), Some(None), "{text}");
    }
    for before in [
        "if [ -e /x ]; then B=1; fi",
        "case $x in a) B=1;; esac",
        "true && B=1",
        "f() { B=1; }",
    ] {
        is(&format!("{before}\nA=1"), "1");
    }
}

#[test]
fn what_is_no_assignment() {
    for text in [
        "#A=1",
        "# x\n #A=1",
        "A=1 echo x",
        "echo A=1",
        "A = 1",
        "[ A=1 ]",
        "2A=1",
        "xA=1",
        "echo \"\nA=1\"",
    ] {
        assert_eq!(value(text, "A"), None, "{text}");
    }
}

#[test]
fn lines_are_those_of_the_assignment() {
    let settings = Settings::of("/etc/x", "# 1\nA=\"a\nb\"\n\nB=2\nC=\\\n3\nA=4\n");
    let line = |name| settings.last(name).unwrap().place.to_string();
    assert_eq!(line("B"), "/etc/x:5");
    assert_eq!(line("C"), "/etc/x:6");
    assert_eq!(line("A"), "/etc/x:8");
    assert_eq!(
        settings
            .every("A")
            .map(|one| one.place.line)
            .collect::<Vec<_>>(),
        [2, 8]
    );
}

#[test]
fn a_later_file_wins_and_sees_the_earlier_ones() {
    let mut settings = Settings::of("/etc/default/grub", "X=\"quiet\"\n");
    settings.source("/etc/default/grub.d/k.cfg", "X=\"$X crashkernel=1M\"\n");
    let last = settings.last("X").unwrap();
    assert_eq!(last.value.as_deref(), Some("quiet crashkernel=1M"));
    assert_eq!(last.place.to_string(), "/etc/default/grub.d/k.cfg:1");
}

#[test]
fn values_that_grow() {
    for line in ["A=$A$A\n", "A+=$A\n", "A=\"${A}x${A}\"\n"] {
        let text = format!("A=1\n{}", line.repeat(64));
        assert_eq!(value(&text, "A"), Some(None), "{line}");
    }
    let long = format!("A={}\nB={}\n", "x".repeat(LONGEST), "$A".repeat(100_000));
    assert_eq!(value(&long, "B"), Some(None));
    assert_eq!(value(&long, "A"), Some(Some("x".repeat(LONGEST))));
    let many = Settings::of("f", &"A=1\n".repeat(2 * ASSIGNMENTS));
    assert_eq!(many.all().len(), ASSIGNMENTS);
}

#[test]
fn more_assignments_than_are_looked_at() {
    let many = "A=1\n".repeat(ASSIGNMENTS - 1);
    let mut settings = Settings::of("f", &format!("B=1\n{many}"));
    assert_eq!(settings.or("B", "", "f").text, Some("1"));
    // It may be to any name, or what follows it is.
    settings.source("g", "\nC=1\nB=2\n");
    for name in ["A", "B", "C", "D"] {
        let value = settings.or(name, "default", "f");
        assert_eq!(
            (value.text, value.place.to_string().as_str()),
            (None, "g:2"),
            "{name}"
        );
    }
}
