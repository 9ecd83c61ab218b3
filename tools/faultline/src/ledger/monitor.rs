// SPDX-License-Identifier: GPL-2.0

//! The status of the drills as metrics for Prometheus.

use super::status::{Newest, Status, Worth};
use crate::prometheus::Metrics;

/// Returns the status as metrics. `now` is in seconds since 1970.
pub fn prometheus(status: &Status<'_>, now: f64) -> Metrics {
    let mut metrics = Metrics::new("faultline_drill");
    let newest = &status.newest;
    let mut each = |name, help: &str, value: &dyn Fn(&Newest<'_>) -> Option<f64>| {
        let mut gauge = metrics.gauge(name, help);
        for one in newest {
            if let Some(value) = value(one) {
                gauge.sample(&labels(one), value);
            }
        }
    };
    each(
        "judged_timestamp_seconds",
        "When the newest drill of the fault was judged.",
        &|one| Some(one.proof.judged_at as f64),
    );
    each(
        "latency_seconds",
        "Time from the fault to the detector's report.",
        &|one| one.proof.latency.as_ref().map(|latency| latency.secs),
    );
    each("dump_bytes", "Size of the drill's dump.", &|one| {
        one.proof.dump.as_ref().map(|dump| dump.bytes as f64)
    });
    let mut gauge = metrics.gauge(
        "state",
        "Whether the newest proof of the fault is in this state.",
    );
    for one in newest {
        for worth in Worth::ALL {
            let is_it = if worth == one.worth() { 1.0 } else { 0.0 };
            let state = [("state", worth.word())];
            gauge.sample(&[&labels(one)[..], &state].concat(), is_it);
        }
    }
    let mut gauge = metrics.gauge(
        "proof_info",
        "Always 1; the newest drill of the fault in labels.",
    );
    for one in newest {
        let stage = serde_json::to_value(one.proof.stage).unwrap_or_default();
        let more = [
            ("run_id", one.proof.run_id.as_str()),
            ("stage", stage.as_str().unwrap_or_default()),
        ];
        gauge.sample(&[&labels(one)[..], &more].concat(), 1.0);
    }
    for (name, help, value) in [
        ("proofs", "Drills in the ledger.", status.proofs as f64),
        (
            "armed",
            "Whether a drill is armed, and not judged yet.",
            f64::from(u8::from(status.armed.is_some())),
        ),
        (
            "unreadable",
            "Parts of the ledger and of the drill's state that could not be read.",
            status.trouble.len() as f64,
        ),
        (
            "exit_status",
            "0 every newest proof holds, 1 one does not, 3 could not tell.",
            status.exit_status.into(),
        ),
        (
            "examined_timestamp_seconds",
            "When the status was examined.",
            now,
        ),
    ] {
        metrics.gauge(name, help).sample(&[], value);
    }
    metrics
}

fn labels<'a>(one: &'a Newest<'_>) -> [(&'a str, &'a str); 3] {
    let proof = one.proof;
    [
        ("mode", &proof.mode),
        ("detector", &proof.detector),
        ("policy", &proof.policy),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::{proven, status_of};
    use super::super::Ledger;
    use super::*;
    use crate::prometheus::tests::{check_rules, parse, value};
    use crate::verdict::stage::{Outcome, Stage};

    #[test]
    fn metrics_of_the_newest_drills() {
        let mut failed = proven("bad \"id\"\\");
        failed.mode = "hung".into();
        failed.outcome = Outcome::Fail;
        failed.stage = Stage::NotDetected;
        failed.latency = None;
        failed.dump = None;
        let ledger = Ledger {
            proofs: vec![proven("old"), proven("new"), failed],
            trouble: vec!["a line cannot be read".into()],
        };
        let of = |now: &str| {
            let status = status_of(&ledger, now);
            parse(prometheus(&status, 1_796_000_000.0).text()).unwrap()
        };
        let samples = of("1");
        for (name, labels, wanted) in [
            ("state", &[("mode", "soft"), ("state", "proven")][..], 1.0),
            ("state", &[("mode", "soft"), ("state", "stale")], 0.0),
            ("state", &[("mode", "hung"), ("state", "failed")], 1.0),
            (
                "judged_timestamp_seconds",
                &[("mode", "soft")],
                1_795_000_300.0,
            ),
            ("latency_seconds", &[("mode", "soft")], 26.6),
            ("dump_bytes", &[("mode", "soft")], 106_000_000.0),
            (
                "proof_info",
                &[("run_id", "bad \"id\"\\"), ("stage", "not_detected")],
                1.0,
            ),
            ("proofs", &[], 3.0),
            ("armed", &[], 0.0),
            ("unreadable", &[], 1.0),
            ("exit_status", &[], 1.0),
            ("examined_timestamp_seconds", &[], 1_796_000_000.0),
        ] {
            let found = value(&samples, &format!("faultline_drill_{name}"), labels);
            assert_eq!(found, Some(wanted), "{name} {labels:?}");
        }
        check_rules(&samples, "faultline_drill_");
        let hung = [("mode", "hung")];
        assert_eq!(value(&samples, "faultline_drill_dump_bytes", &hung), None);
        let stale = [("mode", "soft"), ("state", "stale")];
        let samples = of("0");
        assert_eq!(value(&samples, "faultline_drill_state", &stale), Some(1.0));
    }
}
