// SPDX-License-Identifier: GPL-2.0

//! The state of the threads of a run.
//!
//! It is in statics, since sysfs may read it before the run was started and while it is being
//! dropped.

use core::{
    fmt,
    sync::atomic::{
        AtomicU64,
        AtomicUsize,
        Ordering::{
            Relaxed,
            SeqCst, //
        }, //
    }, //
};

/// The state of a thread, in order of precedence.
#[derive(Clone, Copy)]
pub(crate) enum State {
    Holding,
    Armed,
    Cooldown,
    Countdown,
    Died,
    Cancelled,
    Released,
}

impl State {
    /// All states with their names.
    const ALL: [(Self, &str); 7] = [
        (Self::Holding, "holding"),
        (Self::Armed, "armed"),
        (Self::Cooldown, "cooldown"),
        (Self::Countdown, "countdown"),
        (Self::Died, "died"),
        (Self::Cancelled, "cancelled"),
        (Self::Released, "released"),
    ];

    /// Returns the number of threads in this state.
    fn threads(self) -> &'static AtomicUsize {
        static THREADS: [AtomicUsize; 7] = [const { AtomicUsize::new(0) }; 7];

        let [holding, armed, cooldown, countdown, died, cancelled, released] = &THREADS;
        match self {
            Self::Holding => holding,
            Self::Armed => armed,
            Self::Cooldown => cooldown,
            Self::Countdown => countdown,
            Self::Died => died,
            Self::Cancelled => cancelled,
            Self::Released => released,
        }
    }

    /// Returns whether any thread is in this state.
    pub(crate) fn is_any(self) -> bool {
        self.threads().load(SeqCst) != 0
    }

    /// Changes the state of a thread from this one to `next`. In between the thread is counted in
    /// both, so that no reader finds it in none.
    pub(crate) fn change_to(self, next: Self) {
        next.threads().fetch_add(1, SeqCst);
        self.threads().fetch_sub(1, SeqCst);
    }

    /// Sets the state of all threads to the countdown. No thread of an earlier run is left.
    pub(crate) fn begin(threads: usize) {
        Self::Countdown.threads().store(threads, SeqCst);
        for (state, _) in Self::ALL {
            if !matches!(state, Self::Countdown) {
                state.threads().store(0, SeqCst);
            }
        }
        HELD_MS.store(0, Relaxed);
    }

    /// Returns the name of the first state, in order of precedence, that any thread is in.
    pub(crate) fn word() -> &'static str {
        let state = Self::ALL.iter().find(|(state, _)| state.is_any());
        state.map_or("countdown", |(_, word)| word)
    }
}

/// The longest hold so far.
static HELD_MS: AtomicU64 = AtomicU64::new(0);

/// Notes that a CPU has been held for this time.
#[inline]
pub(crate) fn is_held(ms: u64) {
    // Read first: a write in each round would bounce the cache line between the CPUs.
    if ms > HELD_MS.load(Relaxed) {
        HELD_MS.fetch_max(ms, Relaxed);
    }
}

/// Returns the longest hold so far.
pub(crate) fn held_ms() -> u64 {
    HELD_MS.load(Relaxed)
}

/// Shows the state.
pub(crate) fn show(out: &mut dyn fmt::Write) -> fmt::Result {
    out.write_str(State::word())
}

/// Shows the longest hold so far.
pub(crate) fn show_held_ms(out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{}", held_ms())
}
