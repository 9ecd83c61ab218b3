// SPDX-License-Identifier: GPL-2.0

//! The fault itself: the module is inserted, counts down, and injects the fault. A fault that does
//! not crash the machine is judged here.

use super::args::HereArgs;
use super::module::Module;
use super::prepare::No;
use super::state::{self, Armed};
use super::undo::{self, Undo};
use super::{find, resume};
use crate::dump::{Dump, State};
use crate::fault::case::Case;
use crate::files::store::Store;
use crate::interrupt;
use crate::klog::kmsg;
use crate::run::event::Release;
use crate::run::report::Files;
use crate::run::seen::{At, Seen};
use crate::run::strike::{Refusal, Strike};
use crate::terminal::tell::tell;
use crate::verdict;
use crate::verdict::expected::{Expected, Latency};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How much longer than its hold the module may take.
const SLACK_SECS: u32 = 60;

/// Inserts the module, waits, and judges a fault that did not crash the machine.
pub fn strike_and_judge(
    args: &HereArgs,
    case: Case,
    store: &Store,
    armed: &Armed,
    module: &Module,
    mut undo: Undo<'_>,
) -> anyhow::Result<ExitCode> {
    let mut seen = Seen::default();
    seen.up = Some(At {
        at: 0.0,
        what: (armed.release.clone(), 0),
    });
    let strike = Strike::begin(case, || module.insert(&armed.parameters))?;
    let mut strike = match strike {
        Ok(strike) => strike,
        Err(refusal) => {
            refused(&mut seen, refusal);
            undo.keep();
            return judge(args, store, armed, &seen, Vec::new());
        }
    };
    // From here on the drill is judged in any case, which reverts its changes.
    undo.keep();
    if let Ok(cpus) = strike.parameter("cpus") {
        seen.inserted = Some(At {
            at: 0.0,
            what: cpus,
        });
    }
    let released = watch(args, armed, &mut strike);
    let evidence = strike.report().map(|line| vec![line.to_string()]);
    let removed = rustix::system::delete_module(
        &std::ffi::CString::new(case.mode.module)?,
        rustix::fs::OFlags::NONBLOCK.bits() as i32,
    );
    if let Err(error) = removed {
        tell(format_args!("rmmod {}: {error}", case.mode.module));
    }
    let released = released?;
    if released.state == "cancelled" && released.held_ms == 0 {
        undo::settings(&armed.before);
        state::disarm(store)?;
        undo::files(&armed.made);
        return No {
            status: 3,
            why: vec!["cancelled before the fault began; all changes are reverted".into()],
        }
        .say(args.json);
    }
    seen.released = Some(At {
        at: 0.0,
        what: released,
    });
    judge(args, store, armed, &seen, evidence.unwrap_or_default())
}

fn refused(seen: &mut Seen, refusal: Refusal) {
    seen.lockdown = refusal.lockdown;
    seen.refused = Some(At {
        at: 0.0,
        what: refusal.line.unwrap_or(refusal.error),
    });
}

/// Waits for the end of the module's run; a signal to this program cancels the drill.
fn watch(args: &HereArgs, armed: &Armed, strike: &mut Strike) -> anyhow::Result<Release> {
    let parameter = |name: &str| {
        let mut words = armed.parameters.split(' ');
        let value = words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        value
            .and_then(|value| value.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let hold = parameter("hold_secs");
    let patience = args
        .delay_secs
        .saturating_add(hold)
        .saturating_add(SLACK_SECS);
    let mut last = String::new();
    let mut is_told = false;
    strike.wait(Duration::from_secs(patience.into()), |strike, state| {
        if last != state {
            last = state.into();
            match state {
                "countdown" => tell(format_args!(
                    "run {}: the fault begins in {} s; Ctrl-C cancels it",
                    armed.run_id, args.delay_secs
                )),
                "holding" => tell(format_args!(
                    "the fault is active, for {hold} s if nothing panics"
                )),
                other => tell(format_args!("the module is in state '{other}'")),
            }
        }
        if interrupt::requested() && !is_told {
            is_told = true;
            match strike.cancel() {
                Ok(()) => tell("cancelling the drill"),
                Err(error) => tell(format_args!(
                    "the fault cannot be cancelled any more ({error}): it ends by itself"
                )),
            }
        }
    })
}

/// Judges a drill that did not crash the machine.
fn judge(
    args: &HereArgs,
    store: &Store,
    armed: &Armed,
    seen: &Seen,
    evidence: Vec<String>,
) -> anyhow::Result<ExitCode> {
    let expected = resume::expected(armed, armed.case()?);
    let mut verdict = verdict::drill::judge(&expected, seen, None);
    verdict.evidence.extend(evidence);
    verdict.latency = latency(&expected);
    let report = resume::report(armed, verdict, Files::default())?;
    resume::record_and_disarm(store, armed, &report, None, false)?;
    report.print(args.json)
}

/// Returns the latency of the report, by the kernel's log.
fn latency(expected: &Expected) -> Option<Latency> {
    let log = kmsg::whole().ok()?;
    let is_ours = find::runs(&log).last().copied() == expected.run_id.as_deref();
    let mut dump = Dump {
        log: Some(log),
        ..Dump::only(State::LogAlone)
    };
    dump.question(expected.case, Path::new(""), None);
    let told = verdict::dump::judge(expected, &dump);
    told.latency.filter(|_| is_ours)
}
