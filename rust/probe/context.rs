// SPDX-License-Identifier: GPL-2.0

//! The context of a handler: the CPU and the task that it runs on, and what it has interrupted.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use core::marker::PhantomData;

use crate::{
    bindings,
    task::cpu, //
};

/// Proof that a probe's handler runs, on this CPU and with preemption off.
#[derive(Clone, Copy)]
pub struct HandlerContext<'a>(PhantomData<(&'a (), *mut ())>);

impl HandlerContext<'_> {
    /// # Safety
    ///
    /// The caller is a probe's handler that does not return during the lifetime.
    #[inline(always)]
    pub(super) unsafe fn new() -> Self {
        Self(PhantomData)
    }

    /// The number of the CPU.
    #[inline]
    pub fn cpu(self) -> u32 {
        cpu::current()
    }

    /// The task that runs, or was interrupted: the number of its thread, as the first
    /// PID namespace has it.
    #[inline]
    pub fn pid(self) -> u32 {
        // SAFETY: The helper reads a number of the current task.
        unsafe { bindings::faultline_helper_current_pid() as u32 }
    }

    /// The number of its process (`tgid`).
    #[inline]
    pub fn tgid(self) -> u32 {
        // SAFETY: The helper reads a number of the current task.
        unsafe { bindings::faultline_helper_current_tgid() as u32 }
    }

    /// The name of its thread (`comm`), which ends with a NUL.
    #[inline]
    pub fn comm(self) -> [u8; 16] {
        let mut comm = [0; 16];
        // SAFETY: The helper returns the name of the current task, which lives. It has 16 bytes,
        // which the helper asserts. Another task may write to it meanwhile: what is read of the
        // two names byte by byte is a name as well, but for the NUL, which is put there.
        unsafe {
            let name = bindings::faultline_helper_current_comm().cast::<u8>();
            for (at, byte) in comm.iter_mut().enumerate().take(15) {
                *byte = name.wrapping_add(at).read_volatile();
            }
        }
        comm
    }

    /// What the probed call was made by.
    #[inline]
    pub fn level(self) -> ContextLevel {
        // SAFETY: The helper reads the stack pointer and a counter of this CPU.
        ContextLevel(unsafe { bindings::faultline_helper_context() })
    }
}

/// The level of a context, as in `interrupt_context_level()`: a task, a softirq, an
/// interrupt or an NMI.
///
/// Calls of the same level belong together. Of calls that nest on one stack, those of
/// another level were interrupted, or interrupt.
///
/// The level does not depend on how a probe is hit. On x86 the breakpoint of a kprobe
/// counts as an NMI while its handler runs, and the jump that may take its place does
/// not. So NMIs are not counted, but recognised by their stack. An NMI that interrupts
/// user space runs on the task's stack, where nothing of the kernel was interrupted.
///
/// The default is the level of no call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextLevel(u32);
