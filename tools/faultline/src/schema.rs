// SPDX-License-Identifier: GPL-2.0

//! Compares a JSON document with a schema in docs/, for tests. It knows only the keywords that
//! these schemas use, and fails on any other, so that no part of a schema goes unchecked.

use serde_json::Value;
use std::path::Path;

/// Returns the first violation of the schema in docs/ by `document`.
pub fn complaint(schema: &str, document: &Value) -> Option<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let text = std::fs::read_to_string(docs.join(schema)).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    check(&schema, &schema, document, "").err()
}

type Result = std::result::Result<(), String>;

fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result {
    let wrong = |what: String| Err(format!("{at}: {what}: {value}"));
    for (word, want) in schema.as_object().unwrap() {
        match word.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let path = want.as_str().unwrap().strip_prefix('#').unwrap();
                let target = root.pointer(path).unwrap_or_else(|| panic!("no {path}"));
                check(root, target, value, at)?;
            }
            "type" => {
                let is_one = |name: &Value| is_type(name.as_str().unwrap(), value);
                let fits = match want {
                    Value::Array(names) => names.iter().any(is_one),
                    name => is_one(name),
                };
                if !fits {
                    return wrong(format!("not of type {want}"));
                }
            }
            "const" if want != value => return wrong(format!("not {want}")),
            "enum" if !want.as_array().unwrap().contains(value) => {
                return wrong(format!("none of {want}"));
            }
            "const" | "enum" => {}
            "minimum" => {
                if value
                    .as_f64()
                    .is_some_and(|number| number < want.as_f64().unwrap())
                {
                    return wrong(format!("below {want}"));
                }
            }
            "required" => {
                for key in want.as_array().unwrap() {
                    let key = key.as_str().unwrap();
                    if value.is_object() && value.get(key).is_none() {
                        return wrong(format!("without {key}"));
                    }
                }
            }
            "properties" => {
                for (key, schema) in want.as_object().unwrap() {
                    if let Some(part) = value.get(key) {
                        check(root, schema, part, &format!("{at}/{key}"))?;
                    }
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (key, part) in value.as_object().into_iter().flatten() {
                    match want {
                        _ if known.is_some_and(|known| known.contains_key(key)) => {}
                        Value::Bool(true) => {}
                        Value::Bool(false) => return wrong(format!("has {key}")),
                        schema => check(root, schema, part, &format!("{at}/{key}"))?,
                    }
                }
            }
            "items" => {
                for (index, part) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, want, part, &format!("{at}/{index}"))?;
                }
            }
            other => panic!("a word of schemas that is not checked here: {other}"),
        }
    }
    Ok(())
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}
