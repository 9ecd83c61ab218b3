// SPDX-License-Identifier: GPL-2.0

//! One run of a drill, in a virtual machine or on the machine itself: its [`plan`], the [`strike`]
//! that injects the fault, the [`event`]s that are recorded, the order in which they were [`seen`],
//! and the [`timeline`] and [`report`] that are made of them.

pub mod event;
pub mod plan;
pub mod report;
pub mod seen;
pub mod strike;
pub mod timeline;
