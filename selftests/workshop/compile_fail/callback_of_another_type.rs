// SPDX-License-Identifier: GPL-2.0

//! A function that takes another type.

faultline::params! {
    /// a value
    0o644 value: int = 0, on_change(look);
}

fn look(_value: &str) -> Result<(), faultline::params::Refusal> {
    Ok(())
}
