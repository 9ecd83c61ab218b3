// SPDX-License-Identifier: GPL-2.0

//! Where in the kernel's structures is what is read of them, by the BTF of the kernel that runs. What
//! only some kernels have is optional.
//!
//! That of an array is that of its first element.

use super::waiter::WaiterLayout;
use crate::btf::{Shape, Types};
use anyhow::Context;

/// Offsets in bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// From a pid namespace to the root of its tree of pids, and what its numbers begin with.
    pub pids: u64,
    pub first_pid: u64,
    /// Of a node of such a tree: how many bits of the number are below it, and its slots.
    pub node_shift: u64,
    pub node_slots: u64,
    pub slots: u64,
    /// Of a pid: its list of tasks.
    pub pid_tasks: u64,
    pub task: TaskLayout,
    /// Of a lock: its owner, with flags in the lowest bits.
    pub mutex_owner: Option<u64>,
    pub rwsem_owner: Option<u64>,
    pub semaphore_holder: Option<u64>,
    pub rt_mutex_owner: Option<u64>,
    /// Of who waits for an rt_mutex: that.
    pub rt_waiter_lock: Option<u64>,
    /// Of what one who waits for a lock has on its stack, where that can be told apart.
    pub waiter: Option<WaiterLayout>,
    /// Of a CPU's run queue: its clock, and that without interrupts.
    pub clocks: Option<(u64, u64)>,
}

/// Of a task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskLayout {
    /// Its link in the list of a pid.
    pub pid_link: u64,
    pub pid: u64,
    pub comm: u64,
    /// The lock that it waits for, with what that is in the lowest bits.
    pub blocker: Option<u64>,
    /// The mutex that it waits for.
    pub blocked_on: Option<u64>,
    /// How it waits for an rt_mutex.
    pub rt_waiter: Option<u64>,
    /// When it last ran, on its CPU's clock.
    pub last_ran: Option<u64>,
}

impl Layout {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// Names the member without which no task can be found.
    pub fn read(types: &Types) -> anyhow::Result<Self> {
        let need = |of: &str, path: &str| {
            offset(types, of, path).with_context(|| format!("the kernel's BTF has no {of}.{path}"))
        };
        let may = |of: &str, path: &str| offset(types, of, path);
        let task = "task_struct";
        Ok(Layout {
            pids: need("pid_namespace", "idr.idr_rt.xa_head")?,
            first_pid: need("pid_namespace", "idr.idr_base")?,
            node_shift: need("xa_node", "shift")?,
            node_slots: need("xa_node", "slots")?,
            slots: slots(types).context("the kernel's BTF has no xa_node of some slots")?,
            pid_tasks: need("pid", "tasks")?,
            task: TaskLayout {
                pid_link: need(task, "pid_links")?,
                pid: need(task, "pid")?,
                comm: need(task, "comm")?,
                blocker: may(task, "blocker"),
                blocked_on: may(task, "blocked_on")
                    .filter(|_| points_to(types, task, "blocked_on", "struct mutex")),
                rt_waiter: may(task, "pi_blocked_on"),
                last_ran: may(task, "se.exec_start"),
            },
            mutex_owner: may("mutex", "owner"),
            rwsem_owner: may("rw_semaphore", "owner"),
            semaphore_holder: may("semaphore", "last_holder"),
            rt_mutex_owner: may("rt_mutex_base", "owner"),
            rt_waiter_lock: may("rt_mutex_waiter", "lock"),
            waiter: waiter(types),
            clocks: may("rq", "clock").zip(may("rq", "clock_task")),
        })
    }
}

/// The offset of a member of a member of a structure.
fn offset(types: &Types, of: &str, path: &str) -> Option<u64> {
    let mut ty = types.named(&format!("struct {of}"))?;
    let mut offset = 0;
    for name in path.split('.') {
        let member = types.member(&ty, name)?;
        // None of these is a bit-field.
        offset += member
            .bits
            .is_none()
            .then_some(u64::from(member.offset_bytes))?;
        ty = member.ty;
    }
    Some(offset)
}

fn waiter(types: &Types) -> Option<WaiterLayout> {
    let may = |of: &str, path: &str| offset(types, of, path);
    let same = |member: &str| {
        let offset = may("mutex_waiter", member)?;
        (may("rwsem_waiter", member)? == offset).then_some(offset)
    };
    Some(WaiterLayout {
        stack: may("task_struct", "stack")?,
        stack_pointer: may("task_struct", "thread.sp")
            .or_else(|| may("task_struct", "thread.cpu_context.sp"))?,
        links: same("list")?,
        task: same("task")?,
        mutex_owner: may("mutex", "owner")?,
        mutex_list: may("mutex", "wait_list")?,
        rwsem_count: may("rw_semaphore", "count")?,
        rwsem_owner: may("rw_semaphore", "owner")?,
        rwsem_list: may("rw_semaphore", "wait_list")?,
    })
}

/// How many slots a node of a tree has.
fn slots(types: &Types) -> Option<u64> {
    let slots = types.member(&types.named("struct xa_node")?, "slots")?;
    match slots.ty.shape(types) {
        Shape::Array { len, .. } if len.is_power_of_two() => Some(len.into()),
        _ => None,
    }
}

/// Whether a member points to such a type.
fn points_to(types: &Types, of: &str, member: &str, wanted: &str) -> bool {
    let pointed = types
        .named(&format!("struct {of}"))
        .and_then(|ty| types.member(&ty, member))
        .map(|member| member.ty.shape(types));
    matches!(pointed, Some(Shape::Pointer(to)) if to.to_string() == wanted)
}
