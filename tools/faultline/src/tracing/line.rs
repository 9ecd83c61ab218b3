// SPDX-License-Identifier: GPL-2.0

//! Lines of trace_pipe, and what all events have. The kernel writes
//!
//! ```text
//!  <comm>-<pid> [<cpu>] <flags> <seconds>: <event>: <what it has>
//! ```
//!
//! where comm is whatever a program calls itself, blanks and colons included.

/// What comes before an event's name: the task in which it happened, the CPU and the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// What its program calls itself, if the kernel has noted it by now.
    pub comm: Option<String>,
    pub pid: i32,
    pub cpu: u32,
    /// On CLOCK_MONOTONIC.
    pub time_us: u64,
}

impl Head {
    /// Reads it from what is before `: <event>: `.
    pub fn read(text: &str) -> Option<Self> {
        let (task, rest) = text.rsplit_once(" [")?;
        let (cpu, rest) = rest.split_once("] ")?;
        let (seconds, micros) = rest.split_whitespace().last()?.split_once('.')?;
        let (comm, pid) = task.trim_end().rsplit_once('-')?;
        if micros.len() != 6 {
            return None;
        }
        let seconds = seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?;
        Some(Head {
            comm: Some(comm.trim_start_matches(' ').to_string()).filter(|comm| comm != "<...>"),
            pid: pid.parse().ok()?,
            cpu: cpu.parse().ok()?,
            time_us: seconds.checked_add(micros.parse().ok()?)?,
        })
    }
}

/// Events had no room in a CPU's buffer.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    pub cpu: u32,
    /// How many, if the kernel knows.
    pub events: Option<u64>,
}

impl Lost {
    /// Reads a line, if it tells of that.
    pub fn read(line: &str) -> Option<Self> {
        let (cpu, rest) = line.strip_prefix("CPU:")?.split_once(" [LOST ")?;
        let events = match rest {
            "EVENTS]" => None,
            _ => Some(rest.strip_suffix(" EVENTS]")?.parse().ok()?),
        };
        Some(Lost {
            cpu: cpu.parse().ok()?,
            events,
        })
    }
}

/// Makes lines of what is read piece by piece.
#[derive(Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// The lines that `piece` completes, without their ends.
    pub fn add(&mut self, piece: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(piece);
        let Some(end) = self.0.iter().rposition(|&byte| byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.0.split_off(end + 1);
        let complete = std::mem::replace(&mut self.0, rest);
        let text = String::from_utf8_lossy(&complete);
        text.lines().map(String::from).collect()
    }

    /// What is left of a line that has no end.
    pub fn rest(self) -> Option<String> {
        (!self.0.is_empty()).then(|| String::from_utf8_lossy(&self.0).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let head = |text| Head::read(text);
        let read = head("  a: [1] b-2-1234    [003] d..2.  7216.000020").unwrap();
        assert_eq!(read.comm.as_deref(), Some("a: [1] b-2"));
        assert_eq!((read.pid, read.cpu, read.time_us), (1234, 3, 7_216_000_020));
        assert_eq!(head(" <...>-7 [000] ..... 0.000001").unwrap().comm, None);
        for wrong in [
            "",
            "a-1 [000] .....",
            "a-1 [000] ..... 1.00001",
            "a-1 [000] ..... 18446744073709.999999",
            "a-99999999999 [000] ..... 1.000001",
            "a-1 [] ..... 1.000001",
        ] {
            assert_eq!(head(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn pieces_become_lines() {
        let mut lines = Lines::default();
        assert_eq!(lines.add(b"one\ntw"), ["one"]);
        assert_eq!(lines.add(b"o"), [""; 0]);
        assert_eq!(lines.add(b"\n\xff\nthree"), ["two", "\u{fffd}"]);
        assert_eq!(lines.rest().as_deref(), Some("three"));
    }
}
