// SPDX-License-Identifier: GPL-2.0

//! Whether a hardware watchdog leaves a dump when it expires: most only reset the machine; some
//! have a pretimeout that panics before.

use crate::doctor::check::Check;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link, State};
use crate::fault::class::Class;
use crate::system::Seen;
use crate::verdict::stage::Stage;

const CLASS: &str = "/sys/class/watchdog";

pub const CHECKS: &[Check] = &[Check {
    name: "watchdog_pretimeout",
    reads: "/sys/class/watchdog/*/identity, state, pretimeout, pretimeout_governor; softdog's soft_panic",
    why: "a watchdog that only resets the machine leaves no dump; one with a pretimeout can panic before",
    mend: "set RuntimeWatchdogPreSec= and RuntimeWatchdogPreGovernor=panic in /etc/systemd/system.conf",
    run: watchdog_pretimeout,
}];

fn off(link: Link, says: String) -> Finding {
    let stage = match link {
        Link::Detector => Stage::NotDetected,
        _ => Stage::DetectedNoPanic,
    };
    Finding {
        stage: Some(stage),
        ..Finding::new(State::Off, Class::HardwareWatchdog, link, says)
    }
}

/// Of several devices, the one whose findings reach the furthest link counts.
fn watchdog_pretimeout(facts: &Facts) -> Vec<Finding> {
    let names = match facts.system.list(CLASS) {
        Seen::Is(names) => names,
        Seen::Absent => Vec::new(),
        Seen::Unseen(why) => {
            let says = format!("cannot tell whether there is a hardware watchdog: {why}");
            return vec![Finding::unknown(
                Class::HardwareWatchdog,
                Link::Detector,
                says,
            )];
        }
    };
    let devices = names.iter().filter(|name| name.starts_with("watchdog"));
    let found = devices.map(|name| device(facts, name));
    let best = found.min_by_key(|found| {
        let worst = found.iter().map(|finding| finding.state).max();
        (usize::MAX - found.len(), worst)
    });
    let mut best = best.unwrap_or_else(|| {
        let says = "there is no hardware watchdog".to_string();
        vec![off(Link::Detector, says).evidence(CLASS, "(none)")]
    });
    if best[0].state == State::Off {
        best.push(off(Link::Panic, best[0].says.clone()));
    }
    best
}

