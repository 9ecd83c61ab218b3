// SPDX-License-Identifier: GPL-2.0

//! A function to be probed: its name, and the handler's data for it.

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

/// The name of a function, a constant or made at run time, and optionally its address.
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
    /// 0 if the kernel should look the name up.
    address: usize,
}

/// The memory of the name, which does not move when a `Symbol` does.
enum Name {
    Constant(&'static CStr),
    /// With its NUL.
    Allocated(KVec<u8>),
}

impl Symbol {
    /// The size of the kernel's longest name, with its NUL (`KSYM_NAME_LEN`).
    pub const MAX: usize = 512;

    /// Copies a name.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a name that contains a NUL, `ENAMETOOLONG` if it has [`MAX`](Self::MAX) bytes
    /// or more, `ENOMEM`.
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

    /// Sets the address at which the function begins, as in `/proc/kallsyms`. It selects one of
    /// several functions of the same name; and on x86-64 it saves a [`Group`](super::fprobe::Group)
    /// the lookup of the name, which takes a millisecond. If the function is not there, it is
    /// refused.
    pub fn at(self, address: usize) -> Self {
        Self { address, ..self }
    }

    /// Returns the address at which the function begins; 0 if the kernel should look the name up.
    pub fn address(&self) -> usize {
        self.address
    }

    /// Returns the name, which does not move as long as the object lives.
    pub fn as_c_str(&self) -> &CStr {
        match &self.name {
            Name::Constant(name) => name,
            Name::Allocated(name) => CStr::from_bytes_until_nul(name).unwrap_or(c""),
        }
    }

    /// Returns a copy for a message. If there is no memory for it, the name is `a function`.
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

/// A function to be probed, with the handler's data for it
/// ([`Handler::Target`](super::Handler::Target)).
pub struct Function<T> {
    pub(super) symbol: Symbol,
    pub(super) target: T,
    /// A failure that is known before the registration.
    pub(super) failure: Option<Failure>,
}

impl<T> Function<T> {
    /// Makes a function to be probed.
    pub fn new(symbol: impl Into<Symbol>, target: T) -> Self {
        Self {
            symbol: symbol.into(),
            target,
            failure: None,
        }
    }

    /// Returns the name of the function.
    pub fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// Marks the function as not to be probed, for a reason that the module knows and a probe cannot
    /// detect: [`Failure::Changed`] or [`Failure::CallsInlined`].
    pub fn unless(self, failure: Option<Failure>) -> Self {
        Self { failure, ..self }
    }
}
