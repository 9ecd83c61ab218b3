// SPDX-License-Identifier: GPL-2.0

//! What a type is, behind its names and qualifiers.

use super::types::{Type, Types, DEEPEST};
use btf_rs::{BtfType, Type as Btf};

/// What a type is: how many bytes it takes, and how they are to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Void,
    /// An integer. `is_char` is plain `char`, of which texts are made.
    Int {
        size: u32,
        signed: bool,
        is_bool: bool,
        is_char: bool,
    },
    Enum {
        size: u32,
        signed: bool,
        values: Vec<(String, i64)>,
    },
    /// A pointer, and what it points to.
    Pointer(Type),
    Struct {
        size: u32,
    },
    Union {
        size: u32,
    },
    Array {
        of: Type,
        len: u32,
    },
    /// What a pointer to a function points to.
    Function,
    Float {
        size: u32,
    },
    /// A structure that is declared only, or damaged BTF.
    Unknown,
}

impl Type {
    /// Returns what the type is, through typedefs, qualifiers and attributes. `types` is what it
    /// came from.
    pub fn shape(&self, types: &Types) -> Shape {
        let bytes = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let Some((_, found)) = types.peel(self.id) else {
            return Shape::Unknown;
        };
        let name = |named: &dyn BtfType| types.btf().resolve_name(named).unwrap_or_default();
        match &found {
            Btf::Void => Shape::Void,
            Btf::Int(int) => Shape::Int {
                size: bytes(int.size()),
                signed: int.is_signed(),
                is_bool: int.is_bool(),
                is_char: name(int) == "char",
            },
            Btf::Float(float) => Shape::Float {
                size: bytes(float.size()),
            },
            Btf::Enum(found) => Shape::Enum {
                size: bytes(found.size()),
                signed: found.is_signed(),
                values: found
                    .members
                    .iter()
                    .map(|value| {
                        let number = match found.is_signed() {
                            true => i64::from(value.val() as i32),
                            false => i64::from(value.val()),
                        };
                        (name(value), number)
                    })
                    .collect(),
            },
            Btf::Enum64(found) => Shape::Enum {
                size: bytes(found.size()),
                signed: found.is_signed(),
                values: found
                    .members
                    .iter()
                    .map(|value| (name(value), value.val() as i64))
                    .collect(),
            },
            Btf::Ptr(pointer) => match pointer.get_type_id() {
                Some(id) => Shape::Pointer(types.at(id)),
                None => Shape::Unknown,
            },
            Btf::Struct(found) => Shape::Struct {
                size: bytes(found.size()),
            },
            Btf::Union(found) => Shape::Union {
                size: bytes(found.size()),
            },
            Btf::Array(array) => match array.get_type_id() {
                Some(id) => Shape::Array {
                    of: types.at(id),
                    len: bytes(array.len()),
                },
                None => Shape::Unknown,
            },
            Btf::FuncProto(_) => Shape::Function,
            _ => Shape::Unknown,
        }
    }
}

impl Types {
    /// The type behind names, qualifiers and attributes, and its number. A structure that is only
    /// declared is the one that has its name, if just one has.
    pub(super) fn peel(&self, first: u32) -> Option<(u32, Btf)> {
        let mut id = first;
        for _ in 0..DEEPEST {
            let found = self.resolve(id)?;
            id = match &found {
                Btf::Typedef(alias) => alias.get_type_id()?,
                Btf::Const(same) | Btf::Volatile(same) | Btf::Restrict(same) => {
                    same.get_type_id()?
                }
                Btf::TypeTag(tag) => tag.get_type_id()?,
                Btf::Fwd(declared) => match self.defined(declared) {
                    Some(id) => id,
                    None => return Some((id, found)),
                },
                _ => return Some((id, found)),
            };
        }
        None
    }

    fn defined(&self, declared: &btf_rs::Fwd) -> Option<u32> {
        let name = self.btf().resolve_name(declared).ok()?;
        let is_it = |id: &u32| match self.resolve(*id) {
            Some(Btf::Struct(_)) => declared.is_struct(),
            Some(Btf::Union(_)) => declared.is_union(),
            _ => false,
        };
        let mut found = self.ids(&name).into_iter().filter(is_it);
        match (found.next(), found.next()) {
            (Some(id), None) => Some(id),
            _ => None,
        }
    }

    /// The size of a number or a pointer.
    pub(super) fn word_size(&self, ty: &Type) -> Option<u32> {
        match ty.shape(self) {
            Shape::Int { size, .. } | Shape::Enum { size, .. } => Some(size),
            _ => None,
        }
    }
}
