// SPDX-License-Identifier: GPL-2.0

//! The findings of a check on a test's machine.

use crate::doctor::facts::Facts;
use crate::doctor::finding::Finding;
use crate::fault::class::Classes;
use crate::system::testing::Machine;

/// Returns the findings of a check.
pub fn found(machine: Machine, run: fn(&Facts) -> Vec<Finding>) -> Vec<Finding> {
    let system = machine.system();
    run(&Facts::of(&system, Classes::ALL))
}

/// Formats each finding as its state and text.
pub fn says(machine: Machine, run: fn(&Facts) -> Vec<Finding>) -> Vec<String> {
    let found = found(machine, run);
    let found = found.iter();
    found
        .map(|one| format!("{:?}: {}", one.state, one.says))
        .collect()
}
