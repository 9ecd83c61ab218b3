// SPDX-License-Identifier: GPL-2.0

//! The stock kernel, as its BTF describes it: functions as C prototypes, and
//! the members of its structures.

use std::{fs, path::Path};

use anyhow::{bail, Context, Result};
use btf_rs::{utils::elf::extract_btf_from_file, Btf, BtfType, Struct, Type};

/// A kernel's BTF.
pub struct Stock {
    btf: Btf,
    pointer_size: usize,
}

/// A function's prototype, in parts: each as C has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prototype {
    pub function: String,
    /// The declaration with the parameters left out: `int name`.
    pub result: String,
    pub parameters: Vec<Parameter>,
}

/// A parameter, with its name and without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub named: String,
    pub unnamed: String,
}

/// A structure or union.
pub struct Composite {
    pub size: usize,
    pub members: Vec<Member>,
}

/// A member of it. One without a name is an anonymous structure or union.
pub struct Member {
    pub name: String,
    /// From the structure's beginning, in bits.
    pub bit: usize,
    /// The width of a bit-field.
    pub bits: Option<usize>,
    /// In bytes, unless its type has none.
    pub size: Option<usize>,
    /// The type, to be given to [`Stock::composite`].
    pub type_id: u32,
}

impl Stock {
    /// Reads an ELF file with a section `.BTF`, or the bare BTF.
    pub fn read(path: &Path) -> Result<Self> {
        let content = fs::read(path).with_context(|| path.display().to_string())?;
        let bytes = if content.starts_with(b"\x7fELF") {
            extract_btf_from_file(path).with_context(|| path.display().to_string())?
        } else {
            content
        };
        Self::parse(&bytes).with_context(|| format!("{}: this is no BTF", path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Self> {
        let mut stock = Self {
            btf: Btf::from_bytes(bytes)?,
            pointer_size: 0,
        };
        // The one type that has a pointer's size in every Linux ABI.
        stock.pointer_size = ["long unsigned int", "unsigned long"]
            .iter()
            .flat_map(|name| stock.btf.resolve_types_by_name(name).unwrap_or_default())
            .find_map(|found| match found {
                Type::Int(int) => Some(int.size()),
                _ => None,
            })
            .context("it has no 'unsigned long'")?;
        Ok(stock)
    }

    /// The different prototypes of the functions of this name: none if there is
    /// no such function, more than one if two files have one of their own.
    pub fn prototypes(&self, function: &str) -> Result<Vec<Prototype>> {
        let mut found = Vec::new();
        for id in self.ids(function) {
            let Type::Func(func) = self.btf.resolve_type_by_id(id)? else {
                continue;
            };
            let Type::FuncProto(proto) = self.btf.resolve_chained_type(&func)? else {
                bail!("{function}: its BTF has no prototype");
            };
            let mut parameters = Vec::new();
            for parameter in &proto.parameters {
                parameters.push(if parameter.is_variadic() {
                    Parameter {
                        named: "...".into(),
                        unnamed: "...".into(),
                    }
                } else {
                    let id = parameter
                        .get_type_id()
                        .context("parameter without a type")?;
                    Parameter {
                        named: self.declare(id, self.btf.resolve_name(parameter)?)?,
                        unnamed: self.declare(id, String::new())?,
                    }
                });
            }
            let prototype = Prototype {
                function: function.into(),
                result: self.declare(proto.return_type_id(), function.into())?,
                parameters,
            };
            if !found.contains(&prototype) {
                found.push(prototype);
            }
        }
        Ok(found)
    }

    /// The structures, unions, and typedefs of such, of this name.
    pub fn composites(&self, name: &str) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        for id in self.ids(name) {
            let id = match self.btf.resolve_type_by_id(id)? {
                Type::Struct(_) | Type::Union(_) => id,
                Type::Typedef(_) => self.peel(id)?,
                _ => continue,
            };
            if self.composite(id)?.is_some() && !found.contains(&id) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// The structure or union that a type is, or is an array of.
    pub fn composite(&self, id: u32) -> Result<Option<Composite>> {
        Ok(match self.btf.resolve_type_by_id(self.peel(id)?)? {
            Type::Struct(found) | Type::Union(found) => Some(self.members(&found)?),
            Type::Array(array) => match array.get_type_id() {
                Some(element) => self.composite(element)?,
                None => None,
            },
            _ => None,
        })
    }

    /// What a pointer, or an array of pointers, points at.
    pub fn pointee(&self, id: u32) -> Result<Option<u32>> {
        Ok(match self.btf.resolve_type_by_id(self.peel(id)?)? {
            Type::Ptr(pointer) => pointer.get_type_id(),
            Type::Array(array) => match array.get_type_id() {
                Some(element) => self.pointee(element)?,
                None => None,
            },
            _ => None,
        })
    }

    fn members(&self, found: &Struct) -> Result<Composite> {
        let mut members = Vec::new();
        for member in &found.members {
            let type_id = member.get_type_id().context("member without a type")?;
            members.push(Member {
                name: self.btf.resolve_name(member)?,
                bit: member.bit_offset() as usize,
                bits: member
                    .bitfield_size()
                    .filter(|bits| *bits != 0)
                    .map(|bits| bits as usize),
                size: self.size(type_id)?,
                type_id,
            });
        }
        Ok(Composite {
            size: found.size(),
            members,
        })
    }

    /// The type behind names and qualifiers.
    fn peel(&self, mut id: u32) -> Result<u32> {
        loop {
            let next = match self.btf.resolve_type_by_id(id)? {
                Type::Typedef(alias) => alias.get_type_id(),
                Type::Const(same) | Type::Volatile(same) | Type::Restrict(same) => {
                    same.get_type_id()
                }
                Type::TypeTag(tag) => tag.get_type_id(),
                _ => return Ok(id),
            };
            id = next.unwrap_or(0);
        }
    }

    fn size(&self, id: u32) -> Result<Option<usize>> {
        Ok(match self.btf.resolve_type_by_id(self.peel(id)?)? {
            Type::Int(int) => Some(int.size()),
            Type::Float(float) => Some(float.size()),
            Type::Ptr(_) => Some(self.pointer_size),
            Type::Struct(found) | Type::Union(found) => Some(found.size()),
            Type::Enum(found) => Some(found.size()),
            Type::Enum64(found) => Some(found.size()),
            Type::Array(array) => match array.get_type_id() {
                Some(element) => self.size(element)?.map(|size| size * array.len()),
                None => None,
            },
            _ => None,
        })
    }

    /// Declares `inner` to be of a type, inside out, as C does.
    fn declare(&self, id: u32, inner: String) -> Result<String> {
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
                    self.declare(behind, format!("(*{inner})"))?
                }
                _ => self.declare(behind, format!("*{inner}"))?,
            },
            Type::Const(_) => self.qualify("const", behind, inner)?,
            Type::Volatile(_) => self.qualify("volatile", behind, inner)?,
            Type::Restrict(_) => self.qualify("restrict", behind, inner)?,
            Type::TypeTag(_) => self.declare(behind, inner)?,
            Type::Array(array) => self.declare(behind, format!("{inner}[{}]", array.len()))?,
            Type::FuncProto(proto) => {
                let mut list = Vec::new();
                for parameter in &proto.parameters {
                    list.push(match parameter.get_type_id() {
                        _ if parameter.is_variadic() => "...".into(),
                        Some(id) => self.declare(id, String::new())?,
                        None => bail!("parameter without a type"),
                    });
                }
                self.declare(
                    proto.return_type_id(),
                    format!("{inner}({})", list_of(&list)),
                )?
            }
            other => bail!("a {} where a type should be", other.name()),
        })
    }

