// SPDX-License-Identifier: GPL-2.0

//! Architecture-specific code: counters of this CPU, and loads that may fault.

#[cfg(target_arch = "aarch64")]
use crate::bindings;

#[cfg(target_arch = "x86_64")]
mod this {
    /// Adds `value` to counter `AT` of this CPU, in one instruction, which cannot be interrupted.
    ///
    /// # Safety
    ///
    /// `counters` is an aligned per-CPU pointer to more than `AT` allocated words.
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_add<const AT: usize>(counters: *mut u64, value: u64) {
        // SAFETY: In the kernel the base of gs is the offset of this CPU's data, to which a
        // per-CPU pointer is added. The word is allocated.
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

    /// Returns a counter of this CPU.
    ///
    /// # Safety
    ///
    /// `counter` is an aligned per-CPU pointer to an allocated word.
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_read(counter: *mut u64) -> u64 {
        let value;
        // SAFETY: In the kernel the base of gs is the offset of this CPU's data, to which a
        // per-CPU pointer is added. The word is allocated.
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

    /// Adds 1 to counter `at` of this CPU; see [`this_cpu_add`].
    ///
    /// # Safety
    ///
    /// As for [`this_cpu_add`].
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_count(counters: *mut u64, at: usize) {
        // SAFETY: In the kernel the base of gs is the offset of this CPU's data, to which a
        // per-CPU pointer is added. The word is allocated.
        unsafe {
            core::arch::asm!(
                "inc qword ptr gs:[{counters} + {at} * 8]",
                counters = in(reg) counters,
                at = in(reg) at,
                options(nostack),
            )
        };
    }

    /// The exception table entry of a load at `2:`. If the load faults, on a page that is not
    /// mapped or a non-canonical address, the kernel sets ax to 0 and continues here.
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

    /// Loads into rax, and evaluates to the result; 0 if the load faults.
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

    /// Returns whether the range can be in the kernel's memory. If it is not mapped, a load faults
    /// and recovers. Addresses of user space are refused, and those from the vsyscall page on,
    /// which count as user space.
    #[inline(always)]
    fn is_kernel(from: usize, size: usize) -> bool {
        const END: usize = 0xffff_ffff_ff60_0000;
        (from as isize) < END.wrapping_sub(size) as isize
    }

    /// Returns whether the address is on the caller's stack. A stack is at most `THREAD_SIZE`
    /// bytes, and aligned to its size.
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

    /// Returns `size` bytes (1, 2, 4 or 8) of the kernel's memory, zero-extended; 0 if they cannot
    /// be read.
    #[inline(always)]
    pub(in super::super) fn word_or_zero(from: usize, size: usize) -> u64 {
        if !is_kernel(from, size) {
            return 0;
        }
        // SAFETY: The address is not one of user space, and a load that faults is fixed up.
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

    /// Copies `size` bytes of the kernel's memory. Returns whether all could be read; if not, the
    /// bytes at `to` are unspecified.
    ///
    /// Like `copy_from_kernel_nofault()`, but inline: for a constant `size` it compiles to little
    /// more than the loads.
    ///
    /// # Safety
    ///
    /// `to` is valid for writes of `size` bytes.
    #[inline(always)]
    pub(in super::super) unsafe fn copy_nofault(to: *mut u8, from: usize, size: usize) -> bool {
        if !is_kernel(from, size) {
            return false;
        }
        let mut ok = 1_u32;
        let mut at: usize = 0;
        // SAFETY: `to` is valid for writes of `size` bytes. The source is not in user space, and a
        // load that faults is fixed up.
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

    /// Adds `value` to counter `AT` of this CPU, atomically with respect to interrupts.
    ///
    /// # Safety
    ///
    /// `counters` is an aligned per-CPU pointer to more than `AT` allocated words.
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_add<const AT: usize>(counters: *mut u64, value: u64) {
        // SAFETY: The per-CPU pointer is that of an allocated word. A C helper is needed, since the
        // register with this CPU's offset depends on the exception level that the kernel runs at.
        unsafe { bindings::faultline_helper_this_cpu_add(counters.wrapping_add(AT), value) };
    }

    /// Returns a counter of this CPU.
    ///
    /// # Safety
    ///
    /// `counter` is an aligned per-CPU pointer to an allocated word.
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_read(counter: *mut u64) -> u64 {
        // SAFETY: The per-CPU pointer is that of an allocated word.
        unsafe { bindings::faultline_helper_this_cpu_read(counter) }
    }

    /// Adds 1 to counter `at` of this CPU; see [`this_cpu_add`].
    ///
    /// # Safety
    ///
    /// As for [`this_cpu_add`].
    #[inline(always)]
    pub(in super::super) unsafe fn this_cpu_count(counters: *mut u64, at: usize) {
        // SAFETY: The per-CPU pointer is that of an allocated word.
        unsafe { bindings::faultline_helper_this_cpu_add(counters.wrapping_add(at), 1) };
    }

    /// Returns whether the address is on the caller's stack. A stack is at least `THREAD_SIZE`
    /// bytes, and aligned to its size.
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

    /// Returns `size` bytes (1, 2, 4 or 8) of the kernel's memory, zero-extended; 0 if they cannot
    /// be read.
    #[inline(always)]
    pub(in super::super) fn word_or_zero(from: usize, size: usize) -> u64 {
        let mut word: u64 = 0;
        // SAFETY: `word` has 8 bytes, and at most 8 are written.
        let read = unsafe { copy_nofault((&raw mut word).cast(), from, size.min(8)) };
        if read {
            word
        } else {
            0
        }
    }

    /// Copies `size` bytes of the kernel's memory. Returns whether all could be read; if not, the
    /// bytes at `to` are unspecified.
    ///
    /// # Safety
    ///
    /// `to` is valid for writes of `size` bytes.
    #[inline(always)]
    pub(in super::super) unsafe fn copy_nofault(to: *mut u8, from: usize, size: usize) -> bool {
        // SAFETY: `to` is valid for writes of `size` bytes. The source may be any address:
        // `copy_from_kernel_nofault()` checks the range and catches faults.
        unsafe { bindings::copy_from_kernel_nofault(to.cast(), from as *const _, size) == 0 }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("rust/memory/arch.rs does not support this architecture");

pub(super) use this::{
    copy_nofault,
    is_on_this_stack,
    this_cpu_add,
    this_cpu_count,
    this_cpu_read,
    word_or_zero, //
};
