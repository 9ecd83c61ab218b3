// SPDX-License-Identifier: GPL-2.0

//! What was seen, for [`people`] and as [`json`]: events, and the [`summary`] of what was counted. Both
//! take each [`value`] as its type says.

pub mod json;
pub mod people;
pub mod summary;
mod value;

#[cfg(test)]
mod tests;
