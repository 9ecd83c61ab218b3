// SPDX-License-Identifier: GPL-2.0

//! What all kinds of probes share: the set that registers them, the call that
//! was hit, the context of a handler, and why a function cannot be probed.
//!
//! - [`kprobe`](crate::kprobe): a handler at a function's entry.
//! - [`kretprobe`](crate::kretprobe): one at its entry and one at its return,
//!   with data that belongs to the call.
//! - [`fprobe`](crate::fprobe): the same by ftrace, where the kernel has it.
//!
//! All are registered as a [`Set`], which is also why that is sound.
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
//! (`selftests/lib/handlers.sh`).
//!
//! # Handlers and other probes
//!
//! A handler can be interrupted by a probed function, or call one, without harm.
//! While one of a kprobe or a kretprobe runs, its CPU hits no other of these two
//! kinds: the kernel counts the hit as missed instead ([`Missed`]). While one of
//! an fprobe runs, no other fprobe is hit by what it calls, but by an interrupt.
//!
//! The functions by which the kernel enters a handler are in the section
//! `.kprobes.text`, which puts a module's functions on the blacklist of what
//! can be probed at all. What a handler calls may be probed, with the harmless
//! effect above. (C's `NOKPROBE_SYMBOL` writes an address to a section, for
//! which Rust would need a static; a generic function can have none, but it can
//! have a section.) The functions of Rust and of `rust/helpers/` are not
//! traceable: they are compiled without the calls that ftrace patches.

mod set;

use core::{
    ffi::CStr,
    fmt,
    marker::PhantomData, //
};

pub use set::{
    Kind,
    Probe,
    Set,
    Shared, //
};

use crate::{
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
    memory::{
        KernelPtr,
        Pointee, //
    },
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

    /// What the probed call was made by.
    #[inline]
    pub fn level(&self) -> Level {
        // SAFETY: The helper reads the stack pointer and a counter of this CPU.
        Level(unsafe { bindings::faultline_helper_context() })
    }
}

/// A task, a softirq, an interrupt or an NMI. Calls of the same level belong together: of calls
/// that nest on one stack, those of another level were interrupted, or interrupt.
///
/// It does not depend on how a probe is hit. On x86 the breakpoint of a kprobe counts as an NMI
/// while its handler runs, and the jump that may take its place does not; so NMIs are not
/// counted, but told by their stack. An NMI that interrupts user space runs on the task's stack,
/// where nothing of the kernel was interrupted.
///
/// The default is no level of any call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level(u32);

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

impl<T: Pointee> FromWord for KernelPtr<T> {
    #[inline(always)]
    fn from_word(word: usize) -> Self {
        Self::of_argument(word)
    }
}

/// The registers of a call at its first instruction, or at its return. They are
/// reached by pointer, since C does not tell the size of some.
pub trait Registers {
    /// Argument `n`, counted from 0; `None` if it is on the stack and cannot be
    /// read.
    ///
    /// # Safety
    ///
    /// `this` is what the kernel gave the handler that runs.
    unsafe fn argument(this: *mut Self, n: usize) -> Option<usize>;

    /// What is returned.
    ///
    /// # Safety
    ///
    /// As for [`argument`](Self::argument).
    unsafe fn returned(this: *mut Self) -> usize;
}

/// A function that was entered, with its registers, and with what a kind of
/// probe knows besides.
///
/// # Invariants
///
/// `registers` are what the kernel gave the handler that runs.
pub struct Entry<'a, R, B = ()> {
    probe: usize,
    registers: *mut R,
    pub(crate) besides: B,
    handler: PhantomData<&'a ()>,
}

impl<R, B> Entry<'_, R, B> {
    /// # Safety
    ///
    /// `registers` are what the kernel gave the handler that runs, to which alone the
    /// object is lent.
    #[inline(always)]
    pub(crate) unsafe fn new(probe: usize, registers: *mut R, besides: B) -> Self {
        // INVARIANT: By the function's requirement.
        Self {
            probe,
            registers,
            besides,
            handler: PhantomData,
        }
    }
}

