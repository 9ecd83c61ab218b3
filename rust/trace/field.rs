// SPDX-License-Identifier: GPL-2.0

//! The types that a field of an event can have.

use core::{
    ffi::CStr,
    fmt,
    marker::PhantomData, //
};

use crate::{
    bindings,
    compat::ffi::c_void,
    module::Info, //
};

/// A type that a field of an event can have.
pub trait Field: Copy + Send + Sync + 'static {
    /// The type in the file `format`.
    #[doc(hidden)]
    const C_TYPE: &'static CStr;
    /// The `printf()` conversion with which user space prints it.
    #[doc(hidden)]
    const FORMAT: &'static str;
    #[doc(hidden)]
    const IS_SIGNED: bool;
    /// The number of elements of an array.
    #[doc(hidden)]
    const LEN: usize = 0;
    /// The arguments of the conversions in `FORMAT`.
    #[doc(hidden)]
    const ARGUMENTS: &'static [Argument] = &[Argument::Field];

    /// Writes the value.
    #[doc(hidden)]
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result;
}

/// An argument of a conversion by which user space prints a field.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum Argument {
    /// The field itself.
    Field,
    /// An element of it, which is an array.
    Element(usize),
    /// Two of its elements, which are bytes, as a number in the order of the network.
    Pair(usize),
    /// The name that its value has, or the value if it has none.
    Name(&'static [(u32, &'static str)]),
}

#[inline]
const fn with_element(info: Info, name: &str, element: usize) -> Info {
    info.text("REC->")
        .text(name)
        .text("[")
        .number(element as i128)
        .text("]")
}

/// Appends the arguments of the field `name` to what user space prints an event by.
#[doc(hidden)]
#[inline]
pub const fn with_arguments(mut info: Info, arguments: &[Argument], name: &str) -> Info {
    let mut at = 0;
    while at < arguments.len() {
        info = match arguments[at] {
            Argument::Field => info.text(", REC->").text(name),
            Argument::Element(element) => with_element(info.text(", "), name, element),
            // libtraceevent 1.9.0 does not parse an element to the right of an operator without `()`.
            Argument::Pair(element) => with_element(
                with_element(info.text(", "), name, element).text(" << 8 | ("),
                name,
                element + 1,
            )
            .text(")"),
            Argument::Name(names) => {
                let mut info = info.text(", __print_symbolic(REC->").text(name);
                let mut at = 0;
                while at < names.len() {
                    let (value, name) = names[at];
                    info = info
                        .text(", { ")
                        .number(value as i128)
                        .text(", \"")
                        .text(name)
                        .text("\" }");
                    at += 1;
                }
                info.text(")")
            }
        };
        at += 1;
    }
    info
}

macro_rules! number {
    ($($type:ty, $c_type:literal, $format:literal, $is_signed:literal;)*) => { $(
        impl Field for $type {
            const C_TYPE: &'static CStr = $c_type;
            const FORMAT: &'static str = $format;
            const IS_SIGNED: bool = $is_signed;

            fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
                write!(out, "{self}")
            }
        }
    )* };
}

number! {
    u8, c"u8", "%u", false;
    u16, c"u16", "%u", false;
    u32, c"u32", "%u", false;
    u64, c"u64", "%llu", false;
    usize, c"unsigned long", "%lu", false;
    i8, c"s8", "%d", true;
    i16, c"s16", "%d", true;
    i32, c"s32", "%d", true;
    i64, c"s64", "%lld", true;
    isize, c"long", "%ld", true;
}

impl Field for bool {
    const C_TYPE: &'static CStr = c"bool";
    const FORMAT: &'static str = "%d";
    const IS_SIGNED: bool = false;

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        write!(out, "{}", u8::from(*self))
    }
}

/// A number that is shown in hexadecimal, after `0x`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Hex(pub u32);

impl Field for Hex {
    const C_TYPE: &'static CStr = c"u32";
    const FORMAT: &'static str = "0x%x";
    const IS_SIGNED: bool = false;

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        write!(out, "{:#x}", self.0)
    }
}

/// A pointer. The file `trace` shows it hashed, like the kernel's own events; the record has it as
/// it is.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Pointer(pub usize);

