// SPDX-License-Identifier: GPL-2.0

//! What the routing paths of IPv4 and IPv6 decide, live, as the module route_probe sees it.
//!
//! [`kernel`] finds the module; [`turn`] has the right to set its [`filters`] and puts them
//! back; events come through an [`instance`] of tracefs of our own, as text, which [`line`]
//! takes apart; [`people`] or JSON shows them; the [`summary`] is made of the module's [`ledger`].
//! [`watch`] leads all of it.

mod answers;
mod ask;
mod call;
mod decision;
pub mod filters;
mod kernel;
mod ledger;
pub mod line;
mod packet;
mod people;
mod rule;
mod summary;
mod tables;
mod turn;
mod watch;

pub use ask::Ask;
pub use call::Family;

use crate::terminal::tell::tell;
use crate::tracing::instance;
use crate::tracing::out::{Out, Signals};
use kernel::Kernel;
use std::process::ExitCode;
use turn::Turn;

/// Does it.
pub fn run(ask: &Ask) -> anyhow::Result<ExitCode> {
    let kernel = Kernel::find()?;
    let tracefs = kernel::tracefs();
    let tracefs = if ask.lines {
        Some(tracefs?)
    } else {
        tracefs.ok()
    };
    let out = Out::new(Signals::catch()?);
    for name in tracefs.iter().flat_map(|tracefs| instance::sweep(tracefs)) {
        tell(format!(
            "the instance {name} of tracefs, whose program is gone, is removed"
        ));
    }
    let mut turn = Turn::take(&kernel, &ask.filters, tell)?;
    let filters = filters::in_effect(&kernel.parameters())?;
    let result = watch::watch(ask, &kernel, tracefs.as_deref(), &filters, out);
    if !kernel.is_there() {
        turn.forget();
    }
    for told in turn.give_back() {
        tell(told);
    }
    result.map(|()| ExitCode::SUCCESS)
}
