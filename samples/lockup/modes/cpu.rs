// SPDX-License-Identifier: GPL-2.0

//! Modes that keep a CPU from something: from other threads, from softirqs, from
//! interrupts, from a grace period of RCU, from the rest of the machine.

use faultline::{
    prelude::*,
    sync::rcu,
    task::{
        context,
        irq_work,
        smp,
        stop_machine, //
    }, //
};

use crate::{
    hold::Hold,
    timer::Timer, //
};

/// A soft lockup: no other thread gets the CPU, while interrupts still come.
#[inline(never)]
pub(super) fn spin_preemption_off(hold: &Hold<'_>) -> Result {
    context::preemption_off(|_off| hold.timer.spin());
    Ok(())
}

/// A thread that only spins. Where the kernel preempts such a thread by itself
/// (`PREEMPT_LAZY`, `PREEMPT`), this is no lockup. Elsewhere (voluntary
/// preemption, the default up to 6.12 on Debian) it is a soft one.
#[inline(never)]
pub(super) fn spin_preemptible(hold: &Hold<'_>) -> Result {
    hold.timer.spin();
    Ok(())
}

/// A soft lockup by a thread that keeps the softirqs (bottom halves) off, and so preemption,
/// except with `PREEMPT_RT`.
#[inline(never)]
pub(super) fn spin_softirqs_off(hold: &Hold<'_>) -> Result {
    context::softirqs_off(|_off| hold.timer.spin());
    Ok(())
}

/// A hard lockup: not even the tick comes.
#[inline(never)]
pub(super) fn spin_interrupts_off(hold: &Hold<'_>) -> Result {
    context::interrupts_off(|_off| hold.timer.spin());
    Ok(())
}

/// A hard lockup in the handler of an interrupt that does not return.
pub(super) fn spin_in_interrupt(hold: &Hold<'_>) -> Result {
    #[inline(never)]
    fn spin_in_interrupt(timer: &Timer<'_>) {
        timer.spin();
    }

    context::preemption_off(|off| irq_work::run(off, |_interrupt| spin_in_interrupt(&hold.timer)))
}

/// A stall of RCU: a grace period that does not end. Where readers can be
/// preempted, others still get the CPU.
#[inline(never)]
pub(super) fn spin_in_rcu_reader(hold: &Hold<'_>) -> Result {
    let _reader = rcu::read_lock();
    rcu::begin_grace_period();
    hold.timer.spin();
    Ok(())
}

/// The first CPU has its interrupts off; the others call it, and wait for the
/// answer.
#[inline(never)]
pub(super) fn call_cpu_that_never_answers(hold: &Hold<'_>) -> Result {
    /// Has interrupts off before anybody calls.
    #[inline(never)]
    fn never_answer(hold: &Hold<'_>) {
        context::interrupts_off(|_off| {
            if hold.meet() {
                hold.timer.spin();
            }
        });
    }

    if hold.place == 0 {
        never_answer(hold);
        return Ok(());
    }
    let first = hold.shared.plan.cpus.iter().next().unwrap_or(0);
    // Older kernels keep preemption off meanwhile by themselves.
    context::preemption_off(|_off| {
        if hold.meet() {
            smp::call(first)
        } else {
            Ok(())
        }
    })
}

/// Nothing runs anywhere but this: the other CPUs wait with their interrupts
/// off.
pub(super) fn stop_machine_and_spin(hold: &Hold<'_>) -> Result {
    #[inline(never)]
    fn spin_with_machine_stopped(timer: &Timer<'_>) {
        timer.spin();
    }

    let timer = &hold.timer;
    stop_machine::run(hold.cpu, |_stopped| spin_with_machine_stopped(timer))
}
