// SPDX-License-Identifier: GPL-2.0

//! Patterns that are right, and each mistake.

use super::*;

fn parse(text: &str) -> Pattern {
    text.parse()
        .unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
}

#[test]
fn all_forms() {
    let kernel = parse("kernel.function(\"tcp_v4_*\")");
    assert_eq!(kernel.place, Place::Kernel);
    assert_eq!(kernel.function.to_string(), "tcp_v4_*");
    assert_eq!((kernel.point, kernel.maxactive), (Point::Entry, None));
    let call = parse(" kernel . function ( \"vfs_read\" ) . call ");
    assert_eq!((call.place, call.point), (Place::Kernel, Point::Entry));
    assert_eq!(call.text, "kernel . function ( \"vfs_read\" ) . call");
    let module = parse("module(\"nf-tables\").function(\"*\").return");
    assert_eq!(
        module.place,
        Place::Module(Glob::parse("nf_tables").unwrap())
    );
    assert_eq!(module.point, Point::Return);
    let active = parse("kernel.function(\"vfs_read\").return.maxactive(4096)");
    assert_eq!(
        (active.point, active.maxactive),
        (Point::Return, Some(4096))
    );
    for (text, name, point) in [
        ("tcp_v4_*", "tcp_v4_*", Point::Entry),
        ("vfs_read.return", "vfs_read", Point::Return),
        ("foo.part.0", "foo.part.0", Point::Entry),
        ("foo.constprop.0.call", "foo.constprop.0", Point::Entry),
        ("kernel", "kernel", Point::Entry),
        ("module", "module", Point::Entry),
        ("kernel_read", "kernel_read", Point::Entry),
        (
            "module_put.return.maxactive(3)",
            "module_put",
            Point::Return,
        ),
        ("do_[a-c]*", "do_[a-c]*", Point::Entry),
        ("foo.returns", "foo.returns", Point::Entry),
    ] {
        let plain = parse(text);
        assert_eq!(plain.place, Place::Anywhere, "{text}");
        assert_eq!(
            (plain.function.to_string().as_str(), plain.point),
            (name, point)
        );
    }
}

#[test]
fn source_files() {
    for (text, name, file) in [
        (
            "kernel.function(\"tcp_*@net/ipv4/tcp.c\")",
            "tcp_*",
            "net/ipv4/tcp.c",
        ),
        (
            "vfs_read@fs/read_write.c.return",
            "vfs_read",
            "fs/read_write.c",
        ),
        ("*@arch/x86/*/fpu-[a-c]*.c", "*", "arch/x86/*/fpu-[a-c]*.c"),
    ] {
        let pattern = parse(text);
        assert_eq!(pattern.function.to_string(), name);
        assert_eq!(pattern.file.unwrap().to_string(), file);
    }
    assert_eq!(parse("vfs_read").file, None);
}

#[test]
fn each_mistake_has_its_column_and_what_is_right() {
    for (text, column, says) in [
        ("", 1, "expected a function or a pattern"),
        ("  ", 3, "expected a function or a pattern"),
        ("kernel.function(vfs_read)", 17, "in double quotes"),
        ("kernel.function(\"vfs_read)", 17, "no second one"),
        ("kernel.function(\"vfs_read\"", 27, "expected ')'"),
        ("kernel.function\"vfs_read\"", 16, "expected '('"),
        ("kernel(\"vfs_read\")", 7, "expected '.'"),
        ("kernel.statement(\"x\")", 8, "only functions"),
        ("kernel.function(\"\")", 18, "empty"),
        ("kernel.function(\"a b\")", 19, "' ' is in no name"),
        ("kernel.function(\"x[\")", 19, "no ']'"),
        (
            "kernel.function(\"*@fs/read_write.c:10\")",
            35,
            "no lines: \"*@fs/read_write.c\"",
        ),
        ("vfs_read@", 10, "expected a source file"),
        ("vfs_read@fs/a b.c", 15, "argument of its own"),
        ("kernel.function(\"x@a b.c\")", 21, "' ' is in no name"),
        ("@fs/open.c", 1, "empty"),
        (
            "module(\"veth\").function(\"*@drivers/net/veth.c\")",
            27,
            "not of modules'",
        ),
        ("kernel.function(\"x\").inline", 22, "'.call'"),
        ("x.inline", 3, "no entry"),
        ("kernel.function(\"x\").exported", 22, "'return'"),
        ("kernel.function(\"x\").", 22, "'return'"),
        (
            "kernel.function(\"x\").maxactive(3)",
            22,
            ".return.maxactive(64)",
        ),
        (
            "kernel.function(\"x\").call.maxactive(3)",
            27,
            ".return.maxactive(64)",
        ),
        ("x.return.maxactive(0)", 20, "from 1 to 4096"),
        ("x.return.maxactive(4097)", 20, "from 1 to 4096"),
        ("x.return.maxactive(x)", 20, "from 1 to 4096"),
        ("x.return.maxactive", 19, "expected '('"),
        ("x.return.maxactive(1).maxactive(1)", 23, "already"),
        ("x.return.call", 10, "already"),
        ("x.return.return", 10, "already"),
        ("module.function(\"x\")", 7, "module(\"veth\")"),
        ("module(veth).function(\"x\")", 8, "in double quotes"),
        ("module(\"veth\")", 15, "expected '.'"),
        ("module(\"veth\").function", 24, "expected '('"),
        ("module(\"ve/th\").function(\"x\")", 11, "'/' is in no name"),
        ("process(\"sh\").function(\"main\")", 1, "of programs"),
        ("syscall(\"read\")", 1, "not 'syscall('"),
        (
            "veth:veth_xmit",
            5,
            "module(\"veth\").function(\"veth_xmit\")",
        ),
        ("vfs_read vfs_write", 10, "argument of its own"),
        (
            "kernel.function(\"x\"), kernel.function(\"y\")",
            21,
            "argument of its own",
        ),
        ("\u{e4}.return", 1, "is in no name"),
        ("x-y", 2, "'-' is in no name"),
    ] {
        match text.parse::<Pattern>() {
            Ok(pattern) => panic!("{text}: {pattern:?}"),
            Err(wrong) => assert!(
                wrong.column == column && wrong.says.contains(says),
                "{text}: {wrong}"
            ),
        }
    }
}
