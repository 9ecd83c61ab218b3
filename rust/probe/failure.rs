// SPDX-License-Identifier: GPL-2.0

//! The reasons why a function cannot be probed.

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

/// The reason why a function is not probed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Neither the kernel nor a loaded module has a function of this name.
    NotFound,
    /// The compiler has inlined the function, except for a part with the name `<function><suffix>`.
    Inlined(&'static str),
    /// The kernel refuses probes there: the function is blacklisted, or the symbol is not code.
    Blacklisted,
    /// The function is in the kernel's `init` text, which is freed after boot.
    Init,
    /// The entry of the function can be probed, but not its return.
    NoReturn,
    /// The first instruction is a trap (`ud2`), or one that the kernel cannot decode.
    Undecodable,
    /// The function exists, but does not begin with a call that ftrace patches.
    NotTraceable,
    /// The compiler has changed the arguments of the function. A probe cannot detect this; a module
    /// that knows it by `cfg(kernel_has)` sets it.
    Changed,
    /// The function exists, but the compiler has inlined it where it is called. A probe cannot detect
    /// this either; a module that knows it sets it.
    CallsInlined,
    /// Another error of the kernel.
    Other(Error),
}

impl Failure {
    /// Returns the corresponding error number.
    pub fn to_error(&self) -> Error {
        match self {
            Self::NotFound | Self::Inlined(_) | Self::CallsInlined => code::ENOENT,
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
        /// The suffixes that gcc and clang append to the names of such parts.
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
            // A kprobe is possible, so the error is ftrace's.
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
                "inlined: the compiler inlined this function, except for a part with the suffix \
                 {suffix}"
            ),
            Self::Blacklisted => f.write_str(
                "blacklisted: this kernel does not allow probes on it, see \
                 /sys/kernel/debug/kprobes/blacklist",
            ),
            Self::Init => {
                f.write_str("init: the code of this function was freed after boot")
            }
            Self::NoReturn => {
                f.write_str("no return: the entry can be probed, but not the return")
            }
            Self::Undecodable => f.write_str(
                "undecodable: the first instruction is a trap, or the kernel cannot decode it",
            ),
            Self::NotTraceable => f.write_str(
                "not traceable: it does not begin with a call that ftrace patches, see \
                 /sys/kernel/tracing/available_filter_functions",
            ),
            Self::Changed => f.write_str(
                "changed: the compiler has changed its arguments, so this kernel's BTF leaves it out",
            ),
            Self::CallsInlined => f.write_str(
                "inlined: the compiler inlined this function where it is called, so that a probe would \
                 not see these calls",
            ),
            Self::Other(error) => write!(f, "error {}", error.to_errno()),
        }
    }
}

/// The reason why a set was not registered.
#[derive(Debug)]
pub struct RegistrationError {
    pub(super) symbol: Symbol,
    pub(super) failure: Failure,
}

impl RegistrationError {
    /// Returns the reason why the function cannot be probed.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Prints the function and the reason, and returns the corresponding error number.
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

/// Returns whether there is a function whose name is that of `function` with `suffix` appended.
fn has_sibling(function: &CStr, suffix: &str) -> bool {
    let name = Printable(crate::compat::bytes(function));
    Text::<256>::format(format_args!("{name}{suffix}\0"))
        .as_ref()
        .ok()
        .and_then(Text::as_c_str)
        .is_some_and(|sibling| lookup::try_probe(sibling).probed.is_ok())
}

/// Returns whether the address is in the kernel's `init` text.
fn is_init(address: usize) -> bool {
    let [begin, end] =
        [c"_sinittext", c"_einittext"].map(|symbol| lookup::try_probe(symbol).address);
    (begin..end).contains(&address)
}
