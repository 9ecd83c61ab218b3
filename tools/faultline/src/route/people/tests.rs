// SPDX-License-Identifier: GPL-2.0

//! Packets and events, recorded and invented, as people see them.

use super::*;
use crate::route::answers::Answers;
use crate::route::packet::Packets;
use crate::route::tables::Tables;

const LINES: &str = include_str!("../../../tests/data/route_events.log");
const PACKETS: &str = include_str!("../../../tests/data/route_packets.log");
const LINES6: &str = include_str!("../../../tests/data/route_events6.log");
const PACKETS6: &str = include_str!("../../../tests/data/route_packets6.log");

fn look(width: Option<usize>) -> Look {
    Look {
        width,
        ..Look::default()
    }
}

#[test]
fn recorded_lines_fit() {
    for line in LINES.lines().chain(LINES6.lines()) {
        let record = Record::read(line);
        let text = look(Some(80)).record(&record);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with("            ")),
            "{text}"
        );
        let whole = look(None).record(&record);
        assert_eq!(whole.lines().count(), 1);
        let words = |text: &str| {
            text.split_whitespace()
                .map(String::from)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&whole), words(&text));
    }
}

#[test]
fn recorded_packets() {
    for (recorded, shown) in [(LINES, PACKETS), (LINES6, PACKETS6)] {
        let mut lines = String::new();
        for packet in packets(recorded) {
            let decision = packet.decision(&Tables::default(), &Answers::default());
            let text = look(None).packet(&packet, &decision, false);
            let (_, text) = text.split_at(12);
            lines += &text.replace(" (net 4026532205)", "");
        }
        assert_eq!(lines, shown);
    }
}

fn packets(lines: &str) -> Vec<Packet> {
    let mut packets = Packets::default();
    let add = |line| match Record::read(line) {
        Record::Event(event) => packets.add(event),
        other => panic!("{other:?}"),
    };
    lines.lines().filter_map(add).collect()
}

#[test]
fn calls_of_ipv6() {
    let packets = packets(LINES6);
    let tree = |at: usize| {
        let packet: &Packet = &packets[at];
        let decision = packet.decision(&Tables::default(), &Answers::default());
        let text = look(None).packet(packet, &decision, true);
        text.split_once('\n').unwrap().1.to_string()
    };
    assert_eq!(
        tree(1),
        "            fib6_lookup_failed iif veth1 table local: no_match_or_throw\n            \
        fib6_lookup iif veth1 table main: unicast 2001:db8::/64 on link dev veth0\n"
    );
    let text = tree(8);
    assert!(
        text.starts_with("            fib6_rule mark 0x5 iif veth0: priority 100 action lookup table 100 from 2001:db8::/64\n              fib6_"),
        "{text}"
    );
    let text = tree(10);
    assert!(
        text.contains("              ipv6_dev_get_saddr dev veth1: ret -99\n"),
        "{text}"
    );
    for (at, whole) in [
        (
            11,
            "ipv6_dev_get_saddr > 2001:db8:2::9 dev veth1 prefs 0x2: 2001:db8:1::2 (other, ",
        ),
        (
            12,
            "ipv6_dev_get_saddr > 2001:db8:dead::1: ret -99 (other, ",
        ),
        (
            13,
            "ndisc_rcv 2001:db8::2 > 2001:db8::1 dev veth0 type neighbour_solicitation: CONSUMED (",
        ),
        (
            14,
            "ndisc_rcv fe80::2 dev veth0 type router_advertisement: ok (",
        ),
    ] {
        let text = look(None).event(&packets[at].root);
        assert!(text.contains(whole), "{text}");
    }
}

