// SPDX-License-Identifier: GPL-2.0

//! Lines of the trace, as people and programs see them.

use super::json;
use super::people::Look;
use crate::btf::testing::{types, Encoder, SIGNED};
use crate::btf::Types;
use crate::probe::ask::Ask;
use crate::probe::event::{Call, Line};
use crate::probe::fields::condition;
use crate::probe::fields::template::Template;
use crate::probe::plan::{LeftOut, Plan, Target};
use crate::schema;
use serde_json::{json, Value};
use std::rc::Rc;

const HEAD: &str = "              dd-812     [001] ...1.    14.123456: ";

fn ask(print: Option<&str>) -> Ask {
    Ask {
        print: print.map(|text| Template::parse(text).unwrap()),
        lines: true,
        ..Ask::default()
    }
}

fn target(function: &str, returns: bool) -> Target {
    let types = Rc::new(types().0);
    Target {
        symbol: function.into(),
        address: 0,
        function: function.into(),
        module: None,
        prototype: types.function(function),
        types: Some(types),
        returns,
        maxactive: None,
    }
}

fn plan(ask: &Ask, target: Target) -> Plan {
    let mut plan = Plan::default();
    assert_eq!(plan.add(ask, [target]), []);
    plan
}

/// An event of which what `edit` says is other than 0 or empty.
fn event(kind: &str, edit: &[(&str, &str)]) -> Call {
    let returned = if kind == "return" {
        " ret=0 ns=3200"
    } else {
        ""
    };
    let mut line = format!(
        "{HEAD}{kind}: id=0 tgid=811{returned} a0=0 a1=0 a2=0 a3=0 a4=0 a5=0 f0=0 f1=0 f2=0 f3=0 f4=0 f5=0 \
         unread=0 cut=0 t0=\"\" t1=\"\""
    );
    for (key, value) in edit {
        let empty = if key.starts_with('t') { "\"\"" } else { "0" };
        line = line.replace(&format!(" {key}={empty}"), &format!(" {key}={value}"));
    }
    match Line::read(&line) {
        Line::Call(call) => *call,
        other => panic!("{other:?}"),
    }
}

const READ: &[(&str, &str)] = &[
    ("a0", "18446612682134372352"),
    ("a1", "140722830852096"),
    ("a2", "4096"),
    ("a3", "0"),
    ("ret", "4096"),
];

fn shown(ask: &Ask, target: Target, call: &Call, width: Option<usize>) -> String {
    let look = Look {
        width,
        start_us: 14_000_000,
        template: ask.print.as_ref(),
        ..Look::default()
    };
    look.call(&plan(ask, target).probes[0], call, &[])
}

#[test]
fn a_call_as_c_would_write_it() {
    let ask = ask(None);
    let call = event("return", READ);
    assert_eq!(
        shown(&ask, target("vfs_read", true), &call, None),
        "  0.123456  dd[812]           vfs_read(file=0xffff888803c0a000, buf=0x7ffd00000000, count=4096, pos=NULL) \
         = 4096 <3.2 us>\n"
            .replace("0xffff888803c0a000", &format!("{:#x}", 18_446_612_682_134_372_352_u64))
            .replace("0x7ffd00000000", &format!("{:#x}", 140_722_830_852_096_u64))
    );
    let narrow = shown(&ask, target("vfs_read", true), &call, Some(80));
    assert!(narrow.lines().count() > 1);
    for (at, line) in narrow.lines().enumerate() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(at == 0 || line.starts_with("            "), "{line}");
    }
    let failed = event("return", &[("ret", "18446744073709551614")]);
    let text = shown(&ask, target("vfs_read", true), &failed, None);
    assert!(text.ends_with("pos=NULL) = -ENOENT <3.2 us>\n"), "{text}");
    let entry = shown(&ask, target("vfs_read", false), &event("call", READ), None);
    assert!(entry.ends_with("count=4096, pos=NULL)\n"), "{entry}");
    let void = shown(&ask, target("nothing", true), &event("return", READ), None);
    assert!(void.ends_with("  nothing() <3.2 us>\n"), "{void}");
    let more = shown(&ask, target("walk", true), &event("return", READ), None);
    assert!(more.contains("table=0x1000, ...) = 4096 <"), "{more}");
}

