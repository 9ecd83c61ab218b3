// SPDX-License-Identifier: GPL-2.0

//! The way of an expression through the kernel's types: from an argument or a result through pointers,
//! to the number or text that is fetched.

use super::expression::{Cast, Step};
use super::form::Form;
use super::nearest::nearest;
use crate::btf::{Member, Shape, Type, Types};

/// The furthest that one step goes, and the most steps.
const FURTHEST: u64 = 1 << 20;
const STEPS: usize = 8;

/// What the module is to fetch.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetch {
    /// As the module reads it: `a0.16.8:u32`, or `a0.16:u3@5/32` for a bit-field.
    pub spec: String,
    pub form: Form,
    /// How many bits a number has.
    pub width: u32,
}

/// A value on the way through pointers.
pub struct Place<'a> {
    types: Option<&'a Types>,
    text: &'a str,
    base: String,
    steps: Vec<String>,
    /// The value is in memory, so far behind the address that the steps lead to; none: the steps
    /// lead to the value itself.
    offset: Option<u64>,
    /// None, if it is not known.
    ty: Option<Type>,
    /// Shift and width of a bit-field in the number.
    bits: Option<(u32, u32)>,
}

impl<'a> Place<'a> {
    pub fn new(types: Option<&'a Types>, text: &'a str, base: String, ty: Option<Type>) -> Self {
        Place {
            types,
            text,
            base,
            steps: Vec::new(),
            offset: None,
            ty,
            bits: None,
        }
    }

    /// Takes a step.
    pub fn step(&mut self, step: &Step) -> Result<(), String> {
        let text = self.text;
        let (Some(ty), Some(types)) = (self.ty.clone(), self.types) else {
            return Err(format!(
                "'{text}': the types that it goes through are not known"
            ));
        };
        if self.bits.is_some() {
            return Err(format!("'{text}': a bit-field is no structure"));
        }
        let shape = ty.shape(types);
        match (step, shape) {
            (Step::Dereference | Step::Index(_), Shape::Pointer(to)) => {
                self.follow();
                let at = match step {
                    Step::Index(at) => *at,
                    _ => 0,
                };
                self.element(to, at)
            }
            (Step::Index(at), Shape::Array { of, len }) if self.offset.is_some() => {
                // Arrays of unknown length have 0.
                if len > 0 && *at >= u64::from(len) {
                    return Err(format!("'{text}': the array has {len} elements, from 0"));
                }
                self.element(of, *at)
            }
            (Step::Index(_) | Step::Dereference, _) => {
                Err(format!("'{text}': {ty} is no pointer and no array"))
            }
            (Step::Member(name), shape) => {
                let of = match shape {
                    Shape::Pointer(to) => {
                        self.follow();
                        to
                    }
                    _ => ty,
                };
                self.member(&of, name, types)
            }
        }
    }

    fn member(&mut self, of: &Type, name: &str, types: &Types) -> Result<(), String> {
        let text = self.text;
        if !matches!(of.shape(types), Shape::Struct { .. } | Shape::Union { .. }) {
            return Err(format!("'{text}': {of} has no members, so no '{name}'"));
        }
        let Some(offset) = self.offset else {
            return Err(format!(
                "'{text}': {of} is passed by value, and cannot be read"
            ));
        };
        let Some(Member {
            offset_bytes,
            bits,
            ty,
        }) = types.member(of, name)
        else {
            let names = types.member_names(of);
            return Err(format!(
                "'{text}': no member '{name}' in {of}, which has {}",
                nearest(name, &names)
            ));
        };
        self.bits = bits;
        self.ty = Some(ty);
        self.go(offset.checked_add(u64::from(offset_bytes)))
    }

    fn go(&mut self, offset: Option<u64>) -> Result<(), String> {
        self.offset = offset.filter(|offset| *offset <= FURTHEST);
        match self.offset {
            Some(_) => Ok(()),
            None => Err(format!("'{}': more than {FURTHEST} bytes away", self.text)),
        }
    }

    /// From a pointer to what it points to.
    fn follow(&mut self) {
        if let Some(offset) = self.offset {
            self.steps.push(format!(".{offset}"));
        }
        self.offset = Some(0);
    }

    fn element(&mut self, of: Type, at: u64) -> Result<(), String> {
        let size = match self.types.map(|types| size(&of, types)) {
            Some(Some(size)) => u64::from(size),
            _ if at == 0 => 0,
            _ => return Err(format!("'{}': the size of {of} is not known", self.text)),
        };
        self.ty = Some(of);
        self.go(size
            .checked_mul(at)
            .and_then(|bytes| bytes.checked_add(self.offset?)))
    }

