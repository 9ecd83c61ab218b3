// SPDX-License-Identifier: GPL-2.0

//! The answer for monitoring systems: a plugin's line (Nagios, Icinga), and metrics for Prometheus.

use super::answer::{Answer, ClassAnswer, Outcome};
use super::finding::{Link, State};
use crate::prometheus::Metrics;
use crate::terminal::escape;
use std::fmt::Write;

const OUTCOMES: [(Outcome, &str); 4] = [
    (Outcome::WouldWork, "would_work"),
    (Outcome::WouldNot, "would_not"),
    (Outcome::CouldNotTell, "could_not_tell"),
    (Outcome::Off, "off"),
];

fn of_outcome(answer: &Answer, outcome: Outcome) -> impl Iterator<Item = &ClassAnswer> {
    answer
        .classes
        .iter()
        .filter(move |class| class.outcome == outcome)
}

/// Returns whether a class works now but not after the next boot.
fn is_passing(class: &ClassAnswer) -> bool {
    class.outcome == Outcome::WouldWork && class.chain.iter().any(|link| link.state == State::Later)
}

/// Returns the line of a plugin, and its exit status.
pub fn nagios(answer: &Answer) -> (String, u8) {
    let passing: Vec<_> = answer
        .classes
        .iter()
        .filter(|class| is_passing(class))
        .collect();
    let (word, status) = match answer.outcome {
        Outcome::WouldNot => ("CRITICAL", 2),
        Outcome::CouldNotTell => ("UNKNOWN", 3),
        _ if !passing.is_empty() => ("WARNING", 1),
        _ => ("OK", 0),
    };
    let mut parts = Vec::new();
    let names = |classes: &[&ClassAnswer]| {
        let names: Vec<_> = classes.iter().map(|class| class.class.name()).collect();
        names.join(", ")
    };
    for (outcome, title) in [
        (Outcome::WouldNot, "no dump of"),
        (Outcome::CouldNotTell, "could not tell"),
        (Outcome::WouldWork, "would work"),
    ] {
        let classes: Vec<_> = of_outcome(answer, outcome).collect();
        if let Some(first) = classes.first() {
            let why = match outcome {
                Outcome::WouldWork => String::new(),
                _ => format!(" ({}: {})", first.class.name(), first.says),
            };
            parts.push(format!("{title} {}{why}", names(&classes)));
        }
    }
    if !passing.is_empty() {
        parts.push(format!("only until the next boot: {}", names(&passing)));
    }
    // After a | come the performance data.
    let told = escape::line(&parts.join("; ")).replace('|', "/");
    let mut line = format!("DOCTOR {word} - {told} |");
    let of = answer.classes.len();
    for (outcome, name) in OUTCOMES {
        let _ = write!(
            line,
            " {name}={};;;0;{of}",
            of_outcome(answer, outcome).count()
        );
    }
    (line, status)
}

/// Returns the answer as metrics. `now` is in seconds since 1970.
pub fn prometheus(answer: &Answer, now: f64) -> Metrics {
    let mut metrics = Metrics::new("faultline_doctor");
    let machine = &answer.machine;
    let labels = [
        ("release", machine.release.as_deref().unwrap_or("")),
        ("system", machine.system.as_deref().unwrap_or("")),
        ("view", machine.view),
    ];
    metrics
        .gauge("machine_info", "Always 1; the examined machine in labels.")
        .sample(&labels, 1.0);
    let is = |holds: bool| if holds { 1.0 } else { 0.0 };
    let mut gauge = metrics.gauge("outcome", "Whether a fault of the class has this outcome.");
    for class in &answer.classes {
        for (outcome, word) in OUTCOMES {
            let labels = [("class", class.class.name()), ("outcome", word)];
            gauge.sample(&labels, is(class.outcome == outcome));
        }
    }
    let mut gauge = metrics.gauge("link", "Whether this link of the class's chain works.");
    for class in &answer.classes {
        for link in &class.chain {
            let labels = [("class", class.class.name()), ("link", word(link.link))];
            let works = matches!(link.state, State::Fine | State::Later);
            gauge.sample(&labels, is(works));
        }
    }
    let mut gauge = metrics.gauge(
        "until_reboot",
        "Whether the class works now, but not after the next boot.",
    );
    for class in &answer.classes {
        gauge.sample(&[("class", class.class.name())], is(is_passing(class)));
    }
    let mut gauge = metrics.gauge("findings", "Findings of the doctor, by state.");
    for (name, state) in [
        ("wrong", State::Wrong),
        ("unknown", State::Unknown),
        ("later", State::Later),
    ] {
        let of_state = answer.findings.iter();
        let count = of_state.filter(|finding| finding.state == state).count();
        gauge.sample(&[("state", name)], count as f64);
    }
    metrics
        .gauge(
            "exit_status",
            "0 everything would work, 1 something would not, 3 could not tell.",
        )
        .sample(&[], answer.exit_status.into());
    metrics
        .gauge(
            "examined_timestamp_seconds",
            "When the machine was examined.",
        )
        .sample(&[], now);
    metrics
}

