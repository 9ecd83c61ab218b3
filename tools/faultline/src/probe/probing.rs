// SPDX-License-Identifier: GPL-2.0

//! The functions that are probed: those that were there in the beginning, and those of modules that came
//! since.

use super::ask::Ask;
use super::choose::{Pattern, Place, System};
use super::ledger::Ledger;
use super::plan::{LeftOut, Plan};
use super::remarks;
use super::session::Session;
use super::targets::{targets, Targets};
use crate::btf::Cache;
use crate::terminal::tell::tell;
use anyhow::{bail, ensure};

/// The most functions that are probed at once. Those of a whole kernel take minutes to attach, and each
/// call of any of them is a hit.
const MOST: usize = 10_000;

/// What is probed.
pub struct Probing<'a> {
    ask: &'a Ask,
    pub plan: Plan,
    session: Session,
    system: System,
    types: Cache,
    /// Patterns of modules that were not loaded.
    awaited: Vec<Pattern>,
}

impl<'a> Probing<'a> {
    /// Plans it; nothing is attached yet.
    ///
    /// # Errors
    ///
    /// Fails where what is asked for fits none of the functions: with `wrong` made of what is wrong
    /// with the first one.
    pub fn plan(
        ask: &'a Ask,
        patterns: &[Pattern],
        session: Session,
        wrong: impl Fn(String) -> anyhow::Error,
    ) -> anyhow::Result<Self> {
        let system = System::here();
        let mut types = Cache::new(system.btf());
        let Targets { found, awaited } = targets(patterns, &system, &mut types)?;
        if let Some(reason) = too_many(found.len()) {
            return Err(wrong(reason));
        }
        let mut plan = Plan::default();
        let left_out = plan.add(ask, found);
        if let (true, Some(first)) = (plan.probes.is_empty(), left_out.first()) {
            return Err(wrong(match left_out.len() {
                1 => first.reason.clone(),
                all => format!("{} (and of {} other functions)", first.reason, all - 1),
            }));
        }
        ensure!(
            !(plan.probes.is_empty() && awaited.is_empty()),
            "there is no function that can be probed"
        );
        remarks::not_probed(&left_out).into_iter().for_each(tell);
        Ok(Probing {
            ask,
            plan,
            session,
            system,
            types,
            awaited,
        })
    }

    /// Whether modules may come of which functions are to be probed.
    pub fn awaits(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Attaches what is planned, and says what is not.
    pub fn attach(&mut self) -> anyhow::Result<()> {
        if !self.plan.probes.is_empty() {
            self.send()?;
            let ledger = self.ledger()?;
            remarks::failed(&ledger).into_iter().for_each(tell);
            ensure!(
                self.awaits() || ledger.in_state("attached").next().is_some(),
                "none of the {} functions can be probed",
                self.plan.probes.len()
            );
            tell(remarks::attached(&ledger));
        }
        if self.awaits() {
            let awaited: Vec<_> = self
                .awaited
                .iter()
                .map(|pattern| pattern.text.as_str())
                .collect();
            tell(format!(
                "waiting for a module to be loaded: {}",
                awaited.join(", ")
            ));
        }
        Ok(())
    }

    /// Probes the functions of a module that has come, if it is one that is waited for.
    pub fn came(&mut self, module: &str) -> anyhow::Result<()> {
        let is_of_it = |pattern: &&Pattern| match &pattern.place {
            Place::Module(known) => known.matches(module),
            Place::Kernel | Place::Anywhere => false,
        };
        let patterns: Vec<_> = self.awaited.iter().filter(is_of_it).cloned().collect();
        if patterns.is_empty() {
            return Ok(());
        }
        // It may be another one than the last of its name.
        self.types.forget(module);
        let Targets { found, .. } = targets(&patterns, &self.system, &mut self.types)?;
        let before = self.plan.probes.len();
        if let Some(reason) = too_many(before + found.len()) {
            bail!(reason);
        }
        // Of other modules that its pattern fits, functions may be probed already.
        let new = found
            .into_iter()
            .filter(|target| target.module.as_deref() == Some(module));
        let left_out = self.plan.add(self.ask, new);
        remarks::not_probed(&left_out).into_iter().for_each(tell);
        self.send()?;
        let mut ledger = self.ledger()?;
        ledger
            .functions
            .retain(|account| account.id as usize >= before);
        remarks::failed(&ledger).into_iter().for_each(tell);
        tell(format!(
            "{module} was loaded: {}",
            remarks::attached(&ledger)
        ));
        Ok(())
    }

    fn send(&mut self) -> anyhow::Result<()> {
        let commands = self.plan.commands(self.ask);
        let mut not_probed = Vec::new();
        for refused in self.session.send(&commands)? {
            let command = &commands[refused.line];
            let mut words = command.split(' ');
            match (words.next(), words.nth(1)) {
                (Some("probe"), Some(function)) => not_probed.push(LeftOut {
                    function: function.into(),
                    reason: refused.reason,
                }),
                _ => bail!("the module does not take '{command}': {}", refused.reason),
            }
        }
        remarks::not_probed(&not_probed).into_iter().for_each(tell);
        Ok(())
    }

    pub fn ledger(&self) -> anyhow::Result<Ledger> {
        Ledger::read(&self.session.functions()?)
    }
}

/// The complaint that so many functions are too many, if they are.
fn too_many(count: usize) -> Option<String> {
    (count > MOST).then(|| {
        format!("{count} functions are meant, and at most {MOST} are probed at once: choose fewer")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_kernel_is_too_much() {
        assert_eq!(too_many(MOST), None);
        let reason = too_many(41_234).unwrap();
        assert_eq!(
            reason,
            "41234 functions are meant, and at most 10000 are probed at once: choose fewer"
        );
    }
}
