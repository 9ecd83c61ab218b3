// SPDX-License-Identifier: GPL-2.0

//! What a user asks for.

use super::names::{self, Sender, SIGCHLD};
use super::outcome::Signal;
use std::time::Duration;

/// What a user asks for.
#[derive(Debug, Default)]
pub struct Ask {
    /// Senders or targets; none: any.
    pub pids: Vec<i32>,
    pub comms: Vec<String>,
    pub signals: Vec<i32>,
    /// Show also how parents are told of children.
    pub children: bool,
    /// Show signals as they come.
    pub lines: bool,
    /// Show the summary in the end.
    pub summary: bool,
    pub duration: Option<Duration>,
    pub count: Option<u64>,
    pub buffer_kb: Option<u32>,
    pub json: bool,
}

/// Whether a signal is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Yes,
    No,
    /// It only tells a parent of its child.
    OfChild,
}

impl Ask {
    pub fn wants(&self, signal: &Signal) -> Wanted {
        // The task in whose context the kernel sends a signal is no party to it.
        let from = signal.from.as_ref().filter(|_| {
            signal.reason().sender == Sender::Task || names::is_of_child(signal.signal, signal.code)
        });
        let pids = [
            Some(signal.to.pid),
            signal.process,
            from.map(|from| from.pid),
        ];
        let comms = [&signal.to.comm, &from.and_then(|from| from.comm.clone())];
        let is_any = self.pids.is_empty() && self.comms.is_empty();
        let by_pid = self.pids.iter().any(|pid| pids.contains(&Some(*pid)));
        let by_comm = self
            .comms
            .iter()
            .any(|comm| comms.iter().any(|known| known.as_ref() == Some(comm)));
        let by_signal = self.signals.is_empty() || self.signals.contains(&signal.signal);
        if !by_signal || !(is_any || by_pid || by_comm) {
            return Wanted::No;
        }
        let shows_children = self.children || self.signals.contains(&SIGCHLD);
        match names::is_of_child(signal.signal, signal.code) && !shows_children {
            true => Wanted::OfChild,
            false => Wanted::Yes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::people::tests::signal;
    use super::*;

    #[test]
    fn who_is_asked_for() {
        let term = signal(15, 0, (812, "bash"), (901, "sleep"));
        let term = Signal {
            process: Some(900),
            ..term
        };
        let wants = |pids: &[i32], comms: &[&str], signals: &[i32]| {
            let ask = Ask {
                pids: pids.to_vec(),
                comms: comms.iter().map(|comm| (*comm).into()).collect(),
                signals: signals.to_vec(),
                ..Ask::default()
            };
            ask.wants(&term) == Wanted::Yes
        };
        assert!(wants(&[], &[], &[]));
        assert!(wants(&[812], &[], &[]) && wants(&[900], &[], &[]) && wants(&[1, 901], &[], &[]));
        assert!(wants(&[], &["bash"], &[15]) && wants(&[], &["x", "sleep"], &[]));
        assert!(wants(&[1], &["bash"], &[]));
        assert!(!wants(&[1], &[], &[]) && !wants(&[], &["x"], &[]) && !wants(&[812], &[], &[9]));
    }

    #[test]
    fn the_kernels_context_is_no_sender() {
        let alarm = signal(14, 0x80, (812, "bash"), (900, "sleep"));
        let of_bash = Ask {
            comms: vec!["bash".into()],
            ..Ask::default()
        };
        assert_eq!(of_bash.wants(&alarm), Wanted::No);
    }

    #[test]
    fn children() {
        let child = signal(SIGCHLD, 1, (901, "ls"), (812, "bash"));
        assert_eq!(Ask::default().wants(&child), Wanted::OfChild);
        let all = Ask {
            children: true,
            ..Ask::default()
        };
        assert_eq!(all.wants(&child), Wanted::Yes);
        let named = Ask {
            signals: vec![SIGCHLD],
            comms: vec!["ls".into()],
            ..Ask::default()
        };
        assert_eq!(named.wants(&child), Wanted::Yes);
        // By kill(2) it is a signal like any other.
        let sent = signal(SIGCHLD, 0, (901, "ls"), (812, "bash"));
        assert_eq!(Ask::default().wants(&sent), Wanted::Yes);
    }
}
