// SPDX-License-Identifier: GPL-2.0

//! Whether what was detected becomes a panic: the switches, as they are now.

use crate::doctor::check::Check;
use crate::doctor::{Class, Facts, Finding, Link, State};
use crate::system::{sysctl_path, Seen};
use crate::verdict::Stage;

pub const CHECKS: &[Check] = &[
    Check {
        name: "softlockup_panic",
        reads: "/proc/sys/kernel/softlockup_panic",
        why: "the watchdog only reports a soft lockup unless told to panic",
        mend: "kernel.softlockup_panic=1",
        run: |facts| vec![switch(facts, &Switch { on: "1", ..SOFT })],
    },
    Check {
        name: "panic_itself",
        reads: "nothing",
        why: "a panic needs neither a detector nor a switch",
        mend: "nothing to mend",
        run: |_| {
            [Link::Detector, Link::Panic]
                .map(|link| Finding::fine(Class::Panic, link, "the kernel's own panic"))
                .into()
        },
    },
];

/// The file that the advice puts settings in.
pub const SYSCTL_FILE: &str = "/etc/sysctl.d/90-panic.conf";

/// A sysctl that makes a report a panic.
struct Switch {
    class: Class,
    sysctl: &'static str,
    /// What to set it to.
    on: &'static str,
    /// What it is when a machine has it switched off.
    off: State,
}

const SOFT: Switch = Switch {
    class: Class::Soft,
    sysctl: "kernel.softlockup_panic",
    on: "1",
    off: State::Wrong,
};

fn switch(facts: &Facts, switch: &Switch) -> Finding {
    let &Switch {
        class,
        sysctl,
        on,
        off,
    } = switch;
    let (value, path) = (facts.system.sysctl(sysctl), sysctl_path(sysctl));
    let number = value.as_ref().map(|text| text.parse::<u64>());
    let finding = match number {
        Seen::Is(Ok(0)) => Finding {
            stage: Some(Stage::DetectedNoPanic),
            ..Finding::new(
                off,
                class,
                Link::Panic,
                format!("{sysctl} is 0: it is only reported"),
            )
        }
        .mend(format!("echo '{sysctl} = {on}' >> {SYSCTL_FILE}"))
        .mend(format!("sysctl -p {SYSCTL_FILE}")),
        Seen::Is(Ok(_)) => Finding::fine(class, Link::Panic, format!("{sysctl} is on")),
        Seen::Is(Err(_)) => Finding::unknown(class, Link::Panic, format!("{sysctl} is no number")),
        Seen::Absent => Finding::wrong(
            class,
            Link::Panic,
            Stage::DetectedNoPanic,
            format!("this kernel has no {sysctl}"),
        ),
        Seen::Unseen(why) => Finding::unknown(
            class,
            Link::Panic,
            format!("{sysctl} could not be seen: {why}"),
        ),
    };
    finding.seen(&path, &value)
}
