// SPDX-License-Identifier: GPL-2.0

//! The list as JSON, which `docs/probe-list.schema.json` describes.

use super::super::choose::{Line, Resolved};
use super::Prototypes;
use crate::btf::Prototype;
use crate::terminal::escape;
use serde::Serialize;

const SCHEMA: &str = "faultline.probe-list/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    functions: Vec<FunctionDocument<'a>>,
    refused: Vec<RefusedDocument<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct FunctionDocument<'a> {
    name: &'a str,
    module: Option<&'a str>,
    point: &'static str,
    maxactive: Option<u32>,
    backends: Vec<&'static str>,
    /// Not there unless it was asked for; null where the BTF has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    prototype: Option<Option<PrototypeDocument<'a>>>,
    /// The same, where the debug symbols have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Option<SourceDocument<'a>>>,
}

#[derive(Serialize)]
struct SourceDocument<'a> {
    file: &'a str,
    line: u64,
}

#[derive(Serialize)]
struct PrototypeDocument<'a> {
    text: String,
    returns: String,
    parameters: Vec<ParameterDocument<'a>>,
    variadic: bool,
}

#[derive(Serialize)]
struct ParameterDocument<'a> {
    name: &'a str,
    r#type: String,
}

#[derive(Serialize)]
struct RefusedDocument<'a> {
    name: &'a str,
    module: Option<&'a str>,
    point: &'static str,
    reason: &'static str,
    says: String,
}

/// The document.
pub fn text(resolved: &Resolved, prototypes: &Prototypes) -> anyhow::Result<String> {
    let known = |number: usize| prototypes.as_ref()?.get(number);
    let document = Document {
        schema: SCHEMA,
        functions: resolved
            .functions
            .iter()
            .enumerate()
            .map(|(number, function)| FunctionDocument {
                name: &function.name,
                module: function.module.as_deref(),
                point: function.point.word(),
                maxactive: function.maxactive,
                backends: function
                    .backends
                    .iter()
                    .map(|backend| backend.word())
                    .collect(),
                prototype: known(number)
                    .map(|known| known.prototype.as_ref().map(PrototypeDocument::of)),
                source: known(number).map(|known| known.line.as_ref().map(SourceDocument::of)),
            })
            .collect(),
        refused: resolved
            .refused
            .iter()
            .map(|refused| RefusedDocument {
                name: &refused.name,
                module: refused.module.as_deref(),
                point: refused.point.word(),
                reason: refused.reason.word(),
                says: refused.reason.to_string(),
            })
            .collect(),
        notes: &resolved.notes,
    };
    let json = serde_json::to_string_pretty(&document)?;
    Ok(escape::json(&json).into_owned() + "\n")
}

impl<'a> SourceDocument<'a> {
    fn of(line: &'a Line) -> Self {
        SourceDocument {
            file: &line.file,
            line: line.line,
        }
    }
}

impl<'a> PrototypeDocument<'a> {
    fn of(prototype: &'a Prototype) -> Self {
        let parameters = prototype.params.iter().map(|param| ParameterDocument {
            name: &param.name,
            r#type: param.ty.to_string(),
        });
        PrototypeDocument {
            text: prototype.to_string(),
            returns: prototype.ret.to_string(),
            parameters: parameters.collect(),
            variadic: prototype.is_variadic,
        }
    }
}
