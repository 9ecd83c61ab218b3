// SPDX-License-Identifier: GPL-2.0

//! What a task waits for, as far as its stack tells. The kernel leaves functions that schedule out of it,
//! and those of its locks are among them: what locks are waited for is mostly told by its memory alone.

use crate::klog::stack::Frame;
use serde::Serialize;

/// What it is that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitType {
    Lock,
    /// A disk, or a filesystem on one.
    Storage,
    /// A program or machine that has to answer.
    Server,
    /// Other work of the kernel.
    Kernel,
    /// Another task.
    Task,
    /// Nothing but time.
    Time,
    Unknown,
}

/// What a task waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    #[serde(rename = "type")]
    pub wait_type: WaitType,
    pub what: &'static str,
    /// The function that tells it.
    pub function: Option<String>,
}

/// Which functions tell what. A name that ends in `*` is the beginning of one.
const TOLD: &[(WaitType, &str, &[&str])] = &[
    (
        WaitType::Lock,
        "a mutex",
        &["__mutex_lock*", "mutex_lock*", "__ww_mutex_lock*"],
    ),
    (
        WaitType::Lock,
        "an rw_semaphore, to read",
        &["rwsem_down_read_slowpath", "down_read*", "__down_read*"],
    ),
    (
        WaitType::Lock,
        "an rw_semaphore, to write",
        &["rwsem_down_write_slowpath", "down_write*", "__down_write*"],
    ),
    (
        WaitType::Lock,
        "a percpu_rw_semaphore",
        &[
            "percpu_rwsem_wait",
            "percpu_down_write",
            "__percpu_down_read",
        ],
    ),
    (
        WaitType::Lock,
        "a semaphore",
        &[
            "__down",
            "__down_killable",
            "__down_timeout",
            "___down_common",
            "__down_common",
            "down",
        ],
    ),
    (
        WaitType::Lock,
        "an rt_mutex",
        &[
            "rt_mutex_*",
            "__rt_mutex_*",
            "rtlock_*",
            "rt_spin_lock*",
            "rwbase_*",
        ],
    ),
    (
        WaitType::Storage,
        "a page of a file",
        &[
            "folio_wait_*",
            "__folio_lock*",
            "folio_lock*",
            "wait_on_page_*",
            "filemap_*",
            "writeback_single_inode",
        ],
    ),
    (
        WaitType::Storage,
        "a buffer of a disk",
        &[
            "__wait_on_buffer",
            "sync_dirty_buffer",
            "__sync_dirty_buffer",
        ],
    ),
    (
        WaitType::Storage,
        "the journal of a filesystem",
        &[
            "jbd2_*",
            "wait_transaction_locked",
            "start_this_handle",
            "xlog_*",
            "xfs_log_*",
        ],
    ),
    (
        WaitType::Storage,
        "a request to a disk",
        &[
            "blk_mq_get_tag",
            "submit_bio_wait",
            "blk_execute_rq",
            "blk_mq_freeze_queue_wait",
            "rq_qos_wait",
            "wbt_wait",
        ],
    ),
    (
        WaitType::Storage,
        "the limit of dirty pages",
        &["balance_dirty_pages*"],
    ),
    (
        WaitType::Server,
        "a FUSE filesystem's program",
        &[
            "request_wait_answer",
            "fuse_simple_request",
            "__fuse_request_send",
            "fuse_*",
        ],
    ),
    (
        WaitType::Server,
        "a server of NFS or another RPC",
        &["rpc_wait_bit_killable", "nfs_*", "nfs4_*", "__rpc_execute"],
    ),
    (
        WaitType::Server,
        "a server of SMB",
        &["wait_for_response", "cifs_*", "smb2_*"],
    ),
    (
        WaitType::Kernel,
        "a work item of a workqueue",
        &[
            "__flush_work",
            "flush_work",
            "__flush_workqueue",
            "flush_workqueue",
            "drain_workqueue",
        ],
    ),
    (
        WaitType::Kernel,
        "an RCU grace period",
        &[
            "synchronize_rcu*",
            "__wait_rcu_gp",
            "wait_rcu_exp_gp",
            "synchronize_srcu*",
            "__synchronize_srcu",
            "rcu_barrier*",
            "exp_funnel_lock",
        ],
    ),
    (
        WaitType::Kernel,
        "memory to be reclaimed",
        &["throttle_direct_reclaim", "reclaim_throttle", "shrink_*"],
    ),
    (
        WaitType::Kernel,
        "the freezer",
        &["__refrigerator", "refrigerator"],
    ),
    (
        WaitType::Task,
        "a kernel thread to stop or park",
        &["kthread_stop", "kthread_park"],
    ),
    (
        WaitType::Task,
        "the child of its vfork(2)",
        &["wait_for_vfork_done"],
    ),
    (
        WaitType::Task,
        "the core dump of its process",
        &[
            "coredump_task_exit",
            "coredump_wait",
            "vfs_coredump",
            "do_coredump",
        ],
    ),
];

