// SPDX-License-Identifier: GPL-2.0

//! The preparation of a drill: the checks whether it may run now, its settings, the doctor's
//! findings, and the state for the next boot.

use super::args::HereArgs;
use super::module::Module;
use super::state::{self, Armed, Found, Overridden};
use super::target::Target;
use super::{facts, resume};
use crate::doctor;
use crate::doctor::finding::{Link, State};
use crate::fault::case::Case;
use crate::fault::class::Classes;
use crate::files::store::Store;
use crate::ledger::fingerprint::{version_of, Fingerprint};
use crate::run::plan::{self, Policy, Setting};
use crate::run::strike;
use crate::system::System;
use crate::terminal::escape;
use crate::terminal::out;
use crate::terminal::tell::tell;
use anyhow::bail;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// The usual hold.
const HOLD_SECS: u32 = 60;

/// A refusal: why nothing was done.
pub struct No {
    pub status: u8,
    pub why: Vec<String>,
}

impl No {
    pub fn new(why: impl Into<String>) -> Self {
        No {
            status: 1,
            why: vec![why.into()],
        }
    }

    pub fn say(self, is_json: bool) -> anyhow::Result<ExitCode> {
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

/// Returns why a drill cannot run now, if so.
pub fn in_the_way(store: &Store, case: Case) -> anyhow::Result<Option<No>> {
    let module = case.mode.module;
    let is_loaded = Path::new("/sys/module").join(module).exists();
    if is_loaded {
        let why = format!("module {module} is already loaded: run 'rmmod {module}'");
        return Ok(Some(No::new(why)));
    }
    let boot_id = facts::boot_id()?;
    Ok(match Found::read(store)? {
        Found::Nothing => None,
        Found::Armed(armed) if armed.boot_id == boot_id => Some(No::new(format!(
            "another drill is armed (run {}, {}): judge it with 'faultline drill resume'",
            armed.run_id, armed.mode
        ))),
        Found::Armed(armed) => Some(No::new(format!(
            "run {} ({}) of an earlier boot is not judged yet: judge it with 'faultline drill \
             resume'",
            armed.run_id, armed.mode
        ))),
        Found::Broken(why) => Some(No::new(format!(
            "{why}; 'faultline drill resume' moves it aside"
        ))),
    })
}

/// Returns the settings for the drill: the user's, and those that keep a report from a panic.
pub fn settings(args: &HereArgs, case: Case) -> anyhow::Result<Vec<Setting>> {
    let mut settings = args.set.clone();
    if args.policy == Policy::Report {
        let Some([_, (key, value)]) = case.detector.panics else {
            bail!(
                "mode {} always panics; allowed: --policy panic",
                case.mode.name
            );
        };
        if settings.iter().all(|setting| setting.key != key) {
            settings.push(Setting::new(key, value));
        }
    }
    Ok(settings)
}

/// Asks the doctor. Returns the findings that were overridden, or the refusal.
pub fn examine(args: &HereArgs, case: Case) -> anyhow::Result<Result<Vec<Overridden>, No>> {
    let class = case.detector.class;
    let answer = doctor::examine(&System::here()?, Classes::of(&[class]));
    // A report without a panic does not reach these stages.
    let matters = |link: Link| match args.policy {
        Policy::Panic => link != Link::Analyser,
        Policy::Report | Policy::Off => matches!(link, Link::Detector | Link::Module),
    };
    let bad = answer.findings.iter().filter(|finding| {
        matters(finding.link)
            && matches!(finding.state, State::Wrong | State::Unknown)
            // The module of this drill has already been found.
            && finding.check != "module_built"
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
            true => "finds that no dump would be saved",
            false => "cannot tell whether a dump would be saved",
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
        "'faultline doctor --only {}' shows all findings; --force overrides them",
        class.name()
    ));
    Ok(Err(No {
        status: if is_wrong { 1 } else { 3 },
        why,
    }))
}

/// Returns the state that the next boot needs.
pub fn arm(
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
    // The module's own refusals (no crash kernel loaded, no CPU left) are findings of the doctor,
    // or visible in the plan.
    let is_forced = words.iter().any(|word| word.key == "force");
    if args.force && !is_forced {
        words.push(Setting::new("force", 1));
    }
    let parameters: Vec<_> = words.iter().map(Setting::to_string).collect();
    let target = Target::of(&System::here()?);
    let command_line = strike::read("/proc/cmdline")?;
    let root = Path::new("/");
    let fingerprint = Fingerprint::take(root, case, args.policy, Some(&module.path), &version_of);
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
