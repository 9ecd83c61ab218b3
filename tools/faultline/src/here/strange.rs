// SPDX-License-Identifier: GPL-2.0

//! Tells by a kernel's log that it is another machine's: several may dump to one place.

use super::facts;
use super::state::Armed;
use crate::line::Line;

/// How the log of a boot begins.
const VERSION: &str = "Linux version ";
const COMMAND_LINE: &str = "Command line: ";
const COMMAND_LINE_OF_OTHERS: &str = "Kernel command line: ";

/// What shows a log to be another machine's.
#[derive(Debug, PartialEq)]
pub struct Strange(pub String);

impl Strange {
    /// Compares a log with the machine that was armed. A log that has lost its beginning does
    /// not tell.
    pub fn of(armed: &Armed, log: &str) -> Option<Self> {
        let mut lines = log.lines().take(2000).map(|line| Line::parse(line).text);
        let release = lines
            .clone()
            .find_map(|text| text.strip_prefix(VERSION)?.split(' ').next());
        if let Some(release) = release.filter(|release| *release != armed.release) {
            let text = format!("it is of the kernel {release}, not of {}", armed.release);
            return Some(Strange(text));
        }
        let words = lines.find_map(|text| {
            let own = text.strip_prefix(COMMAND_LINE);
            own.or_else(|| text.strip_prefix(COMMAND_LINE_OF_OTHERS))
        });
        let root = facts::root_of(words?)?;
        let ours = armed.root.as_deref()?;
        let text = format!("it is of another machine, of which the root is {root}, not {ours}");
        (root != ours).then_some(Strange(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::here::state::tests::armed;

    #[test]
    fn the_log_of_another_machine() {
        let log = |release: &str, root: &str| {
            format!(
                "[    0.0] Linux version {release} (x) #1\n\
                 [    0.0] Command line: BOOT_IMAGE=/vmlinuz root={root} ro\n\
                 [    1.0] lockup: run x: plan: mode=soft cpus=1 \n"
            )
        };
        let of = |text: &str| Strange::of(&armed("x"), text).map(|strange| strange.0);
        assert_eq!(of(&log("6.12", "UUID=1234")), None);
        assert_eq!(
            of(&log("6.12", "UUID=99")).unwrap(),
            "it is of another machine, of which the root is UUID=99, not UUID=1234"
        );
        assert_eq!(
            of(&log("6.120", "UUID=1234")).unwrap(),
            "it is of the kernel 6.120, not of 6.12"
        );
        assert_eq!(of("[ 9.0] lockup: run x: the beginning is lost\n"), None);
    }
}
