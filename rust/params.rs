// SPDX-License-Identifier: GPL-2.0

//! The module's parameters, at load and in sysfs.
//!
//! [`params!`](crate::params!) declares them, one line each: permissions, name,
//! type, value, description. Each is a static of its own type, appears in
//! `/sys/module/<module>/parameters/` with these permissions (0 keeps it out),
//! and in `modinfo` with its unit, what is allowed, and its default, all of
//! which come from the value itself.
//!
//! | type         | values                                | read with          |
//! |--------------|---------------------------------------|--------------------|
//! | [`U32`], ... | an integer in a range                 | `get()`, any context |
//! | [`Bool`]     | what C accepts: `1`, `Y`, `on`, ...   | `get()`, any context |
//! | [`Word`]     | one of some words, each with its meaning | `get()`, any context |
//! | [`Str`]      | a text with a check of its own        | under [`locked`]   |
//! | [`Computed`] | only read: what a function writes     |                    |
//!
//! Numbers are read as C reads them (`kstrtoull` and its family: decimal, `0x`,
//! octal), so `EINVAL` and `ERANGE` mean the same.
//!
//! # Refusal
//!
//! A value that is not allowed changes nothing. One line in the log says
//! `refused: <name>=<value>: <what is allowed>`, and the writer, or the loader
//! of the module, gets `EINVAL`, or `ERANGE` for a number out of its range.
//!
//! # Context
//!
//! Setting and showing a parameter, and the functions given to one, happen in
//! process context with the module's parameter lock held. Parameters given at
//! load are set before [`Module::init`](crate::module::Module::init); sysfs
//! shows and sets them from just before that until just after the module's
//! object is dropped. So these functions may use nothing but statics.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

use core::{
    cell::UnsafeCell,
    ffi::CStr,
    fmt,
    marker::PhantomData,
    sync::atomic::{
        AtomicBool,
        AtomicI32,
        AtomicI64,
        AtomicU16,
        AtomicU32,
        AtomicU64,
        AtomicU8,
        AtomicUsize,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        bytes,
        c_str,
        char_ptr,
        ffi::{
            c_char,
            c_int,
            c_uint,
            c_void, //
        }, //
    },
    error::{
        code,
        to_result,
        Error,
        Result, //
    },
    module::{
        self,
        Info, //
    },
    pr_err,
    text::{
        Printable,
        Text, //
    }, //
};

/// Why a value is refused.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// It is no value of the type (`EINVAL`).
    Invalid,
    /// It is a number out of the range (`ERANGE`).
    OutOfRange,
    /// For a reason of its own (`EINVAL`), which is printed instead of what is
    /// allowed.
    Because(&'static str),
}

/// What can be a parameter.
///
/// The types have, beside this trait, `const fn describe(self, Info) -> Info`
/// and the constants `KIND` (for `modinfo`) and `LIVE` (may be writable), which
/// [`params!`](crate::params!) uses by name.
pub trait Param: Sync {
    /// The flags of the type's operations.
    #[doc(hidden)]
    const FLAGS: c_uint = 0;

    /// Takes the value that `text` says, `None` being the name alone, or
    /// refuses it and keeps the old one.
    ///
    /// # Errors
    ///
    /// The reason why it refuses.
    fn set(&self, text: Option<&CStr>, lock: &mut Locked) -> Result<(), Refusal>;

    /// Writes the value, without a newline.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn show(&self, out: &mut dyn fmt::Write, lock: &Locked) -> fmt::Result;

