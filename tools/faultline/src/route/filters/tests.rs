// SPDX-License-Identifier: GPL-2.0

//! Filters as a user gives them, and as the module takes them.

use super::*;

type Check = fn(&str) -> Result<String, String>;

/// What the module itself takes and refuses; see selftests/route_probe/filters.sh.
const VALUES: [(&str, Check, &[&str], &[&str]); 6] = [
    (
        "address",
        address,
        &["any", "192.0.2.9", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32"],
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
            "::1",
            "2001:db8::/32",
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
        &["any", "input", "output,arp"],
        &["", "input,,arp", "nothing", "input,", "any,input"],
    ),
    (
        "events",
        events,
        &["all", "fib_lookup", "fib_lookup,arp_process"],
        &[
            "",
            "none",
            "fib_lookup,",
            "all,fib_lookup",
            "fib_lookup_failed",
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
    assert!(events("route_output_failed")
        .unwrap_err()
        .starts_with("route_output_failed comes with route_output"));
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
    values[1].1 = "0.0.0.0/0";
    assert_eq!(in_effect(folder(&values).path()).unwrap().len(), 0);
    values[2].1 = "192.0.2.9";
    values[8].1 = "Y";
    let filters = in_effect(folder(&values).path()).unwrap();
    assert_eq!(filters["dst"], "192.0.2.9");
    assert_eq!(filters["errors_only"], "Y");
    assert_eq!(filters.len(), 2);
}