fn word(link: Link) -> &'static str {
    match link {
        Link::Detector => "detector",
        Link::Panic => "panic",
        Link::CrashKernel => "crash_kernel",
        Link::Dump => "dump",
        Link::After => "after",
        Link::Module => "module",
        Link::Analyser => "analyser",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::answer::testing::answer;
    use crate::fault::class::Class;
    use crate::prometheus::tests::{check_rules, parse, value};

    #[test]
    fn a_line_for_nagios() {
        let (line, status) = nagios(&answer(&[
            (Class::Soft, Link::Panic, State::Wrong, "a | b\nc"),
            (Class::Hung, Link::Dump, State::Unknown, "x"),
        ]));
        let (told, figures) = line.split_once('|').unwrap();
        assert_eq!(
            told,
            "DOCTOR CRITICAL - no dump of soft (soft: a / b\\x0ac); could not tell hung (hung: x) "
        );
        assert_eq!(
            figures,
            " would_work=0;;;0;2 would_not=1;;;0;2 could_not_tell=1;;;0;2 off=0;;;0;2"
        );
        assert!(status == 2 && !line.contains('\n'));
        let of = |state| nagios(&answer(&[(Class::Soft, Link::Panic, state, "x")]));
        assert_eq!(of(State::Fine).1, 0);
        assert_eq!(of(State::Unknown).1, 3);
        let (line, status) = of(State::Later);
        assert!(
            status == 1
                && line.contains("WARNING - would work soft; only until the next boot: soft |"),
            "{line}"
        );
    }

    #[test]
    fn metrics_for_prometheus() {
        let mut answer = answer(&[
            (Class::Soft, Link::Panic, State::Wrong, "\"\n"),
            (Class::Oom, Link::Panic, State::Off, "x"),
            (Class::Hung, Link::Panic, State::Later, "x"),
        ]);
        answer.machine.system = Some("a \"quoted\"\nsystem".into());
        let metrics = prometheus(&answer, 1_790_000_000.0);
        let samples = parse(metrics.text()).unwrap();
        for (name, labels, wanted) in [
            (
                "outcome",
                &[("class", "soft"), ("outcome", "would_not")][..],
                1.0,
            ),
            ("outcome", &[("class", "oom"), ("outcome", "off")], 1.0),
            (
                "outcome",
                &[("class", "oom"), ("outcome", "would_not")],
                0.0,
            ),
            ("link", &[("class", "soft"), ("link", "panic")], 0.0),
            ("link", &[("class", "hung"), ("link", "panic")], 1.0),
            ("until_reboot", &[("class", "hung")], 1.0),
            ("until_reboot", &[("class", "soft")], 0.0),
            ("findings", &[("state", "wrong")], 1.0),
            ("machine_info", &[("system", "a \"quoted\"\nsystem")], 1.0),
            ("exit_status", &[], 1.0),
            ("examined_timestamp_seconds", &[], 1_790_000_000.0),
        ] {
            let found = value(&samples, &format!("faultline_doctor_{name}"), labels);
            assert_eq!(found, Some(wanted), "{name} {labels:?}");
        }
        check_rules(&samples, "faultline_doctor_");
    }
}
