// SPDX-License-Identifier: GPL-2.0

//! Compares the layout of structures in these bindings with the stock kernel's, at
//! compile time.
//!
//! The included file has a table for each structure, made from the stock kernel's
//! BTF by `tools/btf-guard`; it is empty if there was no BTF to read.

#![allow(dead_code, unused_macros, reason = "without BTF, nothing is compared")]

use super::*;

/// The text of a compile error, since there is no formatting at compile time.
struct Message {
    text: [u8; 256],
    len: usize,
}

impl Message {
    const fn new(text: &str) -> Self {
        let empty = Self {
            text: [0; 256],
            len: 0,
        };
        empty.text(text)
    }

    const fn text(mut self, text: &str) -> Self {
        let mut bytes = text.as_bytes();
        while let ([first, rest @ ..], true) = (bytes, self.len < self.text.len()) {
            self.text[self.len] = *first;
            self.len += 1;
            bytes = rest;
        }
        self
    }

    const fn number(self, number: usize) -> Self {
        let before = match number / 10 {
            0 => self,
            rest => self.number(rest),
        };
        let (digits, _) = b"0123456789".split_at(number % 10 + 1);
        match digits {
            [.., digit] => match core::str::from_utf8(&[*digit]) {
                Ok(digit) => before.text(digit),
                Err(_) => before,
            },
            [] => before,
        }
    }

    /// Stops the compiler.
    #[track_caller]
    const fn refuse(&self) -> ! {
        match core::str::from_utf8(self.text.split_at(self.len).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("a layout is not the stock kernel's"),
        }
    }
}

#[track_caller]
const fn same_offset(name: &str, field: &str, ours: usize, stock: usize) {
    if ours != stock {
        Message::new("struct ")
            .text(name)
            .text(": `")
            .text(field)
            .text("` is at byte ")
            .number(ours)
            .text(" in these bindings, and at byte ")
            .number(stock)
            .text(" in the stock kernel")
            .refuse();
    }
}

#[track_caller]
const fn same_size(name: &str, field: &str, ours: usize, stock: usize) {
    if ours != stock {
        Message::new("struct ")
            .text(name)
            .text(": `")
            .text(field)
            .text("` has ")
            .number(ours)
            .text(" bytes in these bindings, and ")
            .number(stock)
            .text(" in the stock kernel")
            .refuse();
    }
}

const fn size_of_pointee<T>(_: *const T) -> usize {
    size_of::<T>()
}

/// A structure by its Rust name, its C name and its size; each field by its Rust
/// name, its C name, its offset and, unless it is a bit-field's storage, its size.
macro_rules! layout {
    ($name:ident, $c_name:literal, $size:literal, [
        $($field:ident, $c_field:literal, $offset:literal, $bytes:expr;)*
    ]) => {
        const _: () = {
            let place = core::mem::MaybeUninit::<$name>::uninit();
            $(
                same_offset($c_name, $c_field, core::mem::offset_of!($name, $field), $offset);
                // SAFETY: The field of `place` is pointed at and not read.
                let field = unsafe { &raw const (*place.as_ptr()).$field };
                let stock: Option<usize> = $bytes;
                if let Some(stock) = stock {
                    same_size($c_name, $c_field, size_of_pointee(field), stock);
                }
            )*
            same_size($c_name, "(all of it)", size_of_pointee(place.as_ptr()), $size);
        };
    };
}

include!(env!("FAULTLINE_LAYOUT"));
