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
//! A kprobe has all registers (`struct pt_regs`); ftrace has those in the table
//! alone (`struct ftrace_regs`), and only C's macros know where.
//!
//! C header: `arch/<architecture>/include/asm/ptrace.h`,
//! [`include/linux/ftrace_regs.h`](srctree/include/linux/ftrace_regs.h)

use crate::{
    bindings,
    memory::KernelPtr,
    probe::Registers, //
};

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
    fn argument(&self, n: usize) -> Option<usize> {
        let regs = core::ptr::from_ref(self).cast_mut();
        if n < this::IN_REGISTERS {
            // SAFETY: These are the registers of a call, which are read.
            return Some(unsafe { bindings::faultline_helper_ftrace_argument(regs, n as u32) });
        }
        // SAFETY: As above.
        on_stack(unsafe { bindings::faultline_helper_ftrace_stack(regs) }, n)
    }

    #[inline(always)]
    fn returned(&self) -> usize {
        let regs = core::ptr::from_ref(self).cast_mut();
        // SAFETY: As above.
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
        fn argument(&self, n: usize) -> Option<usize> {
            Some(match n {
                0 => self.di as usize,
                1 => self.si as usize,
                2 => self.dx as usize,
                3 => self.cx as usize,
                4 => self.r8 as usize,
                5 => self.r9 as usize,
                n => return on_stack(self.sp as usize, n),
            })
        }

        #[inline(always)]
        fn returned(&self) -> usize {
            self.ax as usize
        }
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
        on_stack,
        Registers, //
    };

    /// How many arguments are in registers.
    pub(super) const IN_REGISTERS: usize = 8;
    /// How many words the others have below them.
    pub(super) const BELOW_ARGUMENTS: usize = 0;

    /// The general registers of a `struct pt_regs`, which it begins with in the
    /// order that user space knows: x0 to x30, then sp.
    #[inline(always)]
    fn registers(regs: &bindings::pt_regs) -> &[u64; 32] {
        // SAFETY: `struct user_pt_regs`, with which `struct pt_regs` begins, is
        // part of what the kernel promises to user space.
        unsafe { &*core::ptr::from_ref(regs).cast::<[u64; 32]>() }
    }

    impl Registers for bindings::pt_regs {
        #[inline(always)]
        fn argument(&self, n: usize) -> Option<usize> {
            let registers = registers(self);
            match registers.get(n) {
                Some(&value) if n < IN_REGISTERS => Some(value as usize),
                _ => on_stack(registers[31] as usize, n),
            }
        }

        #[inline(always)]
        fn returned(&self) -> usize {
            registers(self)[0] as usize
        }
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
    this_cpu_add,
    this_cpu_read, //
};
