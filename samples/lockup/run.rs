// SPDX-License-Identifier: GPL-2.0

//! A run of a plan: creates its threads, cancels them, and waits for them.

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

/// A run. Dropping it cancels it and waits for its threads.
pub(crate) struct Run {
    /// The first field, so that the threads are dropped before `shared`.
    threads: KVec<Kthread>,
    pub(crate) shared: Arc<Shared>,
}

impl Run {
    /// Starts all threads of the plan, whose mode is that of `fault`, or none.
    ///
    /// # Errors
    ///
    /// If a CPU is [refused](refuse_cpu), or the function cannot be probed; `ENOMEM`.
    pub(crate) fn start(plan: Plan, fault: &'static Fault) -> Result<Self> {
        let shared = Arc::new(Shared::new(plan)?, GFP_KERNEL)?;
        let plan = &shared.plan;
        let mut threads = KVec::with_capacity(plan.threads(), GFP_KERNEL)?;

        if let Some(at) = &plan.at {
            push(&mut threads, arming_thread(at, fault, &shared)?)?;
            announce(&shared, &threads);
        } else {
            // Under the lock no CPU can go offline before its thread runs on it.
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

    /// Asks the threads to stop. A hold that cannot be stopped continues.
    pub(crate) fn call_off(&self) {
        self.shared.stop.store(true, SeqCst);
        for thread in &self.threads {
            thread.request_stop();
        }
    }

    /// Wakes threads that sleep until the end of the hold, so that they compute the end again.
    pub(crate) fn wake(&self) {
        for thread in &self.threads {
            thread.wake();
        }
    }

    /// Returns the number of seconds until the current hold ends; `None` for never.
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
                "run {run_id}: unloading waits for the release, which never comes: write a number \
                 of seconds to hold_secs to end the hold"
            ),
        }
    }
}

impl Drop for Run {
    /// Cancels the run, and waits for threads that cannot be stopped.
    fn drop(&mut self) {
        self.call_off();
        if State::Holding.is_any() && !self.shared.plan.mode.is_stoppable() {
            self.report_waiting();
        }
        // Dropping the threads waits as well, but then the hung task detector would report the
        // task that unloads the module.
        while State::Holding.is_any() {
            time::sleep_ms(20);
        }
    }
}

/// Logs the plan, and starts the threads. Cannot fail.
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

/// Creates the thread that arms the crash point of a plan.
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

/// Creates the thread of a CPU, and the second one if the mode has two.
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

/// Logs why there is no thread for `cpu`. Returns the error with which loading fails.
fn refuse_cpu(plan: &Plan, cpu: u32, error: Error) -> Error {
    let (run_id, cpus) = (&plan.run_id, &plan.cpus);
    if error == ENODEV {
        pr_err!("run {run_id}: refused: cpus={cpus}: CPU {cpu} went offline");
        return EINVAL;
    }
    let errno = error.to_errno();
    pr_err!(
        "run {run_id}: refused: cpus={cpus}: cannot create a thread for CPU {cpu}: error {errno}"
    );
    error
}
