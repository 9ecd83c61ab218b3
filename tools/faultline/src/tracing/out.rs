// SPDX-License-Identifier: GPL-2.0

//! The way out, and the ways to end: stdout, written such that a reader who is slow, or
//! gone, cannot keep this program from ending as it should.

use crate::terminal::escape;
use crate::terminal::tell::tell;
use anyhow::Context;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use serde::Serialize;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A pipe that is ready takes as much at once without blocking (PIPE_BUF).
const AT_ONCE: usize = 4096;

/// Why it is to end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A signal told it to.
    Interrupted,
    /// Nobody reads stdout any more.
    Closed,
    Duration,
    Count,
}

/// Tells when a signal has come that ends this program.
pub struct Signals(UnixStream);

impl Signals {
    pub fn catch() -> anyhow::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let (ours, theirs) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?;
        }
        ours.set_nonblocking(true)?;
        Ok(Signals(ours))
    }

    /// Forgets those that came.
    fn clear(&mut self) {
        let _ = self.0.read(&mut [0; 64]);
    }
}

/// What stdout is ready for; nothing, when a signal has ended the wait.
enum Ready {
    ToWrite,
    ToEnd,
    ForNothing,
}

/// stdout and what has not been written to it yet.
pub struct Out {
    pending: Vec<u8>,
    signals: Signals,
    stdout: std::io::Stdout,
}

impl Out {
    pub fn new(signals: Signals) -> Self {
        Out {
            pending: Vec::new(),
            signals,
            stdout: std::io::stdout(),
        }
    }

    pub fn push(&mut self, text: &str) {
        self.pending.extend_from_slice(text.as_bytes());
    }

    /// Pushes a record of the JSON, which is a line and names its schema.
    pub fn record(&mut self, schema: &str, record: &str, body: impl Serialize) {
        #[derive(Serialize)]
        struct Line<'a, T> {
            schema: &'a str,
            record: &'a str,
            #[serde(flatten)]
            body: T,
        }
        let line = Line {
            schema,
            record,
            body,
        };
        match serde_json::to_string(&line) {
            Ok(text) => self.push(&(escape::json(&text) + "\n")),
            Err(error) => tell(format!("a record '{record}' cannot be told: {error}")),
        }
    }

    /// Writes what is pending, until a reason to end comes.
    pub fn flush(&mut self) -> anyhow::Result<Option<End>> {
        self.flush_within(None)
    }

    /// The same after the reason came: whoever does not read within a second gets no more.
    /// Returns whether all was written.
    pub fn flush_last(&mut self) -> anyhow::Result<bool> {
        self.signals.clear();
        Ok(self.flush_within(Some(Duration::from_secs(1)))?.is_none())
    }

    fn flush_within(&mut self, patience: Option<Duration>) -> anyhow::Result<Option<End>> {
        let mut written = 0;
        let mut end = None;
        while written < self.pending.len() && end.is_none() {
            let piece = &self.pending[written..self.pending.len().min(written + AT_ONCE)];
            match self.ready(patience)? {
                Ready::ToEnd => end = Some(End::Interrupted),
                Ready::ForNothing => {}
                Ready::ToWrite => match rustix::io::write(&self.stdout, piece) {
                    Ok(length) => written += length,
                    Err(Errno::INTR | Errno::AGAIN) => {}
                    Err(Errno::PIPE) => end = Some(End::Closed),
                    Err(error) => return Err(error).context("stdout"),
                },
            }
        }
        self.pending.drain(..written);
        Ok(end)
    }

    fn ready(&self, patience: Option<Duration>) -> anyhow::Result<Ready> {
        let mut fds = [
            PollFd::new(&self.signals.0, PollFlags::IN),
            PollFd::new(&self.stdout, PollFlags::OUT),
        ];
        let anything = wait(&mut fds, patience)?;
        Ok(if !fds[0].revents().is_empty() || !anything {
            Ready::ToEnd
        } else if !fds[1].revents().is_empty() {
            Ready::ToWrite
        } else {
            Ready::ForNothing
        })
    }

    /// Waits for `source`, or for a reason to end, at most that long.
    pub fn wait(
        &self,
        source: Option<BorrowedFd<'_>>,
        limit: Duration,
    ) -> anyhow::Result<Option<End>> {
        // Without a source, a signal is waited for twice.
        let source = source.unwrap_or(self.signals.0.as_fd());
        let mut fds = [
            PollFd::new(&self.signals.0, PollFlags::IN),
            PollFd::new(&self.stdout, PollFlags::empty()),
            PollFd::from_borrowed_fd(source, PollFlags::IN),
        ];
        wait(&mut fds, Some(limit))?;
        Ok(if !fds[0].revents().is_empty() {
            Some(End::Interrupted)
        } else if fds[1].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            Some(End::Closed)
        } else {
            None
        })
    }
}

/// Whether anything came within the limit: a signal too, of which the pipe tells next time.
fn wait(fds: &mut [PollFd<'_>], limit: Option<Duration>) -> anyhow::Result<bool> {
    let limit = limit.map(Timespec::try_from).transpose()?;
    match poll(fds, limit.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