    /// What is fetched in the end.
    pub fn fetch(mut self, cast: Option<Cast>) -> Result<Fetch, String> {
        let text = self.text;
        let ty = self.ty.clone();
        if self.bits.is_some() && !matches!(cast, None | Some(Cast::Hex)) {
            return Err(format!("'{text}': a bit-field is read as its type says"));
        }
        let is_text = cast.is_none() && ty.as_ref().is_some_and(|ty| self.is_text(ty));
        let (form, fetched_as) = match cast {
            Some(Cast::Str) => (Form::Text, "str".to_string()),
            Some(Cast::Ustr) => (Form::Text, "ustr".into()),
            None if is_text => (Form::Text, "str".into()),
            cast => {
                let form = match cast {
                    Some(Cast::Ip) => Form::Ipv4,
                    Some(Cast::Number {
                        bytes,
                        signed: true,
                    }) => Form::Signed { bytes },
                    Some(Cast::Number {
                        bytes,
                        signed: false,
                    }) => Form::Unsigned { bytes },
                    Some(_) => Form::Hex {
                        bytes: self.form(true)?.bytes(),
                    },
                    None => self.form(false)?,
                };
                let fetched_as = form.fetched_as(self.bits);
                (form, fetched_as)
            }
        };
        if form == Form::Text {
            self.text_address(ty.as_ref())?;
        } else if let Some(offset) = self.offset {
            self.steps.push(format!(".{offset}"));
        }
        if self.steps.len() > STEPS {
            return Err(format!("'{text}': goes through more than {STEPS} pointers"));
        }
        Ok(Fetch {
            spec: format!("{}{}:{fetched_as}", self.base, self.steps.concat()),
            width: self.bits.map_or(form.bytes() * 8, |(_shift, width)| width),
            form,
        })
    }

    /// Whether a value of that type is a text without anybody's word: a member, not a parameter,
    /// which may be the address of a text in user space.
    fn is_text(&self, ty: &Type) -> bool {
        let Some(types) = self.types.filter(|_| self.offset.is_some()) else {
            return false;
        };
        let of = match ty.shape(types) {
            Shape::Pointer(of) | Shape::Array { of, .. } => of,
            _ => return false,
        };
        // Names of files are of unsigned char; what is not const is rather data.
        matches!(of.shape(types), Shape::Int { is_char: true, .. })
            || of.to_string() == "const unsigned char"
    }

    /// Ends at the address of a text: that of an array, or that which a pointer has.
    fn text_address(&mut self, ty: Option<&Type>) -> Result<(), String> {
        let text = self.text;
        let shape = ty.zip(self.types).map(|(ty, types)| ty.shape(types));
        match (shape, self.offset) {
            (Some(Shape::Pointer(_)) | None, Some(offset)) => self.steps.push(format!(".{offset}")),
            (Some(Shape::Pointer(_)) | None, None) => {}
            (
                Some(Shape::Array { .. } | Shape::Struct { .. } | Shape::Union { .. }),
                Some(offset),
            ) => {
                if offset > 0 {
                    self.steps.push(format!("+{offset}"));
                }
            }
            // An address may be in an integer.
            (Some(Shape::Int { size: 8, .. }), Some(offset)) => {
                self.steps.push(format!(".{offset}"))
            }
            (Some(Shape::Int { size: 8, .. }), None) => {}
            _ => {
                let ty = ty.map(Type::to_string).unwrap_or_default();
                return Err(format!("'{text}': {ty} is no address of a text"));
            }
        }
        Ok(())
    }

    /// The form of the value that it has come to.
    pub fn form(&self, forced: bool) -> Result<Form, String> {
        let text = self.text;
        let (Some(ty), Some(types)) = (&self.ty, self.types) else {
            return Ok(Form::Word);
        };
        if let Some(form) = number(ty, types) {
            return Ok(form);
        }
        match ty.shape(types) {
            Shape::Struct { .. } | Shape::Union { .. } => Err(format!(
                "'{text}' is of type {ty}: name a member of it: {}",
                nearest("", &types.member_names(ty))
            )),
            Shape::Array { .. } if !forced => Err(format!(
                "'{text}' is of type {ty}: name an element of it, {text}[0]"
            )),
            _ => Err(format!(
                "'{text}' is of type {ty}, which is no number and no text"
            )),
        }
    }
}

/// The size of a type.
fn size(ty: &Type, types: &Types) -> Option<u32> {
    match ty.shape(types) {
        Shape::Int { size, .. }
        | Shape::Enum { size, .. }
        | Shape::Struct { size }
        | Shape::Union { size }
        | Shape::Float { size } => Some(size),
        Shape::Pointer(_) => Some(8),
        Shape::Array { of, len } => size(&of, types)?.checked_mul(len),
        // As gcc has it.
        Shape::Void | Shape::Function => Some(1),
        Shape::Unknown => None,
    }
}

/// The form of a number or pointer.
pub fn number(ty: &Type, types: &Types) -> Option<Form> {
    let form = match ty.shape(types) {
        Shape::Int { is_bool: true, .. } => Form::Bool,
        Shape::Int {
            size: bytes,
            signed,
            ..
        } => match ty.to_string().trim_start_matches("const ") {
            "__be16" | "__be32" | "__be64" => Form::BigEndian { bytes },
            _ if signed => Form::Signed { bytes },
            _ => Form::Unsigned { bytes },
        },
        Shape::Enum {
            size: bytes,
            signed,
            values,
        } => Form::Enum {
            bytes,
            signed,
            values: values.into(),
        },
        Shape::Pointer(_) => Form::Pointer,
        _ => return None,
    };
    matches!(form.bytes(), 1 | 2 | 4 | 8).then_some(form)
}
