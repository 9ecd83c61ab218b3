// SPDX-License-Identifier: GPL-2.0

//! For the tests of the library's kernel threads: what the owner gets when it stops one, and
//! when what its body has captured is dropped.

#![forbid(unsafe_code)]

use core::{
    fmt,
    sync::atomic::{
        AtomicUsize,
        Ordering::SeqCst, //
    }, //
};

use faultline::{
    fault,
    prelude::*,
    task::{
        kthread::{
            Kthread,
            Me, //
        },
        time, //
    }, //
};

faultline::params! {
    /// stop a thread that has died as well
    0o444 die: bool = false;
}

/// How many captures were dropped, and how many bodies have begun.
struct Counts {
    drops: AtomicUsize,
    begun: AtomicUsize,
}

impl Counts {
    const fn new() -> Self {
        Self {
            drops: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
        }
    }
}

/// What a body has captured.
struct Capture(&'static Counts);

impl Drop for Capture {
    fn drop(&mut self) {
        self.0.drops.fetch_add(1, SeqCst);
    }
}

/// A result that may not be there.
struct Shown(Option<u32>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(result) => write!(f, "{result}"),
            None => f.write_str("none"),
        }
    }
}

/// A thread that has captured something.
fn thread(
    counts: &'static Counts,
    body: impl Fn(&Me<'_>) -> u32 + Send + 'static,
) -> Result<Kthread<u32>> {
    let capture = Capture(counts);
    Kthread::create(format_args!("threads"), move |me: &Me<'_>| {
        // All of it, or the closure would capture the reference that is in it alone.
        let capture = &capture;
        capture.0.begun.fetch_add(1, SeqCst);
        body(me)
    })
}

/// Waits until something has been counted. If it never is, the test's time limit strikes.
fn await_one(count: &AtomicUsize) {
    while count.load(SeqCst) == 0 {
        time::sleep_ms(1);
    }
}

/// Stops the thread, and says what came of it.
fn stop(which: &str, thread: Kthread<u32>, counts: &Counts) {
    let before = counts.drops.load(SeqCst);
    let result = Shown(thread.stop());
    pr_info!(
        "{which}: result {result}, begun {}, captures dropped: {before} before, {} after",
        counts.begun.load(SeqCst),
        counts.drops.load(SeqCst)
    );
}

/// The module: all that it does is done when it is loaded.
struct Threads;

impl Module for Threads {
    fn init() -> Result<Self> {
        static ASKED: Counts = Counts::new();
        static RETURNS: Counts = Counts::new();
        static WAITS: Counts = Counts::new();
        static DIES: Counts = Counts::new();

        let asked = thread(&ASKED, |me| {
            // Stopping it ends the sleep.
            u32::from(me.sleep_until(u64::MAX))
        })?;
        asked.start();
        await_one(&ASKED.begun);
        stop("asked to stop", asked, &ASKED);

        let returns = thread(&RETURNS, |me| u32::from(me.should_stop()))?;
        returns.start();
        await_one(&RETURNS.drops);
        stop("returned", returns, &RETURNS);

        stop("never started", thread(&WAITS, |_me| 0)?, &WAITS);

        if die.get() {
            let dies = thread(&DIES, |me| fault::bug(&fault::mortal(me)))?;
            dies.start();
            await_one(&DIES.begun);
            stop("died", dies, &DIES);
        }
        Ok(Self)
    }
}

faultline::module! {
    type: Threads,
    license: "GPL",
    author: "The faultline authors",
    description: "For the tests of the library's kernel threads",
}