    /// Writes what is allowed, as the end of a sentence.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Proof that the module's parameters are locked: none is set meanwhile, unless
/// by the owner of the proof.
pub struct Locked(PhantomData<*mut ()>);

/// Calls `body` with the module's parameters locked.
///
/// # Context
///
/// Process context; sleeps. `body` must not call this again: it would wait for
/// itself.
pub fn locked<R>(body: impl FnOnce(&mut Locked) -> R) -> R {
    /// Unlocks when dropped.
    struct Guard(Locked);

    impl Drop for Guard {
        fn drop(&mut self) {
            // SAFETY: It was locked before the guard was made.
            unsafe { bindings::kernel_param_unlock(module::this()) };
        }
    }

    // SAFETY: The module exists as long as its code is executed.
    unsafe { bindings::kernel_param_lock(module::this()) };
    body(&mut Guard(Locked(PhantomData)).0)
}

/// Makes an integer parameter's type.
macro_rules! integer {
    ($name:ident, $atomic:ident, $value:ident, $kind:literal, $wide:ident, $parse:ident) => {
        #[doc = concat!("A `", stringify!($value), "` in a range that includes both its ends.")]
        pub struct $name {
            value: $atomic,
            default: $value,
            min: $value,
            max: $value,
            unit: &'static str,
            check: Option<fn($value) -> Result<(), &'static str>>,
        }

        impl $name {
            #[doc(hidden)]
            pub const KIND: &'static str = $kind;
            #[doc(hidden)]
            pub const LIVE: bool = true;

            /// A parameter with this default, which may have any value.
            #[inline]
            pub const fn new(default: $value) -> Self {
                Self {
                    value: $atomic::new(default),
                    default,
                    min: $value::MIN,
                    max: $value::MAX,
                    unit: "",
                    check: None,
                }
            }

            /// Allows the values from `min` to `max`.
            #[must_use = "the parameter with the range is returned"]
            #[inline]
            pub const fn range(mut self, min: $value, max: $value) -> Self {
                assert!(
                    min <= self.default && self.default <= max,
                    "the default is out of the range"
                );
                self.min = min;
                self.max = max;
                self
            }

            /// Says what the number counts, in the plural.
            #[must_use = "the parameter with the unit is returned"]
            #[inline]
            pub const fn unit(mut self, unit: &'static str) -> Self {
                self.unit = unit;
                self
            }

            /// Has `check` look at each value in the range before it is taken;
            /// it may refuse it with the reason.
            #[must_use = "the parameter with the check is returned"]
            #[inline]
            pub const fn check(mut self, check: fn($value) -> Result<(), &'static str>) -> Self {
                self.check = Some(check);
                self
            }

            /// The value.
            ///
            /// # Context
            ///
            /// Any: it is one load from memory.
            #[inline]
            pub fn get(&self) -> $value {
                self.value.load(Ordering::Relaxed)
            }

            #[doc(hidden)]
            #[inline]
            pub const fn describe(self, mut info: Info) -> Info {
                info = info.text(" [");
                if !self.unit.is_empty() {
                    info = info.text(self.unit).text(", ");
                }
                info.number(self.min as i128)
                    .text(" to ")
                    .number(self.max as i128)
                    .text(", default ")
                    .number(self.default as i128)
                    .text("]")
            }
        }

        impl Param for $name {
            fn set(&self, text: Option<&CStr>, _lock: &mut Locked) -> Result<(), Refusal> {
                let text = text.ok_or(Refusal::Invalid)?;
                let mut wide: $wide = 0;
                // SAFETY: The text ends with NUL, and `wide` may be written.
                to_result(unsafe { bindings::$parse(char_ptr(text), 0, &mut wide) }).map_err(
                    |error| {
                        if error == code::ERANGE {
                            Refusal::OutOfRange
                        } else {
                            Refusal::Invalid
                        }
                    },
                )?;
                let value = $value::try_from(wide).map_err(|_| Refusal::OutOfRange)?;
                if value < self.min || value > self.max {
                    return Err(Refusal::OutOfRange);
                }
                if let Some(check) = self.check {
                    check(value).map_err(Refusal::Because)?;
                }
                self.value.store(value, Ordering::Relaxed);
                Ok(())
            }

            fn show(&self, out: &mut dyn fmt::Write, _lock: &Locked) -> fmt::Result {
                write!(out, "{}", self.get())
            }

            fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{} to {}", self.min, self.max)?;
                if !self.unit.is_empty() {
                    write!(out, " {}", self.unit)?;
                }
                out.write_str(if self.min == self.max {
                    " is allowed"
                } else {
                    " are allowed"
                })
            }
        }
    };
}

