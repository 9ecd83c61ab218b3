// SPDX-License-Identifier: GPL-2.0

//! Counters of this CPU, and loads that may fault: what depends on the architecture.

#[cfg(target_arch = "aarch64")]
use crate::bindings;

#[cfg(target_arch = "x86_64")]
mod this {
    /// Adds to counter `AT` of this CPU, in one instruction, which nothing can
    /// come between.
    ///
    /// # Safety
    ///
    /// `counters` is a per-CPU pointer to more than `AT` words that are in use,
    /// and aligned.
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_add<const AT: usize>(counters: *mut u64, value: u64) {
        // SAFETY: In the kernel gs has the offset of this CPU's data as its
        // base, and a per-CPU pointer is what is added to it.
        unsafe {
            core::arch::asm!(
                "add qword ptr gs:[{counters} + {at} * 8], {value}",
                counters = in(reg) counters,
                at = const AT,
                value = in(reg) value,
                options(nostack),
            )
        };
    }

    /// A counter of this CPU.
    ///
    /// # Safety
    ///
    /// `counter` is a per-CPU pointer to a word that is in use, and aligned.
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_read(counter: *mut u64) -> u64 {
        let value;
        // SAFETY: In the kernel gs has the offset of this CPU's data as its base, and the
        // per-CPU pointer is that of a word in use.
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

    /// Adds 1 to counter `at` of this CPU, as [`this_cpu_add`].
    ///
    /// # Safety
    ///
    /// As for [`this_cpu_add`].
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_count(counters: *mut u64, at: usize) {
        // SAFETY: In the kernel gs has the offset of this CPU's data as its base, and the
        // per-CPU pointer is that of a word in use.
        unsafe {
            core::arch::asm!(
                "inc qword ptr gs:[{counters} + {at} * 8]",
                counters = in(reg) counters,
                at = in(reg) at,
                options(nostack),
            )
        };
    }

    /// After a load at `2:`: when it faults, whether for the page or since the address is none,
    /// the kernel makes ax 0 and goes on here.
    ///
    /// C header: `arch/x86/include/asm/extable_fixup_types.h`
    macro_rules! or_ax_is_0 {
        () => {
            "3:
            .pushsection __ex_table, \"a\"
            .balign 4
            .long 2b - .
            .long 3b - .
            .long 1 | 1 << 12 # EX_TYPE_DEFAULT | EX_FLAG_CLEAR_AX
            .popsection"
        };
    }

    /// The word that a load into rax gives, or 0.
    macro_rules! load {
        ($load:literal, $from:ident) => {{
            let word: u64;
            core::arch::asm!(
                concat!("2: ", $load, " ptr [{from}]"),
                or_ax_is_0!(),
                from = in(reg) $from,
                lateout("rax") word,
                options(nostack, preserves_flags, readonly),
            );
            word
        }};
    }

    /// Could the kernel's memory be there? If it turns out not to be, a load faults and recovers.
    /// User space is below, and so is, from the page of vsyscalls on, what counts as user space.
    #[inline(always)]
    fn is_kernel(from: usize, size: usize) -> bool {
        const END: usize = 0xffff_ffff_ff60_0000;
        (from as isize) < END.wrapping_sub(size) as isize
    }

    /// Is the address on the stack of who asks? A stack has this size or less, and is aligned as
    /// its size.
    #[inline(always)]
    pub(in super::super) fn is_on_this_stack(address: usize) -> bool {
        const THREAD_SIZE: usize = if cfg!(CONFIG_KASAN) { 32768 } else { 16384 };
        let stack: usize;
        // SAFETY: This reads a register.
        unsafe {
            core::arch::asm!(
                "mov {}, rsp", out(reg) stack, options(nomem, nostack, preserves_flags)
            );
        }
        address ^ stack < THREAD_SIZE
    }

    /// A word of the kernel's memory in its lower `size` bytes (1, 2, 4 or 8), from an address
    /// that may be none: then it is 0.
    #[inline(always)]
    pub(in super::super) fn word_or_zero(from: usize, size: usize) -> u64 {
        if !is_kernel(from, size) {
            return 0;
        }
        // SAFETY: This reads memory that is not user space's, and comes back from what cannot
        // be read.
        unsafe {
            match size {
                8 => load!("mov rax, qword", from),
                4 => load!("mov eax, dword", from),
                2 => load!("movzx eax, word", from),
                1 => load!("movzx eax, byte", from),
                _ => 0,
            }
        }
    }

    /// Copies `size` bytes of the kernel's memory, from an address that may be none: then it is
    /// false, and what is at `to` means nothing.
    ///
    /// As `copy_from_kernel_nofault()`, but in line: with a `size` that the compiler knows it is
    /// little more than the loads.
    ///
    /// # Safety
    ///
    /// There is room for so many bytes at `to`.
    #[inline(always)]
    pub(in super::super) unsafe fn copy_nofault(to: *mut u8, from: usize, size: usize) -> bool {
        if !is_kernel(from, size) {
            return false;
        }
        let mut ok = 1_u32;
        let mut at: usize = 0;
        // SAFETY: There is room at `to`. What is read is no memory of user space, and a fault
        // goes on after the load.
        unsafe {
            while size.wrapping_sub(at) >= 8 {
                let word: u64;
                core::arch::asm!(
                    "2: mov {word}, qword ptr [{from}]", or_ax_is_0!(),
                    from = in(reg) from.wrapping_add(at), word = out(reg) word, inout("eax") ok,
                    options(nostack, preserves_flags, readonly),
                );
                to.wrapping_add(at).cast::<u64>().write_unaligned(word);
                at = at.wrapping_add(8);
            }
            while at < size {
                let byte: u32;
                core::arch::asm!(
                    "2: movzx {byte:e}, byte ptr [{from}]", or_ax_is_0!(),
                    from = in(reg) from.wrapping_add(at), byte = out(reg) byte, inout("eax") ok,
                    options(nostack, preserves_flags, readonly),
                );
                to.wrapping_add(at).write(byte as u8);
                at = at.wrapping_add(1);
            }
        }
        ok != 0
    }
}

#[cfg(target_arch = "aarch64")]
mod this {
    use super::bindings;

