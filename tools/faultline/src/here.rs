// SPDX-License-Identifier: GPL-2.0

//! The drill on the machine itself: asks the doctor, shows what will happen to whom, writes down
//! what the next boot needs, and strikes. Then either the machine goes down, and [`resume`] judges
//! at the next boot what came of it; or the fault ends, and is judged at once.
//!
//! Until the fault begins, everything can be called off, and is taken back: see [`undo`].

pub mod args;
mod asked;
mod evidence;
mod facts;
pub mod find;
mod impact;
mod leftovers;
mod module;
mod resume;
pub mod state;
mod strange;
mod target;
mod undo;
mod unit;

use crate::doctor::{self, Classes, Link, State};
use crate::escape::{self, tell};
use crate::event::Release;
use crate::interrupt;
use crate::ledger::fingerprint::{version_of, Fingerprint};
use crate::ledger::Ledger;
use crate::mode::Case;
use crate::out;
use crate::plan::{self, Policy, Setting};
use crate::report::{Files, Report};
use crate::seen::{At, Seen};
use crate::store::{self, Store};
use crate::strike::{self, Refusal, Strike};
use crate::system::System;
use crate::verdict::{self, Outcome};
use anyhow::{bail, Context};
use args::{HereArgs, ResumeArgs};
use impact::Impact;
use module::Module;
use serde_json::json;
use state::{Armed, Found, Overridden};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use target::Target;
use undo::Undo;

/// How long the module may take after its time.
const SLACK_SECS: u32 = 60;
/// The usual hold.
const HOLD_SECS: u32 = 60;
/// How long another drill's program may look at the files.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing was done.
struct No {
    status: u8,
    why: Vec<String>,
}

impl No {
    fn new(why: impl Into<String>) -> Self {
        No {
            status: 1,
            why: vec![why.into()],
        }
    }

    fn say(self, is_json: bool) -> anyhow::Result<ExitCode> {
        if is_json {
            let document = json!({
                "schema": resume::SCHEMA,
                "outcome": "not_done",
                "exit_status": self.status,
                "reasons": self.why,
            });
            out::print(&(escape::json(&serde_json::to_string_pretty(&document)?) + "\n"))?;
        } else {
            for why in &self.why {
                tell(why);
            }
            tell("nothing was done");
        }
        Ok(ExitCode::from(self.status))
    }
}

/// Does the drill.
pub fn run(args: &HereArgs, case: Case) -> anyhow::Result<ExitCode> {
    interrupt::flag()?;
    if let Err(error) = facts::check_machine() {
        return No::new(format!("{error:#}")).say(args.json);
    }
    let store = Store::open(Path::new(store::PLACE), 0)?;
    let Some(_lock) = store.lock(PATIENCE)? else {
        return No::new("another drill is being prepared, or judged, on this machine")
            .say(args.json);
    };
    if let Some(no) = in_the_way(&store, case)? {
        return no.say(args.json);
    }
    let release = facts::release()?;
    let module = match Module::find(case.mode.module, &release, args.module.as_deref()) {
        Ok(module) => module,
        Err(error) => return No::new(format!("{error:#}")).say(args.json),
    };
    let mut undo = Undo::new(&store);
    for setting in &settings(args, case)? {
        if let Err(error) = undo.set(setting) {
            return No::new(format!("{error:#}")).say(args.json);
        }
    }
    let overridden = match examine(args, case)? {
        Ok(overridden) => overridden,
        Err(no) => return no.say(args.json),
    };
    let mut armed = arm(args, case, &module, &undo.before, overridden)?;
    if let Some(no) = consent(args, case, &armed, &store)? {
        return no.say(args.json);
    }
    if armed.policy == Policy::Panic || unit::is_there() {
        if let Some(no) = prepare_boot(&mut undo, &armed)? {
            return no.say(args.json);
        }
    }
    armed.made = undo.made.clone();
    // Even if it cannot be written whole: then it goes again.
    undo.is_armed = true;
    rustix::fs::sync();
    armed.dumps = find::look(&armed.directories);
    armed.armed_at = facts::now();
    armed.uptime_secs = facts::uptime();
    armed.write(&store)?;
    if interrupt::requested() {
        return No::new("called off").say(args.json);
    }
    strike_and_judge(args, case, &store, &armed, &module, undo)
}

