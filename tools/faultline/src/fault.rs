// SPDX-License-Identifier: GPL-2.0

//! The faults that are provoked, and what sees them. A [`class`] is what people ask the doctor
//! about; a [`detector`] reports within its [`window`]; a [`mode`] is a fault of the module's,
//! and a [`case`] a mode with the detector that is to report it. All of it is tables: nothing here
//! reads anything.

pub mod case;
pub mod class;
pub mod detector;
pub mod mode;
pub mod window;
