// SPDX-License-Identifier: GPL-2.0

//! Functions that no probe may be put in, although the kernel would let it: with one the machine
//! hangs or crashes, or the probe counts itself.
//!
//! The kernel's own list (`/sys/kernel/debug/kprobes/blacklist`) has what kprobes cannot survive;
//! this one has what a *session* of probes cannot: what the module's handlers call at each hit, what
//! writes the events, what attaches and detaches; and returns of functions that do not return, or
//! not to where they were called.

use super::glob::{letters_of, Glob};
use super::pattern::Point;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A row of the table.
struct Danger {
    /// Names and patterns, separated by blanks. What the compiler made of a function (`.isra.0`)
    /// is as the function.
    names: &'static str,
    /// Only the return is refused.
    return_only: bool,
    why: &'static str,
}

const TABLE: &[Danger] = &[
    Danger {
        names: "__switch_to __switch_to_asm __switch_to_xtra cpu_switch_to",
        return_only: false,
        why: "the CPU goes on as another task in the middle of it: its return belongs to nobody, \
              and the kernel crashes",
    },
    Danger {
        names: "copy_from_kernel_nofault copy_from_kernel_nofault_allowed strncpy_from_kernel_nofault \
                copy_from_user_nofault __copy_from_user_nofault strncpy_from_user_nofault strnlen_user_nofault \
                ktime_get_mono_fast_ns is_vmalloc_or_module_addr vmalloc_to_page __virt_addr_valid \
                pfn_is_map_memory memcpy __memcpy memset __memset memcmp memmove __memmove \
                __srcu_read_lock __srcu_read_unlock __srcu_check_read_flavor rcu_is_watching \
                __rcu_read_lock __rcu_read_unlock nmi_uaccess_okay fixup_exception search_exception_tables \
                __ubsan_handle_*",
        return_only: false,
        why: "the handler of a probe calls it: each hit would make further ones",
    },
    Danger {
        names: "ring_buffer_* rb_reserve_* __rb_reserve_* rb_commit* rb_end_commit rb_move_* rb_handle_* \
                rb_wake_up_waiters rb_tail_page_update trace_event_buffer_* trace_buffer_* tracing_* \
                trace_event_raw_event_* trace_clock* __traceiter_* filter_match_preds irq_work_* \
                __irq_work_* stack_trace_save* arch_stack_walk* unwind_* __unwind_start __trace_trigger_soft_disabled __trace_stack \
                __ftrace_trace_stack",
        return_only: false,
        why: "it writes events: a hit would write one in the middle of another",
    },
    Danger {
        names: "perf_trace_* perf_tp_* perf_swevent_* perf_output_* __perf_output_* perf_event_output* \
                perf_callchain* get_perf_callchain __bpf_trace_* bpf_trace_run* trace_call_bpf",
        return_only: false,
        why: "perf and BPF take events with it: a hit would make one in the middle of another",
    },
    Danger {
        names: "*kprobe* *kretprobe* *fprobe* *rethook* *ftrace* *fgraph* function_graph_* objpool_* \
                *text_poke* optimized_callback setup_detour_execution alloc_insn_page do_sync_core",
        return_only: false,
        why: "probes are made of it: it runs at each hit, or while one is attached",
    },
    Danger {
        names: "preempt_count_add preempt_count_sub preempt_latency_* lock_acquire lock_release \
                lock_is_held_type lockdep_* rcu_read_lock_*held rcu_lockdep_* debug_lockdep_*",
        return_only: false,
        why: "each probe runs it at each hit, before anything keeps hits from nesting",
    },
    Danger {
        names: "__x86_*thunk* *_return_thunk *untrain_ret* __fentry__ __stack_chk_fail",
        return_only: false,
        why: "compiled code runs it at each call or return, the handler's too",
    },
    Danger {
        names: "schedule __schedule schedule_idle schedule_preempt_disabled schedule_rtlock \
                preempt_schedule* dynamic_preempt_schedule*",
        return_only: true,
        why: "each task that sleeps is in it: as many calls are in progress as there are tasks, and \
              the probe misses all others",
    },
    Danger {
        names: "finish_task_switch schedule_tail prepare_task_switch context_switch",
        return_only: true,
        why: "it is part of the switch from task to task, with the CPU's run queue locked",
    },
    Danger {
        names: "_raw_spin_* _raw_read_* _raw_write_* __raw_spin_* *queued_spin_lock_slowpath* \
                queued_read_lock_slowpath queued_write_lock_slowpath __pv_queued_* do_raw_spin_*",
        return_only: true,
        why: "a spinlock, with interrupts off as a rule: all of the kernel waits for it, what \
              attaches and detaches probes too",
    },
    Danger {
        names: "do_exit do_group_exit make_task_dead rewind_stack_and_make_dead do_task_dead kthread \
                kthread_exit kthread_complete_and_exit __module_put_and_kthread_exit __*_sys_exit \
                __*_sys_exit_group panic vpanic nmi_panic_self_stop panic_smp_self_stop stop_this_cpu \
                cpu_startup_entry cpu_bringup_and_idle start_secondary rest_init start_kernel \
                arch_cpu_idle_dead *_play_dead machine_real_restart __fortify_panic usercopy_abort \
                rust_begin_unwind",
        return_only: true,
        why: "it never returns",
    },
    Danger {
        names: "swsusp_arch_suspend do_suspend_lowlevel x86_acpi_suspend_lowlevel restore_image \
                machine_kexec relocate_kernel __crash_kexec crash_kexec cpu_suspend",
        return_only: true,
        why: "it comes back on another stack, or in another kernel",
    },
];

