// SPDX-License-Identifier: GPL-2.0

//! The text that announces a drill, and the request to type the host name.

use super::impact::Impact;
use super::state::Armed;
use super::target::Target;
use crate::fault::case::Case;
use crate::interrupt;
use crate::ledger::Ledger;
use crate::run::plan::{Policy, Setting};
use crate::terminal::layout::wrapped;
use anyhow::Context;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// The user's answer.
pub enum Reply {
    Yes,
    No(String),
}

/// Returns the text that announces the drill and its impact.
pub fn text(case: Case, armed: &Armed, impact: &Impact, ledger: &Ledger) -> String {
    let target = Target {
        directories: armed.directories.clone(),
        remote: armed.remote.clone(),
    };
    let list = |words: &[String]| match words {
        [] => "none".to_string(),
        words => words.join(", "),
    };
    let settings: Vec<_> = armed.set.iter().map(Setting::to_string).collect();
    let before: Vec<_> = armed.before.iter().map(Setting::to_string).collect();
    let mut text = wrapped(
        "",
        &format!(
            "Drill on this machine: {}, expected from the {}, run id {}",
            case.mode.title, case.detector.title, armed.run_id
        ),
    );
    let mut row = |name: &str, told: &str| text += &wrapped(&format!("  {name:<10} "), told);
    row("host", &format!("{}, kernel {}", armed.host, armed.release));
    row(
        "module",
        &format!("{} {}", armed.module.display(), armed.parameters),
    );
    if !settings.is_empty() {
        row("set", &settings.join(", "));
    }
    if !before.is_empty() {
        row("was", &before.join(", "));
    }
    match armed.policy {
        Policy::Panic => {
            row(
                "happens",
                "this machine panics, saves a dump and boots again",
            );
            row("users", &list(&impact.users));
            row("writable", &list(&impact.mounts));
            row("services", &format!("{} are running", impact.services));
            row("dump", &target.says());
            row("back", &back(case, armed, ledger));
        }
        Policy::Report | Policy::Off => {
            let happens = "the detector reports without a panic: this machine goes on, but \
                           everything that needs the CPUs of the fault waits for them";
            row("happens", happens);
            row("users", &list(&impact.users));
        }
    }
    for finding in &armed.overridden {
        let stage = finding.stage.map(|stage| format!(" [{}]", stage.title()));
        let told = format!("{}{}", finding.says, stage.unwrap_or_default());
        row("OVERRIDDEN", &told);
    }
    text + "\n"
}

/// Returns when the machine should be back.
fn back(case: Case, armed: &Armed, ledger: &Ledger) -> String {
    let proofs = ledger.proofs.iter().rev();
    let took = proofs
        .filter(|proof| proof.rebooted && proof.mode == armed.mode)
        .map(|proof| proof.judged_at.saturating_sub(proof.armed_at))
        .next();
    let window = case.detector.window(armed.threshold);
    let panics = window.map_or("on an NMI from outside".into(), |window| {
        format!("within {:.0} s of the fault", window.latest_secs)
    });
    match took {
        Some(secs) => format!("panics {panics}; the last drill was judged {secs} s later"),
        None => format!("panics {panics}; the time for the dump and the boot is not known yet"),
    }
}

/// Asks for the host name.
pub fn host_name(host: &str) -> anyhow::Result<Reply> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let why = "cannot ask for the host name (standard input is no terminal): pass --yes";
        return Ok(Reply::No(why.into()));
    }
    eprint!("Type the host name to go on: ");
    std::io::stderr().flush()?;
    let again = Timespec::try_from(Duration::from_millis(200))?;
    loop {
        if interrupt::requested() {
            eprintln!();
            return Ok(Reply::No("cancelled".into()));
        }
        let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut polled, Some(&again)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error).context("standard input"),
        }
    }
    let mut line = String::new();
    stdin.read_line(&mut line)?;
    Ok(match line.trim() {
        typed if typed == host => Reply::Yes,
        typed => Reply::No(format!("'{typed}' is not the host name, {host}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::here::state::tests::armed;
    use crate::here::state::Overridden;
    use crate::verdict::stage::Stage;

    #[test]
    fn the_impact_is_shown() {
        let mut armed = armed("x");
        armed.remote = Some("host, by nfs".into());
        armed.overridden = vec![Overridden {
            says: "no crash kernel".into(),
            stage: Some(Stage::PanicNoCrashKernel),
        }];
        let impact = Impact {
            users: vec!["ann on tty2".into()],
            mounts: vec!["/".into(), "/srv".into()],
            services: 23,
        };
        let mut ledger = Ledger::default();
        let case = armed.case().unwrap();
        let shown = |ledger: &Ledger| {
            let text = text(case, &armed, &impact, ledger);
            let words: Vec<_> = text.split_whitespace().collect();
            words.join(" ")
        };
        let first = shown(&ledger);
        for part in [
            "run id x",
            "server, kernel 6.12",
            "kernel.softlockup_panic=1",
            "kernel.softlockup_panic=0",
            "ann on tty2",
            "/, /srv",
            "23 are running",
            "host, by nfs",
            "within 28 s",
            "no crash kernel [panic but no crash kernel]",
        ] {
            assert!(first.contains(part), "{part}:\n{first}");
        }
        ledger.proofs.push(crate::ledger::tests::proof("y"));
        let second = shown(&ledger);
        assert!(second.contains("judged 300 s later"), "{second}");
    }
}