integer!(U8, AtomicU8, u8, "byte", u64, kstrtoull);
integer!(U16, AtomicU16, u16, "ushort", u64, kstrtoull);
integer!(U32, AtomicU32, u32, "uint", u64, kstrtoull);
integer!(U64, AtomicU64, u64, "ullong", u64, kstrtoull);
integer!(I32, AtomicI32, i32, "int", i64, kstrtoll);
integer!(I64, AtomicI64, i64, "long", i64, kstrtoll);

/// A flag. At load its name alone sets it.
pub struct Bool {
    value: AtomicBool,
    default: bool,
}

impl Bool {
    #[doc(hidden)]
    pub const KIND: &'static str = "bool";
    #[doc(hidden)]
    pub const LIVE: bool = true;

    /// A flag with this default.
    #[inline]
    pub const fn new(default: bool) -> Self {
        Self {
            value: AtomicBool::new(default),
            default,
        }
    }

    /// The value.
    ///
    /// # Context
    ///
    /// Any: it is one load from memory.
    #[inline]
    pub fn get(&self) -> bool {
        self.value.load(Ordering::Relaxed)
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info.text(if self.default {
            " [default Y]"
        } else {
            " [default N]"
        })
    }
}

impl Param for Bool {
    const FLAGS: c_uint = bindings::KERNEL_PARAM_OPS_FL_NOARG as c_uint;

    fn set(&self, text: Option<&CStr>, _lock: &mut Locked) -> Result<(), Refusal> {
        let mut value = true;
        if let Some(text) = text {
            // SAFETY: The text ends with NUL, and `value` may be written.
            to_result(unsafe { bindings::kstrtobool(char_ptr(text), &mut value) })
                .map_err(|_| Refusal::Invalid)?;
        }
        self.value.store(value, Ordering::Relaxed);
        Ok(())
    }

    fn show(&self, out: &mut dyn fmt::Write, _lock: &Locked) -> fmt::Result {
        out.write_str(if self.get() { "Y" } else { "N" })
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("0 and 1 are allowed")
    }
}

/// One of some words, each of which stands for a `T`.
///
/// # Invariants
///
/// `chosen` is `NONE` or the place of a word in `words`.
pub struct Word<T: 'static> {
    words: &'static [(&'static str, T)],
    chosen: AtomicUsize,
}

impl<T: Sync> Word<T> {
    #[doc(hidden)]
    pub const KIND: &'static str = "charp";
    #[doc(hidden)]
    pub const LIVE: bool = true;

    /// No word was chosen.
    const NONE: usize = usize::MAX;

    /// A parameter without a default: until a word is chosen, there is none.
    pub const fn required(words: &'static [(&'static str, T)]) -> Self {
        Self {
            words,
            chosen: AtomicUsize::new(Self::NONE),
        }
    }

    /// The word that was chosen, and what it stands for.
    ///
    /// # Context
    ///
    /// Any.
    pub fn get(&self) -> Option<(&'static str, &'static T)> {
        let (word, meaning) = self.words.get(self.chosen.load(Ordering::Relaxed))?;
        Some((word, meaning))
    }

    /// The words, to be shown: `soft, hard`.
    pub fn words(&self) -> impl fmt::Display {
        Words(self.words)
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, mut info: Info) -> Info {
        info = info.text(" [");
        let mut i = 0;
        while i < self.words.len() {
            info = info
                .text(if i > 0 { "|" } else { "" })
                .text(self.words[i].0);
            i += 1;
        }
        info.text(", required]")
    }
}

