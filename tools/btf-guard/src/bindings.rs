// SPDX-License-Identifier: GPL-2.0

//! What bindgen made: structures with their fields, and functions.
//!
//! Sizes and offsets are not in it. Those the compiler computes, in the file
//! that `layout.rs` writes.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result};
use syn::{visit::Visit, FnArg, GenericArgument, ImplItem, Item, PathArguments};

/// All that one or more files of bindgen declare. What was added first counts.
#[derive(Default)]
pub struct Bindings {
    composites: HashMap<String, Composite>,
    aliases: HashMap<String, Shape>,
    /// The types of a function's parameters and result.
    functions: HashMap<String, Vec<Shape>>,
    statics: HashMap<String, Shape>,
}

/// A structure or union.
#[derive(Default)]
pub struct Composite {
    pub fields: Vec<Field>,
    /// The bit-fields, by name.
    pub bits: HashMap<String, BitField>,
}

pub struct Field {
    pub name: String,
    pub shape: Shape,
}

/// Where bindgen's accessor takes a bit-field from.
pub struct BitField {
    /// The field with the storage, `_bitfield_<n>`.
    pub unit: String,
    pub bit: usize,
    pub bits: usize,
}

/// As much of a type as it takes to find structures in it.
#[derive(Clone)]
pub enum Shape {
    /// By name, also as an element of an array.
    Named(String),
    /// Behind a pointer.
    Pointer(Box<Shape>),
    Other,
}

impl Bindings {
    /// Adds what a file declares.
    pub fn add(&mut self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        self.add_text(&text)
            .with_context(|| path.display().to_string())
    }

    fn add_text(&mut self, text: &str) -> Result<()> {
        let mut bits: HashMap<String, HashMap<String, BitField>> = HashMap::new();
        let mut added = Vec::new();
        for item in syn::parse_file(text)?.items {
            match item {
                Item::Struct(item) => {
                    added.push((item.ident.to_string(), fields(item.fields.iter())));
                }
                Item::Union(item) => {
                    added.push((item.ident.to_string(), fields(item.fields.named.iter())));
                }
                Item::Type(item) => {
                    let shape = shape(&item.ty);
                    self.aliases.entry(item.ident.to_string()).or_insert(shape);
                }
                Item::Impl(item) if item.trait_.is_none() => {
                    let Shape::Named(name) = shape(&item.self_ty) else {
                        continue;
                    };
                    let found = item.items.iter().filter_map(bit_field);
                    bits.entry(name).or_default().extend(found);
                }
                Item::ForeignMod(block) => self.add_foreign(block),
                _ => {}
            }
        }
        for (name, fields) in added {
            let bits = bits.remove(&name).unwrap_or_default();
            self.composites
                .entry(name)
                .or_insert(Composite { fields, bits });
        }
        Ok(())
    }

    fn add_foreign(&mut self, block: syn::ItemForeignMod) {
        for item in block.items {
            match item {
                syn::ForeignItem::Fn(item) => {
                    let mut shapes: Vec<_> = item
                        .sig
                        .inputs
                        .iter()
                        .map(|input| match input {
                            FnArg::Typed(input) => shape(&input.ty),
                            FnArg::Receiver(_) => Shape::Other,
                        })
                        .collect();
                    if let syn::ReturnType::Type(_, ty) = &item.sig.output {
                        shapes.push(shape(ty));
                    }
                    self.functions
                        .entry(item.sig.ident.to_string())
                        .or_insert(shapes);
                }
                syn::ForeignItem::Static(item) => {
                    let shape = shape(&item.ty);
                    self.statics.entry(item.ident.to_string()).or_insert(shape);
                }
                _ => {}
            }
        }
    }

    /// The structure of this name, behind aliases: its own name, and itself.
    pub fn composite<'a>(&'a self, name: &'a str) -> Option<(&'a str, &'a Composite)> {
        let mut name = name;
        loop {
            if let Some(found) = self.composites.get(name) {
                return Some((name, found));
            }
            match self.aliases.get(name)? {
                Shape::Named(next) if next != name => name = next,
                _ => return None,
            }
        }
    }

    pub fn composites(&self) -> impl Iterator<Item = &str> {
        self.composites.keys().map(String::as_str)
    }

    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    pub fn is_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// The names of the structures that are in the type of a function or of a
    /// variable, or are what an alias stands for.
    pub fn mentioned_by(&self, name: &str) -> Vec<&str> {
        let signature = self.functions.get(name).into_iter().flatten();
        let others = self
            .statics
            .get(name)
            .into_iter()
            .chain(self.aliases.get(name));
        signature
            .chain(others)
            .filter_map(Shape::innermost)
            .collect()
    }

    /// What an alias stands for, to the end.
    pub fn resolve<'a>(&'a self, shape: &'a Shape) -> &'a Shape {
        let mut shape = shape;
        while let Shape::Named(name) = shape {
            if self.composites.contains_key(name) {
                break;
            }
            match self.aliases.get(name) {
                Some(next) => shape = next,
                None => break,
            }
        }
        shape
    }
}

impl Shape {
    /// The name behind all pointers.
    pub fn innermost(&self) -> Option<&str> {
        match self {
            Shape::Named(name) => Some(name),
            Shape::Pointer(behind) => behind.innermost(),
            Shape::Other => None,
        }
    }
}

fn fields<'a>(fields: impl Iterator<Item = &'a syn::Field>) -> Vec<Field> {
    fields
        .filter_map(|field| {
            Some(Field {
                name: field.ident.as_ref()?.to_string(),
                shape: shape(&field.ty),
            })
        })
        .collect()
}