/// Functions that wait for somebody else: whoever called them tells more.
const GENERIC: &[(WaitType, &str, &[&str])] = &[
    (
        WaitType::Storage,
        "input or output",
        &["io_schedule*", "bit_wait_io*"],
    ),
    (
        WaitType::Kernel,
        "a completion",
        &[
            "wait_for_completion*",
            "__wait_for_common",
            "wait_for_common*",
        ],
    ),
    (
        WaitType::Time,
        "a time to be over",
        &[
            "msleep*",
            "schedule_timeout*",
            "schedule_hrtimeout*",
            "usleep_range*",
            "do_nanosleep",
        ],
    ),
];

/// As many callers of a generic function are looked at.
const CALLERS: usize = 6;

fn fits(function: &str, pattern: &str) -> bool {
    // What the compiler made of a function has its name and more.
    let plain = function.split('.').next().unwrap_or(function);
    match pattern.strip_suffix('*') {
        Some(begin) => plain.starts_with(begin),
        None => plain == pattern,
    }
}

fn told(frame: &Frame, table: &[(WaitType, &'static str, &[&str])]) -> Option<Wait> {
    let row = table.iter().find(|(_, _, patterns)| {
        patterns
            .iter()
            .any(|pattern| fits(&frame.function, pattern))
    });
    row.map(|(wait_type, what, _)| Wait {
        wait_type: *wait_type,
        what,
        function: Some(frame.function.clone()),
    })
}

/// Tells what a task with this stack waits for.
pub fn wait(stack: &[Frame]) -> Wait {
    for (at, frame) in stack.iter().enumerate() {
        if let Some(wait) = told(frame, TOLD) {
            return wait;
        }
        let Some(generic) = told(frame, GENERIC) else {
            continue;
        };
        let callers = stack[at + 1..].iter().take(CALLERS).enumerate();
        // A lock that another than the caller itself takes is not what is waited for.
        let specific = callers
            .filter_map(|(at, frame)| Some((at, told(frame, TOLD)?)))
            .find(|(at, wait)| *at == 0 || wait.wait_type != WaitType::Lock);
        return specific.map_or(generic, |(_, wait)| wait);
    }
    Wait {
        wait_type: WaitType::Unknown,
        what: "something that its stack does not tell",
        function: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(functions: &[&str]) -> String {
        let stack: Vec<_> = functions
            .iter()
            .map(|function| Frame {
                function: (*function).into(),
                module: None,
                in_interrupt: false,
            })
            .collect();
        let wait = wait(&stack);
        format!("{:?}: {}", wait.wait_type, wait.what)
    }

    #[test]
    fn what_stacks_tell() {
        let known: [(&[&str], &str); 12] = [
            (&["__mutex_lock.constprop.0", "f"], "Lock: a mutex"),
            (
                &["rwsem_down_write_slowpath", "down_write", "do_mmap"],
                "Lock: an rw_semaphore, to write",
            ),
            (
                &["schedule_timeout", "___down_common", "__down", "down"],
                "Lock: a semaphore",
            ),
            (&["___down_common", "__down"], "Lock: a semaphore"),
            (
                &["io_schedule", "folio_wait_bit_common", "filemap_fault"],
                "Storage: a page of a file",
            ),
            (&["io_schedule", "f", "g"], "Storage: input or output"),
            (
                &["schedule_timeout", "__wait_for_common", "__flush_work", "f"],
                "Kernel: a work item of a workqueue",
            ),
            (&["__wait_for_common", "f"], "Kernel: a completion"),
            (
                &["request_wait_answer", "fuse_simple_request", "vfs_read"],
                "Server: a FUSE filesystem's program",
            ),
            (
                &["lockup::modes::tasks::hang_uninterruptible", "kthread"],
                "Unknown: something that its stack does not tell",
            ),
            (&["msleep", "f", "mutex_lock"], "Time: a time to be over"),
            (&[], "Unknown: something that its stack does not tell"),
        ];
        for (stack, what) in known {
            assert_eq!(of(stack), what, "{stack:?}");
        }
    }
}
