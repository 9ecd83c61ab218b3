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
    ask,
    line,
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

/// As many words as a set of CPUs has in C, whatever the machine has.
const WORDS: usize = size_of::<bindings::cpumask>() / size_of::<c_ulong>();

/// A list of CPUs that was given. It is shown as the kernel shows one: `0,2-3`.
#[derive(Clone, Copy)]
pub struct CpuList {
    words: [c_ulong; WORDS],
    is_all: bool,
}

impl CpuList {
    /// No CPU at all: what a list without a default is until it is given.
    const NONE: Self = Self {
        words: [0; WORDS],
        is_all: false,
    };

    /// Is the CPU in the list?
    pub fn contains(&self, cpu: u32) -> bool {
        self.words
            .get((cpu / c_ulong::BITS) as usize)
            .is_some_and(|word| word >> (cpu % c_ulong::BITS) & 1 == 1)
    }

    /// Was it given as `all`?
    pub fn is_all(&self) -> bool {
        self.is_all
    }

    /// Is no CPU in the list?
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The CPUs of the list, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..cpu::count_limit()).filter(|&cpu| self.contains(cpu))
    }

    /// Puts a CPU into the list, or takes it out.
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

/// A list of CPUs, at least one: `0,2-3`, or `all` possible ones. A CPU that is
/// offline now is allowed, since it may come.
///
/// # Invariants
///
/// What is published is a `CpuList`.
pub struct Cpus {
    first: CpuList,
    published: Published,
    on_change: Option<OnChangeRef<CpuList>>,
}

impl Cpus {
    /// A list that is empty until it is given.
    #[inline]
    pub const fn none() -> Self {
        // INVARIANT: Nothing is published.
        Self {
            first: CpuList::NONE,
            published: Published::nothing(),
            on_change: None,
        }
    }

    /// Has a function look at each list that is given, before it is taken. It
    /// may refuse it.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChangeRef<CpuList>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// The list.
    ///
    /// # Context
    ///
    /// Any.
    pub fn read(&self) -> Guard<'_, CpuList> {
        // SAFETY: By the invariant.
        unsafe {
            self.published
                .read(&self.first, |at| &*at.cast::<CpuList>())
        }
    }

    /// Takes a set of the module's own, for instance what was chosen where
    /// nothing was given. `on_change` is not asked.
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
        // INVARIANT: It is such a list.
        self.published.publish(Block::of(list));
        Ok(())
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

impl Param for Cpus {
    const KIND: &'static str = "cpulist";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = line(text.ok_or(Refusal::Invalid)?);
        let given = core::str::from_utf8(text).map_err(|_| Refusal::Invalid)?;
        let given = Text::<{ CpuSet::TEXT_MAX + 1 }>::format(format_args!("{given}\0"))
            .map_err(|_| Refusal::Invalid)?;
        let given = given.as_c_str().ok_or(Refusal::Invalid)?;
        let limit = c_int::try_from(cpu::count_limit()).map_err(|_| Refusal::Invalid)?;

        let mut list = KBox::new(CpuList::NONE, GFP_KERNEL).map_err(Error::from)?;
        // SAFETY: The text ends with NUL, and a set of CPUs has at least as many
        // bits as there are numbers of CPUs.
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
        ask(self.on_change, &*list)?;
        // INVARIANT: It is such a list.
        self.published.publish(Block::of(list));
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
        // SAFETY: The parameter is freed once, when nobody can read it any more.
        unsafe { self.published.free() };
    }
}
