// SPDX-License-Identifier: GPL-2.0

//! The records of `--json`, apart from those of signals and ends, which serialize themselves.
//! `docs/signals.schema.json` has their form.

use super::ask::Ask;
use super::names;
use super::tally::Tally;
use crate::tracing::line::Lost;
use crate::tracing::out::End;
use serde_json::{json, Value};

/// The schema, which each line names.
pub const SCHEMA: &str = "faultline.signals/1";

/// What is looked for, and whether it is told how processes end.
pub fn begin(ask: &Ask, tells_exits: bool) -> Value {
    let signals: Vec<_> = ask.signals.iter().map(|&n| names::signal(n)).collect();
    let exits = match tells_exits {
        true => "process_connector",
        false => "tracepoint",
    };
    json!({
        "filters": { "pids": ask.pids, "comms": ask.comms, "signals": signals },
        "exits": exits,
    })
}

pub fn lost(lost: &Lost) -> Value {
    json!({ "cpu": lost.cpu, "events": lost.events })
}

pub fn unreadable(text: &str) -> Value {
    json!({ "text": text })
}

pub fn end(reason: End, secs: f64, tally: &Tally) -> Value {
    json!({ "reason": reason, "secs": secs, "stream": tally })
}

pub fn failed(error: &anyhow::Error) -> Value {
    json!({ "error": format!("{error:#}") })
}

#[cfg(test)]
mod tests {
    use super::super::exits::Status;
    use super::super::outcome::{self, Outcome, Signal};
    use super::super::people::tests::signal;
    use super::super::summary::Summary;
    use super::super::time::Timed;
    use super::*;
    use crate::schema::complaint;

    /// What is wrong with a record, if anything is.
    fn wrong(record: &str, body: impl serde::Serialize) -> Option<String> {
        let mut line = serde_json::to_value(body).unwrap();
        line["schema"] = json!(SCHEMA);
        line["record"] = json!(record);
        complaint("signals.schema.json", &line)
    }

    #[test]
    fn records_are_as_their_schema_says() {
        let term = signal(15, 0, (812, "bash"), (900, "sleep"));
        let handled = Signal {
            again: true,
            outcome: Outcome::Handled,
            handler: Some(0x55d0),
            status: None,
            ..term.clone()
        };
        let before = Signal {
            from: None,
            process: None,
            taken: None,
            outcome: Outcome::TargetEnded,
            status: Some(Status::Exited(3)),
            ..term.clone()
        };
        let mut summary = Summary::default();
        for signal in [&term, &handled, &before] {
            let timed = Timed::new(1_795_867_384_120_999, signal, Some(signal.words()));
            assert_eq!(wrong("signal", timed), None);
            summary.add(signal, None);
        }
        assert_eq!(wrong("summary", &summary), None);
        let end = outcome::End {
            time_us: 2_300_000,
            process: term.to.clone(),
            status: Status::Exited(3),
            after: 1,
            signal: 15,
            taken_us: 2_000_000,
        };
        assert_eq!(wrong("exit", Timed::new(0, &end, None)), None);
        let ask = Ask {
            pids: vec![7],
            comms: vec!["db".into()],
            signals: vec![15, 40],
            ..Ask::default()
        };
        for tells_exits in [true, false] {
            assert_eq!(wrong("begin", begin(&ask, tells_exits)), None);
        }
        for events in [Some(3), None] {
            assert_eq!(wrong("lost", lost(&Lost { cpu: 1, events })), None);
        }
        assert_eq!(wrong("unreadable", unreadable("x")), None);
        let tally = Tally::default();
        for reason in [End::Interrupted, End::Closed, End::Duration, End::Count] {
            assert_eq!(wrong("end", self::end(reason, 1.5, &tally)), None);
        }
        assert_eq!(wrong("failed", failed(&anyhow::anyhow!("x"))), None);
        assert!(wrong("other", json!({})).is_some());
    }
}