    /// Adds to counter `AT` of this CPU; nothing can come between.
    ///
    /// # Safety
    ///
    /// `counters` is a per-CPU pointer to more than `AT` words that are in use,
    /// and aligned.
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_add<const AT: usize>(counters: *mut u64, value: u64) {
        // SAFETY: The per-CPU pointer is that of a word in use. Where the offset of this CPU
        // is depends on the level that the kernel runs at, which C knows.
        unsafe { bindings::faultline_helper_this_cpu_add(counters.wrapping_add(AT), value) };
    }

    /// A counter of this CPU.
    ///
    /// # Safety
    ///
    /// `counter` is a per-CPU pointer to a word that is in use, and aligned.
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_read(counter: *mut u64) -> u64 {
        // SAFETY: The per-CPU pointer is that of a word in use.
        unsafe { bindings::faultline_helper_this_cpu_read(counter) }
    }

    /// Adds 1 to counter `at` of this CPU, as [`this_cpu_add`].
    ///
    /// # Safety
    ///
    /// As for [`this_cpu_add`].
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_count(counters: *mut u64, at: usize) {
        // SAFETY: The per-CPU pointer is that of a word in use.
        unsafe { bindings::faultline_helper_this_cpu_add(counters.wrapping_add(at), 1) };
    }

    /// Is the address on the stack of who asks? A stack has this size or more, and is aligned as
    /// its size.
    #[inline(always)]
    pub(in super::super) fn is_on_this_stack(address: usize) -> bool {
        const THREAD_SIZE: usize = 16384;
        let stack: usize;
        // SAFETY: This reads a register.
        unsafe {
            core::arch::asm!(
                "mov {}, sp", out(reg) stack, options(nomem, nostack, preserves_flags)
            );
        }
        address ^ stack < THREAD_SIZE
    }

    /// A word of the kernel's memory in its lower `size` bytes (1, 2, 4 or 8), from an address
    /// that may be none: then it is 0.
    #[inline(always)]
    pub(in super::super) fn word_or_zero(from: usize, size: usize) -> u64 {
        let mut word: u64 = 0;
        // SAFETY: There is room for so many bytes.
        let read = unsafe { copy_nofault((&raw mut word).cast(), from, size.min(8)) };
        if read {
            word
        } else {
            0
        }
    }

    /// Copies `size` bytes of the kernel's memory, from an address that may be none: then it is
    /// false, and what is at `to` means nothing.
    ///
    /// # Safety
    ///
    /// There is room for so many bytes at `to`.
    #[inline(always)]
    pub(in super::super) unsafe fn copy_nofault(to: *mut u8, from: usize, size: usize) -> bool {
        // SAFETY: There is room at `to`. Where they come from does not matter, since
        // a fault is caught.
        unsafe { bindings::copy_from_kernel_nofault(to.cast(), from as *const _, size) == 0 }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("rust/memory/arch.rs does not know this architecture");

pub(super) use this::{
    copy_nofault,
    is_on_this_stack,
    this_cpu_add,
    this_cpu_count,
    this_cpu_read,
    word_or_zero, //
};