/// Shows words.
struct Words<T: 'static>(&'static [(&'static str, T)]);

impl<T> fmt::Display for Words<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (word, _) in self.0 {
            write!(f, "{separator}{word}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl<T: Sync> Param for Word<T> {
    fn set(&self, text: Option<&CStr>, _lock: &mut Locked) -> Result<(), Refusal> {
        let text = line(text.ok_or(Refusal::Invalid)?);
        let place = self
            .words
            .iter()
            .position(|(word, _)| word.as_bytes() == text)
            .ok_or(Refusal::Invalid)?;
        // INVARIANT: It was just found there.
        self.chosen.store(place, Ordering::Relaxed);
        Ok(())
    }

    fn show(&self, out: &mut dyn fmt::Write, _lock: &Locked) -> fmt::Result {
        out.write_str(self.get().map_or("", |(word, _)| word))
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "one of {} is allowed", self.words())
    }
}

/// A text of at most `N` bytes.
///
/// # Invariants
///
/// `value` is accessed by whoever has the parameters' lock, and written by
/// whoever has it for himself.
pub struct Str<const N: usize> {
    value: UnsafeCell<Text<N>>,
    default: &'static str,
    allowed: &'static str,
    check: fn(&str) -> bool,
}

// SAFETY: By the invariant the value is protected by a lock.
unsafe impl<const N: usize> Sync for Str<N> {}

impl<const N: usize> Str<N> {
    #[doc(hidden)]
    pub const KIND: &'static str = "charp";
    #[doc(hidden)]
    pub const LIVE: bool = true;

    /// A parameter with this default, which takes the texts of at most `N`
    /// bytes that `check` accepts. `allowed` says in words which ones these
    /// are, with a verb.
    pub const fn new(
        default: &'static str,
        allowed: &'static str,
        check: fn(&str) -> bool,
    ) -> Self {
        Self {
            value: UnsafeCell::new(Text::from_const(default)),
            default,
            allowed,
            check,
        }
    }

    /// The value, as long as the parameters are locked.
    pub fn get<'a>(&'a self, _lock: &'a Locked) -> &'a str {
        // SAFETY: The parameters are locked, and as long as the proof is
        // borrowed, nobody can have it for himself.
        unsafe { &*self.value.get() }
    }

    /// Replaces the value by what it means, for instance a default by what was
    /// chosen. The check is not asked.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG` above `N` bytes.
    pub fn replace(&self, value: fmt::Arguments<'_>, _lock: &mut Locked) -> Result {
        let value = Text::format(value)?;
        // SAFETY: The parameters are locked, and the proof is borrowed by
        // nobody else.
        unsafe { *self.value.get() = value };
        Ok(())
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        if self.default.is_empty() {
            info
        } else {
            info.text(" [default ").text(self.default).text("]")
        }
    }
}

impl<const N: usize> Param for Str<N> {
    fn set(&self, text: Option<&CStr>, lock: &mut Locked) -> Result<(), Refusal> {
        let text = line(text.ok_or(Refusal::Invalid)?);
        let text = core::str::from_utf8(text).map_err(|_| Refusal::Invalid)?;
        if !(self.check)(text) {
            return Err(Refusal::Invalid);
        }
        self.replace(format_args!("{text}"), lock)
            .map_err(|_| Refusal::Invalid)
    }

    fn show(&self, out: &mut dyn fmt::Write, lock: &Locked) -> fmt::Result {
        out.write_str(self.get(lock))
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.allowed)
    }
}

/// A value that is only read: what a function writes when it is asked.
pub struct Computed {
    compute: fn(&mut dyn fmt::Write) -> fmt::Result,
}

impl Computed {
    #[doc(hidden)]
    pub const KIND: &'static str = "readonly";
    #[doc(hidden)]
    pub const LIVE: bool = false;

    /// The value that `compute` writes, without a newline.
    pub const fn new(compute: fn(&mut dyn fmt::Write) -> fmt::Result) -> Self {
        Self { compute }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

impl Param for Computed {
    const FLAGS: c_uint = bindings::KERNEL_PARAM_OPS_FL_NOARG as c_uint;

    fn set(&self, _text: Option<&CStr>, _lock: &mut Locked) -> Result<(), Refusal> {
        Err(Refusal::Invalid)
    }

    fn show(&self, out: &mut dyn fmt::Write, _lock: &Locked) -> fmt::Result {
        (self.compute)(out)
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("this can only be read")
    }
}

/// A text without the newline that `echo` puts at its end.
fn line(text: &CStr) -> &[u8] {
    let text = bytes(text);
    text.strip_suffix(b"\n").unwrap_or(text)
}

/// The operations of a type of parameter, as C has them.
struct Ops<P>(PhantomData<P>);

impl<P: Param> Ops<P> {
    const OPS: bindings::kernel_param_ops = bindings::kernel_param_ops {
        flags: P::FLAGS,
        set: Some(Self::set),
        get: Some(Self::get),
        free: None,
    };

    /// Sets a parameter.
    ///
    /// # Safety
    ///
    /// - `text` is null or a string with NUL.
    /// - `param` is one made by [`KernelParam::new`] from a `P`.
    /// - The module's parameters are locked.
    unsafe extern "C" fn set(text: *const c_char, param: *const bindings::kernel_param) -> c_int {
        // SAFETY: By the function's requirements.
        let (value, name, text) = unsafe {
            (
                &*(*param).__bindgen_anon_1.arg.cast::<P>(),
                c_str((*param).name),
                (!text.is_null()).then(|| c_str(text)),
            )
        };

        // The caller has locked the parameters, for this call.
        let Err(refusal) = value.set(text, &mut Locked(PhantomData)) else {
            return 0;
        };
        let (error, reason): (Error, _) = match refusal {
            Refusal::Invalid => (code::EINVAL, None),
            Refusal::OutOfRange => (code::ERANGE, None),
            Refusal::Because(reason) => (code::EINVAL, Some(reason)),
        };
        pr_err!(
            "refused: {}={}: {}",
            Printable(bytes(name)),
            Printable(text.map_or(b"", line)),
            Allowed(value, reason),
        );
        error.to_errno()
    }

    /// Shows a parameter.
    ///
    /// # Safety
    ///
    /// - `buffer` has a page of room.
    /// - `param` is one made by [`KernelParam::new`] from a `P`.
    /// - The module's parameters are locked.
    unsafe extern "C" fn get(buffer: *mut c_char, param: *const bindings::kernel_param) -> c_int {
        // SAFETY: By the function's requirements. A page is at least so big.
        let (value, buffer) = unsafe {
            (
                &*(*param).__bindgen_anon_1.arg.cast::<P>(),
                &mut *buffer.cast::<[u8; Page::SIZE]>(),
            )
        };
        let mut page = Page { buffer, len: 0 };
        // The caller has locked the parameters, for this call. What does not
        // fit is left out, as in C.
        let _ = value.show(&mut page, &Locked(PhantomData));
        let _ = fmt::Write::write_str(&mut page, "\n");
        page.len as c_int
    }
}

/// Shows why a value is refused.
struct Allowed<'a, P>(&'a P, Option<&'static str>);

impl<P: Param> fmt::Display for Allowed<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(reason) => f.write_str(reason),
            None => self.0.allowed(f),
        }
    }
}

