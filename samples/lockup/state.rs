// SPDX-License-Identifier: GPL-2.0

//! The state: what the threads of a run are at.
//!
//! It is in statics, since sysfs may ask before the run has begun and while it
//! is being dropped.

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

/// What a thread is at, the state of most interest first.
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
    /// All states, and how users know them.
    const ALL: [(Self, &str); 7] = [
        (Self::Holding, "holding"),
        (Self::Armed, "armed"),
        (Self::Cooldown, "cooldown"),
        (Self::Countdown, "countdown"),
        (Self::Died, "died"),
        (Self::Cancelled, "cancelled"),
        (Self::Released, "released"),
    ];

    /// How many threads are at this.
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

    /// Is any thread at this?
    pub(crate) fn is_any(self) -> bool {
        self.threads().load(SeqCst) != 0
    }

    /// Lets a thread go from this on to `next`. In between it is at both, so that
    /// no reader finds it at none.
    pub(crate) fn change_to(self, next: Self) {
        next.threads().fetch_add(1, SeqCst);
        self.threads().fetch_sub(1, SeqCst);
    }

    /// So many threads begin their countdown, and no other thread is left.
    pub(crate) fn begin(threads: usize) {
        Self::Countdown.threads().store(threads, SeqCst);
        for (state, _) in Self::ALL {
            if !matches!(state, Self::Countdown) {
                state.threads().store(0, SeqCst);
            }
        }
        HELD_MS.store(0, Relaxed);
    }

    /// The state of most interest that any thread is at.
    pub(crate) fn word() -> &'static str {
        let state = Self::ALL.iter().find(|(state, _)| state.is_any());
        state.map_or("countdown", |(_, word)| word)
    }
}

/// The longest hold so far.
static HELD_MS: AtomicU64 = AtomicU64::new(0);

/// Some CPU is held for so long.
#[inline]
pub(crate) fn is_held(ms: u64) {
    // Read first: a write in each round would keep the CPUs busy with each
    // other.
    if ms > HELD_MS.load(Relaxed) {
        HELD_MS.fetch_max(ms, Relaxed);
    }
}

/// The longest hold so far.
pub(crate) fn held_ms() -> u64 {
    HELD_MS.load(Relaxed)
}

/// Shows the state.
pub(crate) fn show(out: &mut dyn fmt::Write) -> fmt::Result {
    out.write_str(State::word())
}

/// Shows how long a CPU was held.
pub(crate) fn show_held_ms(out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{}", held_ms())
}
