// SPDX-License-Identifier: GPL-2.0

//! Filters as a user gives them, and as the module takes them.

use super::*;

type Check = fn(&str) -> Result<String, String>;

/// What the module itself takes and refuses; see selftests/route_probe/filters.sh.
const VALUES: [(&str, Check, &[&str], &[&str]); 6] = [
    (
        "address",
        address,
        &[
            "any",
            "192.0.2.9",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "10.0.0.1/32",
            "::1",
            "::",
            "2001:db8::/32",
            "2001:db8::1/128",
            "::/0",
        ],
        &[
            "10.0.0.0/33",
            "10.0.0",
            "10.0.0.0.0",
            "10.0.0.256",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/8/8",
            "a.b.c.d",
            "",
            " ",
            "1.2.3.4/-1",
            "4294967296",
            "2001:db8::/129",
            "2001:db8",
            "2001:db8:::1",
            "fe80::1%eth0",
            "[::1]",
            "1:2:3:4:5:6:7:8:9",
            "g::",
            "10.0.0.1 ",
        ],
    ),
    (
        "device",
        device,
        &["any", "veth0", "abcdefghijklmno", "eth0.100"],
        &["", "a/b", "abcdefghijklmnop", "two words", "é"],
    ),
    (
        "mark",
        mark,
        &[
            "any",
            "7",
            "0x1",
            "0x1/0xff",
            "4294967295",
            "1/2",
            "0xffffffff/0xffffffff",
        ],
        &[
            "0x",
            "0xg",
            "1/",
            "/1",
            "4294967296",
            "-1",
            "+1",
            "1/2/3",
            "",
            "0x+1",
        ],
    ),
    (
        "table",
        table,
        &["any", "main", "local", "default", "1", "4294967295"],
        &["0", "-1", "+1", "4294967296", "Main", "", "00"],
    ),
    (
        "cause",
        cause,
        &["any", "input", "output,arp,ndisc"],
        &["", "input,,arp", "nothing", "input,", "any,input"],
    ),
    (
        "events",
        events,
        &[
            "all",
            "fib_lookup",
            "fib_lookup,arp_process",
            "ndisc_rcv,ip6_route_input,fib_rule,ipv6_dev_get_saddr",
        ],
        &[
            "",
            "none",
            "fib_lookup,",
            "all,fib_lookup",
            "fib_lookup_failed",
            "fib6_rule",
            "fib_lookup,fib6_lookup_failed",
        ],
    ),
];

#[test]
fn values() {
    for (name, check, right, wrong) in VALUES {
        for value in right {
            assert_eq!(check(value).as_deref(), Ok(*value), "{name}");
        }
        for value in wrong {
            assert!(
                check(value).unwrap_err().contains("right is "),
                "{name} {value}"
            );
        }
    }
    for (wrong, told) in [
        (
            "route_output_failed",
            "route_output_failed comes with route_output; ",
        ),
        (
            "fib6_lookup,fib6_rule",
            "fib6_rule comes with fib_rule; right is all, ",
        ),
    ] {
        assert!(events(wrong).unwrap_err().starts_with(told), "{wrong}");
    }
    let all = targets().collect::<Vec<_>>().join(",");
    assert_eq!(events(&all), Ok(all));
    assert_eq!(
        address("2001:DB8:0::0001/128").as_deref(),
        Ok("2001:db8::1/128")
    );
}

#[test]
fn filters_are_of_one_family() {
    let (four, six) = (family(Family::Ipv4), family(Family::Ipv6));
    let [src, dst] = ["src", "dst"].map(|name| move |value| filter(name, value));
    for right in [
        vec![],
        vec![src("any"), dst("::1")],
        vec![src("2001:db8::/32"), dst("::/0"), six.clone()],
        vec![src("10.0.0.0/8"), dst("192.0.2.9"), four.clone()],
        vec![filter("dev", "10.0.0.1"), six.clone()],
    ] {
        assert_eq!(agree(&right), Ok(()), "{right:?}");
    }
    for (wrong, told) in [
        (
            [src("10.0.0.0/8"), dst("2001:db8::9")],
            "--src 10.0.0.0/8 is IPv4, --dst 2001:db8::9 is IPv6",
        ),
        ([dst("::/0"), four], "--dst ::/0 is IPv6, --ipv4 is IPv4"),
        (
            [src("192.0.2.9"), six],
            "--src 192.0.2.9 is IPv4, --ipv6 is IPv6",
        ),
    ] {
        let wrong = agree(&wrong).unwrap_err();
        assert_eq!(wrong, format!("no packet is of two families: {told}"));
    }
}

#[test]
fn a_module_that_sees_ipv4_alone() {
    let folder = folder(&ALL[..ALL.len() - 1]);
    let path = folder.path();
    put(path, "src", "0.0.0.0/0").unwrap();
    assert_eq!(in_effect(path).unwrap().len(), 0);
    let refused = changes(path, &[family(Family::Ipv6)]).unwrap_err();
    assert!(refused.to_string().contains("without --ipv6"), "{refused}");
    let fine = [family(Family::Ipv4), filter("src", "10.0.0.1")];
    assert_eq!(changes(path, &fine).unwrap().len(), 1);
}

#[test]
fn namespaces() {
    let own = fs::metadata("/proc/self/ns/net").unwrap().ino().to_string();
    assert_eq!(namespace("/proc/self/ns/net"), Ok(own));
    assert_eq!(namespace("any").as_deref(), Ok("0"));
    assert_eq!(namespace("4026532205").as_deref(), Ok("4026532205"));
    for wrong in [
        "4294967296",
        "no-such-name",
        "/etc/passwd",
        "-1",
        "/proc/self/ns",
    ] {
        assert!(
            namespace(wrong).unwrap_err().contains("right is any, "),
            "{wrong}"
        );
    }
}

fn folder(values: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in values {
        fs::write(folder.path().join(name), format!("{value}\n")).unwrap();
    }
    folder
}

fn filter(name: &'static str, value: &str) -> Filter {
    Filter {
        name,
        value: value.into(),
    }
}

#[test]
fn what_is_set_is_put_back() {
    let folder = folder(&[("src", "any"), ("dst", "10.0.0.0/8"), ("netns", "0")]);
    let path = folder.path();
    let wanted = [
        filter("src", "192.0.2.9"),
        filter("dst", "10.0.0.0/8"),
        filter("netns", "7"),
    ];
    let changes = changes(path, &wanted).unwrap();
    assert_eq!(changes.len(), 2, "{changes:?}");
    set(path, &changes).unwrap();
    assert_eq!(get(path, "src").unwrap(), "192.0.2.9");
    put(path, "netns", "8").unwrap();
    assert_eq!(
        put_back(path, &changes),
        ["netns is left at 8, which somebody else has set"]
    );
    assert_eq!(get(path, "src").unwrap(), "any");
    assert_eq!(put_back(path, &changes[..1]), [""; 0]);
}

#[test]
fn only_what_hides_something_is_in_effect() {
    let mut values = ALL;
    assert_eq!(in_effect(folder(&values).path()).unwrap().len(), 0);
    values[1].1 = "::/0";
    values[2].1 = "192.0.2.9";
    values[8].1 = "Y";
    let filters = in_effect(folder(&values).path()).unwrap();
    assert_eq!(filters["src"], "::/0");
    assert_eq!(filters["dst"], "192.0.2.9");
    assert_eq!(filters["errors_only"], "Y");
    assert_eq!(filters.len(), 3);
}
