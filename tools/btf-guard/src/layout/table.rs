// SPDX-License-Identifier: GPL-2.0

//! A structure of the library's bindings beside the stock kernel's: which field is which, and where
//! the stock kernel has it.

use anyhow::Result;

use crate::{
    bindings::{Bindings, BitField, Composite, Field},
    stock::{self, Member, Stock},
};

/// A structure.
pub struct Table {
    /// As C calls it; an anonymous one has that of the structure around it.
    pub label: String,
    pub size: usize,
    pub rows: Vec<Row>,
}

/// A field: where the stock kernel has it, in bytes.
pub struct Row {
    pub field: String,
    pub label: String,
    pub offset: usize,
    pub size: Option<usize>,
}

/// A pair to look into.
pub struct Pair {
    pub ours: String,
    pub stock: u32,
    pub label: String,
}

/// The rows of a structure, or which field is in one of the two only.
pub fn table(stock: &Stock, all: &Bindings, pair: &Pair) -> Result<Result<Table, String>> {
    let Pair { ours, label, .. } = pair;
    let (Some((_, ours)), Some(theirs)) = (all.composite(ours), stock.composite(pair.stock)?)
    else {
        return Ok(Err(format!(
            "struct {label}: this is no structure in the stock kernel's BTF"
        )));
    };
    let mut table = Table {
        label: label.clone(),
        size: theirs.size,
        rows: Vec::new(),
    };
    if is_opaque(ours) {
        return Ok(Ok(table));
    }
    // A union that Rust cannot have as one: each field is a view of the last.
    let views = ours
        .fields
        .iter()
        .any(|field| field.name == "bindgen_union_field");
    for field in ours
        .fields
        .iter()
        .filter(|field| !is_made_by_bindgen(&field.name))
    {
        let Some(member) = counterpart(field, &theirs) else {
            return Ok(Err(format!(
                "struct {label}: the field `{}` of these bindings is not in the stock kernel's",
                field.name
            )));
        };
        table.rows.push(Row {
            field: field.name.clone(),
            label: member.name.clone(),
            offset: member.bit / 8,
            size: member.size.filter(|_| !views),
        });
    }
    let mut anonymous = 0;
    for member in &theirs.members {
        if member.name.is_empty() {
            anonymous += 1;
        }
        let found = match member.bits {
            Some(bits) => {
                let row = ours
                    .bits
                    .iter()
                    .find(|(name, _)| is_same(name, &member.name))
                    .map(|(_, field)| bit_row(field, member, bits));
                match row {
                    Some(Ok(row)) => {
                        table.rows.push(row);
                        true
                    }
                    Some(Err(why)) => {
                        return Ok(Err(format!(
                            "struct {label}: the bit-field `{}` {why}",
                            member.name
                        )))
                    }
                    None => false,
                }
            }
            None => ours
                .fields
                .iter()
                .any(|field| is_pair(field, member, anonymous)),
        };
        if !found {
            return Ok(Err(format!(
                "struct {label}: the field `{}` of the stock kernel's is not in these bindings",
                if member.name.is_empty() {
                    "(anonymous)"
                } else {
                    &member.name
                }
            )));
        }
    }
    Ok(Ok(table))
}

/// A bit-field, by where its storage has to be.
fn bit_row(field: &BitField, member: &Member, bits: usize) -> Result<Row, String> {
    if field.bits != bits {
        return Err(format!(
            "has {} bits in these bindings, and {bits} in the stock kernel",
            field.bits
        ));
    }
    match member.bit.checked_sub(field.bit) {
        Some(start) if start % 8 == 0 => Ok(Row {
            field: field.unit.clone(),
            label: member.name.clone(),
            offset: start / 8,
            size: None,
        }),
        _ => Err(format!(
            "is bit {} of its storage in these bindings, and bit {} of the structure in the stock kernel",
            field.bit, member.bit
        )),
    }
}

/// The member of the stock kernel's structure that a field of bindgen's is.
pub fn counterpart<'a>(field: &Field, theirs: &'a stock::Composite) -> Option<&'a Member> {
    let mut anonymous = 0;
    theirs.members.iter().find(|member| {
        anonymous += usize::from(member.name.is_empty());
        member.bits.is_none() && is_pair(field, member, anonymous)
    })
}

/// The anonymous members are numbered, from 1 on.
fn is_pair(field: &Field, member: &Member, anonymous: usize) -> bool {
    match field.name.strip_prefix("__bindgen_anon_") {
        Some(number) => member.name.is_empty() && number.parse() == Ok(anonymous),
        None => !member.name.is_empty() && is_same(&field.name, &member.name),
    }
}

/// bindgen adds `_` to a name that is a word of Rust's.
fn is_same(ours: &str, theirs: &str) -> bool {
    ours == theirs || ours.strip_suffix('_') == Some(theirs)
}

fn is_made_by_bindgen(field: &str) -> bool {
    [
        "_bitfield_",
        "__bindgen_padding_",
        "_bindgen_align",
        "_unused",
        "_bindgen_opaque_blob",
        "bindgen_union_field",
    ]
    .iter()
    .any(|prefix| field.starts_with(prefix))
}

/// Declared only, so it can be pointed at and nothing else.
pub fn is_incomplete(composite: &Composite) -> bool {
    matches!(&composite.fields[..], [only] if only.name == "_unused")
}

fn is_opaque(composite: &Composite) -> bool {
    matches!(&composite.fields[..], [only] if only.name == "_bindgen_opaque_blob")
}
