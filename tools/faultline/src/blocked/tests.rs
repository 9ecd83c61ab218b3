// SPDX-License-Identifier: GPL-2.0

//! Reports of tasks that a test has made.

use super::chain::{Chain, End, Link};
use super::kernel::{Holding, Lock, LockType};
use super::memory::Memory;
use super::report::Shown;
use super::tasks::tests::{put, task};
use super::tasks::Task;
use super::*;
use crate::schema::complaint;
use anyhow::bail;
use std::fs;

/// No memory at all.
struct Nothing;

impl Memory for Nothing {
    fn read(&self, _address: u64, _buffer: &mut [u8]) -> anyhow::Result<()> {
        bail!("there is none")
    }
}

fn report(proc: &Proc) -> Report {
    let kernel = || -> anyhow::Result<Kernel<Nothing>> {
        bail!("/proc/kcore may not be read: the kernel is locked down")
    };
    Report::make(proc, kernel, 0.0).unwrap()
}

fn named(pid: i32, state: char, comm: &str) -> Task {
    Task {
        process: pid,
        comm: comm.into(),
        ..task(pid, state)
    }
}

/// What `--json` prints.
fn document(report: &Report) -> serde_json::Value {
    let document = serde_json::to_value(report).unwrap();
    assert_eq!(complaint("blocked.schema.json", &document), None);
    document
}

const STACK: &str = "[<0>] lockup_wait_for_mutex+0x10/0x20 [lockup]\n[<0>] kthread+0x1/0x2\n";

#[test]
fn without_the_kernels_memory_there_are_stacks() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("stat"), "cpu0 1\n").unwrap();
    put(root.path(), &named(143, 'D', "lockup/1"), STACK);
    put(root.path(), &named(150, 'S', "sh"), "");
    let report = report(&Proc::at(root.path()));
    assert!(report.is_any());
    assert_eq!(
        people::text(&report, None),
        "lockup/1[143] blocked: sleeps in lockup_wait_for_mutex\n    \
         lockup_wait_for_mutex [lockup]\n    kthread\n\
         ! since when tasks are blocked, for which lock, and who holds it could not be told: \
         /proc/kcore may not be read: the kernel is locked down\n\
         1 of 2 tasks blocked\n"
    );
    let json = document(&report);
    assert_eq!(json["schema"], "faultline.blocked/1");
    assert_eq!(
        (&json["outcome"], &json["exit_status"]),
        (&"blocked".into(), &1.into())
    );
    let shown = &json["tasks"][0];
    assert_eq!(shown["chain"], serde_json::Value::Null);
    assert_eq!(shown["blocked_secs"], serde_json::Value::Null);
    assert_eq!(shown["stack"][0]["module"], "lockup");
    assert_eq!(shown["waits_for"]["type"], "unknown");
}

#[test]
fn nothing_is_blocked() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), &named(150, 'S', "sh"), "");
    let report = report(&Proc::at(root.path()));
    assert!(!report.is_any());
    assert!(people::text(&report, None).ends_with("0 of 1 tasks blocked\n"));
    assert_eq!(document(&report)["exit_status"], 0);
}

fn chained(report: &mut Report, at: usize, links: &[(i32, i32, Holding)], end: End) {
    let links = links.iter().map(|&(waiter, holder, holding)| Link {
        waiter,
        lock: Lock {
            lock_type: LockType::Mutex,
            address: 0xffff_8880_0000_1230,
        },
        holder: Some((holder, holding)),
    });
    let shown: &mut Shown = &mut report.blocked[at];
    shown.secs = Some(12.34);
    shown.wait.what = LockType::Mutex.words();
    shown.chain = Some(Chain {
        links: links.collect(),
        end,
    });
}

#[test]
fn chains() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), &named(143, 'D', "lockup/1"), STACK);
    put(root.path(), &named(144, 'D', "lockup/1.b"), "");
    let mut report = report(&Proc::at(root.path()));
    report.limits.clear();
    let owner = Holding::Owner;
    chained(
        &mut report,
        0,
        &[(143, 144, owner), (144, 143, owner)],
        End::Deadlock { pid: 143 },
    );
    chained(
        &mut report,
        1,
        &[(144, 9, Holding::Reader)],
        End::Unknown { why: "x".into() },
    );
    assert_eq!(
        people::text(&report, None),
        "lockup/1[143] blocked for about 12.3 s: waits for a mutex\n  \
         mutex: held by lockup/1.b[144]\n  \
         which waits for a mutex: held by lockup/1[143]\n  \
         DEADLOCK: lockup/1[143] is waited for, and waits: none of them goes on\n    \
         lockup_wait_for_mutex [lockup]\n    kthread\n\
         lockup/1.b[144] blocked for about 12.3 s: waits for a mutex\n  \
         mutex: held by readers, [9] is or was one of them\n  \
         could not tell: x\n  \
         no stack: it runs, or has just ended\n\
         2 of 2 tasks blocked\n"
    );
    let json = document(&report);
    let chain = &json["tasks"][0]["chain"];
    assert_eq!(
        chain["end"],
        serde_json::json!({ "end": "deadlock", "pid": 143 })
    );
    assert_eq!(
        chain["links"][0]["holder"],
        serde_json::json!({ "pid": 144, "comm": "lockup/1.b", "holding": "owner" })
    );
    assert_eq!(chain["links"][0]["lock"]["address"], "0xffff888000001230");
}

#[test]
fn names_move_no_cursor() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        &named(143, 'D', "\u{1b}[2J\u{9b}1m"),
        "[<0>] f\u{1b}[2J+0x1/0x2 [m]\n",
    );
    let report = report(&Proc::at(root.path()));
    let text = people::text(&report, Some(80));
    assert!(text.contains("\\x1b[2J\\x9b1m[143]"), "{text:?}");
    assert!(
        !text.replace('\n', "").contains(char::is_control),
        "{text:?}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}
