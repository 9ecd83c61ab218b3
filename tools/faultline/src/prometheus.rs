// SPDX-License-Identifier: GPL-2.0

//! Metrics in the text format of Prometheus, for the textfile collector of its node_exporter.

use crate::cli::usage::WrongUsage;
use crate::files::whole;
use crate::version::Program;
use anyhow::ensure;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The names and values of a sample's labels.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// The text of the metrics of a command. All are gauges.
pub struct Metrics {
    /// What their names begin with. The files of two commands may have no name in common:
    /// node_exporter takes that for an error.
    prefix: &'static str,
    text: String,
}

impl Metrics {
    /// Begins with the program's own metric.
    pub fn new(prefix: &'static str) -> Self {
        let mut metrics = Metrics {
            prefix,
            text: String::new(),
        };
        let program = Program::this();
        let labels: Labels<'_> = &[
            ("version", program.version),
            ("commit", program.commit.unwrap_or("unknown")),
        ];
        metrics
            .gauge("build_info", "Always 1; the program in labels.")
            .sample(labels, 1.0);
        metrics
    }

    /// Begins a metric, whose name gets the prefix.
    pub fn gauge(&mut self, name: &str, help: &str) -> Gauge<'_> {
        let name = format!("{}_{name}", self.prefix);
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        Gauge {
            text: &mut self.text,
            head: Some(format!("# HELP {name} {help}\n# TYPE {name} gauge\n")),
            name,
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A metric, which is not in the text without a sample.
pub struct Gauge<'a> {
    text: &'a mut String,
    /// What comes before the first sample.
    head: Option<String>,
    name: String,
}

impl Gauge<'_> {
    /// Adds a sample.
    pub fn sample(&mut self, labels: Labels<'_>, value: f64) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        *self.text += &self.head.take().unwrap_or_default();
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }
}

/// Escapes the value of a label, which may be text from outside.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '\\' => out += "\\\\",
            '"' => out += "\\\"",
            '\n' => out += "\\n",
            letter => out.push(letter),
        }
    }
    out
}

/// Returns the seconds since 1970.
pub fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs() as f64)
}

/// Checks a name that node_exporter reads.
pub fn path(text: &str) -> anyhow::Result<PathBuf> {
    let path = PathBuf::from(text);
    ensure!(
        path.extension()
            .is_some_and(|extension| extension == "prom"),
        "node_exporter reads only files whose name ends in .prom"
    );
    Ok(path)
}

/// Checks that metrics on stdout, `--prometheus` without a file, are the only thing there.
pub fn check(asked: &Option<Option<PathBuf>>, is_other: bool) -> Result<(), WrongUsage> {
    match asked {
        Some(None) if is_other => Err(WrongUsage(
            "--prometheus without a file prints the metrics: name a file, or leave out the other \
             format"
                .into(),
        )),
        _ => Ok(()),
    }
}

