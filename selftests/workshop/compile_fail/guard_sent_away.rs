// SPDX-License-Identifier: GPL-2.0

//! A guard that another thread gets.

faultline::params! {
    /// a value
    0o644 value: str<8> = "a";
}

/// Takes what may go to another thread.
fn send(_: impl Send) {}

/// Sends the guard there.
pub fn send_guard() {
    send(value.read());
}
