// SPDX-License-Identifier: GPL-2.0

//! No word to choose.

use faultline::params::Words;

/// Nothing.
#[derive(Words)]
pub enum Nothing {}
