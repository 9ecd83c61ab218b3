// SPDX-License-Identifier: GPL-2.0

//! Allocations that fail: the kernel's `fail-nth` of a thread, of which it counts down at each
//! allocation, and lets that fail with which it comes to zero.

use anyhow::{ensure, Context};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;

const NTH: &str = "/proc/thread-self/fail-nth";
/// No operation has as many allocations.
const MOST: u32 = 20_000;

/// Lets allocations that may wait fail as well, and those of one page; says nothing of each in
/// the kernel log.
pub fn switch_on() -> anyhow::Result<()> {
    for (file, value) in [
        ("failslab/ignore-gfp-wait", "N"),
        ("failslab/verbose", "0"),
        ("fail_page_alloc/ignore-gfp-wait", "N"),
        ("fail_page_alloc/min-order", "0"),
        ("fail_page_alloc/verbose", "0"),
    ] {
        let path = format!("/sys/kernel/debug/{file}");
        fs::write(&path, value).with_context(|| path.clone())?;
    }
    Ok(())
}

/// What came of the attempts at one operation.
pub struct Failures {
    what: String,
    /// How many allocations were let fail.
    pub failed: u32,
    /// In how many of these attempts the operation was done all the same.
    done: u32,
    /// Its errors, with how often each came.
    errors: BTreeMap<String, u32>,
}

impl Failures {
    /// Errors that do not say that memory is missing.
    pub fn strange(&self) -> Vec<String> {
        let errors = self.errors.keys();
        let strange = errors.filter(|error| *error != &Errno::NOMEM.to_string());
        strange
            .map(|error| format!("{}: {error}", self.what))
            .collect()
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} allocations failed", self.what, self.failed)?;
        if self.failed > 0 {
            write!(f, ", done all the same {} times", self.done)?;
        }
        for (error, count) in &self.errors {
            write!(f, ", {count} times: {error}")?;
        }
        Ok(())
    }
}

/// Tries an operation with its first allocation failing, then its second, until none fails any
/// more. `after` follows each attempt in which one did, with nothing failing.
pub fn each<T>(
    what: &str,
    operation: impl Fn() -> Result<T, Errno>,
    after: impl Fn(&Result<T, Errno>) -> anyhow::Result<()>,
) -> anyhow::Result<Failures> {
    let mut failures = Failures {
        what: what.into(),
        failed: 0,
        done: 0,
        errors: BTreeMap::new(),
    };
    loop {
        let nth = failures.failed + 1;
        ensure!(nth < MOST, "{what} has more than {MOST} allocations");
        let (result, failed) = with_nth_failing(nth, &operation)?;
        let told = || format!("{what}, with allocation {nth} failing");
        if !failed {
            let told = || format!("{what}, with no allocation failing");
            if let Err(error) = &result {
                return Err(*error).with_context(told);
            }
            after(&result).with_context(told)?;
            return Ok(failures);
        }
        failures.failed += 1;
        match &result {
            Ok(_) => failures.done += 1,
            Err(error) => *failures.errors.entry(error.to_string()).or_default() += 1,
        }
        after(&result).with_context(told)?;
    }
}

/// Runs an operation; tells whether its Nth allocation was let fail.
fn with_nth_failing<T>(
    nth: u32,
    operation: impl Fn() -> Result<T, Errno>,
) -> anyhow::Result<(Result<T, Errno>, bool)> {
    let file = fs::OpenOptions::new().read(true).write(true).open(NTH);
    let file = file.with_context(|| format!("{NTH}: the kernel lets no allocation fail"))?;
    let mut text = [0; 16];
    use std::os::unix::fs::FileExt;
    file.write_at(nth.to_string().as_bytes(), 0)?;
    let result = operation();
    let length = file.read_at(&mut text, 0);
    file.write_at(b"0", 0)?;
    let left = String::from_utf8_lossy(&text[..length?]).trim().to_string();
    Ok((result, left == "0"))
}
