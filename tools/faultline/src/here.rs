// SPDX-License-Identifier: GPL-2.0

//! The drill on the machine itself: asks the doctor, shows the impact, saves the state that the
//! next boot needs, and injects the fault. Either the machine crashes, and [`resume`] judges the
//! drill at the next boot; or the fault ends, and the drill is judged at once.
//!
//! Until the fault begins, the drill can be cancelled, and its changes are reverted: see [`undo`].

pub mod args;
mod asked;
mod evidence;
pub mod facts;
pub mod find;
mod hit;
mod impact;
mod leftovers;
pub mod module;
mod prepare;
mod resume;
mod settle;
pub mod state;
mod strange;
mod target;
mod undo;
mod unit;

use crate::fault::case::Case;
use crate::files::store::{self, Store};
use crate::interrupt;
use crate::ledger::Ledger;
use crate::run::plan::Policy;
use crate::run::strike;
use crate::terminal::escape;
use crate::terminal::out;
use crate::terminal::tell::tell;
use crate::verdict::stage::Outcome;
use anyhow::{bail, Context};
use args::{HereArgs, ResumeArgs};
use impact::Impact;
use module::Module;
use prepare::No;
use state::Armed;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use undo::Undo;

/// How long to wait for another faultline that holds the state files.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs the drill.
pub fn run(args: &HereArgs, case: Case) -> anyhow::Result<ExitCode> {
    interrupt::flag()?;
    if let Err(error) = facts::check_machine() {
        return No::new(format!("{error:#}")).say(args.json);
    }
    let store = Store::open(Path::new(store::PLACE), 0)?;
    let Some(_lock) = store.lock(PATIENCE)? else {
        return No::new("another faultline is preparing or judging a drill on this machine")
            .say(args.json);
    };
    if let Some(no) = prepare::in_the_way(&store, case)? {
        return no.say(args.json);
    }
    let release = facts::release()?;
    let module = match Module::find(case.mode.module, &release, args.module.as_deref()) {
        Ok(module) => module,
        Err(error) => return No::new(format!("{error:#}")).say(args.json),
    };
    let mut undo = Undo::new(&store);
    for setting in &prepare::settings(args, case)? {
        if let Err(error) = undo.set(setting) {
            return No::new(format!("{error:#}")).say(args.json);
        }
    }
    let overridden = match prepare::examine(args, case)? {
        Ok(overridden) => overridden,
        Err(no) => return no.say(args.json),
    };
    let mut armed = prepare::arm(args, case, &module, &undo.before, overridden)?;
    if let Some(no) = consent(args, case, &armed, &store)? {
        return no.say(args.json);
    }
    if armed.policy == Policy::Panic || unit::is_there() {
        if let Some(no) = prepare_boot(&mut undo, &armed)? {
            return no.say(args.json);
        }
    }
    armed.made = undo.made.clone();
    // Noted before the write, so that a partly written file is removed as well.
    undo.is_armed = true;
    rustix::fs::sync();
    armed.dumps = find::look(&armed.directories);
    armed.armed_at = facts::now();
    armed.uptime_secs = facts::uptime();
    armed.write(&store)?;
    if interrupt::requested() {
        return No::new("cancelled").say(args.json);
    }
    hit::strike_and_judge(args, case, &store, &armed, &module, undo)
}

/// Shows the impact, and asks for consent. Returns the refusal, if any.
fn consent(
    args: &HereArgs,
    case: Case,
    armed: &Armed,
    store: &Store,
) -> anyhow::Result<Option<No>> {
    let impact = Impact::see(Path::new("/"));
    let ledger = Ledger::read(store)?;
    let text = asked::text(case, armed, &impact, &ledger);
    if args.json {
        // Standard output is for the JSON document alone.
        eprint!("{}", escape::text(&text));
    } else {
        out::print(&escape::text(&text))?;
    }
    if args.yes {
        return Ok(None);
    }
    Ok(match asked::host_name(&armed.host)? {
        asked::Reply::Yes => None,
        asked::Reply::No(why) => Some(No::new(why)),
    })
}

/// Installs the unit that judges the dump at the next boot.
fn prepare_boot(undo: &mut Undo<'_>, armed: &Armed) -> anyhow::Result<Option<No>> {
    if !unit::is_there() {
        tell("no systemd on this machine: run 'faultline drill resume' by hand after the reboot");
        return Ok(None);
    }
    let program = std::env::current_exe().context("the path of this program")?;
    let made = unit::check_program(&program)
        .and_then(|()| unit::install(Path::new("/"), &program, &armed.directories));
    match made {
        Ok(made) => undo.made = made,
        Err(error) => return Ok(Some(No::new(format!("{error:#}")))),
    }
    Ok(None)
}

/// Judges the armed drill: `drill resume`.
pub fn resume(args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    interrupt::flag()?;
    if facts::is_crash_kernel() {
        bail!("this is the crash kernel (/proc/vmcore exists), which has not saved the dump yet");
    }
    let store = Store::existing(Path::new(store::PLACE), 0)?;
    let Some(store) = store else {
        out::print("No drill is armed.\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    let _lock = store
        .lock(PATIENCE)?
        .context("another faultline is preparing or judging a drill")?;
    let Some(armed) = resume::armed(&store, Path::new("/"))? else {
        out::print("No drill is armed.\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    let module = Path::new("/sys/module").join(armed.case()?.mode.module);
    let has_rebooted = facts::boot_id()? != armed.boot_id;
    if !has_rebooted && module.join("parameters").exists() {
        let state = strike::read(module.join("parameters/state")).unwrap_or_default();
        if !matches!(state.as_str(), "released" | "cancelled" | "died") {
            bail!(
                "run {} is not over: the module is in state '{state}'",
                armed.run_id
            );
        }
    }
    let is_elsewhere = armed
        .remote
        .as_deref()
        .filter(|_| has_rebooted && args.dump.is_empty() && !args.without_dump);
    if let Some(place) = is_elsewhere {
        tell(format_args!(
            "run {} is armed, and its dump is saved to {place}: copy it from there, and run \
             'faultline drill resume --dump FILE' (or --without-dump)",
            armed.run_id
        ));
        return Ok(ExitCode::from(Outcome::Unknown.exit_status()));
    }
    let dumps: Vec<PathBuf> = args.dump.clone();
    let report = resume::run(&store, &armed, &dumps)?;
    if !args.json {
        let text = format!(
            "Drill {} ({}), run id {}\n\n",
            armed.host, armed.mode, armed.run_id
        );
        out::print(&escape::text(&text))?;
    }
    report.print(args.json)
}
