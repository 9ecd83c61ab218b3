// SPDX-License-Identifier: GPL-2.0

//! What conditions become.

use super::within;
use crate::probe::fields::condition;
use crate::probe::fields::form::Form;
use crate::probe::fields::program::Program;
use crate::probe::fields::Scene;

/// The program of conditions, without its beginning.
fn filter(function: &str, text: &str) -> Result<String, String> {
    filters(function, &[text])
}

/// The same of several `--if`.
fn filters(function: &str, texts: &[&str]) -> Result<String, String> {
    within(function, |scene| {
        let mut program = Program::new(false, &Form::Word);
        let conditions = texts.iter().map(|text| condition::parse(text));
        program.filter(scene, &conditions.collect::<Result<Vec<_>, _>>()?)?;
        let line = program.line(0);
        Ok(line.strip_prefix("program 0 errors:s64 ").unwrap().into())
    })
}

#[test]
fn conditions() {
    for (function, text, program) in [
        ("vfs_read", "ret < 0", "f0=ret:s64 if:f0:<:0"),
        ("vfs_read", "ret == -ENOENT", "f0=ret:s64 if:f0:==:-2"),
        (
            "vfs_read",
            "count > 4096 && comm == \"dd\"",
            "f0=a2:u64 if:f0:>:4096 if:comm:==:dd",
        ),
        (
            "vfs_read",
            "count > 1 && count < 9",
            "f0=a2:u64 if:f0:>:1 if:f0:<:9",
        ),
        ("vfs_read", "count & 0xfff", "f0=a2:u64 if:f0:&:4095"),
        (
            "vfs_read",
            "count <= 18446744073709551615",
            "f0=a2:u64 if:f0:<=:18446744073709551615",
        ),
        ("vfs_read", "ns >= 10us", "if:ns:>=:10000"),
        (
            "vfs_read",
            "pid == 7 && tgid != 8 && cpu < 2",
            "if:pid:==:7 if:tgid:!=:8 if:cpu:<:2",
        ),
        (
            "vfs_read",
            "file->f_path.dentry->d_name.hash == 5",
            "f0=a0.24.32:u32 if:f0:==:5",
        ),
        ("vfs_read", "file->f_how == MOVE", "f0=a0.40:u32 if:f0:==:1"),
        (
            "vfs_read",
            "file->is_open == true",
            "f0=a0.36:u8 if:f0:==:1",
        ),
        (
            "vfs_read",
            "file->port == 80",
            "f0=a0.48:u16 if:f0:==:20480",
        ),
        ("vfs_read", "file->low == 7", "f0=a0.44:u3@0/32 if:f0:==:7"),
        ("vfs_read", "file == NULL", "f0=a0:u64 if:f0:==:0"),
        ("vfs_read", "*pos >= -1", "f0=a3.0:s64 if:f0:>=:-1"),
        (
            "many",
            "ret == -ENOMEM",
            "f0=ret:u64 if:f0:==:18446744073709551604",
        ),
        (
            "many",
            "ret >= -4095",
            "f0=ret:u64 if:f0:>=:18446744073709547521",
        ),
        (
            "many",
            "how == MOVE && sure == 1",
            "f0=a0:u32 f1=a1:u8 if:f0:==:1 if:f1:==:1",
        ),
        ("many", "n == -100", "f0=a2:s32 if:f0:==:-100"),
    ] {
        assert_eq!(filter(function, text).as_deref(), Ok(program), "{text}");
    }
}

