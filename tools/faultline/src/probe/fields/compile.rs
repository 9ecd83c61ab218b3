// SPDX-License-Identifier: GPL-2.0

//! What an expression means in a function: what the module is to read where, by the types of the
//! kernel, and how the number is to be shown.

use super::expression::{Base, Expression, Known};
use super::form::Form;
use super::nearest::listed;
use super::place::{number, Fetch, Place};
use crate::btf::{Prototype, Shape, Type, Types};

/// Arguments that come with each event.
pub const CARRIED: usize = 6;
/// Arguments that the module can fetch.
const FETCHED: usize = 12;

/// The function that an expression is about.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub name: &'a str,
    pub types: Option<&'a Types>,
    pub prototype: Option<&'a Prototype>,
    /// The event comes when the function returns.
    pub returns: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    Known(Known),
    /// An argument that comes with each event.
    Argument(usize, Form),
    Return(Form),
    Fetch(Fetch),
}

impl Meaning {
    /// The fetch that yields the same value, for a condition on it.
    pub fn fetch(&self) -> Option<Fetch> {
        let (base, form) = match self {
            Meaning::Known(_) => return None,
            Meaning::Fetch(fetch) => return Some(fetch.clone()),
            Meaning::Argument(number, form) => (format!("a{number}"), form),
            Meaning::Return(form) => ("ret".to_string(), form),
        };
        Some(Fetch {
            spec: format!("{base}:{}", form.fetched_as(None)),
            width: form.bytes() * 8,
            form: form.clone(),
        })
    }
}

impl Scene<'_> {
    /// What `expression` means in this function.
    pub fn compile(&self, expression: &Expression) -> Result<Meaning, String> {
        let text = expression.text.as_str();
        let known_only = expression.steps.is_empty() && expression.cast.is_none();
        let (base, ty) = match &expression.base {
            Base::Known(known) if !known_only => {
                let name = known.name();
                return Err(format!(
                    "'{text}': {name} is no parameter here: one of that name is ${name}"
                ));
            }
            Base::Known(Known::Ns) if !self.returns => return Err(self.not_yet(text)),
            Base::Known(known) => return Ok(Meaning::Known(*known)),
            Base::Return => (
                self.returned(text)?,
                self.prototype.map(|known| known.ret.clone()),
            ),
            Base::Parameter(name) => self.parameter(name)?,
            Base::Argument(number) => self.argument(*number)?,
        };
        let is_return = expression.base == Base::Return;
        let number = base
            .strip_prefix('a')
            .and_then(|digits| digits.parse::<usize>().ok());
        let mut place = Place::new(self.types, text, base, ty);
        for step in &expression.steps {
            place.step(step)?;
        }
        if !known_only {
            return place.fetch(expression.cast).map(Meaning::Fetch);
        }
        let form = place.form(false)?;
        Ok(match number {
            _ if is_return => Meaning::Return(Form::Result(Box::new(form))),
            Some(number) if number < CARRIED => Meaning::Argument(number, form),
            _ => Meaning::Fetch(place.fetch(None)?),
        })
    }

    fn not_yet(&self, text: &str) -> String {
        format!(
            "'{text}' is known when {} returns: probe that, without .call and --call",
            self.name
        )
    }

    fn returned(&self, text: &str) -> Result<String, String> {
        let is_void = self
            .prototype
            .zip(self.types)
            .is_some_and(|(prototype, types)| prototype.ret.shape(types) == Shape::Void);
        match self.returns {
            true if is_void => Err(format!("'{text}': {} returns nothing", self.name)),
            true => Ok("ret".into()),
            false => Err(self.not_yet(text)),
        }
    }

    fn parameter(&self, name: &str) -> Result<(String, Option<Type>), String> {
        let Some(prototype) = self.prototype else {
            return Err(format!(
                "'{name}': no types of {} are known: its arguments are arg0, arg1, ...",
                self.name
            ));
        };
        let names = || prototype.params.iter().map(|param| param.name.as_str());
        match names().position(|known| known == name) {
            Some(number) => self.argument(number),
            None if prototype.params.is_empty() => {
                Err(format!("'{name}': {} has no parameters", self.name))
            }
            None => Err(format!(
                "'{name}': no parameter of {}, which has {}",
                self.name,
                listed(names())
            )),
        }
    }

    /// The module's name of an argument, and its type.
    fn argument(&self, number: usize) -> Result<(String, Option<Type>), String> {
        let name = self.name;
        if number >= FETCHED {
            return Err(format!(
                "'arg{number}': only the first {FETCHED} can be read"
            ));
        }
        let base = format!("a{number}");
        let (Some(prototype), Some(types)) = (self.prototype, self.types) else {
            return Ok((base, None));
        };
        let Some(param) = prototype.params.get(number) else {
            return match prototype.is_variadic {
                true => Ok((base, None)),
                false => Err(format!(
                    "'arg{number}': {name} has {} parameters, from arg0",
                    prototype.params.len()
                )),
            };
        };
        let odd = prototype.params[..=number]
            .iter()
            .find(|param| !is_a_word(&param.ty, types));
        match odd {
            None => Ok((base, Some(param.ty.clone()))),
            Some(odd) => Err(format!(
                "'{}': where it is passed is not known: '{}' of {name} is of type {}, which is no \
                 number of 64 bits",
                param.name, odd.name, odd.ty
            )),
        }
    }

    /// How an argument is shown that comes with each event; none, if it is not known.
    pub fn carried(&self, number: usize) -> Option<Form> {
        let name = Expression {
            text: format!("arg{number}"),
            cast: None,
            base: Base::Argument(number),
            steps: Vec::new(),
        };
        match self.compile(&name) {
            Ok(Meaning::Argument(_, form)) => Some(form),
            _ => None,
        }
    }

    /// How the result is shown.
    pub fn result(&self) -> Form {
        let form = match self.prototype.zip(self.types) {
            Some((prototype, types)) => match prototype.ret.shape(types) {
                Shape::Void => return Form::Void,
                _ => number(&prototype.ret, types),
            },
            None => None,
        };
        Form::Result(Box::new(form.unwrap_or(Form::Word)))
    }
}

/// Whether a parameter of that type is passed in one register.
fn is_a_word(ty: &Type, types: &Types) -> bool {
    number(ty, types).is_some()
}
