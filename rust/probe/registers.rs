// SPDX-License-Identifier: GPL-2.0

//! The registers of a call, with its arguments and its result.
//!
//! | | arguments in registers | then on the stack, from | result |
//! |---|---|---|---|
//! | x86-64 | di, si, dx, cx, r8, r9 | sp + 8, above the return address | ax |
//! | arm64 | x0 to x7 | sp | x0 |
//!
//! This holds for integers and pointers, at the first instruction of a function, and for the result
//! at its return. A structure that is passed by value takes as many arguments as it has words.
//!
//! A kprobe has all registers (`struct pt_regs`). ftrace has only those in the table (`struct
//! ftrace_regs`), which are accessed by macros in C.
//!
//! C header: `arch/<architecture>/include/asm/ptrace.h`,
//! [`include/linux/ftrace_regs.h`](srctree/include/linux/ftrace_regs.h)

use crate::{
    bindings,
    memory::KernelPtr, //
};

/// The registers of a call at its first instruction, or at its return. They are accessed by
/// pointer, since the size of some of the structures is not known to Rust.
pub trait Registers {
    /// Returns argument `n`, counted from 0; `None` if it is on the stack and cannot be read.
    ///
    /// # Safety
    ///
    /// `this` is the pointer that the kernel passed to the running handler.
    unsafe fn argument(this: *mut Self, n: usize) -> Option<usize>;

    /// Returns the result of the function.
    ///
    /// # Safety
    ///
    /// `this` is the pointer that the kernel passed to the running handler.
    unsafe fn returned(this: *mut Self) -> usize;
}

/// Returns argument `n`, which is on the stack, given the stack pointer at the first instruction;
/// `None` if it cannot be read.
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
            // SAFETY: The kernel passed `regs` to the running handler, and they have this argument.
            return Some(unsafe { bindings::faultline_helper_ftrace_argument(regs, n as u32) });
        }
        // SAFETY: The kernel passed `regs` to the running handler, with the stack pointer.
        on_stack(unsafe { bindings::faultline_helper_ftrace_stack(regs) }, n)
    }

    #[inline(always)]
    unsafe fn returned(regs: *mut Self) -> usize {
        // SAFETY: The kernel passed `regs` to the running handler, with the result.
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

    /// The number of arguments in registers.
    pub(super) const IN_REGISTERS: usize = 6;
    /// The number of words on the stack below the other arguments: the return address.
    pub(super) const BELOW_ARGUMENTS: usize = 1;

    impl Registers for bindings::pt_regs {
        #[inline(always)]
        unsafe fn argument(regs: *mut Self, n: usize) -> Option<usize> {
            // SAFETY: The kernel passed `regs` to the running handler, and does not write to them
            // meanwhile.
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
            // SAFETY: The kernel passed `regs` to the running handler.
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

    /// The number of arguments in registers.
    pub(super) const IN_REGISTERS: usize = 8;
    /// The number of words on the stack below the other arguments.
    pub(super) const BELOW_ARGUMENTS: usize = 0;

    /// Returns the general registers of a `struct pt_regs`, which are its first fields: x0 to x30,
    /// then sp.
    ///
    /// # Safety
    ///
    /// `regs` is the pointer that the kernel passed to a handler, which runs during `'a`.
    #[inline(always)]
    unsafe fn registers<'a>(regs: *mut bindings::pt_regs) -> &'a [u64; 32] {
        // SAFETY: The kernel does not write to `regs` while the handler runs. `struct pt_regs`
        // begins with `struct user_pt_regs`, whose layout is part of the ABI to user space.
        unsafe { &*regs.cast::<[u64; 32]>() }
    }

    impl Registers for bindings::pt_regs {
        #[inline(always)]
        unsafe fn argument(regs: *mut Self, n: usize) -> Option<usize> {
            // SAFETY: The kernel passed `regs` to the running handler; the reference ends here.
            let registers = unsafe { registers(regs) };
            match registers.get(n) {
                Some(&value) if n < IN_REGISTERS => Some(value as usize),
                _ => on_stack(registers[31] as usize, n),
            }
        }

        #[inline(always)]
        unsafe fn returned(regs: *mut Self) -> usize {
            // SAFETY: The kernel passed `regs` to the running handler; the reference ends here.
            unsafe { registers(regs)[0] as usize }
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("rust/probe/registers.rs does not support this architecture");
