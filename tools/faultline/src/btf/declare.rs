// SPDX-License-Identifier: GPL-2.0

//! A type as C declares it, and the type that C calls by a name.

use super::types::{Type as Named, Types, DEEPEST};
use anyhow::{bail, ensure, Context};
use btf_rs::{BtfType, Type};

/// The longest declaration: no function of the kernel has one that comes near it.
pub(super) const LONGEST: usize = 4096;

impl Types {
    /// The type of a name: `struct sock`, `union sigval`, `enum pid_type`, `int`, `size_t`.
    pub fn named(&self, name: &str) -> Option<Named> {
        use Type as Btf;
        let (tag, bare) = match name.split_once(' ') {
            Some((tag @ ("struct" | "union" | "enum"), bare)) => (tag, bare.trim()),
            _ => ("", name),
        };
        let fits = |found: &Btf| {
            matches!(
                (tag, found),
                ("struct", Btf::Struct(_))
                    | ("union", Btf::Union(_))
                    | ("enum", Btf::Enum(_) | Btf::Enum64(_))
                    | ("", Btf::Int(_) | Btf::Float(_) | Btf::Typedef(_))
            )
        };
        let spellings = spellings(bare);
        let mut ids = spellings.iter().flat_map(|name| self.ids(name));
        ids.find(|&id| self.resolve(id).is_some_and(|found| fits(&found)))
            .map(|id| self.at(id))
    }

    /// The type of a number.
    pub(super) fn at(&self, id: u32) -> Named {
        let spelled = self.declare(id, String::new());
        Named {
            id,
            spelled: spelled.unwrap_or_else(|_| "?".into()).into(),
        }
    }

    /// Declares `inner` to be of a type, inside out, as C does.
    pub(super) fn declare(&self, id: u32, inner: String) -> anyhow::Result<String> {
        self.declare_at(0, id, inner)
    }

    fn declare_at(&self, depth: usize, id: u32, inner: String) -> anyhow::Result<String> {
        ensure!(
            depth < DEEPEST,
            "type {id} is nested more than {DEEPEST} deep, or in a circle"
        );
        let declared = self.declare_one(depth + 1, id, inner)?;
        ensure!(
            declared.len() <= LONGEST,
            "type {id} has a declaration of more than {LONGEST} letters"
        );
        Ok(declared)
    }

    /// Declares by what is at a depth.
    fn declare_one(&self, depth: usize, id: u32, inner: String) -> anyhow::Result<String> {
        let found = self.resolve(id).with_context(|| format!("no type {id}"))?;
        let behind = found.as_btf_type().and_then(|found| found.get_type_id());
        let behind = behind.unwrap_or(0);
        let name = |prefix: &str, found: &dyn BtfType| -> anyhow::Result<String> {
            let name = self.btf().resolve_name(found)?;
            let name = match name.as_str() {
                "" => "{...}",
                name => int_name(name),
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
            Type::Ptr(_) => match self.resolve(behind) {
                Some(Type::FuncProto(_) | Type::Array(_)) => {
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
                let (mut list, mut length) = (Vec::new(), 0);
                for parameter in &proto.parameters {
                    let declared = match parameter.get_type_id() {
                        _ if parameter.is_variadic() => "...".into(),
                        Some(id) => self.declare_at(depth, id, String::new())?,
                        None => bail!("a parameter has no type"),
                    };
                    length += declared.len();
                    ensure!(
                        length <= LONGEST,
                        "type {id} has a declaration of more than {LONGEST} letters"
                    );
                    list.push(declared);
                }
                let inner = format!("{inner}({})", list_of(&list));
                self.declare_at(depth, proto.return_type_id(), inner)?
            }
            other => bail!("a {} where a type should be", other.name()),
        })
    }

    fn qualify(
        &self,
        depth: usize,
        qualifier: &str,
        behind: u32,
        inner: String,
    ) -> anyhow::Result<String> {
        Ok(match self.resolve(behind) {
            Some(Type::Ptr(_)) => self.declare_at(depth, behind, join(qualifier, &inner))?,
            _ => join(qualifier, &self.declare_at(depth, behind, inner)?),
        })
    }
}

/// The parameters of a function between its parentheses.
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

/// The integer types as debug information of gcc spells them, and as the kernel does.
const INTEGERS: [(&str, &str); 6] = [
    ("long unsigned int", "unsigned long"),
    ("long long unsigned int", "unsigned long long"),
    ("short unsigned int", "unsigned short"),
    ("long int", "long"),
    ("long long int", "long long"),
    ("short int", "short"),
];

fn int_name(name: &str) -> &str {
    let found = INTEGERS.iter().find(|(spelled, _)| *spelled == name);
    found.map_or(name, |(_, kernel)| kernel)
}

/// All names that BTF may have for what `name` is.
fn spellings(name: &str) -> Vec<&str> {
    let others = INTEGERS.iter().filter(|(_, kernel)| *kernel == name);
    std::iter::once(name)
        .chain(others.map(|(spelled, _)| *spelled))
        .collect()
}
