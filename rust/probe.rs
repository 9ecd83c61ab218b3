// SPDX-License-Identifier: GPL-2.0

//! What all kinds of probes share: the call that was hit, the context of a
//! handler, and why a function cannot be probed.
//!
//! - [`kprobe`](crate::kprobe): a handler at a function's entry.
//! - [`kretprobe`](crate::kretprobe): one at its entry and one at its return,
//!   with data that belongs to the call.
//!
//! # What a handler may do
//!
//! A handler runs in the middle of whatever the kernel is doing: with
//! preemption off, maybe in an interrupt, an NMI, or with any lock held. So it
//! must not sleep, not allocate, not take a lock, and not print. What it may do
//! is: compute, count ([`percpu`](crate::percpu)), read the kernel's memory
//! ([`memory`](crate::memory)), read the clock
//! ([`time::monotonic_ns`](crate::time::monotonic_ns)), and hand an event to
//! [`trace`](crate::trace). It gets a [`Handling`], which proves that it is one;
//! the token cannot be made, kept or sent elsewhere, and what only a handler may
//! do asks for it.
//!
//! Rust has no way to refuse a call which would sleep by its type alone. So a
//! test follows every call that leads out of the handlers of a built module, and
//! compares where they end with a list of what may be called
//! (`selftests/route_probe/handlers.sh`).
//!
//! # Handlers and other probes
//!
//! While a handler runs, its CPU hits no other handler: the kernel counts the
//! hit as missed instead ([`Missed`]). So a handler can be interrupted by a
//! probed function, or call one, without harm.
//!
//! The functions by which the kernel enters a handler are in the section
//! `.kprobes.text`, which puts a module's functions on the blacklist of what
//! can be probed at all. What a handler calls may be probed, with the harmless
//! effect above. (C's `NOKPROBE_SYMBOL` writes an address to a section, for
//! which Rust would need a static; a generic function can have none, but it can
//! have a section.) The functions of Rust and of `rust/helpers/` are not
//! traceable: they are compiled without the calls that ftrace patches.

use core::{
    ffi::CStr,
    fmt,
    marker::PhantomData, //
};

use crate::{
    arch,
    bindings,
    compat::{
        char_ptr,
        KBox,
        GFP_KERNEL, //
    },
    error::{
        code,
        to_result,
        Error,
        Result, //
    },
    memory::KernelPtr,
    text::{
        Printable,
        Text, //
    }, //
};

/// Proof that a probe's handler runs, on this CPU and with preemption off.
pub struct Handling<'a>(PhantomData<&'a *mut ()>);

impl Handling<'_> {
    /// # Safety
    ///
    /// This is called by the kernel's probes for a handler, to which alone the
    /// object is lent.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Self(PhantomData)
    }

    /// What the handler interrupted: 0 a task, 1 a softirq, 2 an interrupt, 3 an
    /// NMI (`interrupt_context_level()`).
    #[inline]
    pub fn level(&self) -> u8 {
        // SAFETY: The function reads a counter of this CPU.
        unsafe { bindings::faultline_helper_interrupt_context_level() }
    }
}

/// Turns the order around. (That of `core` can panic, as far as newer compilers
/// know.)
pub(crate) fn reverse<T: Copy>(list: &mut [T]) {
    let mut begin: usize = 0;
    let mut end = list.len();
    while begin < end {
        end = end.wrapping_sub(1);
        if let (Some(&first), Some(&last)) = (list.get(begin), list.get(end)) {
            if let Some(place) = list.get_mut(begin) {
                *place = last;
            }
            if let Some(place) = list.get_mut(end) {
                *place = first;
            }
        }
        begin = begin.wrapping_add(1);
    }
}

/// What an argument or a result can be read as.
pub trait FromWord {
    /// The value in a register, of which the lower bytes count.
    fn from_word(word: usize) -> Self;
}

macro_rules! from_word {
    ($($type:ty),*) => { $(
        impl FromWord for $type {
            #[inline(always)]
            fn from_word(word: usize) -> Self {
                word as $type
            }
        }
    )* };
}

from_word!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl<T> FromWord for KernelPtr<T> {
    #[inline(always)]
    fn from_word(word: usize) -> Self {
        Self::new(word)
    }
}

/// The registers of a call, at its first instruction or at its return.
pub struct Registers<'a>(&'a bindings::pt_regs);

