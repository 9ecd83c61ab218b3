// SPDX-License-Identifier: GPL-2.0

//! What the module is told, made of what a user asks for and the functions that were chosen; and how
//! what it sees of each of them is shown.

use super::ask::Ask;

use super::fields::form::Form;
use super::fields::program::{Field, Program};
use super::fields::template::Template;
use super::fields::{Scene, CARRIED};
use crate::btf::{Prototype, Types};
use std::collections::HashMap;
use std::rc::Rc;

/// Numbers that the module has for programs.
const PROGRAMS: usize = 4096;
/// Functions that are attached at once: the module queues 1024.
const AT_ONCE: usize = 1000;

/// A function that was chosen.
pub struct Target {
    /// The function as the module takes it.
    pub symbol: String,
    /// Where it begins; 0 where the kernel hides it.
    pub address: u64,
    pub function: String,
    pub module: Option<String>,
    pub prototype: Option<Prototype>,
    /// The types that the prototype is of.
    pub types: Option<Rc<Types>>,
    pub returns: bool,
    pub maxactive: Option<u32>,
}

/// A function that is probed, and how what comes of it is shown.
pub struct Probe {
    pub function: String,
    pub module: Option<String>,
    /// The parameters that come with each event; of those without a form nothing is known.
    pub parameters: Vec<(String, Option<Form>)>,
    /// Whether there are more of them.
    pub has_more: bool,
    pub result: Form,
    /// What the template's expressions stand for, in their order.
    pub fields: Vec<Field>,
}

/// A function that cannot be probed as it was asked for.
#[derive(Debug, PartialEq)]
pub struct LeftOut {
    pub function: String,
    pub reason: String,
}

/// What is to be done.
#[derive(Default)]
pub struct Plan {
    /// Their places are the module's numbers of them.
    pub probes: Vec<Probe>,
    lines: Vec<String>,
    programs: Vec<String>,
    known: HashMap<String, usize>,
}

impl Plan {
    /// Adds functions. Returns those that cannot be probed so.
    pub fn add(&mut self, ask: &Ask, targets: impl IntoIterator<Item = Target>) -> Vec<LeftOut> {
        let mut left_out = Vec::new();
        for target in targets {
            if let Err(reason) = self.add_one(ask, &target) {
                let function = target.function;
                left_out.push(LeftOut { function, reason });
            }
        }
        left_out
    }

    fn add_one(&mut self, ask: &Ask, target: &Target) -> Result<(), String> {
        let scene = Scene {
            name: &target.function,
            types: target.types.as_deref(),
            prototype: target.prototype.as_ref(),
            returns: target.returns,
        };
        let (program, fields) = program(ask, &scene)?;
        let number = self.number(&program)?;
        let mode = if target.returns { "return" } else { "entry" };
        let mut line = format!(
            "probe {} {} {mode} {number}",
            self.probes.len(),
            target.symbol
        );
        if let Some(maxactive) = target
            .maxactive
            .or(ask.maxactive)
            .filter(|_| target.returns)
        {
            line += &format!(" maxactive={maxactive}");
        }
        if target.address != 0 {
            line += &format!(" at={:x}", target.address);
        }
        self.lines.push(line);
        self.probes.push(probe(&scene, target, fields));
        Ok(())
    }

    /// The number of a program: of two that are the same, it is the same.
    fn number(&mut self, program: &Program) -> Result<usize, String> {
        let text = program.line(0);
        if let Some(number) = self.known.get(&text) {
            return Ok(*number);
        }
        let number = self.known.len();
        if number == PROGRAMS {
            return Err(format!(
                "more than {PROGRAMS} functions of which different members are read: choose fewer"
            ));
        }
        self.programs.push(program.line(number));
        self.known.insert(text, number);
        Ok(number)
    }

    /// What the module is to be told since the last time, in this order.
    pub fn commands(&mut self, ask: &Ask) -> Vec<String> {
        let rate = ask.max_rate.map(|rate| format!("max_rate {rate}"));
        let mut commands: Vec<_> = rate.into_iter().chain(self.programs.drain(..)).collect();
        for some in self.lines.chunks(AT_ONCE) {
            commands.extend_from_slice(some);
            commands.push("attach".into());
        }
        self.lines.clear();
        commands
    }

    /// The function that an event is of.
    pub fn probe(&self, id: u32) -> Option<&Probe> {
        self.probes.get(usize::try_from(id).ok()?)
    }
}

fn program(ask: &Ask, scene: &Scene<'_>) -> Result<(Program, Vec<Field>), String> {
    let mut program = Program::new(!ask.lines, &scene.result());
    let template = ask.print.as_ref().filter(|_| ask.lines);
    let expressions = template.into_iter().flat_map(Template::expressions);
    let fields = expressions.map(|expression| program.field(scene, expression));
    let fields = fields.collect::<Result<_, _>>()?;
    for condition in ask.filters() {
        program.holds(&condition)?;
    }
    program.filter(scene, &ask.conditions)?;
    if let Some(condition) = ask.not_own() {
        // What the user says comes first, if there is no room for all.
        let _ = program.holds(&condition);
    }
    Ok((program, fields))
}

fn probe(scene: &Scene<'_>, target: &Target, fields: Vec<Field>) -> Probe {
    let (parameters, has_more) = match &target.prototype {
        None => {
            let names = (0..CARRIED).map(|number| (format!("arg{number}"), Some(Form::Word)));
            (names.collect(), false)
        }
        Some(prototype) => {
            let params = prototype.params.iter().take(CARRIED).enumerate();
            let shown = params.map(|(number, param)| {
                let name = match param.name.as_str() {
                    "" => format!("arg{number}"),
                    name => name.into(),
                };
                (name, scene.carried(number))
            });
            (
                shown.collect(),
                prototype.params.len() > CARRIED || prototype.is_variadic,
            )
        }
    };
    Probe {
        function: target.function.clone(),
        module: target.module.clone(),
        parameters,
        has_more,
        result: scene.result(),
        fields,
    }
}