#[test]
fn alternatives() {
    for (texts, program) in [
        (
            &["ret < 0 || ret > 4096"][..],
            "f0=ret:s64 if1:f0:<:0 if2:f0:>:4096",
        ),
        (
            &["count > 9 && ret < 0 || comm == \"dd\""],
            "f0=a2:u64 f1=ret:s64 if1:f0:>:9 if1:f1:<:0 if2:comm:==:dd",
        ),
        (
            &["count > 9", "ret < 0 || ret > 5", "count < 99"],
            "f0=a2:u64 f1=ret:s64 if:f0:>:9 if:f0:<:99 if1:f1:<:0 if2:f1:>:5",
        ),
        (
            &["ret < 0 || ret > 5", "cpu == 0 || ns > 1ms"],
            "f0=ret:s64 if1:f0:<:0 if1:cpu:==:0 if2:f0:<:0 if2:ns:>:1000000 if3:f0:>:5 if3:cpu:==:0 \
             if4:f0:>:5 if4:ns:>:1000000",
        ),
    ] {
        assert_eq!(filters("vfs_read", texts).as_deref(), Ok(program), "{texts:?}");
    }
    let many = |count| vec!["ret < 0"; count].join(" || ");
    let error = filter("vfs_read", &many(9)).unwrap_err();
    assert!(
        error.contains("at most 8 alternatives are possible"),
        "{error}"
    );
    let error = filters("vfs_read", &[&many(3), &many(3)]).unwrap_err();
    assert!(
        error.contains("at most 8 alternatives are possible"),
        "{error}"
    );
    let error = filters(
        "vfs_read",
        &[&many(5), "pid == 1 && pid == 2 && pid == 3 && pid == 4"],
    );
    assert!(error
        .unwrap_err()
        .contains("at most 8 comparisons are possible"));
}

#[test]
fn conditions_that_are_refused() {
    for (function, text, complaint) in [
        ("vfs_read", "count < 0", "'count < 0' never holds: the value is from 0 to 18446744073709551615"),
        ("vfs_read", "count == -9999", "'count == -9999': the value is from 0 to"),
        ("vfs_read", "ret == ENOENT", "results that are errors are negative: -ENOENT, which is -2"),
        ("vfs_read", "ret == ESOMETHING", "'ESOMETHING' is no number: expected one, or the name of an error"),
        ("vfs_read", "file->f_how == MOV", "no value 'MOV' of file->f_how, which is MOVE, COPY"),
        ("vfs_read", "file->low == 8", "'file->low == 8': the value is from 0 to 7"),
        ("vfs_read", "file->low > 7", "'file->low > 7' never holds: the value is from 0 to 7"),
        ("vfs_read", "file->port < 80", "of network byte order: use ==, != or &"),
        ("vfs_read", "file->port == 65536", "the value is from 0 to 65535"),
        (
            "vfs_read",
            "file->f_path.dentry->d_name.name == \"x\"",
            "the kernel compares no texts: the address is hex(file->f_path.dentry->d_name.name)",
        ),
        ("vfs_read", "count == \"x\"", "expected a number, not a text"),
        ("vfs_read", "comm == dd", "a name is in quotes, as comm == \"dd\""),
        ("vfs_read", "comm < \"dd\"", "names are compared with == and !="),
        ("vfs_read", "comm == \"a b\"", "without blanks and colons"),
        ("vfs_read", "comm == \"abcdefghijklmnop\"", "expected a name of 1 to 15 letters"),
        ("vfs_read", "ns < -1", "expected a number from 0 to 18446744073709551615 or a time as 10us"),
        ("vfs_read", "pid == 4294967296", "expected a number from 0 to 2147483647"),
        ("vfs_read", "function == 1", "expected a parameter, ret, ns, pid, tgid, cpu or comm"),
        ("vfs_read", "cuont == 1", "no parameter of vfs_read"),
        ("many", "ret < 0", "an address is never negative: errors are ret >= -4095"),
        ("many", "n > 2147483647", "never holds"),
        (
            "vfs_read",
            "pid != 1 && pid != 2 && pid != 3 && pid != 4 && pid != 5 && pid != 6 && pid != 7 && pid != 8 && pid != 9",
            "at most 8 comparisons are possible",
        ),
    ] {
        let error = filter(function, text).unwrap_err();
        assert!(error.contains(complaint), "{text}: {error}");
    }
    let scene = Scene {
        name: "unknown",
        types: None,
        prototype: None,
        returns: true,
    };
    let unknown = [condition::parse("ret < 0").unwrap()];
    let error = Program::new(false, &Form::Word)
        .filter(&scene, &unknown)
        .unwrap_err();
    assert!(
        error.contains("is not known: s32(ret) or s64(ret)"),
        "{error}"
    );
    let known = [condition::parse("s32(ret) < 0").unwrap()];
    assert_eq!(
        Program::new(false, &Form::Word).filter(&scene, &known),
        Ok(())
    );
}
