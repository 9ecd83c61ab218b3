// SPDX-License-Identifier: GPL-2.0

//! The ledger: what became of each call of a function.
//!
//! Each call that a handler sees is `entered` when it begins, and when it ends, or is found not to
//! count, one of `recorded`, `filtered` and `lost`; or it is `counted`, which is both at once. What
//! no handler sees is `missed`. So, in one reading and at any time,
//!
//! ```text
//! hits = recorded + filtered + lost + missed + in_flight
//! ```
//!
//! where `in_flight` are the calls that have not ended. A reading takes the ends before the
//! beginnings, so that no call is seen to end that has not begun.

use core::{
    fmt,
    sync::atomic::{
        fence,
        Ordering, //
    }, //
};

use faultline::{
    memory::percpu::Counters,
    prelude::*,
    probe::Missed,
    trace::Written, //
};

const ENTERED: usize = 0;
const FILTERED: usize = 1;
const RECORDED: usize = 2;
const LOST: usize = 3;
const ERRORS: usize = 4;
const NS: usize = 5;
const MISSED: usize = 6;
/// Calls that were entered and recorded at once.
const COUNTED: usize = 7;
/// How many calls took less than 1, 2, 4, ... ns.
const TIMES: usize = 8;
const TIMES_LEN: usize = 41;
const LEN: usize = TIMES + TIMES_LEN;

/// The ledger of a function.
pub(crate) struct Ledger(Counters<LEN>);

impl Ledger {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Counters::new()?))
    }

    #[inline(always)]
    pub(crate) fn entered(&self) {
        self.0.add::<ENTERED>(1);
    }

    /// A call was seen to begin, and nothing else of it is of interest: it is entered and recorded.
    #[inline(always)]
    pub(crate) fn counted(&self) {
        self.0.add::<COUNTED>(1);
    }

    #[inline(always)]
    pub(crate) fn missed(&self) {
        self.0.add::<MISSED>(1);
    }

    #[inline(always)]
    pub(crate) fn filtered(&self) {
        self.ends();
        self.0.add::<FILTERED>(1);
    }

    /// Whoever sees that a call has ended sees that it has begun: pairs with the fence in
    /// [`show`](Self::show). The task may have changed its CPU in between.
    #[inline(always)]
    fn ends(&self) {
        fence(Ordering::Release);
    }

    /// A call that counts was seen to begin, and its end is of no interest.
    #[inline(always)]
    pub(crate) fn recorded(&self, written: Written) {
        self.ends();
        if written == Written::Lost {
            self.0.add::<LOST>(1);
        } else {
            self.0.add::<RECORDED>(1);
        }
    }

    /// A call that counts has ended.
    #[inline(always)]
    pub(crate) fn returned(&self, written: Written, ns: u64, is_error: bool) {
        if written != Written::Lost {
            let time = u64::BITS.wrapping_sub(ns.leading_zeros()) as usize;
            self.0.count(TIMES.wrapping_add(time.min(TIMES_LEN - 1)));
            self.0.add::<NS>(ns);
            if is_error {
                self.0.add::<ERRORS>(1);
            }
        }
        self.recorded(written);
    }

    /// How many calls there were until now.
    pub(crate) fn hits(&self) -> u64 {
        [ENTERED, COUNTED, MISSED]
            .into_iter()
            .fold(0, |hits, at| hits.wrapping_add(self.0.sum(at)))
    }

    /// How many were missed since there was no instance for them.
    pub(crate) fn missed_no_instance(&self) -> u64 {
        self.0.sum(MISSED)
    }

    /// Writes the ledger. `missed` gives what the kernel has counted.
    pub(crate) fn show(
        &self,
        missed: impl FnOnce() -> Missed,
        out: &mut dyn fmt::Write,
    ) -> fmt::Result {
        // The ends before the beginnings; what is both is read once.
        let counted = self.0.sum(COUNTED);
        let recorded = self.0.sum(RECORDED).wrapping_add(counted);
        let filtered = self.0.sum(FILTERED);
        let lost = self.0.sum(LOST);
        fence(Ordering::Acquire);
        let entered = self.0.sum(ENTERED).wrapping_add(counted);
        let no_instance = self.missed_no_instance();
        let busy = missed().busy;
        let ended = recorded.wrapping_add(filtered).wrapping_add(lost);
        let missed = no_instance.wrapping_add(busy);
        write!(
            out,
            "hits={} recorded={recorded} filtered={filtered} lost={lost} missed={missed} \
             missed_busy={busy} missed_no_instance={no_instance} in_flight={} errors={} ns={}",
            entered.wrapping_add(missed),
            entered.wrapping_sub(ended),
            self.0.sum(ERRORS),
            self.0.sum(NS),
        )
    }

    /// Writes how many calls took less than a power of two, and not less than half of it.
    pub(crate) fn show_times(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut before = " below=";
        for time in 0..TIMES_LEN {
            let count = self.0.sum(TIMES.wrapping_add(time));
            if count > 0 {
                write!(out, "{before}{}:{count}", 1_u64.wrapping_shl(time as u32))?;
                before = ",";
            }
        }
        Ok(())
    }
}
