// SPDX-License-Identifier: GPL-2.0

//! Recognizes the log of another machine, as several machines may dump to one directory.

use super::facts;
use super::state::Armed;
use crate::dump::Dump;
use crate::klog::line::Line;

/// The first line of a boot's log.
const VERSION: &str = "Linux version ";
const COMMAND_LINE: &str = "Command line: ";
const COMMAND_LINE_OF_OTHERS: &str = "Kernel command line: ";

/// The reason why a log is another machine's.
#[derive(Debug, PartialEq)]
pub struct Strange(pub String);

impl Strange {
    /// Compares a log with the armed machine. Returns none for a log without its beginning.
    pub fn of(armed: &Armed, log: &str) -> Option<Self> {
        let mut lines = log.lines().take(2000).map(|line| Line::parse(line).text);
        let release = lines
            .clone()
            .find_map(|text| text.strip_prefix(VERSION)?.split(' ').next());
        if let Some(release) = release.filter(|release| *release != armed.release) {
            let text = format!("its kernel is {release}, not {}", armed.release);
            return Some(Strange(text));
        }
        let words = lines.find_map(|text| {
            let own = text.strip_prefix(COMMAND_LINE);
            own.or_else(|| text.strip_prefix(COMMAND_LINE_OF_OTHERS))
        });
        let root = facts::root_of(words?)?;
        let ours = armed.root.as_deref()?;
        let text = format!("it is another machine's, whose root is {root}, not {ours}");
        (root != ours).then_some(Strange(text))
    }
}

/// Returns a note if a dump names another host than the armed one. The name alone does not identify
/// a machine: hosts are renamed, and several may share a name.
pub fn other_name(armed: &Armed, dump: &Dump) -> Option<String> {
    let host = dump.facts.as_ref()?.host.as_deref()?;
    (host != armed.host).then(|| {
        format!(
            "the dump names the host {host}, but this one was {} when the drill was armed",
            armed.host
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{Facts, Format, State};
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
            "it is another machine's, whose root is UUID=99, not UUID=1234"
        );
        assert_eq!(
            of(&log("6.120", "UUID=1234")).unwrap(),
            "its kernel is 6.120, not 6.12"
        );
        assert_eq!(of("[ 9.0] lockup: run x: the beginning is lost\n"), None);
    }
    #[test]
    fn the_dump_of_a_host_of_another_name() {
        let dump = |host: Option<&str>| Dump {
            facts: Some(Facts {
                format: Format::Elf,
                release: "6.12".into(),
                machine: "x86_64".into(),
                dump_level: None,
                host: host.map(str::to_string),
                vmcoreinfo: Default::default(),
            }),
            ..Dump::only(State::Complete { pages: 1 })
        };
        let x = armed("x");
        assert_eq!(other_name(&x, &dump(Some("server"))), None);
        assert_eq!(other_name(&x, &dump(None)), None);
        assert_eq!(other_name(&x, &Dump::only(State::LogAlone)), None);
        assert_eq!(
            other_name(&x, &dump(Some("server2"))).unwrap(),
            "the dump names the host server2, but this one was server when the drill was armed"
        );
    }
}
