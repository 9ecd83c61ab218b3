// SPDX-License-Identifier: GPL-2.0

//! A run of the plan: makes its threads, calls them off, and waits for them.

use core::sync::atomic::Ordering::{
    Relaxed,
    SeqCst, //
};

use faultline::{
    compat::push,
    fault::crash_point::CrashPoint,
    prelude::*,
    task::{
        cpu::{
            self,
            CpuSet,
            HotplugLocked, //
        },
        kthread::{
            Kthread,
            Me, //
        },
        time::{
            self,
            NSEC_PER_SEC, //
        }, //
    }, //
};

use crate::{
    live,
    mode::Team,
    modes::Fault,
    plan::{
        At,
        Plan, //
    },
    point::{
        self,
        Striker, //
    },
    shared::Shared,
    state::State,
    thread::{
        run_as,
        Role, //
    },
    timer::Timer, //
};

/// A run: when it is dropped, it is called off and waited for.
pub(crate) struct Run {
    /// First, so that what they share is dropped here, after them.
    threads: KVec<Kthread>,
    pub(crate) shared: Arc<Shared>,
}

impl Run {
    /// Starts all threads of the plan, whose mode is that of `fault`, or none.
    ///
    /// # Errors
    ///
    /// What is [refused](refuse_cpu) of the CPUs, what is wrong with the crash point, `ENOMEM`.
    pub(crate) fn start(plan: Plan, fault: &'static Fault) -> Result<Self> {
        let shared = Arc::new(Shared::new(plan)?, GFP_KERNEL)?;
        let plan = &shared.plan;
        let mut threads = KVec::with_capacity(plan.threads(), GFP_KERNEL)?;

        if let Some(at) = &plan.at {
            push(&mut threads, arming_thread(at, fault, &shared)?)?;
            announce(&shared, &threads);
        } else {
            // Under the lock no CPU goes offline before its thread runs on it.
            cpu::hotplug_locked(|lock| -> Result {
                let mut place: usize = 0;
                for cpu in plan.cpus.iter() {
                    make_threads(fault, &shared, cpu, place, lock, &mut threads)
                        .map_err(|error| refuse_cpu(plan, cpu, error))?;
                    place = place.wrapping_add(1);
                }
                announce(&shared, &threads);
                Ok(())
            })?;
        }
        Ok(Self { threads, shared })
    }

    /// Asks the threads to stop, as far as what they are at can be stopped.
    pub(crate) fn call_off(&self) {
        self.shared.stop.store(true, SeqCst);
        for thread in &self.threads {
            thread.request_stop();
        }
    }

    /// Has threads that sleep until the end of the hold look again when that is.
    pub(crate) fn wake(&self) {
        for thread in &self.threads {
            thread.wake();
        }
    }

    /// In how many seconds the hold ends that goes on; `None` for never.
    pub(crate) fn secs_left(&self) -> Option<u64> {
        let last = Timer::new(
            self.shared.progress.last_begin_ns.load(Relaxed),
            &self.shared,
        );
        let left = last.ends_ns().saturating_sub(time::monotonic_ns());
        (live::hold_secs() != 0).then_some(left.div_ceil(NSEC_PER_SEC))
    }

    /// Reports that unloading has to wait for CPUs that are held.
    fn report_waiting(&self) {
        let run_id = &self.shared.plan.run_id;
        match self.secs_left() {
            Some(left) => {
                pr_info!("run {run_id}: unloading waits for the release in at most {left} s");
            }
            None => pr_info!(
                "run {run_id}: unloading waits for the release, which never comes: write the \
             seconds after which it shall come to hold_secs"
            ),
        }
    }
}

impl Drop for Run {
    /// Calls off what can be, and waits for the rest.
    fn drop(&mut self) {
        self.call_off();
        if State::Holding.is_any() && !self.shared.plan.mode.is_stoppable() {
            self.report_waiting();
        }
        // The threads could just be dropped, but that wait would make the hung
        // task detector report the unloader.
        while State::Holding.is_any() {
            time::sleep_ms(20);
        }
    }
}

/// Says what is going to happen, and lets it. Nothing can fail any more.
fn announce(shared: &Shared, threads: &[Kthread]) {
    let thresholds = &shared.evidence.thresholds;
    pr_info!(
        "run {}: plan: {}{thresholds}",
        shared.plan.run_id,
        shared.plan
    );
    State::begin(threads.len());
    for thread in threads {
        thread.start();
    }
}

/// The thread that arms the crash point of a plan.
fn arming_thread(at: &At, fault: &'static Fault, shared: &Arc<Shared>) -> Result<Kthread> {
    let run_id = &shared.plan.run_id;
    let cpus = CpuSet::of(|cpu| shared.plan.cpus.contains(cpu))?;
    let striker = Striker::new(fault, shared.clone());
    let point = CrashPoint::new(&at.function, u64::from(at.count), cpus, striker);
    let point = point.map_err(|failure| {
        pr_err!("run {run_id}: refused: at={}: {failure}", at.function);
        failure.to_error()
    })?;
    let shared = shared.clone();
    Kthread::create(format_args!("lockup/at"), move |me: &Me<'_>| {
        point::run(&shared, &point, me);
    })
}

/// Makes the thread of a CPU, and the second one where the mode has two.
fn make_threads(
    fault: &'static Fault,
    shared: &Arc<Shared>,
    cpu: u32,
    place: usize,
    lock: &HotplugLocked,
    threads: &mut KVec<Kthread>,
) -> Result {
    let body = |is_second| {
        let shared = shared.clone();
        let role = Role {
            cpu,
            place,
            is_second,
        };
        move |me: &Me<'_>| run_as(role, fault, &shared, me)
    };
    let first = Kthread::on_cpu(cpu, format_args!("lockup/{cpu}"), lock, body(false))?;
    push(threads, first)?;
    if shared.plan.mode.team == Team::Twins {
        let second = Kthread::create(format_args!("lockup/{cpu}.b"), body(true))?;
        push(threads, second)?;
    }
    Ok(())
}

/// Says that there can be no thread for `cpu`; returns what loading fails with.
fn refuse_cpu(plan: &Plan, cpu: u32, error: Error) -> Error {
    let (run_id, cpus) = (&plan.run_id, &plan.cpus);
    if error == ENODEV {
        pr_err!("run {run_id}: refused: cpus={cpus}: CPU {cpu} went offline");
        return EINVAL;
    }
    let errno = error.to_errno();
    pr_err!("run {run_id}: refused: cpus={cpus}: no thread for CPU {cpu}: error {errno}");
    error
}
