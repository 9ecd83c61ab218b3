// SPDX-License-Identifier: GPL-2.0

//! Where a member of a structure is.

use super::types::{Type, Types, DEEPEST};
use btf_rs::{BtfType, Struct, Type as Btf};
use std::collections::HashSet;

/// A member of a structure or union, seen from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub offset_bytes: u32,
    /// Of a bit-field, `(shift, width)`: the number of `ty`'s size at `offset_bytes`, shifted right
    /// by `shift`, has the field in its low `width` bits. `shift + width` bits fit into that number.
    pub bits: Option<(u32, u32)>,
    pub ty: Type,
}

impl Types {
    /// The member of a structure or union by its name; it may be in an anonymous structure or
    /// union within. There is none where `of` is something else, a pointer to it for instance.
    pub fn member(&self, of: &Type, name: &str) -> Option<Member> {
        match name {
            "" => None,
            name => self.find(of.id, name, 0, &mut HashSet::new(), 0),
        }
    }

    /// The names of a structure's members, for messages; those of anonymous ones within are among
    /// them.
    pub fn member_names(&self, of: &Type) -> Vec<String> {
        let (mut names, mut seen) = (Vec::new(), HashSet::new());
        self.collect(of.id, &mut names, &mut seen, 0);
        names
    }

    fn structure(&self, id: u32, seen: &mut HashSet<u32>, depth: usize) -> Option<Struct> {
        let (id, found) = self.peel(id)?;
        // No type is within itself, and one that was in vain once is in vain again.
        if depth > DEEPEST || !seen.insert(id) {
            return None;
        }
        match found {
            Btf::Struct(found) | Btf::Union(found) => Some(found),
            _ => None,
        }
    }

    fn find(
        &self,
        id: u32,
        name: &str,
        base_bits: u32,
        seen: &mut HashSet<u32>,
        depth: usize,
    ) -> Option<Member> {
        let structure = self.structure(id, seen, depth)?;
        for member in &structure.members {
            let known = self.btf().resolve_name(member).ok()?;
            let bit = base_bits.checked_add(member.bit_offset())?;
            let id = member.get_type_id()?;
            if known == name {
                let width = member.bitfield_size().filter(|width| *width != 0);
                return self.place(bit, width, self.at(id));
            }
            if known.is_empty() {
                if let Some(found) = self.find(id, name, bit, seen, depth + 1) {
                    return Some(found);
                }
            }
        }
        None
    }

    fn place(&self, bit: u32, width: Option<u32>, ty: Type) -> Option<Member> {
        let Some(width) = width else {
            return (bit % 8 == 0).then_some(Member {
                offset_bytes: bit / 8,
                bits: None,
                ty,
            });
        };
        let size = self
            .word_size(&ty)
            .filter(|size| matches!(size, 1 | 2 | 4 | 8))?;
        // Where the compiler reads it; and in a packed structure, from the byte where it begins.
        [bit / 8 / size * size, bit / 8].into_iter().find_map(|at| {
            let shift = bit - at * 8;
            (shift + width <= size * 8).then(|| Member {
                offset_bytes: at,
                bits: Some((shift, width)),
                ty: ty.clone(),
            })
        })
    }

    fn collect(&self, id: u32, names: &mut Vec<String>, seen: &mut HashSet<u32>, depth: usize) {
        let Some(structure) = self.structure(id, seen, depth) else {
            return;
        };
        for member in &structure.members {
            match (self.btf().resolve_name(member), member.get_type_id()) {
                (Ok(name), Some(id)) if name.is_empty() => {
                    self.collect(id, names, seen, depth + 1);
                }
                (Ok(name), _) => names.push(name),
                _ => {}
            }
        }
    }
}
