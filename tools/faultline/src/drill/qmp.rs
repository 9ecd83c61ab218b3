// SPDX-License-Identifier: GPL-2.0

//! QEMU's monitor (QMP): sends an NMI to a virtual machine, as the management controller of a real
//! machine does.

use anyhow::{bail, ensure, Context};
use serde_json::Value;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time limit for the whole exchange.
const LIMIT: Duration = Duration::from_secs(10);
const LATE: &str = "it did not answer in time";
/// Limit on the length of a message.
const LONGEST: u64 = 1 << 20;

/// Sends an NMI to the machine with the monitor at `socket`.
pub fn inject_nmi(socket: &Path) -> anyhow::Result<()> {
    let stream = UnixStream::connect(socket).context("QEMU's monitor does not answer")?;
    speak(&stream, Instant::now() + LIMIT)
}

fn speak(mut stream: &UnixStream, deadline: Instant) -> anyhow::Result<()> {
    stream.set_write_timeout(Some(LIMIT))?;
    let mut answers = BufReader::new(stream.try_clone()?).take(LONGEST);
    for command in ["qmp_capabilities", "inject-nmi"] {
        writeln!(stream, "{}", serde_json::json!({ "execute": command }))?;
        answer(&mut answers, stream, deadline)
            .with_context(|| format!("command '{command}' to QEMU's monitor"))?;
    }
    Ok(())
}

/// Reads up to the answer to a command, past a greeting and events.
fn answer(from: &mut impl BufRead, stream: &UnixStream, deadline: Instant) -> anyhow::Result<()> {
    loop {
        // The limit holds for all messages together.
        let left = deadline.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), LATE);
        stream.set_read_timeout(Some(left))?;
        let mut line = String::new();
        match from.read_line(&mut line) {
            Ok(0) => bail!("it closed the connection"),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => bail!(LATE),
            Err(error) => return Err(error.into()),
        }
        let message: Value = serde_json::from_str(&line).context("its message is not JSON")?;
        if let Some(error) = message.get("error") {
            bail!("{}", error["desc"].as_str().unwrap_or("it refused"));
        }
        if message.get("return").is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A monitor that answers the second command with this; returns what it was told.
    fn monitor(last: &'static str) -> (anyhow::Result<()>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("monitor");
        let listener = UnixListener::bind(&socket).unwrap();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut told = Vec::new();
            writeln!(&stream, r#"{{"QMP": {{}}}}"#).unwrap();
            for answer in [
                r#"{"event": "RESUME"}"#.to_string() + "\n{\"return\": {}}",
                last.into(),
            ] {
                told.push(lines.next().unwrap().unwrap());
                writeln!(&stream, "{answer}").unwrap();
            }
            told
        });
        let result = inject_nmi(&socket);
        (result, thread.join().unwrap())
    }

    #[test]
    fn speaks_to_a_monitor() {
        let (result, told) = monitor(r#"{"return": {}}"#);
        result.unwrap();
        assert_eq!(
            told,
            [
                r#"{"execute":"qmp_capabilities"}"#,
                r#"{"execute":"inject-nmi"}"#
            ]
        );
    }

    #[test]
    fn one_that_talks_without_answering_is_not_heard_out() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let talks = std::thread::spawn(move || {
            // Until nobody listens any more.
            while writeln!(&theirs, r#"{{"event": "RESUME"}}"#).is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let error = speak(&ours, Instant::now() + Duration::from_millis(60)).unwrap_err();
        drop(ours);
        talks.join().unwrap();
        let error = format!("{error:#}");
        assert!(error.contains("did not answer in time"), "{error}");
    }

    #[test]
    fn one_that_says_nothing_is_late() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let error = speak(&ours, Instant::now() + Duration::from_millis(20)).unwrap_err();
        assert!(format!("{error:#}").contains(LATE), "{error:#}");
    }

    #[test]
    fn a_refusal_is_an_error() {
        let (result, _) = monitor(r#"{"error": {"desc": "no NMI here"}}"#);
        let error = format!("{:#}", result.unwrap_err());
        assert_eq!(error, "command 'inject-nmi' to QEMU's monitor: no NMI here");
        assert!(inject_nmi(Path::new("/nonexistent")).is_err());
    }
}
