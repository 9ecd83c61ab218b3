// SPDX-License-Identifier: GPL-2.0

//! The context of a handler: its CPU, its task, and the level of the interrupted code.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use core::marker::PhantomData;

use crate::{
    bindings,
    task::cpu, //
};

/// Proof that the code runs in a probe's handler, with preemption off.
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

    /// Returns the number of this CPU.
    #[inline]
    pub fn cpu(self) -> u32 {
        cpu::current()
    }

    /// Returns the thread ID of the current task, in the initial PID namespace. In an interrupt,
    /// this is the interrupted task.
    #[inline]
    pub fn pid(self) -> u32 {
        // SAFETY: The helper only reads a number of the current task.
        unsafe { bindings::faultline_helper_current_pid() as u32 }
    }

    /// Returns the process ID (`tgid`) of the current task.
    #[inline]
    pub fn tgid(self) -> u32 {
        // SAFETY: The helper only reads a number of the current task.
        unsafe { bindings::faultline_helper_current_tgid() as u32 }
    }

    /// Returns the name of the current task (`comm`), with NUL.
    #[inline]
    pub fn comm(self) -> [u8; 16] {
        let mut comm = [0; 16];
        // SAFETY: The helper returns a pointer to the 16 bytes (which it asserts) of the current
        // task's name. If another task changes the name meanwhile, the copy has bytes of both
        // names, which is harmless: the last byte of the copy stays NUL.
        unsafe {
            let name = bindings::faultline_helper_current_comm().cast::<u8>();
            for (at, byte) in comm.iter_mut().enumerate().take(15) {
                *byte = name.wrapping_add(at).read_volatile();
            }
        }
        comm
    }

    /// Returns the level of the context that made the probed call.
    #[inline]
    pub fn level(self) -> ContextLevel {
        // SAFETY: The helper only reads the stack pointer and a counter of this CPU.
        ContextLevel(unsafe { bindings::faultline_helper_context() })
    }
}

/// The level of a context, as in `interrupt_context_level()`: a task, a softirq, an interrupt or an
/// NMI.
///
/// If two calls nest on one stack and their levels differ, the outer one was interrupted by the
/// context of the inner one.
///
/// The level does not depend on how a probe is hit. On x86 the breakpoint of a kprobe counts as an
/// NMI while its handler runs, and the jump that may replace it does not. So NMIs are not counted,
/// but recognised by their stack. An NMI that interrupts user space runs on the task's stack, where
/// no code of the kernel was interrupted.
///
/// The default is a level that no call has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextLevel(u32);