impl Field for Pointer {
    const C_TYPE: &'static CStr = c"const void *";
    const FORMAT: &'static str = "%p";
    const IS_SIGNED: bool = false;

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        // `(____ptrval____)` stands for a hash before there is entropy.
        let mut text = [0_u8; 24];
        // SAFETY: There is room for as many bytes. The pointer is hashed, and not followed.
        unsafe {
            bindings::faultline_helper_format_pointer(
                text.as_mut_ptr().cast(),
                text.len(),
                self.0 as *const c_void,
            );
        }
        Chars(text).show(out)
    }
}

/// Names of the values of a [`Named`] field.
pub trait Names: Copy + Send + Sync + 'static {
    /// The values, and what they are called.
    const NAMES: &'static [(u32, &'static str)];
}

/// A number that is shown by its name in `N`, or in hexadecimal if it has none there.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Named<N>(u32, PhantomData<N>);

impl<N: Names> Named<N> {
    /// The value with this number.
    #[inline]
    pub const fn new(value: u32) -> Self {
        Self(value, PhantomData)
    }
}

impl<N: Names> Field for Named<N> {
    const C_TYPE: &'static CStr = c"u32";
    const FORMAT: &'static str = "%s";
    const IS_SIGNED: bool = false;
    const ARGUMENTS: &'static [Argument] = &[Argument::Name(N::NAMES)];

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        match N::NAMES.iter().find(|(value, _)| *value == self.0) {
            Some((_, name)) => out.write_str(name),
            None => write!(out, "{:#x}", self.0),
        }
    }
}

/// A string of less than `N` bytes in an event (`char[N]`, with NUL).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Chars<const N: usize>([u8; N]);

impl<const N: usize> Chars<N> {
    const C_TYPE_TEXT: Info = Info::new("char[").number(N as i128).text("]");

    /// Copies `text` up to its first NUL, or as much of it as fits.
    #[inline]
    pub fn of(text: &[u8]) -> Self {
        let mut chars = [0; N];
        let room = chars.iter_mut().take(N.saturating_sub(1));
        for (to, &from) in room.zip(text.iter().take_while(|&&byte| byte != 0)) {
            *to = from;
        }
        Self(chars)
    }

    /// The text in `chars`, up to its first NUL or the last but one byte.
    #[inline]
    pub fn new(mut chars: [u8; N]) -> Self {
        if let Some(last) = chars.last_mut() {
            *last = 0;
        }
        Self(chars)
    }
}

impl<const N: usize> Field for Chars<N> {
    const C_TYPE: &'static CStr = Self::C_TYPE_TEXT_REF.as_c_str();
    const FORMAT: &'static str = "%s";
    const IS_SIGNED: bool = false;
    const LEN: usize = N;

    /// Writes the string, with `?` for everything but printable ASCII.
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.0
            .iter()
            .take_while(|&&byte| byte != 0)
            .try_for_each(|&byte| {
                out.write_char(match byte {
                    b' '..=b'~' => char::from(byte),
                    _ => '?',
                })
            })
    }
}

impl<const N: usize> Chars<N> {
    const C_TYPE_TEXT_REF: &'static Info = &Self::C_TYPE_TEXT;
}

/// A string of less than `N` bytes in an event, shown in quotes. `"` and `\` in it are escaped with
/// a `\`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Quoted<const N: usize>(Chars<N>);

impl<const N: usize> Quoted<N> {
    /// Copies `text` as [`Chars::of`] does.
    #[inline]
    pub fn of(text: &[u8]) -> Self {
        Self(Chars::of(text))
    }
}

impl<const N: usize> Field for Quoted<N> {
    const C_TYPE: &'static CStr = Chars::<N>::C_TYPE;
    const FORMAT: &'static str = "\\\"%s\\\"";
    const IS_SIGNED: bool = false;
    const LEN: usize = N;

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_char('"')?;
        self.0.show(&mut Escaped(out))?;
        out.write_char('"')
    }
}

/// Escapes `"` and `\` with a `\`.
struct Escaped<'a>(&'a mut dyn fmt::Write);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|char| {
            if matches!(char, '"' | '\\') {
                self.0.write_char('\\')?;
            }
            self.0.write_char(char)
        })
    }
}