#[test]
fn decisions_of_ipv6_in_json() {
    let packets = packets(LINES6);
    let json = |at: usize, keys: &[&str]| {
        let packet: &Packet = &packets[at];
        let decision =
            serde_json::to_value(packet.decision(&Tables::default(), &Answers::default())).unwrap();
        let said = keys.iter().map(|key| decision[*key].to_string());
        said.collect::<Vec<_>>().join(" ")
    };
    let keys = [
        "kind", "family", "src", "dst", "dev", "fate", "reason", "via",
    ];
    for (at, said) in [
        (
            0,
            r#""input" "ipv6" "2001:db8::2" "2001:db8:2::9" "veth0" "forward" null "2001:db8:1::1""#,
        ),
        (
            1,
            r#""input" "ipv6" "2001:db8:2::9" "2001:db8::2" "veth1" "forward" null null"#,
        ),
        (
            7,
            r#""input" "ipv6" "2001:db8::2" "2001:db8:1::7" "veth0" "dropped" "blackhole" null"#,
        ),
        (
            10,
            r#""output" "ipv6" "::" "2001:db8:dead::1" null "failed" "net_unreachable" null"#,
        ),
        (
            11,
            r#""source" "ipv6" "2001:db8:1::2" "2001:db8:2::9" "veth1" "ok" null null"#,
        ),
        (
            12,
            r#""source" "ipv6" null "2001:db8:dead::1" null "failed" "no_address" null"#,
        ),
        (
            14,
            r#""ndisc" "ipv6" "fe80::2" null "veth0" "ok" null null"#,
        ),
    ] {
        assert_eq!(json(at, &keys), said, "{at}");
    }
    assert_eq!(
        json(0, &["route"]),
        r#"{"prefix":"2001:db8:2::/64","table":"main","type":"unicast"}"#
    );
    // What was found was refused.
    assert_eq!(json(10, &["route", "path"]), "null null");
}

#[test]
fn an_event() {
    let line = "            ping-140     [001] b.s2.    14.123456: fib_lookup: net=4026532205 cause=input \
        src=10.0.0.2 dst=192.0.2.9 tos=0x0 iif=veth0 table=main err=0 type=unicast prefix=192.0.2.0/24 \
        via=10.0.1.1 dev=veth1 ns=7431";
    let record = Record::read(line);
    let mut look = Look {
        start_us: 14_000_000,
        ..look(Some(80))
    };
    assert_eq!(
        look.record(&record),
        "  0.123456  fib_lookup 10.0.0.2 > 192.0.2.9 iif veth0 table main: unicast\n            \
        192.0.2.0/24 via 10.0.1.1 dev veth1 (input, net 4026532205,\n            \
        ping 140, 7.4 us)\n"
    );
    look.namespaces.insert("4026532205".into(), "r".into());
    look.width = None;
    look.colour = true;
    let text = look.record(&record);
    assert!(text.contains("\u{1b}[1mfib_lookup\u{1b}[0m "), "{text:?}");
    assert!(text.contains("net r,"), "{text:?}");
    let nameless = look.record(&Record::read(&line.replace("ping-", "<...>-")));
    assert!(nameless.contains("pid 140,"), "{nameless}");
    look.namespaces.insert("4026532205".into(), String::new());
    assert!(!look.record(&record).contains("net"));
}

#[test]
fn failures_and_losses() {
    let failed = "ping-1 [000] ..... 1.000000: fib_lookup_failed: net=1 cause=input src=10.0.0.2 dst=198.51.100.1 \
        tos=0x0 iif=veth0 table=main err=-113 error=unreachable ns=900";
    let text = look(None).record(&Record::read(failed));
    assert!(
        text.ends_with("table main: unreachable (input, net 1, ping 1, 900 ns)\n"),
        "{text}"
    );
    let arp = "ping-1 [000] ..... 1.000000: arp_process: net=1 dev=veth2 no_addr=1 rp_filter=off op=request \
        sender=172.16.0.2 target=172.16.0.1 ret=1 ns=1000";
    let text = look(None).record(&Record::read(arp));
    assert!(text.contains("172.16.0.2 > 172.16.0.1 dev veth2 without an address rp_filter off op request: ret 1 ("), "{text}");
    let text = look(None).record(&Record::Lost {
        cpu: Some(1),
        events: Some(12),
    });
    assert!(text.contains("CPU 1: 12 events lost"), "{text}");
    let text = look(Some(80)).record(&Record::Unreadable("a\u{1b}[2Jb".into()));
    assert!(text.contains("not understood: a\\x1b[2Jb"), "{text}");
}

#[test]
fn names_move_no_cursor() {
    // A device, a process and a namespace may have any name.
    let line =
        "e\u{1b}[1mvil-140 [001] ..... 1.000000: arp_process: net=1 dev=\u{1b}[2J\u{9b}1m\u{202e} \
        no_addr=0 ret=0 ns=1";
    let mut look = look(None);
    look.namespaces.insert("1".into(), "\u{1b}c".into());
    let text = look.record(&Record::read(line));
    assert!(text.contains("dev \\x1b[2J\\x9b1m\\u{202e}"), "{text:?}");
    assert!(text.contains("(net \\x1bc, e\\x1b[1mvil 140,"), "{text:?}");
    assert!(!text.trim_end().contains(char::is_control), "{text:?}");
}
