// SPDX-License-Identifier: GPL-2.0

//! A function to be probed: its name, and what the handler has for it.

use core::{
    ffi::CStr,
    fmt, //
};

use super::Failure;
use crate::{
    compat::{
        bytes,
        push,
        KVec,
        GFP_KERNEL, //
    },
    error::{
        code,
        Result, //
    },
    text::Printable, //
};

/// A function: its name, which is a constant or made at run time, and if need be where it is.
///
/// # Examples
///
/// ```no_run
/// use faultline::probe::Symbol;
///
/// let constant = Symbol::from(c"vfs_read");
/// let made = Symbol::new("vfs_write")?;
/// # let _ = (constant, made);
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub struct Symbol {
    name: Name,
    /// 0 if the kernel is to look for the name.
    address: usize,
}

/// Where the name is. It does not move when a `Symbol` does.
enum Name {
    Constant(&'static CStr),
    /// With its NUL.
    Allocated(KVec<u8>),
}

impl Symbol {
    /// The longest name that the kernel has, with its NUL (`KSYM_NAME_LEN`).
    pub const MAX: usize = 512;

    /// Copies a name.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a name with a NUL in it, `ENAMETOOLONG` from [`MAX`](Self::MAX)
    /// bytes on, `ENOMEM`.
    pub fn new(name: &str) -> Result<Self> {
        if name.bytes().any(|byte| byte == 0) {
            return Err(code::EINVAL);
        }
        if name.len() >= Self::MAX {
            return Err(code::ENAMETOOLONG);
        }
        let mut copy = KVec::with_capacity(name.len().wrapping_add(1), GFP_KERNEL)?;
        for byte in name.bytes() {
            push(&mut copy, byte)?;
        }
        push(&mut copy, 0)?;
        Ok(Self {
            name: Name::Allocated(copy),
            address: 0,
        })
    }

    /// The function of that name that begins at `address`, as `/proc/kallsyms` has it. It tells
    /// one function of several with a name, and on x86-64 a [`Group`](super::fprobe::Group) need
    /// not look for it, which takes a millisecond each. What is not there is refused.
    pub fn at(self, address: usize) -> Self {
        Self { address, ..self }
    }

    /// Where it begins; 0 if the kernel is to look for the name.
    pub fn address(&self) -> usize {
        self.address
    }

    /// The name, which stays where it is as long as the object lives.
    pub fn as_c_str(&self) -> &CStr {
        match &self.name {
            Name::Constant(name) => name,
            Name::Allocated(name) => CStr::from_bytes_until_nul(name).unwrap_or(c""),
        }
    }

    /// A copy of it, for a message: one that can always be made, if need be of other
    /// words.
    pub(super) fn for_message(&self) -> Self {
        let name = match &self.name {
            Name::Constant(name) => Name::Constant(name),
            Name::Allocated(_) => {
                let copy = self.as_c_str().to_str().ok().map(Self::new);
                match copy {
                    Some(Ok(copy)) => copy.name,
                    _ => Name::Constant(c"a function"),
                }
            }
        };
        Self { name, address: 0 }
    }
}

impl From<&'static CStr> for Symbol {
    fn from(name: &'static CStr) -> Self {
        Self {
            name: Name::Constant(name),
            address: 0,
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(bytes(self.as_c_str())).fmt(f)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A function to be probed, with what the handler has for it
/// ([`Handler::Target`](super::Handler::Target)).
pub struct Function<T> {
    pub(super) symbol: Symbol,
    pub(super) target: T,
    /// Known before it is tried.
    pub(super) failure: Option<Failure>,
}

impl<T> Function<T> {
    /// The function `symbol`.
    pub fn new(symbol: impl Into<Symbol>, target: T) -> Self {
        Self {
            symbol: symbol.into(),
            target,
            failure: None,
        }
    }

    /// The name of the function.
    pub fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// Marks the function as one that is not to be probed, since the compiler has
    /// changed its arguments. Only the module knows, by `cfg(kernel_has)`.
    pub fn changed(self, is_changed: bool) -> Self {
        Self {
            failure: is_changed.then_some(Failure::Changed),
            ..self
        }
    }
}