/// Returns the findings on a device: on its detection and, if it is armed, on its panic.
fn device(facts: &Facts, name: &str) -> Vec<Finding> {
    let path = |file: &str| format!("{CLASS}/{name}/{file}");
    let read = |file: &str| {
        facts
            .system
            .text(&path(file))
            .map(|text| text.trim().to_string())
    };
    let identity = read("identity").is().unwrap_or_else(|| name.into());
    let fine = |link, says: String| Finding::fine(Class::HardwareWatchdog, link, says);
    let unknown = |link, why: String| {
        let says = format!("{identity}: cannot read its state: {why}");
        Finding::unknown(Class::HardwareWatchdog, link, says)
    };
    let state = read("state");
    match &state {
        Seen::Is(word) if word == "active" => {}
        Seen::Is(_) => {
            let finding = off(
                Link::Detector,
                format!("{identity} is not armed: nothing feeds it"),
            );
            return vec![finding.seen(&path("state"), &state).mend(
                "# RuntimeWatchdogSec=60 in /etc/systemd/system.conf, or the package watchdog",
            )];
        }
        Seen::Absent => {
            return vec![unknown(
                Link::Detector,
                "this kernel has no state file of watchdogs".into(),
            )]
        }
        Seen::Unseen(why) => return vec![unknown(Link::Detector, why.clone())],
    }
    let armed = fine(Link::Detector, format!("{identity} is armed")).seen(&path("state"), &state);
    let soft = facts
        .system
        .text("/sys/module/softdog/parameters/soft_panic");
    if identity == "Software Watchdog"
        && soft.as_ref().map(|text| text.trim() == "1") == Seen::Is(true)
    {
        return vec![
            armed,
            fine(Link::Panic, "softdog panics (soft_panic=1)".into()),
        ];
    }
    let (pretimeout, governor) = (read("pretimeout"), read("pretimeout_governor"));
    let advice = |finding: Finding| {
        finding
            .seen(&path("pretimeout"), &pretimeout)
            .mend("# RuntimeWatchdogPreSec=30 and RuntimeWatchdogPreGovernor=panic in /etc/systemd/system.conf")
    };
    let panic = match (
        pretimeout.as_ref().map(|text| text.parse::<u64>()),
        governor.clone(),
    ) {
        (Seen::Absent, _) => off(
            Link::Panic,
            format!("{identity} resets the machine without a panic"),
        )
        .evidence(path("pretimeout"), "(not there)"),
        (Seen::Is(Ok(0)), _) => advice(off(
            Link::Panic,
            format!("{identity} resets the machine: its pretimeout is 0"),
        )),
        (Seen::Is(Ok(secs)), Seen::Is(word)) if word == "panic" => fine(
            Link::Panic,
            format!("{identity} panics {secs} s before it resets the machine"),
        ),
        (Seen::Is(Ok(_)), Seen::Is(word)) => {
            let says = format!("{identity}: its pretimeout governor is {word:?}, not \"panic\"");
            advice(off(Link::Panic, says)).seen(&path("pretimeout_governor"), &governor)
        }
        // The device sends an NMI, which its driver handles, or else the kernel as an unknown one.
        (Seen::Is(Ok(_)), Seen::Absent) if identity.contains("HP") => {
            fine(Link::Panic, format!("{identity} panics by its NMI"))
        }
        (Seen::Is(Ok(_)), Seen::Absent) => {
            let switch = facts.system.sysctl("kernel.unknown_nmi_panic");
            match switch.as_ref().map(|text| text.parse::<u64>()) {
                Seen::Is(Ok(1..)) => fine(
                    Link::Panic,
                    format!("the NMI of {identity} panics (kernel.unknown_nmi_panic)"),
                ),
                Seen::Unseen(why) => unknown(Link::Panic, why),
                _ => {
                    let says = format!(
                        "the NMI of {identity} panics only with kernel.unknown_nmi_panic=1"
                    );
                    off(Link::Panic, says).seen("/proc/sys/kernel/unknown_nmi_panic", &switch)
                }
            }
        }
        (Seen::Is(Err(_)), _) => unknown(Link::Panic, "its pretimeout is not a number".into()),
        (Seen::Unseen(why), _) | (_, Seen::Unseen(why)) => unknown(Link::Panic, why),
    };
    vec![armed, panic]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::class::Classes;
    use crate::system::testing::Machine;

    /// The states of the detector's and the panic's link.
    fn states(machine: Machine) -> Vec<State> {
        let system = machine.system();
        let found = watchdog_pretimeout(&Facts::of(&system, Classes::ALL));
        found.iter().map(|finding| finding.state).collect()
    }

    fn device(name: &str, files: &[(&str, &str)]) -> Machine {
        let machine = Machine::new().file("/sys/class/watchdog/x", "");
        add(machine, name, files)
    }

    fn add(machine: Machine, name: &str, files: &[(&str, &str)]) -> Machine {
        files.iter().fold(machine, |machine, (file, text)| {
            machine.file(
                &format!("/sys/class/watchdog/{name}/{file}"),
                &format!("{text}\n"),
            )
        })
    }

    #[test]
    fn what_a_watchdog_leaves() {
        use State::{Fine, Off, Unknown};
        assert_eq!(states(device("x", &[])), [Off, Off]);
        assert_eq!(states(Machine::new().file("/sys/class/x", "")), [Off, Off]);
        assert_eq!(states(Machine::new().file("/etc/x", "")), [Unknown]);
        let of = |files: &[(&str, &str)]| states(device("watchdog0", files));
        assert_eq!(
            of(&[("identity", "i6300ESB"), ("state", "inactive")]),
            [Off, Off]
        );
        assert_eq!(of(&[("identity", "i6300ESB")]), [Unknown]);
        let armed = [("identity", "iTCO_wdt"), ("state", "active")];
        let and = |more: &[(&str, &str)]| of(&[&armed, more].concat());
        assert_eq!(and(&[]), [Fine, Off]);
        assert_eq!(and(&[("pretimeout", "0")]), [Fine, Off]);
        assert_eq!(
            and(&[("pretimeout", "10"), ("pretimeout_governor", "noop")]),
            [Fine, Off]
        );
        assert_eq!(
            and(&[("pretimeout", "10"), ("pretimeout_governor", "panic")]),
            [Fine, Fine]
        );
        assert_eq!(and(&[("pretimeout", "x")]), [Fine, Unknown]);
        let hp = [
            ("identity", "HPE iLO2+ HW Watchdog Timer"),
            ("state", "active"),
            ("pretimeout", "9"),
        ];
        assert_eq!(of(&hp), [Fine, Fine]);
        let nmi = |value: &str| {
            let machine = device("watchdog0", &[&armed[..], &[("pretimeout", "9")]].concat());
            states(machine.sysctl("kernel.unknown_nmi_panic", value))
        };
        assert_eq!((nmi("1"), nmi("0")), (vec![Fine, Fine], vec![Fine, Off]));
        let soft = device(
            "watchdog0",
            &[("identity", "Software Watchdog"), ("state", "active")],
        );
        assert_eq!(
            states(soft.file("/sys/module/softdog/parameters/soft_panic", "1\n")),
            [Fine, Fine]
        );
        // The better of two.
        let two = device("watchdog0", &[("identity", "a"), ("state", "inactive")]);
        let two = add(
            two,
            "watchdog1",
            &[
                &armed[..],
                &[("pretimeout", "5"), ("pretimeout_governor", "panic")],
            ]
            .concat(),
        );
        assert_eq!(states(two), [Fine, Fine]);
    }
}
