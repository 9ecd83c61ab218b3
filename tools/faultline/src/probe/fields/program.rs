// SPDX-License-Identifier: GPL-2.0

//! What the module is told for a function: what to fetch, and which calls count.

use super::compile::{Meaning, Scene};
use super::condition::{Comparison, Condition};
use super::expression::{Expression, Known};
use super::filter;
use super::form::Form;
use super::place::Fetch;

/// What a program can fetch, and compare.
const NUMBERS: usize = 6;
const TEXTS: usize = 2;
const CONDITIONS: usize = 8;
const ALTERNATIVES: usize = 8;

/// A value of an event, as a user asked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The expression.
    pub text: String,
    pub source: Source,
    pub form: Form,
}

/// Where in an event a value is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Source {
    Known(Known),
    Argument(usize),
    Return,
    /// f0 to f5
    Number(usize),
    /// t0 and t1
    Text(usize),
}

/// A program of the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    numbers: Vec<String>,
    texts: Vec<String>,
    conditions: Vec<String>,
    counts: bool,
    errors: &'static str,
}

impl Program {
    /// One that fetches nothing, of a function with that result. If it `counts`, calls make no events.
    pub fn new(counts: bool, result: &Form) -> Self {
        Program {
            numbers: Vec::new(),
            texts: Vec::new(),
            conditions: Vec::new(),
            counts,
            errors: result.errors(),
        }
    }

    /// Has the module yield what an expression stands for.
    pub fn field(&mut self, scene: &Scene<'_>, expression: &Expression) -> Result<Field, String> {
        let text = expression.text.clone();
        let (source, form) = match scene.compile(expression)? {
            Meaning::Known(known) => (Source::Known(known), Form::Unsigned { bytes: 8 }),
            Meaning::Argument(number, form) => (Source::Argument(number), form),
            Meaning::Return(form) => (Source::Return, form),
            Meaning::Fetch(fetch) => (self.fetch(&text, &fetch)?, fetch.form),
        };
        Ok(Field { text, source, form })
    }

    fn fetch(&mut self, text: &str, fetch: &Fetch) -> Result<Source, String> {
        let is_text = fetch.form == Form::Text;
        let (known, most, what) = match is_text {
            true => (&mut self.texts, TEXTS, "texts"),
            false => (
                &mut self.numbers,
                NUMBERS,
                "numbers through pointers and in conditions",
            ),
        };
        let at = known.iter().position(|spec| *spec == fetch.spec);
        let at = at.unwrap_or(known.len());
        if at == most {
            return Err(format!(
                "'{text}' is one too many: at most {most} {what} are fetched of a call"
            ));
        }
        if at == known.len() {
            known.push(fetch.spec.clone());
        }
        Ok(if is_text {
            Source::Text(at)
        } else {
            Source::Number(at)
        })
    }

    /// Has only those calls count for which all these conditions hold.
    pub fn filter(&mut self, scene: &Scene<'_>, conditions: &[Condition]) -> Result<(), String> {
        let mut alternatives: Vec<Vec<&Comparison>> = vec![Vec::new()];
        for Condition(of_this) in conditions {
            if let [all] = &of_this[..] {
                for comparison in all {
                    let condition = self.condition(scene, comparison)?;
                    self.holds(&condition)?;
                }
                continue;
            }
            // (A || B) && (C || D) is A && C || A && D || B && C || B && D.
            let with = |before: &Vec<_>| -> Vec<Vec<_>> {
                let each = of_this.iter();
                each.map(|more| before.iter().copied().chain(more).collect())
                    .collect()
            };
            alternatives = alternatives.iter().flat_map(with).collect();
            if alternatives.len() > ALTERNATIVES {
                return Err(format!(
                    "at most {ALTERNATIVES} alternatives are possible, with '||' in several --if \
                     as many as their product"
                ));
            }
        }
        if let [_all] = &alternatives[..] {
            return Ok(());
        }
        for (number, all) in (1..).zip(alternatives) {
            for comparison in all {
                let condition = self.condition(scene, comparison)?;
                self.add(format!("if{number}:{condition}"))?;
            }
        }
        Ok(())
    }

    /// A comparison as the module writes it.
    fn condition(&mut self, scene: &Scene<'_>, comparison: &Comparison) -> Result<String, String> {
        let meaning = scene.compile(&comparison.left)?;
        let (operand, value) = match (&meaning, meaning.fetch()) {
            (_, Some(fetch)) => {
                let value = filter::number(comparison, &fetch)?;
                match self.fetch(&comparison.left.text, &fetch)? {
                    Source::Number(at) => (format!("f{at}"), value),
                    _ => return Err(format!("'{}': texts are not compared", comparison.text)),
                }
            }
            (Meaning::Known(known), None) => filter::known(comparison, *known)?,
            (_, None) => return Err(format!("'{}': cannot be compared", comparison.text)),
        };
        Ok(format!("{operand}:{}:{value}", comparison.op.text()))
    }

    /// Has only those calls count for which this holds, as the module writes it.
    pub fn holds(&mut self, condition: &str) -> Result<(), String> {
        self.add(format!("if:{condition}"))
    }

    fn add(&mut self, condition: String) -> Result<(), String> {
        if self.conditions.contains(&condition) {
            return Ok(());
        }
        if self.conditions.len() == CONDITIONS {
            return Err(format!(
                "at most {CONDITIONS} comparisons are possible, with '||' in several --if those of \
                 all combinations"
            ));
        }
        self.conditions.push(condition);
        Ok(())
    }

    /// The line that tells the module of it.
    pub fn line(&self, number: usize) -> String {
        let numbered = |letter: char, specs: &[String]| -> Vec<String> {
            let specs = specs.iter().enumerate();
            specs
                .map(|(at, spec)| format!(" {letter}{at}={spec}"))
                .collect()
        };
        let conditions: Vec<_> = self
            .conditions
            .iter()
            .map(|text| format!(" {text}"))
            .collect();
        format!(
            "program {number} errors:{}{}{}{}{}",
            self.errors,
            numbered('f', &self.numbers).concat(),
            numbered('t', &self.texts).concat(),
            conditions.concat(),
            if self.counts { " count" } else { "" }
        )
    }
}
