// SPDX-License-Identifier: GPL-2.0

//! The stock kernel, as its BTF describes it: functions as C prototypes, and
//! the members of its structures.

mod declare;

use std::{fs, path::Path};

use anyhow::{bail, ensure, Context, Result};
use btf_rs::{utils::elf::extract_btf_from_file, Btf, BtfType, Struct, Type};
use declare::list_of;

/// As deep as types are nested; the kernel itself gives up at 32. BTF that is damaged may lead in a
/// circle.
const DEEPEST: usize = 64;

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
            ensure!(
                proto.parameters.len() < declare::LONGEST,
                "{function}: its BTF has {} parameters",
                proto.parameters.len()
            );
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
        Ok(match self.btf.resolve_type_by_id(self.element(id)?)? {
            Type::Struct(found) | Type::Union(found) => Some(self.members(&found)?),
            _ => None,
        })
    }

    /// What a pointer, or an array of pointers, points at.
    pub fn pointee(&self, id: u32) -> Result<Option<u32>> {
        Ok(match self.btf.resolve_type_by_id(self.element(id)?)? {
            Type::Ptr(pointer) => pointer.get_type_id(),
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
    fn peel(&self, id: u32) -> Result<u32> {
        self.follow(id, behind_name)
    }

    /// The type behind names, qualifiers, and arrays.
    fn element(&self, id: u32) -> Result<u32> {
        self.follow(id, |found| match found {
            Type::Array(array) => array.get_type_id(),
            other => behind_name(other),
        })
    }

    /// Goes from type to type as long as there is a next one.
    fn follow(&self, first: u32, next: impl Fn(&Type) -> Option<u32>) -> Result<u32> {
        let mut id = first;
        for _ in 0..DEEPEST {
            match next(&self.btf.resolve_type_by_id(id)?) {
                Some(further) => id = further,
                None => return Ok(id),
            }
        }
        bail!("its type {first} is nested more than {DEEPEST} deep, or in a circle")
    }

    fn size(&self, id: u32) -> Result<Option<usize>> {
        let mut id = self.peel(id)?;
        let mut count = Some(1usize);
        // An array of arrays.
        for _ in 0..DEEPEST {
            let Type::Array(array) = self.btf.resolve_type_by_id(id)? else {
                break;
            };
            count = count.and_then(|count| count.checked_mul(array.len()));
            id = self.peel(array.get_type_id().unwrap_or(0))?;
        }
        let size = match self.btf.resolve_type_by_id(id)? {
            Type::Int(int) => int.size(),
            Type::Float(float) => float.size(),
            Type::Ptr(_) => self.pointer_size,
            Type::Struct(found) | Type::Union(found) => found.size(),
            Type::Enum(found) => found.size(),
            Type::Enum64(found) => found.size(),
            Type::Array(_) => {
                bail!("its type {id} is nested more than {DEEPEST} deep, or in a circle")
            }
            _ => return Ok(None),
        };
        let all = count.and_then(|count| count.checked_mul(size));
        let all = all
            .with_context(|| format!("its type {id} is in an array that no memory has room for"))?;
        Ok(Some(all))
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

/// What a name or a qualifier stands for.
fn behind_name(found: &Type) -> Option<u32> {
    Some(match found {
        Type::Typedef(alias) => alias.get_type_id()?,
        Type::Const(same) | Type::Volatile(same) | Type::Restrict(same) => same.get_type_id()?,
        Type::TypeTag(tag) => tag.get_type_id()?,
        _ => return None,
    })
}

#[cfg(test)]
mod damage;

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The BTF of the kernel in small of tests/data/stock.c.
    pub fn bytes() -> Vec<u8> {
        let hex = include_str!("../tests/data/stock.hex");
        let byte = |word| u8::from_str_radix(word, 16).unwrap();
        hex.split_whitespace().map(byte).collect()
    }

    /// The kernel in small.
    pub fn sample() -> Stock {
        Stock::parse(&bytes()).unwrap()
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
