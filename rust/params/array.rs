// SPDX-License-Identifier: GPL-2.0

//! Parameters that are arrays of integers or flags: so many values, up to a
//! maximum, with commas between them.
//!
//! All values are read before one is taken, so that a list which is wrong
//! anywhere changes nothing.

use core::{
    ffi::CStr,
    fmt, //
};

use crate::{
    compat::{
        bytes,
        KBox,
        GFP_KERNEL, //
    },
    error::Error,
    module::Info, //
};

use super::{
    ask,
    published::{
        Block,
        Guard,
        Published, //
    },
    OnChangeRef,
    Page,
    Param,
    Refusal, //
};

/// What can be in an array: a type of parameter whose value is a plain number.
pub trait Element {
    /// The type of the value.
    type Value: Copy + Send + Sync + 'static;

    /// What `modinfo` calls an array of it.
    #[doc(hidden)]
    const KIND: &'static str;

    /// The longest text of a value, with a comma.
    #[doc(hidden)]
    const WIDTH: usize;

    /// What is in a place without a value.
    #[doc(hidden)]
    const BLANK: Self::Value;

    /// Reads a value.
    #[doc(hidden)]
    fn parse(text: &CStr) -> Result<Self::Value, Refusal>;

    /// Writes a value.
    #[doc(hidden)]
    fn show(value: Self::Value, out: &mut Page<'_>) -> fmt::Result;

    /// Writes which values are allowed.
    #[doc(hidden)]
    fn allowed(out: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Values, up to `N`. The first `len` of them count.
#[derive(Clone, Copy)]
struct List<T, const N: usize> {
    len: usize,
    values: [T; N],
}

impl<T, const N: usize> List<T, N> {
    fn as_slice(&self) -> &[T] {
        self.values.get(..self.len).unwrap_or_default()
    }

    /// The list at this place.
    ///
    /// # Safety
    ///
    /// There is one, and it stays there for `'a`.
    unsafe fn view<'a>(at: *const u8) -> &'a [T] {
        // SAFETY: The caller has a list at this place, which stays for `'a`.
        unsafe { &*at.cast::<Self>() }.as_slice()
    }
}

/// An array of up to `N` values of `E`, as C's `module_param_array`.
///
/// # Invariants
///
/// What is published is a `List<E::Value, N>`.
pub struct Array<E: Element, const N: usize> {
    first: List<E::Value, N>,
    published: Published,
    on_change: Option<OnChangeRef<[E::Value]>>,
}

impl<E: Element, const N: usize> Array<E, N> {
    /// An array with these values by default, of which there may be fewer than
    /// `N`.
    #[inline]
    #[track_caller]
    pub const fn new(default: &[E::Value]) -> Self {
        assert!(N > 0, "an array has room for at least one element");
        assert!(
            N * E::WIDTH <= Page::ROOM,
            "so many elements do not fit into the page that sysfs has for them"
        );
        assert!(
            default.len() <= N,
            "the default has more elements than the array has room for"
        );
        let mut values = [E::BLANK; N];
        let mut len = 0;
        while len < default.len() {
            values[len] = default[len];
            len += 1;
        }
        // INVARIANT: Nothing is published.
        Self {
            first: List { len, values },
            published: Published::nothing(),
            on_change: None,
        }
    }

    /// Has a function look at the values that are given, before they are taken.
    /// It may refuse them.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChangeRef<[E::Value]>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// The values, as many as there are.
    ///
    /// # Context
    ///
    /// Any.
    pub fn read(&self) -> Guard<'_, [E::Value]> {
        // SAFETY: By the invariant.
        unsafe {
            self.published
                .read(self.first.as_slice(), List::<E::Value, N>::view)
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

/// The longest text of a number in a list; leading zeros count.
const TEXT_MAX: usize = 63;

impl<E: Element + Sync, const N: usize> Param for Array<E, N> {
    const KIND: &'static str = <E as Element>::KIND;

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = bytes(text.ok_or(Refusal::Invalid)?);
        let list = List {
            len: 0,
            values: [E::BLANK; N],
        };
        let mut list = KBox::new(list, GFP_KERNEL).map_err(Error::from)?;

        for element in text.split(|&byte| byte == b',') {
            let len = list.len;
            let place = list.values.get_mut(len).ok_or(Refusal::Invalid)?;
            let mut copy = [0; TEXT_MAX + 1];
            let room = copy.get_mut(..element.len()).ok_or(Refusal::Invalid)?;
            for (to, from) in room.iter_mut().zip(element) {
                *to = *from;
            }
            *place = E::parse(CStr::from_bytes_until_nul(&copy).map_err(|_| Refusal::Invalid)?)?;
            list.len = len.wrapping_add(1);
        }
        ask(self.on_change, list.as_slice())?;
        // INVARIANT: It is such a list.
        self.published.publish(Block::of(list));
        Ok(())
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        let values = self.read();
        if values.is_empty() {
            return out.absent();
        }
        let mut separator: &[u8] = b"";
        for &value in values.iter() {
            out.write_bytes(separator)?;
            E::show(value, out)?;
            separator = b",";
        }
        Ok(())
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "1 to {N} values with commas, each ")?;
        E::allowed(out)?;
        out.write_str(", are allowed")
    }

    unsafe fn free(&self) {
        // SAFETY: The parameter is freed once, when nobody can read it any more.
        unsafe { self.published.free() };
    }
}
