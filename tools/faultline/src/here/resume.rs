// SPDX-License-Identifier: GPL-2.0

//! The half of a drill that runs at the next boot: finds the dump of the armed run, waits until it
//! is complete, judges it, and writes the ledger.

use super::find::{self, Place};
use super::state::{self, Armed, Found};
use super::strange::{other_name, Strange};
use super::{evidence, facts, leftovers, settle, undo, unit};
use crate::dump::{Dump, State, Watch};
use crate::fault::case::Case;
use crate::files::store::Store;
use crate::interrupt;
use crate::ledger::{self, DumpRecord, Ledger, Proof};
use crate::run::plan::Policy;
use crate::run::report::{DumpFacts, Files, Report};
use crate::terminal::tell::tell;
use crate::verdict::expected::Expected;
use crate::verdict::stage::{Outcome, Stage};
use crate::verdict::{self, Verdict};
use std::path::{Path, PathBuf};

/// The schema of the report.
pub const SCHEMA: &str = "faultline.here/1";

/// The verdict, and the files that it is based on.
struct Evidence {
    verdict: Verdict,
    dump: Option<Dump>,
    files: Files,
    paths: Vec<PathBuf>,
}

/// Judges the armed drill, and disarms it.
pub fn run(store: &Store, armed: &Armed, given: &[PathBuf]) -> anyhow::Result<Report> {
    let case = armed.case()?;
    let expected = expected(armed, case);
    let boot_id = facts::boot_id()?;
    let same_boot = boot_id == armed.boot_id;
    let evidence = match given {
        [] => look(armed, &expected, same_boot)?,
        given => of_dump(&expected, given)?,
    };
    conclude(store, armed, evidence, !same_boot)
}

/// Returns what the dump must show.
pub fn expected(armed: &Armed, case: Case) -> Expected {
    Expected {
        case,
        run_id: Some(armed.run_id.clone()),
        cpus: armed.cpus.clone(),
        threshold: armed.threshold,
        insists: false,
    }
}

/// Finds and judges the dump, or else what the drill left.
fn look(armed: &Armed, expected: &Expected, same_boot: bool) -> anyhow::Result<Evidence> {
    let case = expected.case;
    let mut places = find::new_since(&armed.dumps, &find::look(&armed.directories));
    if !same_boot && settle::wait(&places)? {
        places = find::new_since(&armed.dumps, &find::look(&armed.directories));
    }
    let mut strangers = Vec::new();
    for place in &places {
        match owner(armed, place)? {
            Owner::Ours => {
                let files = match place.dumps.as_slice() {
                    [] => place.incomplete.iter().cloned().collect(),
                    dumps => dumps.to_vec(),
                };
                if files.is_empty() {
                    continue;
                }
                let mut evidence = of_dump(expected, &files)?;
                if place.dumps.is_empty() {
                    unfinished(armed, case, place, &mut evidence);
                }
                evidence.files.kernel_log = place.log.clone();
                return Ok(evidence);
            }
            Owner::Other(why) => strangers.push((place, why)),
            Owner::Unknown => {}
        }
    }
    let mut left = evidence::gather(armed, same_boot, &places);
    for (place, why) in &strangers {
        let shown = place.directory.display();
        left.others
            .push(format!("{shown} is new, but not of this run: {why}"));
    }
    let verdict = match strangers.iter().find(|(place, _)| !place.dumps.is_empty()) {
        // The directory has a dump, but of another run or machine.
        Some((place, why)) if left.logs.is_empty() => {
            let shown = place.directory.display();
            let summary = format!("the dump in {shown} is not of this run: {why}");
            Verdict::of(case, Stage::WrongCause, summary, left.unseen.clone())
        }
        _ => leftovers::judge(armed, expected, &left),
    };
    Ok(Evidence {
        verdict,
        dump: None,
        files: Files::default(),
        paths: Vec::new(),
    })
}

/// Judges a dump that its saver did not finish.
fn unfinished(armed: &Armed, case: Case, place: &Place, evidence: &mut Evidence) {
    let name = place.incomplete.as_deref().and_then(Path::file_name);
    let name = name.unwrap_or_default().to_string_lossy().into_owned();
    let left = evidence::gather(armed, false, std::slice::from_ref(place));
    let verdict = leftovers::judge(armed, &expected(armed, case), &left);
    let is_known = matches!(
        verdict.stage,
        Stage::CrashKernelOutOfMemory | Stage::DumpFailed
    );
    // Without a better reason, its name is the evidence.
    let is_full = left.full.is_some() || left.saver.iter().any(|line| line.contains("No space"));
    evidence.verdict = match is_known && (is_full || verdict.stage != Stage::DumpFailed) {
        true => verdict,
        false => {
            let summary = format!("{name}: the program that saves the dump did not finish");
            let mut lines = evidence.verdict.evidence.clone();
            lines.push(format!("judged as it is: {}", evidence.verdict.summary));
            lines.extend(left.watchdog);
            Verdict::of(case, Stage::DumpIncomplete, summary, lines)
        }
    };
}