/// The page that sysfs gives us to write to.
struct Page<'a> {
    buffer: &'a mut [u8; Page::SIZE],
    len: usize,
}

impl Page<'_> {
    /// The smallest page of any architecture.
    const SIZE: usize = 4096;
}

impl fmt::Write for Page<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.buffer.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len = self.len.wrapping_add(1);
        }
        Ok(())
    }
}

/// What the section `__param` holds for each parameter.
#[doc(hidden)]
#[repr(transparent)]
pub struct KernelParam(bindings::kernel_param);

// SAFETY: The kernel only reads it, and what it points to is `Sync`.
unsafe impl Sync for KernelParam {}

impl KernelParam {
    #[doc(hidden)]
    pub const fn new<P: Param>(name: &'static CStr, perm: u16, value: &'static P) -> Self {
        Self(bindings::kernel_param {
            name: char_ptr(name),
            mod_: module::this(),
            ops: &const { Ops::<P>::OPS },
            perm,
            level: -1,
            flags: 0,
            __bindgen_anon_1: bindings::kernel_param__bindgen_ty_1 {
                // The operations make a shared reference of it again.
                arg: core::ptr::from_ref(value).cast_mut().cast::<c_void>(),
            },
        })
    }
}

/// Checks permissions as C's `VERIFY_OCTAL_PERMISSIONS` does, and that only a
/// parameter which can change is writable.
#[doc(hidden)]
#[inline]
pub const fn permissions(perm: u16, live: bool) -> u16 {
    assert!(perm & !0o664 == 0, "only these bits may be set: 0664");
    assert!(
        (perm >> 6 & 4) >= (perm >> 3 & 4) && (perm >> 3 & 4) >= (perm & 4),
        "who is let in first must be: the user, then the group, then others"
    );
    assert!(
        (perm >> 6 & 2) >= (perm >> 3 & 2),
        "what the group may write, the user must be allowed to write"
    );
    assert!(
        live || perm & 0o222 == 0,
        "a parameter of this type can only be read"
    );
    perm
}