impl<R: Registers, B> Entry<'_, R, B> {
    /// Which of the set's probes it is.
    #[inline(always)]
    pub fn probe(&self) -> usize {
        self.probe
    }

    /// Argument `n`, counted from 0. `None` if it is one that is passed in
    /// memory which cannot be read.
    #[inline(always)]
    pub fn arg<T: FromWord>(&self, n: usize) -> Option<T> {
        // SAFETY: By the invariant.
        Some(T::from_word(unsafe { R::argument(self.registers, n) }?))
    }
}

/// A function that returns, with its registers.
///
/// # Invariants
///
/// `registers` are what the kernel gave the handler that runs.
pub struct Return<'a, R> {
    probe: usize,
    registers: *mut R,
    handler: PhantomData<&'a ()>,
}

impl<R> Return<'_, R> {
    /// # Safety
    ///
    /// As for [`Entry::new`].
    #[inline(always)]
    pub(crate) unsafe fn new(probe: usize, registers: *mut R) -> Self {
        // INVARIANT: By the function's requirement.
        Self {
            probe,
            registers,
            handler: PhantomData,
        }
    }
}

impl<R: Registers> Return<'_, R> {
    /// Which of the set's probes it is.
    #[inline(always)]
    pub fn probe(&self) -> usize {
        self.probe
    }

    /// What it returns.
    #[inline(always)]
    pub fn ret<T: FromWord>(&self) -> T {
        // SAFETY: By the invariant.
        T::from_word(unsafe { R::returned(self.registers) })
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
    /// (`maxactive`). Always 0 for a [`kprobe`](crate::kprobe), and all that is
    /// known of an [`fprobe`](crate::fprobe).
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
    /// It was needed while the kernel started, and its code is gone.
    Init,
    /// Its entry can be probed and its return cannot.
    NoReturn,
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
            | Self::NotTraceable
            | Self::Changed => code::EINVAL,
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
        let (address, probed) = try_probe(function);
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

/// Why a set was not registered: the function, and what is wrong with it.
#[derive(Debug)]
pub struct Refused {
    pub(crate) function: &'static CStr,
    pub(crate) failure: Failure,
}

impl Refused {
    /// The compiler has changed the arguments of `function`.
    pub fn changed(function: &'static CStr) -> Self {
        Self {
            function,
            failure: Failure::Changed,
        }
    }

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

/// Is there a function that is called as this one with `suffix` at the end?
fn has_sibling(function: &CStr, suffix: &str) -> bool {
    let name = Printable(crate::compat::bytes(function));
    Text::<256>::format(format_args!("{name}{suffix}\0"))
        .as_ref()
        .ok()
        .and_then(Text::as_c_str)
        .is_some_and(|sibling| try_probe(sibling).1.is_ok())
}

/// Is this in the kernel's `init` text?
fn is_init(address: usize) -> bool {
    let [begin, end] = [c"_sinittext", c"_einittext"].map(|symbol| try_probe(symbol).0);
    (begin..end).contains(&address)
}

/// Could a handler be put at the entry of `function`? Tries it, without ever
/// arming the probe. Says also where that is, 0 if there is no such function.
fn try_probe(function: &CStr) -> (usize, Result) {
    // SAFETY: A `struct kprobe` of zeros is one that was not set up.
    let probe: bindings::kprobe = unsafe { core::mem::zeroed() };
    let mut probe = match KBox::new(probe, GFP_KERNEL) {
        Ok(probe) => probe,
        Err(error) => return (0, Err(error.into())),
    };
    probe.symbol_name = char_ptr(function);
    probe.flags = bindings::KPROBE_FLAG_DISABLED;
    let registered: *mut bindings::kprobe = &raw mut *probe;
    // SAFETY: The probe is set up with a name with NUL, and stays where it is
    // until it is unregistered, which is before anything here is dropped. It is
    // disabled, so nobody calls a handler, and there is none.
    let result = unsafe {
        let result = to_result(bindings::register_kprobe(registered)).map(drop);
        if result.is_ok() {
            bindings::unregister_kprobes([registered].as_mut_ptr(), 1);
        }
        result
    };
    // The kernel has looked it up before it refuses it.
    (probe.addr.addr(), result)
}
