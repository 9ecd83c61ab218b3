// SPDX-License-Identifier: GPL-2.0

//! The module's parameters, at load and in sysfs.
//!
//! [`params!`](crate::params!) declares them, one line each:
//!
//! ```no_run
//! # mod example {
//! use faultline::params::{Refusal, Words};
//!
//! #[derive(Words)]
//! pub enum Colour {
//!     Red,
//!     #[word = "dark-green"]
//!     Green,
//! }
//!
//! fn is_even(value: i32) -> Result<(), Refusal> {
//!     if value % 2 == 0 {
//!         Ok(())
//!     } else {
//!         Err(Refusal::because("even numbers are allowed"))
//!     }
//! }
//!
//! faultline::params! {
//!     /// how often, at most
//!     0o644 max_loop_count: int = 100_000, range(0..=i32::MAX);
//!     /// how long it may take
//!     0o644 limit: uint = 10, range(0..=3600), unit("seconds");
//!     /// a number that is even
//!     0o644 even: int = 0, on_change(is_even);
//!     /// do it in any case
//!     0o444 taints force: bool = false;
//!     /// which ports
//!     0o644 ports: [ushort; 4] = [80, 443];
//!     /// what it is called; `type` is a keyword of Rust, so the static has another name
//!     0o644 kind as type: charp<64> = "none";
//!     /// what it looks like
//!     0o644 colour: word<Colour> = "red";
//!     /// how long to wait
//!     0o644 interval: duration = "500ms", range("1ms"..="1h");
//!     /// how long it may still take
//!     0o444 left: computed = |out| write!(out, "{}", limit.get());
//! }
//!
//! fn is_over(seconds: u32) -> bool {
//!     seconds >= limit.get()
//! }
//! # }
//! ```
//!
//! Each is a static of its own type and appears in `/sys/module/<module>/parameters/` with these
//! permissions (0 hides it), and in `modinfo` with the comment above it. To that text are appended
//! what a C parameter does not have (a range, a unit, words), and the default.
//!
//! | type | Rust | values | read with |
//! |------|------|--------|-----------|
//! | `byte` `short` `ushort` `int` `uint` `long` `ulong` `ullong` | [`Byte`], ... | as in C | `get()` |
//! | `hexint` | [`Hexint`] | a `uint` that is shown in hexadecimal | `get()` |
//! | `bool` `invbool` `bint` `bool_enable_only` | [`Bool`], ... | as in C: `1`, `Y`, `on`, ... | `get()` |
//! | `charp<N>` `string<N>` | [`Charp`], [`CharArray`] | at most `N` bytes | `read()` |
//! | `str<N>` | [`Str`] | UTF-8, with a check of its own | `read()` |
//! | `[int; N]` and so on | [`Array`], [`Charps`] | up to `N`, separated by commas | `read()` |
//! | `word<T>` | [`Word`] | one of the words of an enumeration | `get()` |
//! | `cpus` | [`Cpus`] | a list of CPUs: `0,2-3`, `all` | `read()` |
//! | `prefix` | [`Prefix`] | an IPv4 prefix: `10.0.0.0/8` | `get()` |
//! | `duration` | [`Duration`] | a duration with its unit: `500ms` | `get()` |
//! | `computed` | [`Computed`] | read-only: what a function writes | |
//!
//! A type of your own is given by its path; it implements [`Param`].
//!
//! The parameters are our own: `module_param` of the `kernel` crate is not in 6.12, and in 7.3 has
//! integers and `bool` only, which are not in sysfs.
//!
//! # Reading
//!
//! `get()` is a single load, from any context, an NMI included. `read()` returns a guard, also in
//! any context: the value at that time, kept by RCU until the guard is dropped. While the guard
//! exists, nothing may sleep.
//!
//! # Setting
//!
//! A new value is parsed as a whole, passed to the function that `on_change` names, and then
//! replaces the old one at once. If any of this fails, nothing changes: a line in the log says
//! `refused: <name>=<value>: <what is allowed>`, and the writer, or the loader of the module, gets
//! the error: `EINVAL`, `ERANGE` for a number out of range, `ENOSPC` for a `charp` or `string` that
//! is too long, or that of the function.
//!
//! # Context
//!
//! Parameters are set and shown, and the functions given to them called, in process context with
//! the module's parameter lock held. Those given at load are set before
//! [`Module::init`](crate::module::Module::init). sysfs shows and sets them from just before that
//! until just after the module's object is dropped, so these functions can use nothing but statics.
//!
//! # Lock order
//!
//! The parameter lock comes first: the kernel takes it before it calls one of these functions,
//! which may take any other. Nothing in this library takes it, so no caller of the library can take
//! it while it holds another lock.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

mod array;
mod bytes;
mod computed;
mod cpus;
mod duration;
mod flag;
mod integer;
mod page;
mod param;
mod prefix;
mod rcu_value;
mod string;
mod sysfs;
mod text;
mod word;

#[doc(inline)]
pub use faultline_macros::Words;

pub use self::{
    array::{
        Array,
        Element, //
    },
    computed::Computed,
    cpus::{
        CpuList,
        Cpus, //
    },
    duration::Duration,
    flag::{
        Bint,
        Bool,
        BoolEnableOnly,
        Invbool, //
    },
    integer::{
        Byte,
        Hexint,
        Int,
        Long,
        Short,
        Uint,
        Ullong,
        Ulong,
        Ushort, //
    },
    page::Page,
    param::{
        permissions,
        OnChange,
        OnChangeRef,
        Param,
        Refusal, //
    },
    prefix::{
        Ipv4Prefix,
        Prefix, //
    },
    rcu_value::Guard,
    string::{
        CharArray,
        Charp,
        Charps, //
    },
    sysfs::KernelParam,
    text::Str,
    word::{
        Word,
        Words, //
    },
};