#[test]
fn a_function_of_which_nothing_is_known() {
    let ask = ask(None);
    let unknown = Target {
        prototype: None,
        types: None,
        ..target("unknown", true)
    };
    let call = event(
        "return",
        &[("a0", "7"), ("a1", "1048576"), ("ret", "4294967274")],
    );
    let text = shown(&ask, unknown, &call, None);
    assert!(
        text.ends_with(
            "  unknown(arg0=7, arg1=0x100000, arg2=0, arg3=0, arg4=0, arg5=0) = -EINVAL <3.2 us>\n"
        ),
        "{text}"
    );
}

#[test]
fn what_a_template_makes() {
    let print = |text: &str, edit: &[(&str, &str)]| {
        let ask = ask(Some(text));
        shown(
            &ask,
            target("vfs_read", true),
            &event("return", edit),
            Some(80),
        )
    };
    assert_eq!(
        print("{comm} {count} -> {ret} in {ns} {{}}", READ),
        "dd 4096 -> 4096 in 3.2 us {}\n"
    );
    assert_eq!(
        print("{pid} {tgid} {cpu} {function} {time}", READ),
        "812 811 1 vfs_read 0.123456\n"
    );
    assert_eq!(
        print(
            "{file->f_name} {ustr(buf)}",
            &[("t0", r#""a \"b""#), ("t1", r#""cut""#), ("cut", "2")]
        ),
        "\"a \\\"b\" \"cut\"...\n"
    );
    assert_eq!(
        print(
            "{file->f_name} {file->f_flags} {file->f_pos}",
            &[("unread", "257"), ("f1", "7")]
        ),
        "? ? 7\n"
    );
    assert_eq!(
        print(
            "{file->f_type} {file->is_open}",
            &[("f0", "1"), ("f1", "1")]
        ),
        "PIDTYPE_TGID true\n"
    );
}

#[test]
fn bit_fields_are_asked_for() {
    let mut btf = Encoder::new();
    let signed = btf.int("int", 4, SIGNED);
    let fields = [("low", signed, 0, 3), ("high", signed, 3, 12)];
    let bits = btf.structure("bits", 4, &fields);
    let bits = btf.pointer(bits);
    btf.function("f", signed, &[("bits", bits)]);
    let types = Rc::new(Types::parse(&btf.bytes(), None).unwrap());
    let target = Target {
        function: "f".into(),
        prototype: types.function("f"),
        types: Some(types),
        ..target("f", true)
    };
    let ask = ask(Some("{bits->low} {bits->high} {hex(bits->high)}"));
    let low = (-3_i64 as u64).to_string();
    let call = event("return", &[("f0", &low), ("f1", "1980"), ("f2", "1980")]);
    assert_eq!(shown(&ask, target, &call, None), "-3 1980 0x7bc\n");
}

#[test]
fn nothing_moves_the_cursor() {
    let mut call = event("return", READ);
    call.head.comm = Some("e\u{1b}[1mvil".into());
    let text = shown(&ask(None), target("vfs_read", true), &call, None);
    assert!(text.contains("e\\x1b[1mvil[812]"), "{text:?}");
    call.texts[0] = Some(crate::probe::event::Text {
        text: "\u{1b}c".into(),
        is_cut: false,
    });
    let text = shown(
        &ask(Some("{comm} {file->f_name}")),
        target("vfs_read", true),
        &call,
        None,
    );
    assert_eq!(text, "e\\x1b[1mvil \"\\x1bc\"\n");
}

/// The record of an event.
fn record(ask: &Ask, target: Target, call: &Call, stack: Option<&[String]>) -> Value {
    let plan = plan(ask, target);
    let event = json::Event::new(&plan.probes[0], call, stack);
    let text = serde_json::to_string(&event).unwrap();
    let order = ["file", "buf", "count", "pos"].map(|name| text.find(&format!("\"{name}\":")));
    assert!(order.is_sorted(), "{text}");
    let mut body = serde_json::from_str::<Value>(&text).unwrap();
    body["schema"] = json!(json::SCHEMA);
    body["record"] = json!("event");
    assert_eq!(schema::complaint("probe.schema.json", &body), None);
    body
}

#[test]
fn an_event_in_json() {
    let ask = ask(Some("{file->f_name} {file->f_flags} {ret}"));
    let call = event(
        "return",
        &[
            ("a2", "4096"),
            ("ret", "18446744073709551614"),
            ("unread", "1"),
            ("cut", "1"),
            ("t0", "\"x\""),
        ],
    );
    let stack = ["vfs_read".to_string()];
    assert_eq!(
        record(&ask, target("vfs_read", true), &call, Some(&stack)),
        json!({
            "schema": "faultline.probe/1", "record": "event", "event": "return",
            "function": "vfs_read", "module": null,
            "time_us": 14_123_456, "cpu": 1, "pid": 812, "tgid": 811, "comm": "dd",
            "args": { "file": "0x0", "buf": "0x0", "count": 4096, "pos": "0x0" },
            "ret": -2, "error": "ENOENT", "ns": 3200,
            "fields": { "file->f_name": "x", "file->f_flags": null, "ret": -2 },
            "cut": ["file->f_name"], "stack": ["vfs_read"],
        })
    );
    let entry = record(
        &self::ask(None),
        target("nothing", false),
        &event("call", READ),
        None,
    );
    assert_eq!(entry["event"], "call");
    assert!(
        entry.get("ret").is_none() && entry.get("ns").is_none() && entry.get("fields").is_none()
    );
}

#[test]
fn what_the_module_is_told() {
    let mut ask = ask(Some("{file->f_flags}"));
    ask.conditions = vec![condition::parse("ret < 0").unwrap()];
    ask.tgid = Some(7);
    ask.comm = Some("dd".into());
    ask.max_rate = Some(5);
    ask.maxactive = Some(9);
    let mut plan = Plan::default();
    let in_module = Target {
        symbol: "veth:vfs_read".into(),
        address: 0xffff_ffff_c012_3450,
        module: Some("veth".into()),
        maxactive: Some(3),
        ..target("vfs_read", true)
    };
    let left_out = plan.add(
        &ask,
        [target("vfs_read", true), target("nothing", true), in_module],
    );
    let reason = "'file': nothing has no parameters".to_string();
    assert_eq!(
        left_out,
        [LeftOut {
            function: "nothing".into(),
            reason
        }]
    );
    assert_eq!(
        plan.commands(&ask),
        [
            "max_rate 5",
            "program 0 errors:s64 f0=a0.0:u32 f1=ret:s64 if:tgid:==:7 if:comm:==:dd if:f1:<:0",
            "probe 0 vfs_read return 0 maxactive=9",
            "probe 1 veth:vfs_read return 0 maxactive=3 at=ffffffffc0123450",
            "attach",
        ]
    );
    // Each event that is read would make further ones.
    let mut plan = Plan::default();
    plan.add(&self::ask(None), [target("vfs_read", true)]);
    let own = format!("program 0 errors:s64 if:tgid:!=:{}", std::process::id());
    assert_eq!(plan.commands(&self::ask(None))[0], own);
    let counting = Ask::default();
    let mut plan = Plan::default();
    plan.add(&counting, (0..1001).map(|_| target("nothing", true)));
    let commands = plan.commands(&counting);
    assert_eq!(commands[0], "program 0 errors:none count");
    assert_eq!((commands[1001].as_str(), commands.len()), ("attach", 1004));
    // What comes later is all that is told later.
    plan.add(
        &counting,
        [target("nothing", true), target("vfs_read", true)],
    );
    assert_eq!(
        plan.commands(&counting),
        [
            "program 1 errors:s64 count",
            "probe 1001 nothing return 0",
            "probe 1002 vfs_read return 1",
            "attach"
        ]
    );
}
