// SPDX-License-Identifier: GPL-2.0

//! The values of an event, for people and for programs.

use crate::probe::event::{Call, Text};
use crate::probe::fields::expression::Known;
use crate::probe::fields::form::Form;
use crate::probe::fields::program::{Field, Source};
use crate::probe::plan::Probe;
use crate::terminal::figures::time;
use serde_json::{json, Value};

/// What is shown of what the kernel could not read.
const UNREAD: &str = "?";

/// A number as it is in the event.
fn number(field: &Field, call: &Call) -> Option<u64> {
    match field.source {
        Source::Argument(at) => Some(call.arguments[at]),
        Source::Return => call.returned.map(|(ret, _ns)| ret),
        Source::Number(at) => call.numbers[at],
        Source::Text(_) | Source::Known(_) => None,
    }
}

/// A value for people.
pub fn text(field: &Field, probe: &Probe, call: &Call, start_us: u64) -> String {
    match field.source {
        Source::Known(known) => match known {
            Known::Ns => call.returned.map_or(UNREAD.into(), |(_, ns)| time(ns)),
            Known::Pid => call.head.pid.to_string(),
            Known::Tgid => call.tgid.to_string(),
            Known::Cpu => call.head.cpu.to_string(),
            Known::Comm => call.head.comm.clone().unwrap_or_else(|| UNREAD.into()),
            Known::Function => probe.function.clone(),
            Known::Time => seconds(call.head.time_us, start_us),
        },
        Source::Text(at) => call.texts[at].as_ref().map_or(UNREAD.into(), quoted),
        _ => number(field, call).map_or(UNREAD.into(), |number| field.form.text(number)),
    }
}

/// A time since the beginning.
pub fn seconds(time_us: u64, start_us: u64) -> String {
    let at = i128::from(time_us) - i128::from(start_us);
    format!("{:.6}", at as f64 / 1e6)
}

/// A text in quotes, with a mark where it goes on.
pub fn quoted(text: &Text) -> String {
    let inside = text.text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{inside}\"{}", if text.is_cut { "..." } else { "" })
}

/// A value for programs. What could not be read is null.
pub fn json(field: &Field, probe: &Probe, call: &Call) -> Value {
    match field.source {
        Source::Known(known) => match known {
            Known::Ns => json!(call.returned.map(|(_, ns)| ns)),
            Known::Pid => json!(call.head.pid),
            Known::Tgid => json!(call.tgid),
            Known::Cpu => json!(call.head.cpu),
            Known::Comm => json!(call.head.comm),
            Known::Function => json!(probe.function),
            Known::Time => json!(call.head.time_us),
        },
        Source::Text(at) => json!(call.texts[at].as_ref().map(|text| text.text.as_str())),
        _ => number(field, call).map_or(Value::Null, |number| field.form.json(number)),
    }
}

/// Whether a value is a text that goes on in memory.
pub fn is_cut(field: &Field, call: &Call) -> bool {
    match field.source {
        Source::Text(at) => call.texts[at].as_ref().is_some_and(|text| text.is_cut),
        _ => false,
    }
}

/// An argument as it comes with each event.
pub fn argument(form: Option<&Form>, number: u64) -> String {
    form.map_or(UNREAD.into(), |form| form.text(number))
}