/// The run that a dump belongs to.
enum Owner {
    Ours,
    Other(String),
    /// Its log does not tell.
    Unknown,
}

/// Finds the run that a place's files belong to, by the log beside the dump or in it.
fn owner(armed: &Armed, place: &Place) -> anyhow::Result<Owner> {
    let beside = place.log.as_deref().and_then(find::read_text);
    let mut log = beside.filter(|text| !text.trim().is_empty());
    if log.is_none() && !place.dumps.is_empty() {
        log = examine(&place.dumps)?.log;
    }
    Ok(match log {
        Some(log) => owner_of(armed, &log),
        None => Owner::Unknown,
    })
}

fn owner_of(armed: &Armed, log: &str) -> Owner {
    let runs = find::runs(log);
    let strange = Strange::of(armed, log);
    match (runs.contains(&armed.run_id.as_str()), strange) {
        (_, Some(strange)) => Owner::Other(strange.0),
        (true, None) => Owner::Ours,
        (false, None) if runs.is_empty() => Owner::Other("its log shows no drill".into()),
        (false, None) => Owner::Other(format!("its log is of run {}", runs.join(", "))),
    }
}

fn examine(paths: &[PathBuf]) -> anyhow::Result<Dump> {
    let stop = interrupt::flag()?;
    Dump::examine(paths, &Watch::new(&stop, &|_, _, _| {}))
}

/// Judges a dump.
fn of_dump(expected: &Expected, paths: &[PathBuf]) -> anyhow::Result<Evidence> {
    let mut dump = examine(paths)?;
    dump.question(expected.case, &paths[0], None);
    let is_log = dump.state == State::LogAlone;
    let path = paths.first().cloned();
    Ok(Evidence {
        verdict: verdict::dump::judge(expected, &dump),
        files: Files {
            vmcore: path.clone().filter(|_| !is_log),
            kernel_log: path.filter(|_| is_log),
            ..Files::default()
        },
        dump: Some(dump),
        paths: paths.to_vec(),
    })
}

/// Returns the outcome of a verdict under a policy.
pub fn outcome(policy: Policy, stage: Stage) -> Outcome {
    match (policy, stage) {
        (Policy::Report, Stage::DetectedNoPanic) => Outcome::Pass,
        (Policy::Report, Stage::Pass | Stage::NoDump) => Outcome::Fail,
        (_, stage) => stage.outcome(),
    }
}

/// Writes the ledger, disarms the drill, and returns the report.
fn conclude(
    store: &Store,
    armed: &Armed,
    evidence: Evidence,
    rebooted: bool,
) -> anyhow::Result<Report> {
    let Evidence {
        mut verdict,
        dump,
        files,
        paths,
    } = evidence;
    let other = dump.as_ref().and_then(|dump| other_name(armed, dump));
    verdict.evidence.extend(other);
    let timeline = dump.as_ref().and_then(|dump| {
        let story = dump.story.as_ref()?;
        let latency = verdict.latency.as_ref();
        Some(crate::run::timeline::of_story(
            armed.case().ok()?,
            story,
            latency,
        ))
    });
    let record = match (&dump, paths.first()) {
        (Some(dump), Some(path)) if dump.state != State::LogAlone => Some(DumpRecord {
            path: path.clone(),
            bytes: dump.bytes,
            pages: match dump.state {
                State::Complete { pages } => Some(pages),
                _ => None,
            },
            taken_at: facts::modified(path),
        }),
        _ => None,
    };
    let taken = record.as_ref().filter(|_| rebooted);
    let late = taken.and_then(|record| evidence::late(record.taken_at));
    verdict.evidence.extend(late);
    let mut report = report(armed, verdict, files)?;
    report.timeline = timeline.unwrap_or_default();
    report.dump = dump.as_ref().map(DumpFacts::of);
    record_and_disarm(store, armed, &report, record, rebooted)?;
    Ok(report)
}

/// Returns the report of a verdict on an armed drill.
pub fn report(armed: &Armed, mut verdict: Verdict, files: Files) -> anyhow::Result<Report> {
    let case = armed.case()?;
    let outcome = outcome(armed.policy, verdict.stage);
    match (armed.policy, outcome) {
        (Policy::Report, Outcome::Pass) => {
            verdict.advice = String::new();
            verdict.summary += ", as expected with --policy report";
        }
        (Policy::Report, Outcome::Fail) if verdict.stage.outcome() != Outcome::Fail => {
            verdict.summary += ", but --policy report expects none";
        }
        _ => {}
    }
    Ok(Report {
        schema: SCHEMA,
        outcome,
        exit_status: outcome.exit_status(),
        mode: case.mode.name,
        detector: case.detector.name,
        run_id: Some(armed.run_id.clone()),
        verdict,
        timeline: Vec::new(),
        plan: None,
        dump: None,
        files,
    })
}

