// SPDX-License-Identifier: GPL-2.0

//! Helper programs, run with a time limit.

use crate::interrupt;
use anyhow::{bail, Context};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The output of a program.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Returns a command that gets SIGTERM if this program is killed, by any signal.
pub fn ends_with_us(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// Runs `command` to its end, or kills it after `limit`.
pub fn output_within(command: &mut Command, limit: Duration) -> anyhow::Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    // Its output is parsed: in one language.
    let mut child = command
        .env("LC_ALL", "C")
        .env_remove("LANGUAGE")
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(err.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let late = Instant::now() > deadline;
        if late || interrupt::requested() {
            child.kill()?;
            child.wait()?;
            match late {
                true => bail!("{name} did not end within {} s", limit.as_secs()),
                false => bail!("interrupted while {name} ran"),
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ok(Output {
        status,
        stdout: text(&mut out)?,
        stderr: text(&mut err)?,
    })
}

fn text(file: &mut File) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_status() {
        let output = output_within(
            Command::new("sh").args(["-c", "echo a; echo b >&2; exit 3"]),
            Duration::from_secs(9),
        );
        let output = output.unwrap();
        assert_eq!(
            (
                output.stdout.as_str(),
                output.stderr.as_str(),
                output.status.code()
            ),
            ("a\n", "b\n", Some(3))
        );
    }

    #[test]
    fn it_speaks_one_language() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $LC_ALL $LANGUAGE"])
            .env("LC_ALL", "tr_TR.UTF-8")
            .env("LANGUAGE", "de");
        let output = output_within(&mut command, Duration::from_secs(9)).unwrap();
        assert_eq!(output.stdout, "C\n");
    }

    #[test]
    fn what_ends_with_us_does() {
        let dir = tempfile::tempdir().unwrap();
        let (script, lock) = (dir.path().join("script"), dir.path().join("lock"));
        std::fs::write(&script, "echo >\"$1\"; exec sleep 60").unwrap();
        // A signal comes when the thread ends that started it.
        let (path, file) = (script.clone(), lock.clone());
        let start = move || {
            let mut command = ends_with_us(Path::new("/bin/sh"));
            let child = command.arg(path).arg(&file).spawn().unwrap();
            while !file.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            child
        };
        let mut child = std::thread::spawn(start).join().unwrap();
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(child.wait().unwrap().signal(), Some(15));
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let error =
            output_within(Command::new("sleep").arg("60"), Duration::from_millis(20)).unwrap_err();
        assert!(error.to_string().starts_with("sleep did not end within"));
    }
}
