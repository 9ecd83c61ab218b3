// SPDX-License-Identifier: GPL-2.0

//! Events for programs: the bodies of the records, of which `docs/probe.schema.json` has the form.

use super::value;
use crate::probe::event::Call;
use crate::probe::fields::form::Form;
use crate::probe::plan::Probe;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// The schema that each line of the stream names.
pub const SCHEMA: &str = "faultline.probe/1";

/// An event.
#[derive(serde::Serialize)]
pub struct Event<'a> {
    event: &'static str,
    function: &'a str,
    module: Option<&'a str>,
    time_us: u64,
    cpu: u32,
    pid: i32,
    tgid: i32,
    comm: Option<&'a str>,
    args: InOrder<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ret: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns: Option<u64>,
    #[serde(skip_serializing_if = "InOrder::is_empty")]
    fields: InOrder<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<&'a [String]>,
}

/// An object with its members in this order.
struct InOrder<'a>(Vec<(&'a str, Value)>);

impl InOrder<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> Event<'a> {
    pub fn new(probe: &'a Probe, call: &'a Call, stack: Option<&'a [String]>) -> Self {
        let result = call.returned.map(|(result, _)| result);
        let fields = || probe.fields.iter();
        let mut shown: Vec<(&str, Value)> = Vec::new();
        for field in fields() {
            // An expression may be there twice.
            if shown.iter().all(|(name, _)| *name != field.text) {
                shown.push((&field.text, value::json(field, probe, call)));
            }
        }
        let cut = fields().filter(|field| value::is_cut(field, call));
        Event {
            event: if result.is_some() { "return" } else { "call" },
            function: &probe.function,
            module: probe.module.as_deref(),
            time_us: call.head.time_us,
            cpu: call.head.cpu,
            pid: call.head.pid,
            tgid: call.tgid,
            comm: call.head.comm.as_deref(),
            args: arguments(probe, call),
            ret: result
                .filter(|_| probe.result != Form::Void)
                .map(|result| probe.result.json(result)),
            error: result.and_then(|result| probe.result.error(result)),
            ns: call.returned.map(|(_, ns)| ns),
            fields: InOrder(shown),
            cut: cut.map(|field| field.text.as_str()).collect(),
            stack,
        }
    }
}

fn arguments<'a>(probe: &'a Probe, call: &Call) -> InOrder<'a> {
    let pairs = probe.parameters.iter().zip(call.arguments);
    let values = pairs.map(|((name, form), number)| {
        let value = form.as_ref().map_or(Value::Null, |form| form.json(number));
        (name.as_str(), value)
    });
    InOrder(values.collect())
}
