// SPDX-License-Identifier: GPL-2.0

//! Functions of the kernel, by pattern. [`choose`] finds which are meant and which can be probed;
//! [`list`] shows that.

pub mod choose;
pub mod list;
