// SPDX-License-Identifier: GPL-2.0

//! `faultline verdict`: judges a dump or a kernel log.

use super::debug::Debug;
use super::duration::seconds;
use super::guide::Guide;
use super::usage::{self, WrongUsage};
use super::words::{detector, mode};
use crate::dump::{Dump, State, Watch};
use crate::fault::mode::Mode;
use crate::here::find;
use crate::interrupt;
use crate::run::plan;
use crate::run::report::{DumpFacts, Files, Report, VERDICT};
use crate::run::timeline;
use crate::terminal::progress::Progress;
use crate::verdict::expected::Expected;
use crate::verdict::{self, infer};
use anyhow::bail;
use clap::{Args, ValueHint};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct VerdictArgs {
    /// The dump, or all parts of a split dump; the directory that kdump made for it; a
    /// saved kernel log, or all of its parts in pstore; - is standard input
    #[arg(required = true, value_hint = ValueHint::AnyPath)]
    vmcore: Vec<PathBuf>,
    /// Fail unless it shows this fault [default: the one that its log names]
    #[arg(short, long, value_name = "MODE", value_parser = mode(), hide_possible_values = true)]
    mode: Option<&'static Mode>,
    /// Fail unless it shows this run id
    #[arg(long, value_name = "ID", value_parser = plan::check_run_id)]
    run_id: Option<String>,
    /// Fail unless this detector reported it [default: the one that its log names]
    #[arg(long, value_name = "NAME", value_parser = detector(), hide_possible_values = true)]
    detector: Option<String>,
    /// Fail unless it shows this CPU [default: one that its log announces]
    #[arg(long, value_name = "N")]
    cpu: Option<u32>,
    /// Fail unless it shows this threshold of the detector; the latency is judged by
    /// it [default: the one that the module logged, or drgn finds]
    #[arg(long, value_name = "TIME", alias = "watchdog-thresh", value_parser = seconds)]
    threshold: Option<u32>,
    #[command(flatten)]
    debug: Debug,
    /// Print the report as JSON
    #[arg(short, long)]
    json: bool,
}

pub const GUIDE: Guide = Guide {
    about: "Reads the whole dump and the kernel log in it: kdump-compressed (makedumpfile -c, -l, \
        -p, -z, also flattened with -F or split), ELF, QEMU's dump-guest-memory; each also as .gz, \
        .zst, .xz, or from a pipe. With the kernel's vmlinux with debug information it also reads \
        the dump with drgn.\n\n\
        Of a directory, as kdump makes it for each crash, the dump is read; if that is damaged, the \
        saved log beside it still tells the fault; if there is only the log, it is judged. A dump \
        that is compressed or comes from a pipe is first written to an unlinked file in TMPDIR, as \
        long as that leaves room for others.\n\n\
        The log tells the injected fault and its detector; the options only insist on them. A saved \
        kernel log (dmesg, journalctl -k, pstore) is judged in the same way, but the exit status is \
        3 where a dump would pass.",
    exit_status: &[
        (0, "the dump shows the fault that was injected, and is complete"),
        (1, "it shows something else, or is damaged"),
        (2, "wrong usage"),
        (3, "could not tell, or only a log was judged"),
    ],
    environment: &[
        (
            "FAULTLINE_VMLINUX_DEBUG",
            "the vmlinux to use if --vmlinux is not given",
        ),
        (
            "FAULTLINE_DRGN",
            "the python that has drgn; without it, python3",
        ),
        (
            "TMPDIR",
            "where a compressed dump, or one from a pipe, is unpacked; without it, /tmp",
        ),
    ],
    see_also: &[("crash", "8"), ("drgn", "1"), ("makedumpfile", "8")],
    examples: &[
        "faultline verdict /var/crash/202611281200/",
        "faultline verdict vmcore --run-id 7f3a9c21 --cpu 1 --threshold 2s --json",
        "faultline verdict /var/crash/202611281200/dmesg.202611281200",
        "ssh server cat /var/crash/202611281200/dump.202611281200 \\\n\
         | faultline verdict -",
    ],
    ..Guide::NEW
};

/// The files to judge: those that were named, or those of a directory.
#[derive(Debug, PartialEq)]
struct Found {
    files: Vec<PathBuf>,
    /// The log that was saved beside the dump.
    log: Option<PathBuf>,
}

/// The number of directories that an error names.
const NAMED: usize = 5;

impl Found {
    /// Finds the files; a directory stands for the only dump in it, or the only log without a dump.
    fn of(named: Vec<PathBuf>) -> anyhow::Result<Self> {
        let directory = match &named[..] {
            [one] if one.is_dir() => one.clone(),
            _ => {
                return Ok(Found {
                    files: named,
                    log: None,
                })
            }
        };
        let shown = directory.display();
        let mut known = find::look(&[directory.clone()]);
        let mut places = find::new_since(&[], &known);
        places.retain(|place| {
            !place.dumps.is_empty() || place.incomplete.is_some() || place.log.is_some()
        });
        match places.len() {
            0 => bail!(
                "{shown}: no dump and no kernel log in it: expected names as kdump gives them, such \
                 as dump.*, vmcore, dmesg.*"
            ),
            1 => {}
            count => {
                known.sort_by_key(|known| std::cmp::Reverse(known.modified_ns));
                let mut newest: Vec<_> = known
                    .iter()
                    .filter_map(|known| known.path.parent())
                    .filter(|parent| places.iter().any(|place| place.directory == *parent))
                    .map(|parent| parent.display().to_string())
                    .collect();
                let mut seen = BTreeSet::new();
                newest.retain(|path| seen.insert(path.clone()));
                newest.truncate(NAMED);
                let more = if count > NAMED { ", ..." } else { "" };
                return Err(WrongUsage(format!(
                    "{shown} has {count} dumps or logs: name one of them: {}{more}",
                    newest.join(", ")
                ))
                .into());
            }
        }
        let place = places.remove(0);
        let files = match (place.dumps, place.incomplete, &place.log) {
            (dumps, _, _) if !dumps.is_empty() => dumps,
            (_, Some(incomplete), _) => vec![incomplete],
            (_, None, log) => log.iter().cloned().collect(),
        };
        Ok(Found {
            files,
            log: place.log,
        })
    }
}

