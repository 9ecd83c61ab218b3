// SPDX-License-Identifier: GPL-2.0

//! The times of the tracer, and those on the wall.

use rustix::time::{clock_gettime, ClockId};
use serde::Serialize;
use std::time::{Duration, SystemTime};

fn now_us(clock: ClockId) -> u64 {
    let now = Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// Now, on the tracer's clock.
pub fn monotonic_us() -> u64 {
    now_us(ClockId::Monotonic)
}

/// The time on the wall of a time of the tracer's, in microseconds since 1970.
pub fn on_the_wall(time_us: u64) -> u64 {
    let (now, wall) = (monotonic_us(), now_us(ClockId::Realtime));
    wall.saturating_add(time_us).saturating_sub(now)
}

/// What happened, with its time on the wall and, of a signal, its outcome in words.
#[derive(Serialize)]
pub struct Timed<'a, T> {
    time: String,
    #[serde(flatten)]
    what: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl<'a, T> Timed<'a, T> {
    pub fn new(wall_us: u64, what: &'a T, text: Option<String>) -> Self {
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(wall_us);
        Timed {
            time: humantime::format_rfc3339_micros(time).to_string(),
            what,
            text,
        }
    }
}
