// SPDX-License-Identifier: GPL-2.0

//! The registers of a call: where the architecture has its arguments and its result.
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
//! A kprobe has all registers (`struct pt_regs`); ftrace has those in the table
//! alone (`struct ftrace_regs`), and only C's macros know where.
//!
//! C header: `arch/<architecture>/include/asm/ptrace.h`,
//! [`include/linux/ftrace_regs.h`](srctree/include/linux/ftrace_regs.h)

use crate::{
    bindings,
    memory::KernelPtr, //
};

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
    /// `this` is what the kernel gave the handler that runs.
    unsafe fn returned(this: *mut Self) -> usize;
}

/// Argument `n`, one of those on the stack, by the stack pointer at the first
/// instruction; `None` if it cannot be read.
#[inline(always)]
fn on_stack(stack_pointer: usize, n: usize) -> Option<usize> {
    const WORD: usize = core::mem::size_of::<usize>();
    let words = n
        .wrapping_sub(this::IN_REGISTERS)
        .wrapping_add(this::BELOW_ARGUMENTS);
    KernelPtr::<usize>::new(stack_pointer.wrapping_add(words.wrapping_mul(WORD))).read()
}

#[cfg(kernel_has = "fprobe_ftrace_regs")]
impl Registers for bindings::ftrace_regs {
    #[inline(always)]
    unsafe fn argument(regs: *mut Self, n: usize) -> Option<usize> {
        if n < this::IN_REGISTERS {
            // SAFETY: They are ftrace's for the handler that runs, and there are so many
            // arguments in them.
            return Some(unsafe { bindings::faultline_helper_ftrace_argument(regs, n as u32) });
        }
        // SAFETY: They are ftrace's for the handler that runs, with the stack pointer.
        on_stack(unsafe { bindings::faultline_helper_ftrace_stack(regs) }, n)
    }

    #[inline(always)]
    unsafe fn returned(regs: *mut Self) -> usize {
        // SAFETY: They are ftrace's for the handler that runs, with the result.
        unsafe { bindings::faultline_helper_ftrace_returned(regs) }
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(
    clippy::unnecessary_cast,
    reason = "C's unsigned long is usize in newer kernels, u64 in older ones"
)]
mod this {
    use super::{
        bindings,
        on_stack,
        Registers, //
    };

    /// How many arguments are in registers.
    pub(super) const IN_REGISTERS: usize = 6;
    /// How many words the others have below them: the return address.
    pub(super) const BELOW_ARGUMENTS: usize = 1;

    impl Registers for bindings::pt_regs {
        #[inline(always)]
        unsafe fn argument(regs: *mut Self, n: usize) -> Option<usize> {
            // SAFETY: They are on the stack below the handler that runs, where nothing
            // writes to them meanwhile.
            let regs = unsafe { &*regs };
            Some(match n {
                0 => regs.di as usize,
                1 => regs.si as usize,
                2 => regs.dx as usize,
                3 => regs.cx as usize,
                4 => regs.r8 as usize,
                5 => regs.r9 as usize,
                n => return on_stack(regs.sp as usize, n),
            })
        }

        #[inline(always)]
        unsafe fn returned(regs: *mut Self) -> usize {
            // SAFETY: They are on the stack below the handler that runs.
            unsafe { (*regs).ax as usize }
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod this {
    use super::{
        bindings,
        on_stack,
        Registers, //
    };

    /// How many arguments are in registers.
    pub(super) const IN_REGISTERS: usize = 8;
    /// How many words the others have below them.
    pub(super) const BELOW_ARGUMENTS: usize = 0;

    /// The general registers of a `struct pt_regs`, which it begins with in the
    /// order that user space knows: x0 to x30, then sp.
    ///
    /// # Safety
    ///
    /// `regs` are what the kernel gave the handler that runs, and `'a` is no longer.
    #[inline(always)]
    unsafe fn registers<'a>(regs: *mut bindings::pt_regs) -> &'a [u64; 32] {
        // SAFETY: They are on the stack below the handler. `struct user_pt_regs`, with
        // which `struct pt_regs` begins, is part of what the kernel promises to user
        // space.
        unsafe { &*regs.cast::<[u64; 32]>() }
    }

    impl Registers for bindings::pt_regs {
        #[inline(always)]
        unsafe fn argument(regs: *mut Self, n: usize) -> Option<usize> {
            // SAFETY: They are the handler's, and used here only.
            let registers = unsafe { registers(regs) };
            match registers.get(n) {
                Some(&value) if n < IN_REGISTERS => Some(value as usize),
                _ => on_stack(registers[31] as usize, n),
            }
        }

        #[inline(always)]
        unsafe fn returned(regs: *mut Self) -> usize {
            // SAFETY: They are the handler's, and used here only.
            unsafe { registers(regs)[0] as usize }
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("rust/probe/registers.rs does not know how this architecture passes arguments");
