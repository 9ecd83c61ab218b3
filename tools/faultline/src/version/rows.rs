// SPDX-License-Identifier: GPL-2.0

//! The row of scripts/kernels that a kernel belongs to, by its release.

const ROWS: &str = include_str!("../../../../scripts/kernels");

/// What the releases of a suite's kernels have.
struct Suite {
    name: &'static str,
    /// The mark of the Debian release in them.
    mark: &'static str,
    /// Their beginning, if all of the suite's kernels have it.
    series: Option<&'static str>,
    /// The beginning that none of them has.
    not_series: Option<&'static str>,
}

const SUITES: &[Suite] = &[
    Suite {
        name: "trixie",
        mark: "+deb13-",
        series: Some("6.12."),
        not_series: None,
    },
    Suite {
        name: "trixie-backports",
        mark: "+deb13-",
        series: None,
        not_series: Some("6.12."),
    },
    Suite {
        name: "forky",
        mark: "+deb14-",
        series: None,
        not_series: None,
    },
    Suite {
        name: "sid",
        mark: "+deb14-",
        series: None,
        not_series: None,
    },
];

/// Returns the rows of stock kernels that this release may be of. Testing and unstable have kernels
/// of the same release.
pub fn of(release: &str) -> Vec<&'static str> {
    let lines = ROWS.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (row, suite, flavour) = (words.next()?, words.nth(1)?, words.next()?);
            let suite = SUITES.iter().find(|known| known.name == suite)?;
            let (version, of_release) = release.split_once(suite.mark)?;
            let is_suite = suite
                .series
                .is_none_or(|series| version.starts_with(series))
                && suite
                    .not_series
                    .is_none_or(|series| !version.starts_with(series));
            (is_suite && of_release == flavour).then_some(row)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_kernel_that_was_tested_is_of_its_row() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results.tsv");
        let results = std::fs::read_to_string(docs).unwrap();
        let mut count = 0;
        for line in results.lines() {
            let columns: Vec<_> = line.split('\t').collect();
            let (row, release) = (columns[0], columns[3]);
            assert!(of(release).contains(&row), "{row}: {release}");
            count += 1;
        }
        assert!(count > 0);
    }

    #[test]
    fn other_kernels_have_no_row() {
        for release in [
            "6.12.1+deb13-686",
            "6.12.1-cloud-amd64",
            "5.14.0-570.el9.x86_64",
            "6.12.1+deb12-cloud-amd64",
            "",
        ] {
            assert_eq!(of(release), [""; 0], "{release}");
        }
        assert_eq!(of("6.12.9+deb13-cloud-amd64"), ["debian-13"]);
        assert_eq!(of("7.3.4+deb13-cloud-amd64"), ["debian-13-backports"]);
        assert_eq!(of("7.3.4+deb13-rt-amd64"), ["debian-13-backports-rt"]);
    }
}
