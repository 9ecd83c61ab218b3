// SPDX-License-Identifier: GPL-2.0

//! Parameters that are arrays of integers or flags: values separated by commas, up to a maximum.
//!
//! All values are parsed before the array is replaced, so a list with an error changes nothing.

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
    page::Page,
    param::{
        approve,
        OnChangeRef,
        Param,
        Refusal, //
    },
    rcu_value::{
        Block,
        Guard,
        RcuValue, //
    }, //
};

/// A type of parameter of which there can be arrays: its value is a plain number.
pub trait Element {
    /// The type of the value.
    type Value: Copy + Send + Sync + 'static;

    /// The name of an array of it in `modinfo`.
    #[doc(hidden)]
    const TYPE_NAME: &'static str;

    /// The length of the longest value, with a comma.
    #[doc(hidden)]
    const WIDTH: usize;

    /// What fills the array behind its last value.
    #[doc(hidden)]
    const BLANK: Self::Value;

    /// Parses a value.
    #[doc(hidden)]
    fn parse(text: &CStr) -> Result<Self::Value, Refusal>;

    /// Writes a value.
    #[doc(hidden)]
    fn show(value: Self::Value, out: &mut Page<'_>) -> fmt::Result;

    /// Writes which values are allowed.
    #[doc(hidden)]
    fn allowed(out: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// Up to `N` values: the first `len` of `values`.
#[derive(Clone, Copy)]
struct List<T, const N: usize> {
    len: usize,
    values: [T; N],
}

impl<T, const N: usize> List<T, N> {
    fn as_slice(&self) -> &[T] {
        self.values.get(..self.len).unwrap_or_default()
    }

    /// Returns the values of the list at `at`.
    ///
    /// # Safety
    ///
    /// `at` points to a `Self` that is valid and not changed for `'a`.
    unsafe fn view<'a>(at: *const u8) -> &'a [T] {
        // SAFETY: `at` points to a list that is valid for `'a`, and nobody changes it.
        unsafe { &*at.cast::<Self>() }.as_slice()
    }
}

/// An array of up to `N` values of `E`, as C's `module_param_array`.
///
/// # Invariants
///
/// What `current` publishes is a `List<E::Value, N>`.
pub struct Array<E: Element, const N: usize> {
    default: List<E::Value, N>,
    current: RcuValue,
    on_change: Option<OnChangeRef<[E::Value]>>,
}

impl<E: Element, const N: usize> Array<E, N> {
    /// Makes an array with at most `N` values by default.
    #[inline]
    #[track_caller]
    pub const fn new(default: &[E::Value]) -> Self {
        assert!(N > 0, "an array has at least one element");
        assert!(
            N * E::WIDTH <= Page::ROOM,
            "an array of this length does not fit into the page that sysfs has for it"
        );
        assert!(
            default.len() <= N,
            "the default has more elements than the array"
        );
        let mut values = [E::BLANK; N];
        let mut len = 0;
        while len < default.len() {
            values[len] = default[len];
            len += 1;
        }
        // INVARIANT: Nothing is published.
        Self {
            default: List { len, values },
            current: RcuValue::empty(),
            on_change: None,
        }
    }

    /// Has `on_change` called with new values before they are set. It may refuse them.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChangeRef<[E::Value]>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// Returns the current values.
    ///
    /// # Context
    ///
    /// Any.
    pub fn read(&self) -> Guard<'_, [E::Value]> {
        // SAFETY: By the invariant each published pointer is that of a `List<E::Value, N>`, which
        // nobody changes.
        unsafe {
            self.current
                .read(self.default.as_slice(), List::<E::Value, N>::view)
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

/// The length of the longest number that can be given, with leading zeros.
const TEXT_MAX: usize = 63;

impl<E: Element + Sync, const N: usize> Param for Array<E, N> {
    const TYPE_NAME: &'static str = <E as Element>::TYPE_NAME;

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
        approve(self.on_change, list.as_slice())?;
        // INVARIANT: `list` is a `List<E::Value, N>`.
        self.current.publish(Block::of(list));
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
        // SAFETY: `Param::free` is called once, after the last use, so no reader is left.
        unsafe { self.current.free() };
    }
}
