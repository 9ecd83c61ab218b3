// SPDX-License-Identifier: GPL-2.0

//! What depends on the architecture: the registers of a call, and a counter of
//! this CPU.
//!
//! | | arguments in registers | then on the stack, from | result |
//! |---|---|---|---|
//! | x86-64 | di, si, dx, cx, r8, r9 | sp + 8, above the return address | ax |
//! | arm64 | x0 to x7 | sp | x0 |
//!
//! All of it holds at the first instruction of a function, for integers and
//! pointers, and the result at its return. A structure that is passed by value
//! takes as many places as it has words.
//!
//! C header: `arch/<architecture>/include/asm/ptrace.h`

use crate::bindings;

/// Where an argument is.
pub(crate) enum Argument {
    /// This is it.
    Value(usize),
    /// It is a word of memory at this address.
    At(usize),
}

/// The size of a word on the stack.
const WORD: usize = core::mem::size_of::<usize>();

#[cfg(target_arch = "x86_64")]
#[allow(
    clippy::unnecessary_cast,
    reason = "C's unsigned long is usize in newer kernels, u64 in older ones"
)]
mod this {
    use super::{
        bindings,
        Argument,
        WORD, //
    };

    #[inline(always)]
    pub(crate) fn argument(regs: &bindings::pt_regs, n: usize) -> Argument {
        Argument::Value(match n {
            0 => regs.di as usize,
            1 => regs.si as usize,
            2 => regs.dx as usize,
            3 => regs.cx as usize,
            4 => regs.r8 as usize,
            5 => regs.r9 as usize,
            n => {
                let words = n.wrapping_sub(6).wrapping_add(1);
                let offset = words.wrapping_mul(WORD);
                return Argument::At((regs.sp as usize).wrapping_add(offset));
            }
        })
    }

    #[inline(always)]
    pub(crate) fn returned(regs: &bindings::pt_regs) -> usize {
        regs.ax as usize
    }

    /// Adds to a counter of this CPU, in one instruction, which nothing can
    /// come between.
    ///
    /// # Safety
    ///
    /// `counter` is a per-CPU pointer to a word that is in use, and aligned.
    #[inline(always)]
    pub(crate) unsafe fn this_cpu_add(counter: *mut u64, value: u64) {
        // SAFETY: In the kernel gs has the offset of this CPU's data as its
        // base, and a per-CPU pointer is what is added to it.
        unsafe {
            core::arch::asm!(
                "add qword ptr gs:[{counter}], {value}",
                counter = in(reg) counter,
                value = in(reg) value,
                options(nostack),
            )
        };
    }

    /// A counter of this CPU.
    ///
    /// # Safety
    ///
    /// As for [`this_cpu_add`].
    #[inline(always)]
    pub(crate) unsafe fn this_cpu_read(counter: *mut u64) -> u64 {
        let value;
        // SAFETY: As in `this_cpu_add`.
        unsafe {
            core::arch::asm!(
                "mov {value}, qword ptr gs:[{counter}]",
                counter = in(reg) counter,
                value = out(reg) value,
                options(nostack, preserves_flags, readonly),
            )
        };
        value
    }
}

#[cfg(target_arch = "aarch64")]
mod this {
    use super::{
        bindings,
        Argument,
        WORD, //
    };

    /// The general registers of a `struct pt_regs`, which it begins with in the
    /// order that user space knows: x0 to x30, then sp.
    #[inline(always)]
    fn registers(regs: &bindings::pt_regs) -> &[u64; 32] {
        // SAFETY: `struct user_pt_regs`, with which `struct pt_regs` begins, is
        // part of what the kernel promises to user space.
        unsafe { &*core::ptr::from_ref(regs).cast::<[u64; 32]>() }
    }

    #[inline(always)]
    pub(crate) fn argument(regs: &bindings::pt_regs, n: usize) -> Argument {
        let registers = registers(regs);
        match registers.get(n) {
            Some(&value) if n < 8 => Argument::Value(value as usize),
            _ => {
                let offset = n.wrapping_sub(8).wrapping_mul(WORD);
                Argument::At((registers[31] as usize).wrapping_add(offset))
            }
        }
    }

    #[inline(always)]
    pub(crate) fn returned(regs: &bindings::pt_regs) -> usize {
        registers(regs)[0] as usize
    }

    /// Adds to a counter of this CPU; nothing can come between.
    ///
    /// # Safety
    ///
    /// `counter` is a per-CPU pointer to a word that is in use, and aligned.
    #[inline(always)]
    pub(crate) unsafe fn this_cpu_add(counter: *mut u64, value: u64) {
        // SAFETY: By the function's requirement. Where the offset of this CPU
        // is depends on the level that the kernel runs at, which C knows.
        unsafe { bindings::faultline_helper_this_cpu_add(counter, value) };
    }

    /// A counter of this CPU.
    ///
    /// # Safety
    ///
    /// As for [`this_cpu_add`].
    #[inline(always)]
    pub(crate) unsafe fn this_cpu_read(counter: *mut u64) -> u64 {
        // SAFETY: As in `this_cpu_add`.
        unsafe { bindings::faultline_helper_this_cpu_read(counter) }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("rust/arch.rs does not know how this architecture passes arguments");

pub(crate) use this::{
    argument,
    returned,
    this_cpu_add,
    this_cpu_read, //
};
