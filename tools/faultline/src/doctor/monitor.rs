// SPDX-License-Identifier: GPL-2.0

//! The answer for monitoring systems: a plugin's line (Nagios, Icinga), and a file for Prometheus'
//! node_exporter.

use super::answer::{Answer, ClassAnswer, Outcome};
use super::finding::{Link, State};
use crate::terminal::escape;
use anyhow::{ensure, Context};
use std::fmt::Write;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

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

/// Checks a name that node_exporter reads.
pub fn prometheus_path(text: &str) -> anyhow::Result<PathBuf> {
    let path = PathBuf::from(text);
    ensure!(
        path.extension()
            .is_some_and(|extension| extension == "prom"),
        "node_exporter reads only files whose name ends in .prom"
    );
    Ok(path)
}

/// Writes the file atomically: it is written under another name in the same directory, and renamed.
pub fn write_prometheus(answer: &Answer, path: &Path) -> anyhow::Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let shown = || path.display().to_string();
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).with_context(shown)?;
    file.write_all(prometheus(answer, now).as_bytes())
        .with_context(shown)?;
    // node_exporter does not run as root.
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))
        .with_context(shown)?;
    file.persist(path).with_context(shown)?;
    Ok(())
}

fn prometheus(answer: &Answer, now: u64) -> String {
    let mut out = String::new();
    let mut metric = |name: &str, help: &str, values: Vec<(String, u64)>| {
        let _ = writeln!(
            out,
            "# HELP faultline_doctor_{name} {help}\n# TYPE faultline_doctor_{name} gauge"
        );
        for (labels, value) in values {
            let _ = writeln!(out, "faultline_doctor_{name}{labels} {value}");
        }
    };
    let mut outcomes = Vec::new();
    let mut links = Vec::new();
    for class in &answer.classes {
        let name = class.class.name();
        for (outcome, word) in OUTCOMES {
            let labels = format!("{{class=\"{name}\",outcome=\"{word}\"}}");
            outcomes.push((labels, u64::from(class.outcome == outcome)));
        }
        for link in &class.chain {
            let labels = format!("{{class=\"{name}\",link=\"{}\"}}", word(link.link));
            links.push((
                labels,
                u64::from(matches!(link.state, State::Fine | State::Later)),
            ));
        }
    }
    metric(
        "outcome",
        "Whether a fault of the class has this outcome.",
        outcomes,
    );
    metric(
        "link",
        "Whether this link of the class's chain works.",
        links,
    );
    let states = [
        ("wrong", State::Wrong),
        ("unknown", State::Unknown),
        ("later", State::Later),
    ];
    let count = |state| {
        answer
            .findings
            .iter()
            .filter(|finding| finding.state == state)
            .count() as u64
    };
    let counts = states.map(|(name, state)| (format!("{{state=\"{name}\"}}"), count(state)));
    metric(
        "findings",
        "Findings of the doctor, by state.",
        counts.into(),
    );
    let status = vec![(String::new(), answer.exit_status.into())];
    metric(
        "exit_status",
        "0 everything would work, 1 something would not, 3 could not tell.",
        status,
    );
    let time = vec![(String::new(), now)];
    metric(
        "examined_timestamp_seconds",
        "When the machine was examined.",
        time,
    );
    out
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

    /// What the text format of Prometheus allows on a line.
    fn is_sample(line: &str) -> bool {
        let Some((left, value)) = line.rsplit_once(' ') else {
            return false;
        };
        let (name, labels) = left.split_once('{').unwrap_or((left, "}"));
        let is_word = |text: &str| {
            let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
            text.starts_with(first)
                && text
                    .chars()
                    .all(|letter| first(letter) || letter.is_ascii_digit())
        };
        let is_label = |label: &str| {
            let pair = label
                .split_once("=\"")
                .and_then(|(key, value)| Some((key, value.strip_suffix('"')?)));
            pair.is_some_and(|(key, value)| is_word(key) && !value.contains(['"', '\\', '\n']))
        };
        let labels = labels.strip_suffix('}').unwrap_or("!");
        is_word(name)
            && value.parse::<f64>().is_ok()
            && (labels.is_empty() || labels.split(',').all(is_label))
    }

    #[test]
    fn a_file_for_prometheus() {
        let answer = answer(&[
            (Class::Soft, Link::Panic, State::Wrong, "\"\n"),
            (Class::Oom, Link::Panic, State::Off, "x"),
        ]);
        let text = prometheus(&answer, 1_790_000_000);
        let mut of_metric = "";
        for line in text.lines() {
            match line
                .strip_prefix("# TYPE ")
                .or(line.strip_prefix("# HELP "))
            {
                Some(rest) => of_metric = rest.split(' ').next().unwrap(),
                None => assert!(is_sample(line) && line.starts_with(of_metric), "{line}"),
            }
        }
        assert!(text.contains("faultline_doctor_outcome{class=\"soft\",outcome=\"would_not\"} 1\n"));
        assert!(text.contains("faultline_doctor_outcome{class=\"oom\",outcome=\"off\"} 1\n"));
        assert!(text.contains("faultline_doctor_link{class=\"soft\",link=\"panic\"} 0\n"));
        assert!(text.ends_with("faultline_doctor_examined_timestamp_seconds 1790000000\n"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.prom");
        std::fs::write(&path, "old").unwrap();
        write_prometheus(&answer, &path).unwrap();
        assert!(std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("# HELP"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_prometheus(&answer, &dir.path().join("no/a.prom")).is_err());
        assert!(prometheus_path("a.txt").is_err() && prometheus_path("a.prom").is_ok());
    }
}
