// SPDX-License-Identifier: GPL-2.0

//! Runs the virtual machine of a drill, and reads all of its output: the guest side on stdout, the
//! runner on stderr, and the serial console through a FIFO.

use crate::run::event::{End, Heard, What};
use anyhow::Context;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::process::{kill_process, kill_process_group, Pid, Signal};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(50);
/// Time limit for the runner's cleanup after a SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// Time limit for further output after the runner's end.
const AFTERMATH: Duration = Duration::from_secs(2);
const LONGEST_LINE: usize = 64 << 10;

/// Starts `command` with `console` as the machine's console, and passes all output to `hear` until
/// the machine ends, `limit` is over or `stop` is set. It calls `act` regularly, which returns what
/// was done to the machine.
pub fn run(
    command: &mut Command,
    console: &Path,
    start: Instant,
    limit: Duration,
    stop: &AtomicBool,
    mut hear: impl FnMut(Heard),
    mut act: impl FnMut() -> Option<What>,
) -> anyhow::Result<()> {
    let (send, receive) = channel();
    let ended = Arc::new(AtomicBool::new(false));
    // Opened for writing too, so that reading does not end when the writer closes it.
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32);
    let console = options
        .open(console)
        .with_context(|| console.display().to_string())?;
    let mut machine = Machine::start(command)?;
    let readers = [
        listen_to_console(console, start, send.clone(), ended.clone()),
        listen(
            machine.child.stdout.take().context("no stdout")?,
            start,
            send.clone(),
            guest_line,
        ),
        listen(
            machine.child.stderr.take().context("no stderr")?,
            start,
            send,
            What::Stderr,
        ),
    ];
    let mut deadline = Instant::now() + limit;
    let mut told = None;
    let end = loop {
        if let Ok(heard) = receive.recv_timeout(TICK) {
            hear(heard);
        }
        if let Some(what) = act() {
            let at = start.elapsed().as_secs_f64();
            hear(Heard { at, what });
        }
        if let Some(status) = machine.child.try_wait()? {
            break told.unwrap_or(match (status.code(), status.signal()) {
                // 128 + signal, as a shell reports a killed program, and scripts/vm a killed QEMU.
                (Some(code @ 129..=192), _) => End::Signal(code - 128),
                (Some(code), _) => End::Status(code),
                (None, signal) => End::Signal(signal.unwrap_or(0)),
            });
        }
        if told.is_none() && (stop.load(Ordering::Relaxed) || Instant::now() > deadline) {
            told = Some(if stop.load(Ordering::Relaxed) {
                End::Interrupted
            } else {
                End::TimedOut
            });
            machine.signal(Signal::TERM);
            deadline = Instant::now() + GRACE;
        } else if told.is_some() && Instant::now() > deadline {
            machine.kill();
        }
    };
    machine.gone = true;
    ended.store(true, Ordering::Relaxed);
    let deadline = Instant::now() + AFTERMATH;
    loop {
        match receive.recv_timeout(TICK) {
            Ok(heard) => hear(heard),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    // A reader that is still blocked reads from a pipe that an unrelated process holds open.
    drop(readers);
    hear(Heard {
        at: start.elapsed().as_secs_f64(),
        what: What::End(end),
    });
    Ok(())
}

/// The runner: a process group of its own, which is killed when this value is dropped.
struct Machine {
    child: Child,
    gone: bool,
}

impl Machine {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| {
                format!(
                    "cannot start the runner {}",
                    command.get_program().to_string_lossy()
                )
            })?;
        Ok(Machine { child, gone: false })
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.id() as i32)
    }

    /// Sends SIGTERM to the runner itself, which ends its own programs.
    fn signal(&self, signal: Signal) {
        // It may have ended already.
        let _ = self.pid().map(|pid| kill_process(pid, signal));
    }

    /// Kills the runner and its group.
    fn kill(&self) {
        let _ = self.pid().map(|pid| kill_process_group(pid, Signal::KILL));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if !self.gone {
            self.kill();
            let _ = self.child.wait();
        }
    }
}

/// Parses a line of the guest's stdout: an event, or any other text.
fn guest_line(line: String) -> What {
    match serde_json::from_str(&line) {
        Ok(event) => What::Guest(event),
        Err(_) => What::Stderr(line),
    }
}