    fn qualify(&self, qualifier: &str, behind: u32, inner: String) -> Result<String> {
        Ok(match self.btf.resolve_type_by_id(behind)? {
            Type::Ptr(_) => self.declare(behind, join(qualifier, &inner))?,
            _ => join(qualifier, &self.declare(behind, inner)?),
        })
    }

    fn ids(&self, name: &str) -> Vec<u32> {
        self.btf.resolve_ids_by_name(name).unwrap_or_default()
    }
}

impl std::fmt::Display for Prototype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list: Vec<_> = self.parameters.iter().map(|p| p.named.clone()).collect();
        write!(f, "{}({});", self.result, list_of(&list))
    }
}

fn list_of(parameters: &[String]) -> String {
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

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The kernel in small of tests/data/stock.c.
    pub fn sample() -> Stock {
        let hex = include_str!("../tests/data/stock.hex");
        let byte = |word| u8::from_str_radix(word, 16).unwrap();
        let bytes: Vec<u8> = hex.split_whitespace().map(byte).collect();
        Stock::parse(&bytes).unwrap()
    }

    fn prototype(function: &str) -> String {
        let found = sample().prototypes(function).unwrap();
        assert_eq!(found.len(), 1, "{function}");
        found[0].to_string()
    }

    #[test]
    fn prototypes_are_as_c_declares_them() {
        assert_eq!(
            prototype("find"),
            "struct outer *find(const char *name, size_t length, struct outer *const *table);"
        );
        assert_eq!(
            prototype("walk"),
            "unsigned long long walk(int (*visit)(void *, u32), volatile u32 *at, ...);"
        );
        assert_eq!(prototype("nothing"), "void nothing(void);");
        assert_eq!(sample().prototypes("missing").unwrap(), vec![]);
        // A structure of that name is no function.
        assert_eq!(sample().prototypes("outer").unwrap(), vec![]);
    }

    #[test]
    fn members_have_their_place() {
        let stock = sample();
        let [id] = stock.composites("outer").unwrap()[..] else {
            panic!("not one")
        };
        let outer = stock.composite(id).unwrap().unwrap();
        let members: Vec<_> = outer
            .members
            .iter()
            .map(|m| (m.name.as_str(), m.bit, m.bits, m.size))
            .collect();
        assert_eq!(outer.size, 88);
        assert_eq!(
            members,
            [
                ("type", 0, None, Some(4)),
                ("", 64, None, Some(16)),
                ("low", 192, Some(3), Some(4)),
                ("high", 195, Some(12), Some(4)),
                ("inner", 256, None, Some(32)),
                ("next", 512, None, Some(8)),
                ("hidden", 576, None, Some(8)),
                ("callback", 640, None, Some(8)),
                ("tail", 704, None, Some(0)),
            ]
        );
    }

    #[test]
    fn a_typedef_is_the_structure_behind_it() {
        let stock = sample();
        let [id] = stock.composites("atomic_t").unwrap()[..] else {
            panic!("not one")
        };
        assert_eq!(stock.composite(id).unwrap().unwrap().size, 4);
        assert_eq!(stock.composites("size_t").unwrap(), vec![]);
    }

    #[test]
    fn what_is_no_btf_is_refused() {
        assert!(Stock::parse(b"no BTF at all").is_err());
    }
}
