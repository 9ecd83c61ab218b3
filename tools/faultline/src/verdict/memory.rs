// SPDX-License-Identifier: GPL-2.0

//! The checks of the dump's memory, as drgn reads it: the same as those of the log. An answer that
//! drgn cannot give is not a pass.

use super::check::{
    check, or_none, skipped, unknown, Check, Result, CAUSE, CPU, PAGES, STACK, THREAD,
};
use super::facts::Facts;
use crate::dump::drgn::{Silence, Witness};
use crate::fault::detector::Who;
use crate::klog::stack::Stack;

impl Facts<'_> {
    /// Returns the checks of the dump's memory. An answer that drgn cannot give is not a pass.
    pub fn by_drgn(&self, answer: &std::result::Result<Witness, Silence>) -> Vec<Check> {
        let witness = match answer {
            Ok(witness) => witness,
            Err(silence) if silence.is_excused => {
                return vec![skipped("all", "drgn", &silence.reason)];
            }
            Err(silence) => return vec![unknown("all", "drgn", &silence.reason)],
        };
        let no_answer = |name, to: &str| {
            let failed = witness.failed.get(to);
            let reason = failed.map_or("drgn does not say", String::as_str);
            unknown(name, "drgn", reason)
        };
        let mut checks = vec![match witness.panic_message.as_deref() {
            None => no_answer(CAUSE, "panic_message"),
            Some(panic) => {
                let message = panic.strip_prefix("Kernel panic - not syncing: ");
                let message = message.unwrap_or(panic);
                check(
                    CAUSE,
                    "drgn",
                    self.is_panic(message),
                    format!("panic '{message}'"),
                    format!("panic '{}'", self.panics().join("' or '")),
                )
            }
        }];
        if self.case.detector.panics_in == Who::Culprit {
            checks.extend(match &witness.crashed {
                None => [THREAD, CPU].map(|name| no_answer(name, "crashed")),
                Some(crashed) => self.crashed(crashed),
            });
        }
        if witness.failed.contains_key("threads") {
            checks.push(no_answer(STACK, "threads"));
        } else {
            // A thread whose stack cannot be read may be the culprit.
            let culprit = format!("{}: ", self.thread());
            let mut unread = witness.unread.iter();
            let unread = unread.find(|thread| thread.starts_with(&culprit));
            let checked = self.stacks("drgn", &witness.threads).into_iter();
            checks.extend(checked.map(|check| match (check.result, unread) {
                (Result::Failed, Some(unread)) => {
                    let found = format!("{}; not read: {unread}", check.found);
                    unknown(check.name, "drgn", found)
                }
                _ => check,
            }));
        }
        checks.push(check(
            PAGES,
            "drgn",
            witness.missing.is_empty(),
            witness
                .missing
                .first()
                .map_or("none missing", String::as_str),
            "none missing",
        ));
        checks
    }

    /// Checks the thread that panicked.
    fn crashed(&self, crashed: &Stack) -> [Check; 2] {
        let wanted = self.thread();
        let ok = crashed.thread == wanted;
        let found = format!("{} (PID {})", crashed.thread, crashed.pid);
        let on = |cpu| format!("CPU {cpu}");
        [
            check(THREAD, "drgn", ok, found, wanted),
            check(
                CPU,
                "drgn",
                crashed.cpu.is_some() && crashed.cpu == self.cpu,
                or_none(crashed.cpu.map(on)),
                self.cpu.map_or("the CPU that the log names".into(), on),
            ),
        ]
    }
}