/// Reads lines until the end of `from`.
fn listen(
    from: impl Read + Send + 'static,
    start: Instant,
    send: Sender<Heard>,
    what: fn(String) -> What,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = from;
        let mut lines = Lines::default();
        let mut buffer = [0; 4096];
        loop {
            match from.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(length) => {
                    lines.add(&buffer[..length], |line| pass_on(&send, start, what(line)))
                }
            }
        }
        lines.flush(|line| pass_on(&send, start, what(line)));
    })
}

/// Reads the console until the machine has ended and all of it is read.
fn listen_to_console(
    mut console: File,
    start: Instant,
    send: Sender<Heard>,
    ended: Arc<AtomicBool>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = Lines::default();
        let mut buffer = [0; 4096];
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        loop {
            let last = ended.load(Ordering::Relaxed);
            let _ = poll(&mut [PollFd::new(&console, PollFlags::IN)], Some(&wait));
            match console.read(&mut buffer) {
                Ok(length) => lines.add(&buffer[..length], |line| {
                    pass_on(&send, start, What::Console(line))
                }),
                Err(_) if last => break,
                Err(_) => {}
            }
        }
        lines.flush(|line| pass_on(&send, start, What::Console(line)));
    })
}

fn pass_on(send: &Sender<Heard>, start: Instant, what: What) {
    // The receiver is closed: the drill is over.
    let _ = send.send(Heard {
        at: start.elapsed().as_secs_f64(),
        what,
    });
}

/// Splits bytes into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn add(&mut self, bytes: &[u8], mut line: impl FnMut(String)) {
        for byte in bytes {
            match byte {
                b'\n' => self.flush(&mut line),
                _ => self.0.push(*byte),
            }
            if self.0.len() >= LONGEST_LINE {
                self.flush(&mut line);
            }
        }
    }

    fn flush(&mut self, mut line: impl FnMut(String)) {
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.0))
            .trim_end()
            .to_string();
        if !text.is_empty() {
            line(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes the FIFO that a console is to be written to.
    fn make_console(path: &Path) {
        use rustix::fs::{mknodat, FileType, Mode, CWD};
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    /// Runs a shell script as the machine; `$1` is its console.
    fn hear(script: &str, limit: Duration, stop: bool) -> Vec<What> {
        let dir = tempfile::tempdir().unwrap();
        let console = dir.path().join("console");
        make_console(&console);
        let mut heard = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(&console);
        run(
            &mut command,
            &console,
            Instant::now(),
            limit,
            &AtomicBool::new(stop),
            |one| heard.push(one.what),
            || None,
        )
        .unwrap();
        heard
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn hears_everything_and_the_status() {
        let script = r#"printf 'first\r\nlast' >"$1"; echo '{"event":"inserted","cpus":"1"}'; echo chatter; echo oh >&2; exit 70"#;
        let heard = hear(script, LONG, false);
        assert!(
            heard.contains(&What::Console("first".into()))
                && heard.contains(&What::Console("last".into()))
        );
        assert!(
            heard.contains(&What::Guest(crate::run::event::Guest::Inserted {
                cpus: "1".into()
            }))
        );
        assert!(
            heard.contains(&What::Stderr("chatter".into()))
                && heard.contains(&What::Stderr("oh".into()))
        );
        assert_eq!(heard.last(), Some(&What::End(End::Status(70))));
    }

    #[test]
    fn a_kill_is_no_time_out() {
        let heard = hear("kill -KILL $$", LONG, false);
        assert_eq!(heard.last(), Some(&What::End(End::Signal(9))));
        let heard = hear("sh -c 'kill -KILL $$'; exit $?", LONG, false);
        assert_eq!(heard.last(), Some(&What::End(End::Signal(9))));
    }

    #[test]
    fn a_limit_ends_it() {
        let heard = hear("exec sleep 60", Duration::from_millis(100), false);
        assert_eq!(heard.last(), Some(&What::End(End::TimedOut)));
    }

    #[test]
    fn an_interruption_ends_it() {
        let heard = hear("exec sleep 60", LONG, true);
        assert_eq!(heard.last(), Some(&What::End(End::Interrupted)));
    }

    #[test]
    fn a_runner_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let console = dir.path().join("console");
        make_console(&console);
        let stop = AtomicBool::new(false);
        let error = run(
            &mut Command::new("/nonexistent"),
            &console,
            Instant::now(),
            LONG,
            &stop,
            |_| {},
            || None,
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "cannot start the runner /nonexistent");
    }
}