/// What keeps a drill from being done now.
fn in_the_way(store: &Store, case: Case) -> anyhow::Result<Option<No>> {
    let module = case.mode.module;
    let is_loaded = Path::new("/sys/module").join(module).exists();
    if is_loaded {
        let why = format!("the module {module} is loaded already: remove it with 'rmmod {module}'");
        return Ok(Some(No::new(why)));
    }
    let boot_id = facts::boot_id()?;
    Ok(match Found::read(store)? {
        Found::Nothing => None,
        Found::Armed(armed) if armed.boot_id == boot_id => Some(No::new(format!(
            "another drill is armed: run {}, {}; judge it with 'faultline drill resume'",
            armed.run_id, armed.mode
        ))),
        Found::Armed(armed) => Some(No::new(format!(
            "run {} ({}) of an earlier boot has not been judged: do that with 'faultline drill \
             resume'",
            armed.run_id, armed.mode
        ))),
        Found::Broken(why) => Some(No::new(format!(
            "{why}; 'faultline drill resume' puts it aside"
        ))),
    })
}

/// What is set for the drill: what was asked for, and what keeps a report from being a panic.
fn settings(args: &HereArgs, case: Case) -> anyhow::Result<Vec<Setting>> {
    let mut settings = args.set.clone();
    if args.policy == Policy::Report {
        let Some([_, (key, value)]) = case.detector.panics else {
            bail!(
                "mode {}: its panic is no policy: it cannot only be reported",
                case.mode.name
            );
        };
        if settings.iter().all(|setting| setting.key != key) {
            settings.push(Setting::new(key, value));
        }
    }
    Ok(settings)
}

/// Asks the doctor. What was overridden is remembered.
fn examine(args: &HereArgs, case: Case) -> anyhow::Result<Result<Vec<Overridden>, No>> {
    let class = case.detector.class;
    let answer = doctor::examine(&System::here()?, Classes::of(&[class]));
    // What a report that is no panic does not come to.
    let matters = |link: Link| match args.policy {
        Policy::Panic => link != Link::Analyser,
        Policy::Report | Policy::Off => matches!(link, Link::Detector | Link::Module),
    };
    let bad = answer.findings.iter().filter(|finding| {
        matters(finding.link) && matches!(finding.state, State::Wrong | State::Unknown)
    });
    let bad: Vec<_> = bad.collect();
    if bad.is_empty() || args.force {
        let overridden = bad.iter().map(|finding| Overridden {
            says: finding.says.clone(),
            stage: finding.stage,
        });
        return Ok(Ok(overridden.collect()));
    }
    let is_wrong = bad.iter().any(|finding| finding.state == State::Wrong);
    let mut why = vec![format!(
        "the doctor {} ({}):",
        match is_wrong {
            true => "finds that it would not work",
            false => "cannot tell whether it would work",
        },
        class.title()
    )];
    for finding in bad {
        why.push(finding.says.clone());
        let evidence = finding.evidence.iter();
        why.extend(evidence.map(|line| format!("  {}: {}", line.place, line.text)));
        why.extend(finding.mend.iter().map(|line| format!("  mend: {line}")));
    }
    why.push(format!(
        "'faultline doctor --only {}' shows all of it; --force goes on all the same",
        class.name()
    ));
    Ok(Err(No {
        status: if is_wrong { 1 } else { 3 },
        why,
    }))
}

/// All that the next boot needs to know.
fn arm(
    args: &HereArgs,
    case: Case,
    module: &Module,
    before: &[Setting],
    overridden: Vec<Overridden>,
) -> anyhow::Result<Armed> {
    let detector = case.detector;
    let key = detector.threshold.map(|(key, _)| key);
    let key = key.filter(|key| !key.is_empty());
    let threshold = key.and_then(|key| strike::read(strike::setting_file(key)).ok());
    let threshold = threshold.and_then(|value| value.parse::<u32>().ok());
    let latest = detector.window(threshold);
    let latest = latest.map_or(0.0, |window| window.latest_secs + window.tolerance_secs);
    let hold_secs = args
        .hold_secs
        .unwrap_or(HOLD_SECS.max(latest.ceil() as u32 + 15));
    let run_id = args.run_id.clone().map_or_else(plan::random_run_id, Ok)?;
    let mut words = vec![
        Setting::new("mode", case.mode.name),
        Setting::new("run_id", &run_id),
    ];
    words.extend(args.cpus.iter().map(|cpus| Setting::new("cpus", cpus)));
    words.push(Setting::new("delay_secs", args.delay_secs));
    words.push(Setting::new("hold_secs", hold_secs));
    let needed = case.mode.parameters.iter();
    words.extend(needed.map(|(key, value)| Setting::new(key, value)));
    // What is not to panic may do without a crash kernel, if somebody says so.
    let is_forced = words.iter().any(|word| word.key == "force");
    if args.force && args.policy == Policy::Report && !is_forced {
        words.push(Setting::new("force", 1));
    }
    let parameters: Vec<_> = words.iter().map(Setting::to_string).collect();
    let target = Target::read(&|path| std::fs::read_to_string(path).ok());
    let command_line = strike::read("/proc/cmdline")?;
    let root = Path::new("/");
    let fingerprint = Fingerprint::take(root, case, Some(&module.path), &version_of);
    Ok(Armed {
        schema: state::SCHEMA.into(),
        run_id,
        mode: case.mode.name.into(),
        detector: detector.name.into(),
        policy: args.policy,
        cpus: args.cpus.clone().filter(|cpus| cpus != "all"),
        threshold,
        parameters: parameters.join(" "),
        module: module.path.clone(),
        set: args.set.clone(),
        before: before.to_vec(),
        host: facts::host()?,
        machine_id: facts::machine_id(),
        release: facts::release()?,
        root: facts::root_of(&command_line).map(str::to_string),
        boot_id: facts::boot_id()?,
        armed_at: facts::now(),
        uptime_secs: facts::uptime(),
        crash_kernel_loaded: facts::is_crash_kernel_loaded(),
        directories: target.directories.clone(),
        remote: target.remote.clone(),
        dumps: Vec::new(),
        overridden,
        fingerprint,
        made: Vec::new(),
        program: env!("CARGO_PKG_VERSION").into(),
    })
}

