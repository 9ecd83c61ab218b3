// SPDX-License-Identifier: GPL-2.0

//! The checks of stacks, the kernel log's or drgn's: the culprit's function, and the mode's proofs.

use super::check::{check, or_none, skipped, Check, STACK};
use super::facts::{thread_of, Facts};
use crate::fault::mode::Proof;
use crate::klog::message::Locks;
use crate::klog::stack::{Frame, Stack};
use crate::template;
use std::collections::BTreeSet;

impl Facts<'_> {
    /// The number of locks that make a circle: of all CPUs together, or of each CPU by itself.
    fn circles(&self) -> Vec<(usize, Vec<&Locks>)> {
        let mode = self.case.mode;
        let cpus: BTreeSet<_> = self.story.begins.iter().map(|begin| begin.cpu).collect();
        if mode.takes_two {
            return vec![(cpus.len(), self.story.locks.iter().collect())];
        }
        let size = 1 + mode.twin.iter().count();
        let of = |cpu| self.story.locks.iter().filter(move |lock| lock.cpu == cpu);
        cpus.into_iter()
            .map(|cpu| (size, of(cpu).collect()))
            .collect()
    }

    /// Returns all threads that the fault was injected into.
    fn threads(&self) -> BTreeSet<String> {
        let cpus = self.story.begins.iter().map(|begin| begin.cpu);
        cpus.flat_map(|cpu| {
            let twin = self.case.mode.twin;
            let twin = twin.map(|twin| template::fill(twin, "cpu", cpu));
            [Some(thread_of(self.case, Some(cpu))), twin]
        })
        .flatten()
        .collect()
    }

    /// Returns whether the faulty CPU left nothing in these stacks, and need not have.
    pub fn is_silent(&self, stacks: &[Stack]) -> bool {
        let thread = self.thread();
        let is_there = |stack: &Stack| stack.thread == thread || stack.cpu == self.cpu;
        !self.case.detector.shows_culprit && !stacks.iter().any(is_there)
    }

    /// Describes why a log has nothing of a CPU.
    pub fn silent(&self) -> String {
        format!(
            "CPU {} did not answer",
            self.cpu.map_or("?".into(), |cpu| cpu.to_string())
        )
    }

    /// Returns why there can be no stack of the culprit, if so.
    fn no_stack(&self, source: &str, stacks: &[Stack]) -> Option<String> {
        if self.is_silent(stacks) {
            return Some(self.silent());
        }
        // Its registers are on its own CPU: another CPU logs only stale frames.
        let is_running = |state: &str| state.starts_with('R');
        let is_seen_from_afar = |stack: &&Stack| {
            stack.frames.is_empty() && stack.state.as_deref().is_some_and(is_running)
        };
        let mine = self.of_culprit(stacks);
        let is_of_log = source == "log" && !mine.is_empty();
        if is_of_log && mine.iter().all(is_seen_from_afar) {
            return Some("it was running, and another CPU showed it".into());
        }
        let mode = self.case.mode;
        let is_ours = |frame: &Frame| frame.module.as_deref() == Some(mode.module);
        let is_lost = |stack: &&Stack| stack.is_lost() && !stack.frames.iter().any(is_ours);
        let mut guesses = mine.iter().flat_map(|stack| &stack.guesses);
        let is_guessed = guesses.any(|frame| frame.is(mode.module, mode.function));
        (is_of_log && mine.iter().all(is_lost) && is_guessed).then(|| {
            format!(
                "the kernel could not unwind it; {} of [{}] is among its guesses",
                mode.function, mode.module
            )
        })
    }

    /// Checks the stacks of a source: the culprit's function, and the mode's proofs.
    pub fn stacks(&self, source: &'static str, stacks: &[Stack]) -> Vec<Check> {
        let mut checks = vec![self.stack(source, stacks)];
        let no_stack = self.no_stack(source, stacks);
        checks.extend(self.case.mode.proofs.iter().filter_map(|proof| {
            let (name, ok, found, wanted) = self.proof(*proof, source, stacks)?;
            // Of several CPUs that take nothing but an NMI, only one may show its stack.
            let is_partial = *proof == Proof::Everybody
                && source == "log"
                && !self.case.detector.shows_culprit
                && !ok;
            let no_stack = no_stack.as_ref().filter(|_| *proof != Proof::Locks);
            Some(if is_partial {
                skipped(
                    name,
                    source,
                    format!("{found} only: the other CPUs did not answer"),
                )
            } else if let Some(reason) = no_stack {
                skipped(name, source, reason)
            } else {
                check(name, source, ok, found, wanted)
            })
        }));
        checks
    }

    /// Returns the stacks of the culprit.
    fn of_culprit<'s>(&self, stacks: &'s [Stack]) -> Vec<&'s Stack> {
        let thread = self.thread();
        stacks
            .iter()
            .filter(|stack| stack.thread == thread)
            .collect()
    }

    fn stack(&self, source: &'static str, stacks: &[Stack]) -> Check {
        let mode = self.case.mode;
        if let Some(reason) = self.no_stack(source, stacks) {
            return skipped(STACK, source, reason);
        }
        let stacks = self.of_culprit(stacks);
        let ours = || {
            let frames = stacks.iter().flat_map(|stack| &stack.frames);
            frames.filter(|frame| frame.module.as_deref() == Some(mode.module))
        };
        let culprit = ours().find(|frame| frame.is(mode.module, mode.function));
        let found = match (culprit, ours().next()) {
            (Some(frame), _) => format!("{} [{}]", frame.function, mode.module),
            (None, Some(frame)) => {
                format!("{} [{}], no {}", frame.function, mode.module, mode.function)
            }
            (None, None) => format!("no frame of [{}]", mode.module),
        };
        let wanted = format!("{} of [{}]", mode.function, mode.module);
        check(STACK, source, culprit.is_some(), found, wanted)
    }

    /// Checks one of the mode's proofs, if that source can show it. Returns its name, whether it
    /// holds, what was found and what was expected.
    fn proof(
        &self,
        proof: Proof,
        source: &'static str,
        stacks: &[Stack],
    ) -> Option<(&'static str, bool, String, String)> {
        let mode = self.case.mode;
        let mine = self.of_culprit(stacks);
        let frames = || mine.iter().flat_map(|stack| &stack.frames);
        Some(match proof {
            Proof::Locks => {
                // Only the log shows the locks.
                if source != "log" {
                    return None;
                }
                let circles = self.circles();
                let ok = !circles.is_empty()
                    && circles.iter().all(|(size, locks)| is_circle(locks, *size));
                let told = self.story.locks.iter();
                let told: Vec<_> = told
                    .map(|lock| format!("{} has {} wants {}", lock.cpu, lock.has, lock.wants))
                    .collect();
                ("locks", ok, told.join(", "), "a circle".into())
            }
            Proof::Everybody => {
                let wanted = self.threads();
                let seen: BTreeSet<_> = stacks
                    .iter()
                    .filter(|stack| {
                        stack
                            .frames
                            .iter()
                            .any(|frame| frame.is(mode.module, mode.function))
                    })
                    .map(|stack| stack.thread.clone())
                    .filter(|thread| wanted.contains(thread))
                    .collect();
                let told =
                    |threads: &BTreeSet<String>| Vec::from_iter(threads.iter().cloned()).join(", ");
                let wanted_text = format!("{} in {}", told(&wanted), mode.function);
                ("threads", seen == wanted, told(&seen), wanted_text)
            }
            Proof::Uninterruptible => {
                let states = mine.iter().filter_map(|stack| stack.state.clone());
                let states: Vec<_> = states.collect();
                let ok = states.iter().any(|state| state.starts_with('D'));
                ("state", ok, states.join(", "), "D".into())
            }
            Proof::Interrupt => {
                // drgn does not show where a stack changes.
                if source != "log" {
                    return None;
                }
                let ok = frames()
                    .any(|frame| frame.is(mode.module, mode.function) && frame.in_interrupt);
                let found = if ok {
                    "called by an interrupt"
                } else {
                    "not called by an interrupt"
                };
                ("context", ok, found.into(), "an interrupt".into())
            }
            Proof::Through(function) => {
                // The stack may show only its inner half: `__smp_call_function_single`.
                let found = frames().find(|frame| frame.function.contains(function));
                let told = found.map(|frame| frame.function.clone());
                ("through", found.is_some(), or_none(told), function.into())
            }
            Proof::Elsewhere(function) => {
                let other = stacks.iter().find(|stack| {
                    stack
                        .frames
                        .iter()
                        .any(|frame| frame.is(mode.module, function))
                });
                let found = other.map(|stack| format!("{} in {function}", stack.thread));
                (
                    "other",
                    other.is_some(),
                    or_none(found),
                    format!("a thread in {function}"),
                )
            }
        })
    }
}

/// Returns whether each of `size` threads wants the lock that the next one holds.
fn is_circle(locks: &[&Locks], size: usize) -> bool {
    let has: BTreeSet<_> = locks.iter().map(|lock| lock.has.as_str()).collect();
    let wants: BTreeSet<_> = locks.iter().map(|lock| lock.wants.as_str()).collect();
    has == wants && has.len() == size && locks.len() == size
}
