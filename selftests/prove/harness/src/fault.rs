// SPDX-License-Identifier: GPL-2.0

//! Failures on purpose: the kernel's `fail-nth` of a thread, of which it counts down at each call
//! that may be let fail, and lets that fail with which it comes to zero.

use anyhow::{ensure, Context};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;

const NTH: &str = "/proc/thread-self/fail-nth";
/// No operation has as many calls.
const MOST: u32 = 20_000;

/// What is let fail.
pub enum Target {
    /// Memory allocations: those that may wait as well, and those of one page.
    Allocations,
    /// Calls of this function, which then returns the value, as the kernel takes it.
    Function { name: String, value: u64 },
}

impl Target {
    /// A function that returns `-ENOMEM`, also as a pointer.
    pub fn with_error(name: String) -> Self {
        let value = -i64::from(Errno::NOMEM.raw_os_error()) as u64;
        Self::Function { name, value }
    }

    /// A function that returns null.
    pub fn with_null(name: String) -> Self {
        Self::Function { name, value: 0 }
    }

    /// Has the kernel count these calls, and no others, and say nothing of each in its log.
    pub fn select(&self) -> anyhow::Result<()> {
        let allocations = matches!(self, Self::Allocations);
        set("failslab/cache-filter", if allocations { "N" } else { "Y" })?;
        set("failslab/ignore-gfp-wait", "N")?;
        set("failslab/verbose", "0")?;
        let order = if allocations { "0" } else { "99" };
        set("fail_page_alloc/min-order", order)?;
        set("fail_page_alloc/ignore-gfp-wait", "N")?;
        set("fail_page_alloc/verbose", "0")?;
        if let Self::Function { name, value } = self {
            set("fail_function/verbose", "0")?;
            set("fail_function/inject", name)?;
            set(
                &format!("fail_function/{name}/retval"),
                &format!("{value:#x}"),
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allocations => f.write_str("allocations"),
            Self::Function { name, .. } => write!(f, "calls of {name}"),
        }
    }
}

fn set(file: &str, value: &str) -> anyhow::Result<()> {
    let path = format!("/sys/kernel/debug/{file}");
    fs::write(&path, value).with_context(|| path.clone())
}

/// What came of the attempts at one operation.
pub struct Failures<'a> {
    target: &'a Target,
    what: String,
    /// How many calls were let fail.
    pub failed: u32,
    /// In how many of these attempts the operation was done all the same.
    done: u32,
    /// Its errors, with how often each came.
    errors: BTreeMap<String, u32>,
}

impl Failures<'_> {
    /// Errors that do not say that memory is missing.
    pub fn strange(&self) -> Vec<String> {
        let errors = self.errors.keys();
        let strange = errors.filter(|error| *error != &Errno::NOMEM.to_string());
        strange
            .map(|error| format!("{}: {error}", self.what))
            .collect()
    }
}

impl fmt::Display for Failures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {} failed", self.what, self.failed, self.target)?;
        if self.failed > 0 {
            write!(f, ", done all the same {} times", self.done)?;
        }
        for (error, count) in &self.errors {
            write!(f, ", {count} times: {error}")?;
        }
        Ok(())
    }
}

/// Tries an operation with its first such call failing, then its second, until none fails any
/// more. `after` follows each attempt in which one did, with nothing failing.
pub fn each<'a, T>(
    target: &'a Target,
    what: &str,
    operation: impl Fn() -> Result<T, Errno>,
    after: impl Fn(&Result<T, Errno>) -> anyhow::Result<()>,
) -> anyhow::Result<Failures<'a>> {
    let mut failures = Failures {
        target,
        what: what.into(),
        failed: 0,
        done: 0,
        errors: BTreeMap::new(),
    };
    loop {
        let nth = failures.failed + 1;
        ensure!(nth < MOST, "{what} has more than {MOST} {target}");
        let (result, failed) = with_nth_failing(nth, &operation)?;
        let told = || format!("{what}, with number {nth} of the {target} failing");
        if !failed {
            let told = || format!("{what}, with none of the {target} failing");
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

/// Runs an operation; tells whether its Nth call was let fail.
fn with_nth_failing<T>(
    nth: u32,
    operation: impl Fn() -> Result<T, Errno>,
) -> anyhow::Result<(Result<T, Errno>, bool)> {
    let file = fs::OpenOptions::new().read(true).write(true).open(NTH);
    let file = file.with_context(|| format!("{NTH}: the kernel lets nothing fail"))?;
    let mut text = [0; 16];
    use std::os::unix::fs::FileExt;
    file.write_at(nth.to_string().as_bytes(), 0)?;
    let result = operation();
    let length = file.read_at(&mut text, 0);
    file.write_at(b"0", 0)?;
    let left = String::from_utf8_lossy(&text[..length?]).trim().to_string();
    Ok((result, left == "0"))
}