fn shape(ty: &syn::Type) -> Shape {
    match ty {
        syn::Type::Array(array) => shape(&array.elem),
        syn::Type::Ptr(pointer) => Shape::Pointer(Box::new(shape(&pointer.elem))),
        syn::Type::Path(path) => {
            let Some(last) = path.path.segments.last() else {
                return Shape::Other;
            };
            // The wrappers: ManuallyDrop<T>, __IncompleteArrayField<T>, Option<fn>.
            if let PathArguments::AngleBracketed(arguments) = &last.arguments {
                return match arguments.args.first() {
                    Some(GenericArgument::Type(inner)) => shape(inner),
                    _ => Shape::Other,
                };
            }
            Shape::Named(last.ident.to_string())
        }
        _ => Shape::Other,
    }
}

/// What the accessor `fn name(&self)` of a bit-field reads, which is either of
/// `self._bitfield_1.get(3usize, 2u8)`, `self._bitfield_1.get_const::<3usize, 2u8>()`.
fn bit_field(item: &ImplItem) -> Option<(String, BitField)> {
    struct Finder(Option<BitField>);
    impl Visit<'_> for Finder {
        fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
            syn::visit::visit_expr_method_call(self, call);
            let syn::Expr::Field(receiver) = &*call.receiver else {
                return;
            };
            let syn::Member::Named(unit) = &receiver.member else {
                return;
            };
            let numbers: Vec<usize> = match &call.turbofish {
                _ if call.method == "get" => call.args.iter().filter_map(number).collect(),
                Some(turbofish) if call.method == "get_const" => turbofish
                    .args
                    .iter()
                    .filter_map(|argument| match argument {
                        GenericArgument::Const(value) => number(value),
                        _ => None,
                    })
                    .collect(),
                _ => return,
            };
            if let [bit, bits] = numbers[..] {
                self.0 = Some(BitField {
                    unit: unit.to_string(),
                    bit,
                    bits,
                });
            }
        }
    }
    let ImplItem::Fn(function) = item else {
        return None;
    };
    if !matches!(function.sig.inputs.first(), Some(FnArg::Receiver(_))) {
        return None;
    }
    let mut finder = Finder(None);
    finder.visit_block(&function.block);
    Some((function.sig.ident.to_string(), finder.0?))
}

fn number(value: &syn::Expr) -> Option<usize> {
    match value {
        syn::Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Int(int) => int.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// What bindgen makes of tests/data/stock.c, in short.
    pub const SAMPLE: &str = "
        pub struct atomic_t { pub counter: ffi::c_int }
        pub type counter_t = atomic_t;
        pub union word { pub all: u32_, pub bytes: [ffi::c_uchar; 4usize] }
        pub struct inner { pub first: ffi::c_long, pub count: counter_t }
        pub struct hidden { _unused: [u8; 0] }
        pub struct outer {
            pub type_: u32_,
            pub __bindgen_anon_1: outer__bindgen_ty_1,
            pub _bitfield_align_1: [u16; 0],
            pub _bitfield_1: __BindgenBitfieldUnit<[u8; 2usize]>,
            pub inner: [inner; 2usize],
            pub next: *mut inner,
            pub hidden: *mut hidden,
            pub callback: ::core::option::Option<unsafe extern \"C\" fn(outer: *const outer)>,
            pub tail: __IncompleteArrayField<word>,
        }
        pub union outer__bindgen_ty_1 { pub number: ffi::c_long, pub text: [ffi::c_char; 16usize] }
        impl outer {
            pub fn low(&self) -> ffi::c_uint {
                unsafe { ::core::mem::transmute(self._bitfield_1.get(0usize, 3u8) as u32) }
            }
            pub fn high(&self) -> ffi::c_uint {
                unsafe { ::core::mem::transmute(self._bitfield_1.get_const::<3usize, 12u8>() as u32) }
            }
            pub fn set_low(&mut self, val: ffi::c_uint) {
                unsafe { self._bitfield_1.set(0usize, 3u8, val as u64) }
            }
        }
        extern \"C\" {
            pub fn find(name: *const ffi::c_char, table: *const *mut outer) -> *mut inner;
            pub static mut table: counter_t;
        }";

    pub fn bindings(text: &str) -> Bindings {
        let mut bindings = Bindings::default();
        bindings.add_text(text).unwrap();
        bindings
    }

    #[test]
    fn structures_behind_aliases() {
        let sample = bindings(SAMPLE);
        assert_eq!(sample.composite("counter_t").unwrap().0, "atomic_t");
        assert!(sample.composite("u32_").is_none());
        assert_eq!(sample.mentioned_by("find"), ["c_char", "outer", "inner"]);
        assert_eq!(sample.mentioned_by("table"), ["counter_t"]);
        assert!(sample.is_function("find") && !sample.is_function("table"));
    }

    #[test]
    fn bit_fields_by_their_accessors() {
        let sample = bindings(SAMPLE);
        let (_, outer) = sample.composite("outer").unwrap();
        let place = |name: &str| {
            let field = &outer.bits[name];
            (field.unit.as_str(), field.bit, field.bits)
        };
        assert_eq!(place("low"), ("_bitfield_1", 0, 3));
        assert_eq!(place("high"), ("_bitfield_1", 3, 12));
        assert!(!outer.bits.contains_key("set_low"));
    }

    #[test]
    fn the_first_of_a_name_counts() {
        let mut sample = bindings("pub struct inner { pub mine: ffi::c_int }");
        sample.add_text(SAMPLE).unwrap();
        assert_eq!(sample.composite("inner").unwrap().1.fields[0].name, "mine");
    }
}
