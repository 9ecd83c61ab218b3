// SPDX-License-Identifier: GPL-2.0

//! Parameters that are lists of CPUs.

use core::{
    ffi::CStr,
    fmt, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::{
            c_int,
            c_ulong, //
        },
        KBox,
        GFP_KERNEL, //
    },
    error::{
        to_result,
        Error, //
    },
    module::Info,
    task::cpu::{
        self,
        CpuSet, //
    },
    text::Text, //
};

use super::{
    page::Page,
    param::{
        approve,
        trim_newline,
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

/// The number of words of a `struct cpumask`: enough for `CONFIG_NR_CPUS`.
const WORDS: usize = size_of::<bindings::cpumask>() / size_of::<c_ulong>();

/// A list of CPUs. It is shown as the kernel shows one: `0,2-3`.
#[derive(Clone, Copy)]
pub struct CpuList {
    words: [c_ulong; WORDS],
    is_all: bool,
}

impl CpuList {
    /// The empty list: the value of a parameter that was not set.
    const NONE: Self = Self {
        words: [0; WORDS],
        is_all: false,
    };

    /// Returns whether the CPU is in the list.
    pub fn contains(&self, cpu: u32) -> bool {
        self.words
            .get((cpu / c_ulong::BITS) as usize)
            .is_some_and(|word| word >> (cpu % c_ulong::BITS) & 1 == 1)
    }

    /// Returns whether the list was given as `all`.
    pub fn is_all(&self) -> bool {
        self.is_all
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Returns the CPUs of the list in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..cpu::count_limit()).filter(|&cpu| self.contains(cpu))
    }

    /// Adds a CPU to the list, or removes it.
    fn put(&mut self, cpu: u32, belongs: bool) {
        if let Some(word) = self.words.get_mut((cpu / c_ulong::BITS) as usize) {
            let bit = 1 << (cpu % c_ulong::BITS);
            *word = if belongs { *word | bit } else { *word & !bit };
        }
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cpu::fmt_list(f, |cpu| self.contains(cpu))
    }
}

/// A list of at least one CPU: `0,2-3`, or `all` possible ones. CPUs that are offline are allowed,
/// since they may come online.
///
/// # Invariants
///
/// What `current` publishes is a `CpuList`.
pub struct Cpus {
    default: CpuList,
    current: RcuValue,
    on_change: Option<OnChangeRef<CpuList>>,
}

impl Cpus {
    /// Makes a list that is empty until it is set.
    #[inline]
    pub const fn none() -> Self {
        // INVARIANT: Nothing is published.
        Self {
            default: CpuList::NONE,
            current: RcuValue::empty(),
            on_change: None,
        }
    }

    /// Has `on_change` called with each new list before it is set. It may refuse it.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChangeRef<CpuList>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// Returns the current list.
    ///
    /// # Context
    ///
    /// Any.
    pub fn read(&self) -> Guard<'_, CpuList> {
        // SAFETY: By the invariant each published pointer is that of a `CpuList`, which nobody
        // changes.
        unsafe {
            self.current
                .read(&self.default, |at| &*at.cast::<CpuList>())
        }
    }

    /// Sets the list from within the module, for instance to what was chosen by default.
    /// `on_change` is not called.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn store(&self, cpus: &CpuSet) -> crate::error::Result {
        let mut list = KBox::new(CpuList::NONE, GFP_KERNEL)?;
        for cpu in cpus.iter() {
            list.put(cpu, true);
        }
        // INVARIANT: `list` is a `CpuList`.
        self.current.publish(Block::of(list));
        Ok(())
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

impl Param for Cpus {
    const TYPE_NAME: &'static str = "cpulist";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = trim_newline(text.ok_or(Refusal::Invalid)?);
        let given = core::str::from_utf8(text).map_err(|_| Refusal::Invalid)?;
        let given = Text::<{ CpuSet::TEXT_MAX + 1 }>::format(format_args!("{given}\0"))
            .map_err(|_| Refusal::Invalid)?;
        let given = given.as_c_str().ok_or(Refusal::Invalid)?;
        let limit = c_int::try_from(cpu::count_limit()).map_err(|_| Refusal::Invalid)?;

        let mut list = KBox::new(CpuList::NONE, GFP_KERNEL).map_err(Error::from)?;
        // SAFETY: `given` is a string with NUL, and `words` has as many bits as a `struct cpumask`,
        // so at least `nr_cpu_ids` of them, which is `limit`.
        to_result(unsafe {
            bindings::bitmap_parselist(char_ptr(given), list.words.as_mut_ptr(), limit)
        })
        .map_err(|_| Refusal::Invalid)?;
        list.is_all = text == b"all";
        for cpu in 0..cpu::count_limit() {
            if list.contains(cpu) && !cpu::is_possible(cpu) {
                if !list.is_all {
                    return Err(Refusal::Invalid);
                }
                list.put(cpu, false);
            }
        }
        if list.is_empty() {
            return Err(Refusal::Invalid);
        }
        approve(self.on_change, &*list)?;
        // INVARIANT: `list` is a `CpuList`.
        self.current.publish(Block::of(list));
        Ok(())
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        fmt::Write::write_fmt(out, format_args!("{}", &*self.read()))
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of possible CPUs, as 0,2-3, or all, is allowed: ")?;
        cpu::fmt_list(out, cpu::is_possible)
    }

    unsafe fn free(&self) {
        // SAFETY: `Param::free` is called once, after the last use, so no reader is left.
        unsafe { self.current.free() };
    }
}