/// Appends the ledger's line, and then disarms the drill.
pub fn record_and_disarm(
    store: &Store,
    armed: &Armed,
    report: &Report,
    dump: Option<DumpRecord>,
    rebooted: bool,
) -> anyhow::Result<()> {
    let verdict = &report.verdict;
    let failed = verdict.checks.iter().filter(|check| {
        use crate::verdict::check::Result;
        matches!(check.result, Result::Failed | Result::Unknown)
    });
    let failed_checks = failed.map(|check| match check.expected.as_str() {
        "" => format!("{} ({}): {}", check.name, check.source, check.found),
        wanted => format!(
            "{} ({}): {}; expected: {wanted}",
            check.name, check.source, check.found
        ),
    });
    let proof = Proof {
        schema: ledger::SCHEMA.into(),
        run_id: armed.run_id.clone(),
        mode: armed.mode.clone(),
        detector: armed.detector.clone(),
        policy: armed.policy.word().into(),
        parameters: armed.parameters.clone(),
        module: armed.module.clone(),
        set: armed.set.iter().map(ToString::to_string).collect(),
        outcome: report.outcome,
        stage: verdict.stage,
        summary: verdict.summary.clone(),
        advice: verdict.advice.clone(),
        evidence: verdict.evidence.clone(),
        failed_checks: failed_checks.collect(),
        latency: verdict.latency.clone(),
        dump,
        rebooted,
        armed_at: armed.armed_at,
        judged_at: facts::now(),
        host: armed.host.clone(),
        machine_id: armed.machine_id.clone(),
        boot_id: armed.boot_id.clone(),
        judged_boot_id: facts::boot_id()?,
        program: armed.program.clone(),
        overridden: armed
            .overridden
            .iter()
            .map(|found| found.says.clone())
            .collect(),
        fingerprint: armed.fingerprint.clone(),
    };
    let is_there = |proof: &Proof| proof.run_id == armed.run_id && proof.armed_at == armed.armed_at;
    store.remove(state::ROOM)?;
    // A loss of power after the last append may have left the line without the disarming.
    if !Ledger::read(store)?.proofs.iter().any(is_there) {
        Ledger::append(store, &proof)?;
    }
    if !rebooted {
        undo::settings(&armed.before);
    }
    // First, as a loss of power between the two must leave a unit without a drill, not an armed
    // drill that no unit judges.
    state::disarm(store)?;
    undo::files(&armed.made);
    Ok(())
}

/// Moves an unreadable state file aside, and keeps it.
pub fn set_aside(store: &Store, why: &str) -> anyhow::Result<()> {
    tell(format_args!("{why}"));
    let kept = format!("{}.{}", state::BROKEN, facts::now());
    store.remove(state::ROOM)?;
    store.rename(state::NAME, &kept)?;
    tell(format_args!(
        "kept as {}: that drill cannot be judged; find its dump by hand and judge it with \
         'faultline verdict'",
        store.path().join(kept).display()
    ));
    Ok(())
}

/// Reads the armed drill, to judge it. If none is armed, removes a unit that was left in `root`.
/// The store must be locked.
pub fn armed(store: &Store, root: &Path) -> anyhow::Result<Option<Box<Armed>>> {
    let lost = match Found::read(store)? {
        Found::Armed(armed) => return Ok(Some(armed)),
        Found::Nothing => false,
        Found::Broken(why) => {
            set_aside(store, &why)?;
            true
        }
    };
    if let Err(error) = unit::sweep(root) {
        tell(format_args!("{error:#}"));
    }
    if lost {
        anyhow::bail!("the state of the armed drill is unreadable");
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::store::tests::me;

    #[test]
    fn no_drill_leaves_no_unit() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/systemd/system")).unwrap();
        let store = Store::open(&root.path().join("store"), me()).unwrap();
        let install = || unit::install(root.path(), Path::new("/opt/faultline"), &[]).unwrap();
        let is_there = |made: &[PathBuf]| made.iter().all(|path| path.symlink_metadata().is_ok());
        let made = install();
        state::tests::armed("x").write(&store).unwrap();
        assert!(armed(&store, root.path()).unwrap().is_some() && is_there(&made));
        state::disarm(&store).unwrap();
        assert!(armed(&store, root.path()).unwrap().is_none());
        assert!(made.iter().all(|path| path.symlink_metadata().is_err()));
        let made = install();
        std::fs::write(store.path().join(state::NAME), "").unwrap();
        assert!(armed(&store, root.path()).is_err());
        assert!(made.iter().all(|path| path.symlink_metadata().is_err()));
    }
}
