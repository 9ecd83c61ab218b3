// SPDX-License-Identifier: GPL-2.0

//! A type as C declares it.

use anyhow::{bail, ensure, Result};
use btf_rs::{BtfType, Type};

use super::{Stock, DEEPEST};

/// The longest declaration: no function of the kernel has one that comes near it.
pub(super) const LONGEST: usize = 4096;

impl Stock {
    /// Declares `inner` to be of a type, inside out, as C does.
    pub(super) fn declare(&self, id: u32, inner: String) -> Result<String> {
        self.declare_at(0, id, inner)
    }

    fn declare_at(&self, depth: usize, id: u32, inner: String) -> Result<String> {
        ensure!(
            depth < DEEPEST,
            "its type {id} is nested more than {DEEPEST} deep, or in a circle"
        );
        let declared = self.declare_one(depth + 1, id, inner)?;
        ensure!(
            declared.len() <= LONGEST,
            "its type {id} has a declaration of more than {LONGEST} letters"
        );
        Ok(declared)
    }

    /// Declares by what is at a depth.
    fn declare_one(&self, depth: usize, id: u32, inner: String) -> Result<String> {
        let found = self.btf.resolve_type_by_id(id)?;
        let behind = found
            .as_btf_type()
            .and_then(|found| found.get_type_id())
            .unwrap_or(0);
        let name = |prefix: &str, found: &dyn BtfType| -> Result<String> {
            let name = self.btf.resolve_name(found)?;
            let name = if name.is_empty() {
                "{...}"
            } else {
                int_name(&name)
            };
            Ok(join(&format!("{prefix}{name}"), &inner))
        };
        Ok(match &found {
            Type::Void => join("void", &inner),
            Type::Int(int) => name("", int)?,
            Type::Float(float) => name("", float)?,
            Type::Typedef(alias) => name("", alias)?,
            Type::Struct(found) => name("struct ", found)?,
            Type::Union(found) => name("union ", found)?,
            Type::Enum(found) => name("enum ", found)?,
            Type::Enum64(found) => name("enum ", found)?,
            Type::Fwd(found) if found.is_union() => name("union ", found)?,
            Type::Fwd(found) => name("struct ", found)?,
            Type::Ptr(_) => match self.btf.resolve_type_by_id(behind)? {
                Type::FuncProto(_) | Type::Array(_) => {
                    self.declare_at(depth, behind, format!("(*{inner})"))?
                }
                _ => self.declare_at(depth, behind, format!("*{inner}"))?,
            },
            Type::Const(_) => self.qualify(depth, "const", behind, inner)?,
            Type::Volatile(_) => self.qualify(depth, "volatile", behind, inner)?,
            Type::Restrict(_) => self.qualify(depth, "restrict", behind, inner)?,
            Type::TypeTag(_) => self.declare_at(depth, behind, inner)?,
            Type::Array(array) => {
                self.declare_at(depth, behind, format!("{inner}[{}]", array.len()))?
            }
            Type::FuncProto(proto) => {
                let mut list = Vec::new();
                let mut length = 0;
                for parameter in &proto.parameters {
                    list.push(match parameter.get_type_id() {
                        _ if parameter.is_variadic() => "...".into(),
                        Some(id) => self.declare_at(depth, id, String::new())?,
                        None => bail!("parameter without a type"),
                    });
                    length += list.last().map_or(0, String::len);
                    ensure!(
                        length <= LONGEST,
                        "its type {id} has a declaration of more than {LONGEST} letters"
                    );
                }
                self.declare_at(
                    depth,
                    proto.return_type_id(),
                    format!("{inner}({})", list_of(&list)),
                )?
            }
            other => bail!("a {} where a type should be", other.name()),
        })
    }

    fn qualify(&self, depth: usize, qualifier: &str, behind: u32, inner: String) -> Result<String> {
        Ok(match self.btf.resolve_type_by_id(behind)? {
            Type::Ptr(_) => self.declare_at(depth, behind, join(qualifier, &inner))?,
            _ => join(qualifier, &self.declare_at(depth, behind, inner)?),
        })
    }
}

pub(super) fn list_of(parameters: &[String]) -> String {
    match parameters {
        [] => "void".into(),
        some => some.join(", "),
    }
}

fn join(base: &str, inner: &str) -> String {
    match inner {
        "" => base.into(),
        inner => format!("{base} {inner}"),
    }
}

/// The integer types as the kernel spells them; gcc's debug information has the
/// words in an order of its own.
fn int_name(name: &str) -> &str {
    match name {
        "long unsigned int" => "unsigned long",
        "long long unsigned int" => "unsigned long long",
        "short unsigned int" => "unsigned short",
        "long int" => "long",
        "long long int" => "long long",
        "short int" => "short",
        other => other,
    }
}
