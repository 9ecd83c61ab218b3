// SPDX-License-Identifier: GPL-2.0

//! QEMU's monitor (QMP): a command to a virtual machine from outside, as the management
//! controller of a real one would give it.

use anyhow::{bail, ensure, Context};
use serde_json::Value;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(10);
const LATE: &str = "it did not answer in time";
/// What it says is shorter than that.
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
            .with_context(|| format!("QEMU's monitor, told '{command}'"))?;
    }
    Ok(())
}

/// Reads to the answer to a command. Before it may come a greeting, and events.
fn answer(from: &mut impl BufRead, stream: &UnixStream, deadline: Instant) -> anyhow::Result<()> {
    loop {
        // However much it says meanwhile, and however slowly.
        let left = deadline.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), LATE);
        stream.set_read_timeout(Some(left))?;
        let mut line = String::new();
        match from.read_line(&mut line) {
            Ok(0) => bail!("it hung up"),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => bail!(LATE),
            Err(error) => return Err(error.into()),
        }
        let message: Value = serde_json::from_str(&line).context("it does not speak JSON")?;
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
        assert_eq!(error, "QEMU's monitor, told 'inject-nmi': no NMI here");
        assert!(inject_nmi(Path::new("/nonexistent")).is_err());
    }
}