/// Declares the module's parameters.
///
/// A line is: permissions in sysfs, name, type, value, description. The
/// description begins the text that `modinfo` shows; unit, range, words and
/// default follow by themselves.
///
/// # Examples
///
/// ```no_run
/// # mod example {
/// use faultline::params::{
///     Bool,
///     Computed,
///     Str,
///     Word,
///     U32, //
/// };
///
/// pub enum Colour {
///     Red,
///     Green,
/// }
///
/// faultline::params! {
///     0o644 limit: U32 = U32::new(10).range(0, 3600).unit("seconds"),
///         "how long it may take";
///     0o444 force: Bool = Bool::new(false), "do it in any case";
///     0o444 colour: Word<Colour> =
///         Word::required(&[("red", Colour::Red), ("green", Colour::Green)]),
///         "what it looks like";
///     0o444 label: Str<32> =
///         Str::new("-", "letters are allowed", |text| text.is_ascii()),
///         "what it is called";
///     0o444 left: Computed = Computed::new(|out| write!(out, "{}", limit.get())),
///         "how long it may still take";
/// }
///
/// fn is_over(seconds: u32) -> bool {
///     seconds >= limit.get()
/// }
/// # }
/// ```
///
/// A parameter that everybody may write is refused by the compiler:
///
/// ```compile_fail
/// # mod example {
/// use faultline::params::U32;
///
/// faultline::params! {
///     0o666 limit: U32 = U32::new(10), "how long it may take";
/// }
/// # }
/// ```
#[macro_export]
macro_rules! params {
    ($(
        $perm:literal $name:ident: $type:ty = $value:expr, $description:literal;
    )*) => { $(
        #[doc = $description]
        #[allow(non_upper_case_globals, reason = "this is how users know it")]
        pub(crate) static $name: $type = $value;

        const _: () = {
            #[link_section = "__param"]
            #[used(compiler)]
            static PARAM: $crate::params::KernelParam = $crate::params::KernelParam::new(
                // SAFETY: A name in Rust has no NUL, and one was just added.
                unsafe {
                    ::core::ffi::CStr::from_bytes_with_nul_unchecked(
                        concat!(stringify!($name), "\0").as_bytes(),
                    )
                },
                $crate::params::permissions($perm, <$type>::LIVE),
                &$name,
            );
        };
        $crate::__modinfo!($crate::module::Info::new(concat!(
            "parmtype=",
            stringify!($name),
            ":"
        ))
        .text(<$type>::KIND));
        $crate::__modinfo!({
            let value: $type = $value;
            value.describe($crate::module::Info::new(concat!(
                "parm=",
                stringify!($name),
                ":",
                $description
            )))
        });
    )* };
}