impl<'a> Registers<'a> {
    /// # Safety
    ///
    /// `regs` is what a probe was called with, and lives as long as `'a`.
    #[inline(always)]
    pub(crate) unsafe fn new(regs: *const bindings::pt_regs) -> Self {
        // SAFETY: By the function's requirement.
        Self(unsafe { &*regs })
    }

    /// Argument `n`, counted from 0; `None` if it is on the stack and cannot be
    /// read.
    #[inline(always)]
    pub(crate) fn argument<T: FromWord>(&self, n: usize) -> Option<T> {
        let word = match arch::argument(self.0, n) {
            arch::Argument::Value(word) => word,
            arch::Argument::At(address) => KernelPtr::<usize>::new(address).read()?,
        };
        Some(T::from_word(word))
    }

    #[inline(always)]
    pub(crate) fn returned<T: FromWord>(&self) -> T {
        T::from_word(arch::returned(self.0))
    }
}

/// Hits of a function without a handler being called, as the kernel counts
/// them. It does so without a lock, so of misses on several CPUs in the same
/// moment one may be left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Missed {
    /// While another handler ran on the CPU.
    pub busy: u64,
    /// Because as many calls as can be followed were in progress
    /// (`maxactive`). Always 0 for a [`kprobe`](crate::kprobe).
    pub no_instance: u64,
}

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
    /// Its entry can be probed and its return cannot.
    NoReturn,
    /// Another error of the kernel.
    Other(Error),
}

impl Failure {
    /// The error that stands for it.
    pub fn to_error(&self) -> Error {
        match self {
            Self::NotFound | Self::Inlined(_) => code::ENOENT,
            Self::Blacklisted | Self::NoReturn => code::EINVAL,
            Self::Other(error) => *error,
        }
    }

    /// Finds out why `function` could not be probed.
    pub(crate) fn find(function: &CStr, error: Error) -> Self {
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
        let name = crate::compat::bytes(function);
        if error == code::ENOENT {
            for &suffix in SUFFIXES {
                let sibling = Text::<256>::format(format_args!("{}{suffix}\0", Printable(name)));
                let sibling = sibling.as_ref().ok().and_then(Text::as_c_str);
                if sibling.is_some_and(|sibling| can_probe(sibling).is_ok()) {
                    return Self::Inlined(suffix);
                }
            }
            return Self::NotFound;
        }
        if error != code::EINVAL {
            return Self::Other(error);
        }
        match can_probe(function) {
            Ok(()) => Self::NoReturn,
            Err(_) => Self::Blacklisted,
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
            Self::NoReturn => f.write_str("no return: its entry can be probed, its return cannot"),
            Self::Other(error) => write!(f, "error {}", error.to_errno()),
        }
    }
}

/// Why a set was not registered: the function, and what is wrong with it.
#[derive(Debug)]
pub struct Refused {
    pub(crate) function: &'static CStr,
    pub(crate) failure: Failure,
}

impl Refused {
    /// Prints it, and returns the error.
    pub fn report(&self) -> Error {
        crate::pr_err!("{self}");
        self.failure.to_error()
    }

    pub(crate) fn new(function: &'static CStr, error: impl Into<Error>) -> Self {
        Self {
            function,
            failure: Failure::Other(error.into()),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Name(self.function), self.failure)
    }
}

/// Shows the name of a function.
struct Name(&'static CStr);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(crate::compat::bytes(self.0)).fmt(f)
    }
}

/// Could a handler be put at the entry of `function`? Tries it, without ever
/// arming the probe.
fn can_probe(function: &CStr) -> Result {
    // SAFETY: A `struct kprobe` of zeros is one that was not set up.
    let probe: bindings::kprobe = unsafe { core::mem::zeroed() };
    let mut probe = KBox::new(probe, GFP_KERNEL)?;
    probe.symbol_name = char_ptr(function);
    probe.flags = bindings::KPROBE_FLAG_DISABLED;
    let probe: *mut bindings::kprobe = &raw mut *probe;
    // SAFETY: The probe is set up with a name with NUL, and stays where it is
    // until it is unregistered, which is before anything here is dropped. It is
    // disabled, so nobody calls a handler, and there is none.
    unsafe {
        to_result(bindings::register_kprobe(probe))?;
        bindings::unregister_kprobes([probe].as_mut_ptr(), 1);
    }
    Ok(())
}
