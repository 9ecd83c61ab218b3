// SPDX-License-Identifier: GPL-2.0

//! Why a function cannot be probed.

use core::{
    ffi::CStr,
    fmt, //
};

use super::{
    lookup::{
        self,
        Found, //
    },
    Symbol, //
};
use crate::{
    error::{
        code,
        Error, //
    },
    pr_err,
    text::{
        Printable,
        Text, //
    }, //
};

/// Why a function is not probed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// No function of the kernel, or of a module that is loaded, is called
    /// this.
    NotFound,
    /// The compiler has left a part of it only, called `<function><suffix>`,
    /// and inlined the rest.
    Inlined(&'static str),
    /// The kernel refuses probes there: it is on the blacklist, or no code.
    Blacklisted,
    /// It was needed while the kernel started, and its code is gone.
    Init,
    /// Its entry can be probed and its return cannot.
    NoReturn,
    /// Its first instruction is a trap (`ud2`), or one that the kernel cannot decode.
    Undecodable,
    /// The function is there, and does not begin with a call that ftrace patches.
    NotTraceable,
    /// The compiler has changed its arguments. No probe knows that: it is for a module
    /// that knows it by `cfg(kernel_has)`.
    Changed,
    /// Another error of the kernel.
    Other(Error),
}

impl Failure {
    /// The error that stands for it.
    pub fn to_error(&self) -> Error {
        match self {
            Self::NotFound | Self::Inlined(_) => code::ENOENT,
            Self::Blacklisted
            | Self::Init
            | Self::NoReturn
            | Self::Undecodable
            | Self::NotTraceable
            | Self::Changed => code::EINVAL,
            Self::Other(error) => *error,
        }
    }

    /// Finds out why a function could not be probed.
    pub(super) fn find(symbol: &Symbol, error: Error) -> Self {
        /// What gcc and clang append to the rest of a function.
        const SUFFIXES: &[&str] = &[
            ".part.0",
            ".isra.0",
            ".constprop.0",
            ".isra.0.part.0",
            ".part.0.isra.0",
            ".constprop.0.isra.0",
            ".part.1",
            ".cold",
        ];
        let function = symbol.as_c_str();
        let Found {
            address, probed, ..
        } = lookup::try_probe(function);
        match (error, probed) {
            (code::ENOENT, Err(code::ENOENT)) => SUFFIXES
                .iter()
                .find(|suffix| has_sibling(function, suffix))
                .map_or(Self::NotFound, |suffix| Self::Inlined(suffix)),
            // A kprobe could be there: so it was ftrace that did not find it.
            (code::ENOENT, Ok(()) | Err(code::EINVAL)) => Self::NotTraceable,
            (code::EINVAL, Ok(())) => Self::NoReturn,
            (code::EINVAL, Err(_)) if is_init(address) => Self::Init,
            (code::EINVAL, Err(_)) => Self::Blacklisted,
            (code::EILSEQ, _) => Self::Undecodable,
            _ => Self::Other(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("not found: this kernel has no such function"),
            Self::Inlined(suffix) => write!(
                f,
                "inlined: of this function the compiler left only a part, with {suffix} at the \
                 end of its name"
            ),
            Self::Blacklisted => f.write_str(
                "blacklisted: this kernel refuses probes there, see \
                 /sys/kernel/debug/kprobes/blacklist",
            ),
            Self::Init => {
                f.write_str("init: it was needed while the kernel started, and its code is gone")
            }
            Self::NoReturn => f.write_str("no return: its entry can be probed, its return cannot"),
            Self::Undecodable => f.write_str(
                "undecodable: it begins with a trap, or with what the kernel cannot decode",
            ),
            Self::NotTraceable => f.write_str(
                "not traceable: it does not begin with a call that ftrace patches, see \
                 /sys/kernel/tracing/available_filter_functions",
            ),
            Self::Changed => f.write_str(
                "changed: the compiler has changed its arguments, so this kernel's BTF leaves it out",
            ),
            Self::Other(error) => write!(f, "error {}", error.to_errno()),
        }
    }
}

/// Why a set was not registered.
#[derive(Debug)]
pub struct RegistrationError {
    pub(super) symbol: Symbol,
    pub(super) failure: Failure,
}

impl RegistrationError {
    /// What is wrong with the function.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Prints it, and returns the error that stands for it.
    pub fn report(&self) -> Error {
        pr_err!("{self}");
        self.failure.to_error()
    }
}

impl From<Error> for RegistrationError {
    fn from(error: Error) -> Self {
        Self {
            symbol: Symbol::from(c"probes"),
            failure: Failure::Other(error),
        }
    }
}

impl fmt::Display for RegistrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.symbol, self.failure)
    }
}

/// Is there a function that is called as this one with `suffix` at the end?
fn has_sibling(function: &CStr, suffix: &str) -> bool {
    let name = Printable(crate::compat::bytes(function));
    Text::<256>::format(format_args!("{name}{suffix}\0"))
        .as_ref()
        .ok()
        .and_then(Text::as_c_str)
        .is_some_and(|sibling| lookup::try_probe(sibling).probed.is_ok())
}

/// Is this in the kernel's `init` text?
fn is_init(address: usize) -> bool {
    let [begin, end] =
        [c"_sinittext", c"_einittext"].map(|symbol| lookup::try_probe(symbol).address);
    (begin..end).contains(&address)
}