/// Writes the file atomically: it is written under another name in the same directory, and renamed. A
/// link of that name is replaced, and not followed.
pub fn write(metrics: &Metrics, path: &Path) -> anyhow::Result<()> {
    // node_exporter does not run as root: all may read it.
    whole::write(path, metrics.text())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use std::os::unix::fs::PermissionsExt;

    /// A sample: its metric, its labels, its value.
    pub type Sample = (String, BTreeMap<String, String>, f64);

    /// Parses the text format strictly: each metric once, HELP and TYPE before its samples, no sample
    /// twice, names and escapes as allowed, a newline at the end.
    pub fn parse(text: &str) -> Result<Vec<Sample>, String> {
        let mut samples: Vec<Sample> = Vec::new();
        let (mut helped, mut typed) = (BTreeSet::new(), BTreeSet::new());
        let mut current = String::new();
        if !text.ends_with('\n') {
            return Err("the last line has no end".into());
        }
        for line in text.lines() {
            let wrong = |why: &str| Err(format!("{why}: {line:?}"));
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let Some((name, help)) = rest.split_once(' ') else {
                    return wrong("no help");
                };
                if !is_name(name) || help.is_empty() || !helped.insert(name.to_string()) {
                    return wrong("a wrong or a second HELP");
                }
                current = name.into();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                if rest != format!("{current} gauge") || !typed.insert(current.clone()) {
                    return wrong("a wrong or a second TYPE");
                }
            } else {
                let sample = sample(line).ok_or_else(|| format!("no sample: {line:?}"))?;
                if sample.0 != current || !typed.contains(&current) {
                    return wrong("a sample of another metric");
                }
                if samples
                    .iter()
                    .any(|old| (&old.0, &old.1) == (&sample.0, &sample.1))
                {
                    return wrong("a sample twice");
                }
                samples.push(sample);
            }
        }
        match helped == typed {
            true => Ok(samples),
            false => Err("HELP without TYPE".into()),
        }
    }

    fn is_name(text: &str) -> bool {
        let is_first = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        text.starts_with(is_first)
            && text
                .chars()
                .all(|letter| is_first(letter) || letter.is_ascii_digit())
    }

    fn sample(line: &str) -> Option<Sample> {
        let end = line.find(['{', ' '])?;
        let (name, mut rest) = line.split_at(end);
        let mut labels = BTreeMap::new();
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside;
            loop {
                let (label, after) = rest.split_once("=\"")?;
                let mut value = String::new();
                let mut letters = after.char_indices();
                let end = loop {
                    match letters.next()? {
                        (at, '"') => break at,
                        (_, '\\') => value.push(match letters.next()?.1 {
                            'n' => '\n',
                            letter @ ('\\' | '"') => letter,
                            _ => return None,
                        }),
                        (_, letter) => value.push(letter),
                    }
                };
                if !is_name(label) || labels.insert(label.to_string(), value).is_some() {
                    return None;
                }
                rest = &after[end + 1..];
                match rest.strip_prefix(',') {
                    Some(more) => rest = more,
                    None => break,
                }
            }
            rest = rest.strip_prefix('}')?;
        }
        let value = rest.strip_prefix(' ')?.parse().ok()?;
        is_name(name).then(|| (name.to_string(), labels, value))
    }

    /// Returns the value of the sample of this metric with these labels among its labels.
    pub fn value(samples: &[Sample], name: &str, labels: Labels<'_>) -> Option<f64> {
        let is_that = |sample: &&Sample| {
            let has = |(label, value): &(&str, &str)| {
                sample.1.get(*label).is_some_and(|known| known == value)
            };
            sample.0 == name && labels.iter().all(has)
        };
        let mut found = samples.iter().filter(is_that);
        let value = found.next().map(|sample| sample.2);
        assert!(found.next().is_none(), "{name} {labels:?}: several");
        value
    }

    /// Returns the metrics with this prefix that the sample rules of packaging/ are about, and the
    /// labels that they compare.
    fn of_rules(prefix: &str) -> Vec<(String, Vec<(String, String)>)> {
        const RULES: &str = "../../packaging/prometheus/faultline.rules.yml";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RULES);
        let text = std::fs::read_to_string(path).unwrap();
        let expressions = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("expr: "));
        let mut found = Vec::new();
        for expression in expressions {
            let start = expression.find("faultline_").unwrap();
            let rest = &expression[start..];
            let end = rest.find(['{', ' ']).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let mut labels = Vec::new();
            if let Some((inside, _)) = rest
                .strip_prefix('{')
                .and_then(|inside| inside.split_once('}'))
            {
                let (label, values) = inside.split_once('=').unwrap();
                let values = values.trim_start_matches('~').trim_matches('"').split('|');
                labels.extend(values.map(|value| (label.to_string(), value.to_string())));
            }
            if name.starts_with(prefix) {
                found.push((name.to_string(), labels));
            }
        }
        assert!(!found.is_empty(), "{prefix}");
        found
    }

    /// Fails unless these samples have all metrics and labels of the sample rules with this prefix.
    pub fn check_rules(samples: &[Sample], prefix: &str) {
        for (name, labels) in of_rules(prefix) {
            let of_name = || samples.iter().filter(|sample| sample.0 == name);
            assert!(of_name().next().is_some(), "no metric {name}");
            for (label, value) in labels {
                let has = |sample: &Sample| sample.1.get(&label) == Some(&value);
                assert!(of_name().any(has), "no {label}={value} of {name}");
            }
        }
    }

    #[test]
    fn text_from_outside_stays_in_its_label() {
        let nasty = "a\\b\"c\nd} 1\nfaultline_x 2\u{202e}\u{e4}";
        let mut metrics = Metrics::new("faultline_test");
        let mut gauge = metrics.gauge("x_info", "A \\ and\na line.");
        gauge.sample(&[("one", nasty), ("two", "")], 1.0);
        gauge.sample(&[("one", "other"), ("two", "")], 0.5);
        metrics.gauge("y_seconds", "None of it.");
        assert!(!metrics.text().contains("y_seconds"));
        let samples = parse(metrics.text()).unwrap();
        assert_eq!(samples.len(), 3);
        assert_eq!(
            value(&samples, "faultline_test_x_info", &[("one", nasty)]),
            Some(1.0)
        );
        assert_eq!(
            value(&samples, "faultline_test_x_info", &[("one", "other")]),
            Some(0.5)
        );
        assert_eq!(value(&samples, "faultline_test_build_info", &[]), Some(1.0));
        assert_eq!(value(&samples, "faultline_test_x", &[]), None);
    }

    #[test]
    fn the_parser_refuses_what_prometheus_does() {
        let head = "# HELP a b\n# TYPE a gauge\n";
        assert!(parse(&format!("{head}a{{b=\"c\"}} 1.5\na 2\n")).is_ok());
        for wrong in [
            "a",
            "a 1",
            "a x\n",
            "a{b=\"c} 1\n",
            "a{b=\"c\\d\"} 1\n",
            "a{b=\"c\",b=\"d\"} 1\n",
            "a{1b=\"c\"} 1\n",
            "a{b=\"c\"}1\n",
            "a 1\na 1\n",
            "b 1\n",
            "a-b 1\n",
            "# HELP a again\n",
            "# HELP c d\n",
        ] {
            assert!(parse(&format!("{head}{wrong}")).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn metrics_on_stdout_are_alone_there() {
        let file = Some(Some(PathBuf::from("a.prom")));
        assert!(check(&Some(None), true).is_err() && check(&Some(None), false).is_ok());
        assert!(check(&file, true).is_ok() && check(&None, true).is_ok());
    }

    #[test]
    fn a_file_is_replaced_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("a.prom"), dir.path().join("victim"));
        std::fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        let metrics = Metrics::new("faultline_test");
        for _ in 0..2 {
            write(&metrics, &path).unwrap();
            let metadata = path.symlink_metadata().unwrap();
            assert!(metadata.is_file());
            assert_eq!(metadata.permissions().mode() & 0o777, 0o644);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), metrics.text());
        }
        assert_eq!(std::fs::read(&victim).unwrap(), b"mine");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        let error = write(&metrics, &dir.path().join("no/a.prom")).unwrap_err();
        assert!(error.to_string().contains("no/a.prom"), "{error}");
        assert!(super::path("a.txt").is_err() && super::path("a.prom").is_ok());
    }
}
