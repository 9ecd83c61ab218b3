// SPDX-License-Identifier: GPL-2.0

//! Events for programs: the bodies of the records, of which `docs/probe.schema.json` has the form.

use super::value;
use crate::probe::event::Call;
use crate::probe::fields::form::Form;
use crate::probe::plan::Probe;
use serde_json::{json, Map, Value};

/// The schema that each line of the stream names.
pub const SCHEMA: &str = "faultline.probe/1";

/// An event.
pub fn call(probe: &Probe, call: &Call, stack: Option<&[String]>) -> Value {
    let head = &call.head;
    let mut body = json!({
        "event": if call.returned.is_some() { "return" } else { "call" },
        "function": probe.function,
        "module": probe.module,
        "time_us": head.time_us,
        "cpu": head.cpu,
        "pid": head.pid,
        "tgid": call.tgid,
        "comm": head.comm,
        "args": arguments(probe, call),
    });
    let mut put = |name: &str, value: Value| {
        if let Value::Object(body) = &mut body {
            body.insert(name.into(), value);
        }
    };
    if let Some((result, ns)) = call.returned {
        if probe.result != Form::Void {
            put("ret", probe.result.json(result));
        }
        if let Some(error) = probe.result.error(result) {
            put("error", json!(error));
        }
        put("ns", json!(ns));
    }
    if !probe.fields.is_empty() {
        let fields = probe.fields.iter();
        let values = fields.map(|field| (field.text.clone(), value::json(field, probe, call)));
        put("fields", Value::Object(values.collect()));
        let cut = probe
            .fields
            .iter()
            .filter(|field| value::is_cut(field, call));
        let cut: Vec<_> = cut.map(|field| field.text.as_str()).collect();
        if !cut.is_empty() {
            put("cut", json!(cut));
        }
    }
    if let Some(stack) = stack {
        put("stack", json!(stack));
    }
    body
}

fn arguments(probe: &Probe, call: &Call) -> Value {
    let pairs = probe.parameters.iter().zip(call.arguments);
    let values = pairs.map(|((name, form), number)| {
        let value = form.as_ref().map_or(Value::Null, |form| form.json(number));
        (name.clone(), value)
    });
    Value::Object(values.collect::<Map<_, _>>())
}