/// Judges the dump or log, and prints the report.
pub fn run(args: VerdictArgs) -> anyhow::Result<ExitCode> {
    let vmlinux = args.debug.vmlinux()?;
    if let (Some(mode), Some(detector)) = (args.mode, &args.detector) {
        usage::case(mode, Some(detector))?;
    }
    let progress = Progress::late();
    let stop = interrupt::flag()?;
    let tell = |step: &str, done, of| progress.share(step, done, of);
    let found = Found::of(args.vmcore)?;
    let mut dump = Dump::examine(&found.files, &Watch::new(&stop, &tell))?;
    let mut beside = None;
    if let (State::Unreadable(_) | State::Incomplete(_), None) = (&dump.state, &dump.log) {
        // It can no longer pass, but what was saved beside it still names the fault.
        dump.log = found.log.as_deref().and_then(find::read_text);
        beside = found.log.filter(|_| dump.log.is_some());
    }
    let log = dump.log.as_deref().unwrap_or_default();
    let case = infer::case(log, args.mode, args.detector.as_deref());
    let expected = Expected {
        case,
        run_id: args.run_id,
        cpus: args.cpu.map(|cpu| cpu.to_string()),
        threshold: args.threshold,
        insists: true,
    };
    if vmlinux.is_some() {
        progress.share("reading it with drgn", 0, 0);
    }
    dump.question(case, &found.files[0], vmlinux.as_ref());
    drop(progress);
    let verdict = verdict::dump::judge(&expected, &dump);
    let timeline = dump
        .story
        .as_ref()
        .map(|story| timeline::of_story(case, story, verdict.latency.as_ref()));
    let seen = dump
        .story
        .as_ref()
        .and_then(|story| {
            let begun = story.begins.first().map(|begin| &begin.run_id);
            begun.or(story.announced.as_ref().map(|plan| &plan.run_id))
        })
        .cloned();
    let given = found.files.into_iter().next();
    let report = Report {
        schema: VERDICT,
        outcome: verdict.stage.outcome(),
        exit_status: verdict.stage.outcome().exit_status(),
        mode: case.mode.name,
        detector: case.detector.name,
        run_id: expected.run_id.or(seen),
        verdict,
        timeline: timeline.unwrap_or_default(),
        plan: None,
        dump: Some(DumpFacts::of(&dump)),
        files: match dump.state {
            State::LogAlone => Files {
                kernel_log: given,
                ..Files::default()
            },
            _ => Files {
                vmcore: given,
                kernel_log: beside,
                ..Files::default()
            },
        },
    };
    report.print(args.json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn found(path: &Path) -> anyhow::Result<Found> {
        Found::of(vec![path.into()])
    }

    #[test]
    fn what_is_judged_of_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let put = |path: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        for path in [
            "debian/202611281200/dump.202611281200",
            "debian/202611281200/dmesg.202611281200",
            "split/vmcore1",
            "split/vmcore2",
            "cut/vmcore-incomplete",
            "cut/vmcore-dmesg.txt",
            "log/vmcore-dmesg.txt",
            "log/kexec-dmesg.log",
            "other/notes",
            "saver/kexec-dmesg.log",
        ] {
            put(path);
        }
        for (path, files, log) in [
            (
                "debian",
                &["debian/202611281200/dump.202611281200"][..],
                Some("debian/202611281200/dmesg.202611281200"),
            ),
            (
                "debian/202611281200",
                &["debian/202611281200/dump.202611281200"],
                Some("debian/202611281200/dmesg.202611281200"),
            ),
            ("split", &["split/vmcore1", "split/vmcore2"], None),
            (
                "cut",
                &["cut/vmcore-incomplete"],
                Some("cut/vmcore-dmesg.txt"),
            ),
            (
                "log",
                &["log/vmcore-dmesg.txt"],
                Some("log/vmcore-dmesg.txt"),
            ),
            // A file is what was named, whatever is beside it.
            ("split/vmcore2", &["split/vmcore2"], None),
            ("absent", &["absent"], None),
        ] {
            let expected = Found {
                files: files.iter().map(|file| root.join(file)).collect(),
                log: log.map(|log| root.join(log)),
            };
            assert_eq!(found(&root.join(path)).unwrap(), expected, "{path}");
        }
        for path in ["other", "saver"] {
            let error = found(&root.join(path)).unwrap_err().to_string();
            assert!(error.contains("no dump and no kernel log"), "{error}");
        }
        let error = found(root).unwrap_err();
        assert!(error.downcast_ref::<WrongUsage>().is_some());
        let told = error.to_string();
        assert!(told.contains("has 4 dumps or logs: name one"), "{told}");
        assert!(told.contains("debian/202611281200"), "{told}");
    }
}
