// SPDX-License-Identifier: GPL-2.0

//! Runs programs, a few at a time, until all have ended or a signal arrives.

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// An event, with the number of its program.
pub enum News {
    Began(usize),
    Ended(usize, Ended),
}

/// The end of a program.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    /// It was asked to end.
    pub was_stopped: bool,
}

struct Running {
    at: usize,
    child: Child,
    stdout: File,
    stderr: File,
    began: Instant,
}

impl Running {
    /// Starts it in a process group of its own, so that only this program passes on a Ctrl-C.
    fn start(at: usize, command: &mut Command) -> anyhow::Result<Self> {
        let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?)
            .process_group(0)
            .spawn()?;
        Ok(Running {
            at,
            child,
            stdout,
            stderr,
            began: Instant::now(),
        })
    }

    /// Sends SIGTERM, on which it cleans up.
    fn stop(&self) {
        // It is waited for only later, so that its PID is not reused yet.
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32);
        let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
    }

    fn ended(&mut self, status: ExitStatus, was_stopped: bool) -> anyhow::Result<Ended> {
        Ok(Ended {
            status,
            stdout: text(&mut self.stdout)?,
            stderr: text(&mut self.stderr)?,
            took: self.began.elapsed(),
            was_stopped,
        })
    }
}

/// A program that is dropped is asked to end.
impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.stop();
            let _ = self.child.wait();
        }
    }
}

fn text(file: &mut File) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Runs `commands` in their order, `at_once` of them at a time, and reports each. Returns whether
/// all of them ran: a signal ends the running ones, and no more are started.
pub fn run(
    commands: impl IntoIterator<Item = (usize, Command)>,
    at_once: usize,
    mut tell: impl FnMut(News) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    // Before the first program starts, so that no end is missed.
    let mut signals = Signals::new([SIGCHLD, SIGINT, SIGTERM, SIGHUP])?;
    let mut waiting = commands.into_iter();
    let mut running: Vec<Running> = Vec::new();
    let mut is_stopped = false;
    loop {
        while !is_stopped && running.len() < at_once {
            let Some((at, mut command)) = waiting.next() else {
                break;
            };
            running.push(Running::start(at, &mut command)?);
            tell(News::Began(at))?;
        }
        if running.is_empty() {
            return Ok(!is_stopped);
        }
        for signal in signals.wait() {
            if signal != SIGCHLD && !is_stopped {
                is_stopped = true;
                running.iter().for_each(Running::stop);
            }
        }
        let mut at = 0;
        while at < running.len() {
            match running[at].child.try_wait()? {
                Some(status) => {
                    let mut over = running.remove(at);
                    let ended = over.ended(status, is_stopped)?;
                    tell(News::Ended(over.at, ended))?;
                }
                None => at += 1,
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Signals reach all programs of this process, so the tests run one at a time.
    pub static ALONE: Mutex<()> = Mutex::new(());

    fn scripts(scripts: &[&str]) -> Vec<(usize, Command)> {
        let commands = scripts.iter().map(|script| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        });
        commands.enumerate().collect()
    }

    #[test]
    fn all_run_and_no_more_than_so_many_at_once() {
        let _alone = ALONE.lock().unwrap();
        let (mut now, mut most, mut ends) = (0, 0, Vec::new());
        let all = run(
            scripts(&["echo a; exit 3", "echo b >&2", "sleep 0.1", "true"]),
            2,
            |news| {
                match news {
                    News::Began(_) => now += 1,
                    News::Ended(at, ended) => {
                        now -= 1;
                        ends.push((at, ended.status.code(), ended.stdout, ended.stderr));
                        assert!(!ended.was_stopped);
                    }
                }
                most = most.max(now);
                Ok(())
            },
        );
        assert!(all.unwrap());
        assert_eq!(most, 2);
        ends.sort();
        let codes: Vec<_> = ends.iter().map(|end| end.1).collect();
        assert_eq!(codes, [Some(3), Some(0), Some(0), Some(0)]);
        assert_eq!((ends[0].2.as_str(), ends[1].3.as_str()), ("a\n", "b\n"));
    }

    #[test]
    fn a_signal_ends_those_that_run_and_no_more_begin() {
        let _alone = ALONE.lock().unwrap();
        let (mut began, mut ends) = (0, Vec::new());
        let all = run(scripts(&["exec sleep 60", "true", "true"]), 1, |news| {
            match news {
                News::Began(_) => {
                    began += 1;
                    signal_hook::low_level::raise(SIGINT)?;
                }
                News::Ended(at, ended) => ends.push((at, ended.was_stopped)),
            }
            Ok(())
        });
        assert!(!all.unwrap());
        assert_eq!((began, ends), (1, vec![(0, true)]));
    }
}