/// The table by names, which are most of it, and the patterns.
struct Index {
    names: HashMap<&'static str, &'static Danger>,
    /// With the letters that each name must have.
    patterns: Vec<(u64, Glob, &'static Danger)>,
}

impl Index {
    fn new() -> Self {
        let (mut names, mut patterns) = (HashMap::new(), Vec::new());
        for danger in TABLE {
            for name in danger.names.split_whitespace() {
                match Glob::parse(name) {
                    Ok(glob) if !glob.is_name() => patterns.push((glob.letters(), glob, danger)),
                    _ => {
                        names.insert(name, danger);
                    }
                }
            }
        }
        Index { names, patterns }
    }
}

/// Why no probe may be there, and whether that is of the return alone.
pub fn of(name: &str, point: Point) -> Option<(&'static str, bool)> {
    static INDEX: OnceLock<Index> = OnceLock::new();
    let index = INDEX.get_or_init(Index::new);
    let base = name.split('.').next().unwrap_or(name);
    let counts = |danger: &Danger| point == Point::Return || !danger.return_only;
    let named = index.names.get(base).copied();
    let letters = letters_of(base);
    let fits =
        |row: &&(u64, Glob, &Danger)| row.0 & !letters == 0 && counts(row.2) && row.1.matches(base);
    let danger = named
        .filter(|danger| counts(danger))
        .or_else(|| index.patterns.iter().find(fits).map(|row| row.2))?;
    Some((danger.why, danger.return_only))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_a_pattern() {
        for name in TABLE
            .iter()
            .flat_map(|danger| danger.names.split_whitespace())
        {
            assert!(Glob::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn always_and_only_at_the_return() {
        for name in [
            "__switch_to",
            "copy_from_kernel_nofault",
            "ring_buffer_lock_reserve",
            "ftrace_graph_func",
            "__x86_indirect_thunk_rax",
            "trace_event_raw_event_sched_switch",
        ] {
            for point in [Point::Entry, Point::Return] {
                let (why, return_only) = of(name, point).unwrap();
                assert!(!why.is_empty() && !return_only, "{name}");
            }
        }
        for name in [
            "schedule",
            "finish_task_switch.isra.0",
            "_raw_spin_lock_irqsave",
            "native_queued_spin_lock_slowpath",
            "do_exit",
            "__x64_sys_exit_group",
            "native_play_dead",
        ] {
            assert_eq!(of(name, Point::Entry), None, "{name}");
            assert!(of(name, Point::Return).unwrap().1, "{name}");
        }
        for name in [
            "vfs_read",
            "schedule_timeout",
            "mutex_lock",
            "tcp_v4_rcv",
            "do_exit_group_of_mine",
            "rb_erase",
            "__x64_sys_exit_group2",
        ] {
            assert_eq!(of(name, Point::Return), None, "{name}");
        }
    }
}