/// Shows what will happen, and asks. Returns why not, if not.
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
        // Its reader wants one document.
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

/// Sees to it that somebody judges the dump at the next boot.
fn prepare_boot(undo: &mut Undo<'_>, armed: &Armed) -> anyhow::Result<Option<No>> {
    if !unit::is_there() {
        tell("systemd does not run here: after the reboot, run 'faultline drill resume' by hand");
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

/// Inserts the module, waits, and judges what did not take the machine down.
fn strike_and_judge(
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
    // From here on whatever comes is judged, and that takes back what was changed.
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
        undo::files(&armed.made);
        store.remove(state::NAME)?;
        return No {
            status: 3,
            why: vec!["called off before the fault began; what was changed is as it was".into()],
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

/// Waits for the module's last word; whoever asks to end calls the drill off.
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
                    "run {}: the fault begins in {} s; Ctrl-C calls it off",
                    armed.run_id, args.delay_secs
                )),
                "holding" => tell(format_args!(
                    "the fault goes on, for {hold} s if nothing panics"
                )),
                other => tell(format_args!("the module is in state '{other}'")),
            }
        }
        if interrupt::requested() && !is_told {
            is_told = true;
            match strike.cancel() {
                Ok(()) => tell("calling it off"),
                Err(error) => tell(format_args!(
                    "it cannot be called off any more ({error}): it ends by itself"
                )),
            }
        }
    })
}

/// Judges a drill after which this boot goes on.
fn judge(
    args: &HereArgs,
    store: &Store,
    armed: &Armed,
    seen: &Seen,
    evidence: Vec<String>,
) -> anyhow::Result<ExitCode> {
    let expected = resume::expected(armed, armed.case()?);
    let mut verdict = verdict::judge(&expected, seen, None);
    verdict.evidence.extend(evidence);
    let report = resume::report(armed, verdict, Files::default())?;
    resume::record_and_disarm(store, armed, &report, None, false)?;
    print(&report, args.json)
}

fn print(report: &Report, is_json: bool) -> anyhow::Result<ExitCode> {
    let text = match is_json {
        true => escape::json(&serde_json::to_string_pretty(report)?).into_owned() + "\n",
        false => escape::text(&report.for_people()).into_owned(),
    };
    out::print(&text)?;
    Ok(ExitCode::from(report.exit_status))
}

/// Judges what was armed: `drill resume`.
pub fn resume(args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    interrupt::flag()?;
    if facts::is_crash_kernel() {
        bail!("this is the crash kernel (/proc/vmcore is there): the dump is not there yet");
    }
    let store = Store::existing(Path::new(store::PLACE), 0)?;
    let Some(store) = store else {
        out::print("No drill is armed.\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    let _lock = store
        .lock(PATIENCE)?
        .context("a drill is being prepared, or judged, by another program")?;
    let Some(armed) = resume::armed(&store)? else {
        out::print("No drill is armed.\n")?;
        return Ok(ExitCode::SUCCESS);
    };
    let module = Path::new("/sys/module").join(armed.case()?.mode.module);
    let has_rebooted = facts::boot_id()? != armed.boot_id;
    if !has_rebooted && module.join("parameters").exists() {
        let state = strike::read(module.join("parameters/state")).unwrap_or_default();
        if !matches!(state.as_str(), "released" | "cancelled" | "died") {
            bail!(
                "run {} goes on: the module is in state '{state}'",
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
            "run {} is armed, and its dump should be on {place}: take it from there, and run \
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
    print(&report, args.json)
}
