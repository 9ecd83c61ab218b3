// SPDX-License-Identifier: GPL-2.0

//! A run of the plan: countdown, hold and release on each CPU, and unload.
//!
//! There is one run from load to unload. What sysfs shows of it is in statics,
//! since sysfs may ask before the run has begun and after it was dropped.

use core::{
    fmt,
    sync::atomic::{
        AtomicBool,
        AtomicU64,
        AtomicUsize,
        Ordering::{
            Relaxed,
            SeqCst, //
        }, //
    }, //
};

use faultline::{
    compat::push,
    context,
    cpu,
    kthread::{
        Kthread,
        Me, //
    },
    params::{
        locked,
        Refusal, //
    },
    prelude::*,
    time::{
        self,
        NSEC_PER_MSEC,
        NSEC_PER_SEC, //
    },
    watchdog::SoftLockup, //
};

use crate::{
    modes::Mode,
    params,
    plan::Plan,
    result, //
};

/// What a CPU is at, the state of most interest first.
#[derive(Clone, Copy)]
enum State {
    Holding,
    Countdown,
    Cancelled,
    Released,
}

impl State {
    /// All states, and how users know them.
    const ALL: [(Self, &str); 4] = [
        (Self::Holding, "holding"),
        (Self::Countdown, "countdown"),
        (Self::Cancelled, "cancelled"),
        (Self::Released, "released"),
    ];

    /// How many CPUs are at this.
    fn cpus(self) -> &'static AtomicUsize {
        static HOLDING: AtomicUsize = AtomicUsize::new(0);
        static COUNTDOWN: AtomicUsize = AtomicUsize::new(0);
        static CANCELLED: AtomicUsize = AtomicUsize::new(0);
        static RELEASED: AtomicUsize = AtomicUsize::new(0);

        match self {
            Self::Holding => &HOLDING,
            Self::Countdown => &COUNTDOWN,
            Self::Cancelled => &CANCELLED,
            Self::Released => &RELEASED,
        }
    }

    /// Is any CPU at this?
    fn is_any(self) -> bool {
        self.cpus().load(SeqCst) != 0
    }

    /// Lets a CPU go from this on to `next`. In between it is at both, so that
    /// no reader finds it at none.
    fn go_on_to(self, next: Self) {
        next.cpus().fetch_add(1, SeqCst);
        self.cpus().fetch_sub(1, SeqCst);
    }
}

/// The longest hold so far.
static HELD_MS: AtomicU64 = AtomicU64::new(0);

/// When the last CPU began to be held.
static LAST_BEGIN_NS: AtomicU64 = AtomicU64::new(0);

/// Shows what the run is at: the state of most interest that any CPU is in.
pub(crate) fn show_state(out: &mut dyn fmt::Write) -> fmt::Result {
    let state = State::ALL.iter().find(|(state, _)| state.is_any());
    out.write_str(state.map_or("countdown", |(_, name)| name))
}

/// Shows how long a CPU was held.
pub(crate) fn show_held_ms(out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{}", HELD_MS.load(Relaxed))
}

/// The plan has taken `hold_secs`, so that a change has to hold what it checked.
static PLANNED: AtomicBool = AtomicBool::new(false);

/// Takes `hold_secs` for the plan. Until then a change of it is for the plan to
/// check, when all parameters are known; from then on [`hold_secs_allowed`]
/// does.
pub(crate) fn take_hold_secs() -> Result<u32> {
    // Under the lock nobody is between having it checked and setting it.
    locked(|| {
        PLANNED.store(true, Relaxed);
        params::hold_secs.get()
    })
}

/// May `hold_secs` be this?
pub(crate) fn hold_secs_allowed(secs: u32) -> Result<(), Refusal> {
    if PLANNED.load(Relaxed) && secs == 0 && !params::force.get() {
        return Err(Refusal::because("to hold for ever needs force=1 at load"));
    }
    Ok(())
}

/// The module: the run and its threads.
pub(crate) struct Run {
    shared: Arc<Shared>,
    threads: KVec<Kthread>,
}

/// What the threads of a run share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) detector: SoftLockup,
    /// The detector's counter when the first CPU began to be held.
    pub(crate) count_before: AtomicU64,
    /// The CPUs whose thread is not done.
    cpus_left: AtomicUsize,
}

impl Shared {
    /// No CPU has begun to be held, or the detector has no counter.
    pub(crate) const NO_COUNT: u64 = u64::MAX;
}

impl Module for Run {
    fn init() -> Result<Self> {
        let plan = Plan::from_params()?;
        let shared = Arc::new(
            Shared {
                plan,
                detector: SoftLockup::open(),
                count_before: AtomicU64::new(Shared::NO_COUNT),
                cpus_left: AtomicUsize::new(0),
            },
            GFP_KERNEL,
        )?;
        let plan = &shared.plan;
        let count = plan.cpus.len();
        let mut threads = KVec::with_capacity(count, GFP_KERNEL)?;

        // Under the lock no CPU goes offline before its thread runs on it.
        cpu::hotplug_locked(|lock| -> Result {
            for cpu in plan.cpus.iter() {
                let shared = shared.clone();
                let body = move |me: &Me<'_>| run_on(cpu, &shared, me);
                let thread = Kthread::on_cpu(cpu, format_args!("lockup/{cpu}"), lock, body)
                    .map_err(|error| refuse_cpu(plan, cpu, error))?;
                push(&mut threads, thread)?;
            }

            pr_info!(
                "run {}: plan: mode={} cpus={} delay_secs={} hold_secs={} force={}",
                plan.run_id,
                plan.mode.0,
                plan.cpus,
                params::delay_secs.get(),
                params::hold_secs.get(),
                u8::from(plan.force)
            );
            // All or none: nothing can fail any more.
            shared.cpus_left.store(count, SeqCst);
            State::Countdown.cpus().store(count, SeqCst);
            for thread in &threads {
                thread.start();
            }
            Ok(())
        })?;
        Ok(Self { shared, threads })
    }
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

impl Drop for Run {
    /// Cancels what counts down and waits for what holds.
    fn drop(&mut self) {
        for thread in &self.threads {
            thread.request_stop();
        }
        if State::Holding.is_any() && !self.shared.plan.mode.1.stoppable {
            result::report_waiting(&self.shared.plan, LAST_BEGIN_NS.load(Relaxed));
        }
        // The threads could just be dropped, but that wait would make the hung
        // task detector report the unloader.
        while State::Holding.is_any() {
            time::sleep_ms(20);
        }
    }
}

/// The body of the thread for `cpu`.
fn run_on(cpu: u32, shared: &Shared, me: &Me<'_>) {
    if count_down(cpu, shared, me) {
        hold(cpu, shared, me);
    } else {
        State::Countdown.go_on_to(State::Cancelled);
    }
    // The last one sees what all others have done.
    if shared.cpus_left.fetch_sub(1, SeqCst) == 1 {
        if State::Released.is_any() {
            result::report_release(shared, HELD_MS.load(Relaxed));
        } else {
            pr_info!("run {}: cancelled during the countdown", shared.plan.run_id);
        }
    }
}

/// Counts the seconds of the delay; false if it was cancelled.
fn count_down(cpu: u32, shared: &Shared, me: &Me<'_>) -> bool {
    let begin = time::monotonic_ns();
    let mut second = 0u32;

    while second < params::delay_secs.get() {
        second = second.wrapping_add(1);
        if me.sleep_until(begin.saturating_add(u64::from(second).saturating_mul(NSEC_PER_SEC))) {
            return false;
        }
        if second < params::delay_secs.get() {
            pr_info!("run {}: cpu {cpu}: {second} seconds", shared.plan.run_id);
        }
    }
    !me.should_stop()
}

/// Holds the CPU as the plan's mode has it.
fn hold(cpu: u32, shared: &Shared, me: &Me<'_>) {
    let run_id = &shared.plan.run_id;
    let (word, mode) = shared.plan.mode;

    if context::preemption_off(|off| off.cpu()) != cpu {
        pr_err!("run {run_id}: cpu {cpu}: cancelled: the CPU went offline");
        State::Countdown.go_on_to(State::Cancelled);
        return;
    }
    if let Some(count) = shared.detector.count() {
        shared.count_before.fetch_min(count, SeqCst);
    }
    // Whoever unloads asks us to stop and then looks for CPUs that are held; we
    // do it the other way round, so one of us notices.
    let begin_ns = time::monotonic_ns();
    LAST_BEGIN_NS.fetch_max(begin_ns, SeqCst);
    State::Countdown.go_on_to(State::Holding);
    if me.should_stop() {
        State::Holding.go_on_to(State::Cancelled);
        return;
    }

    pr_info!(
        "run {run_id}: cpu {cpu}: begin: mode={word} hold_secs={} mono_ns={begin_ns}",
        params::hold_secs.get()
    );
    let hold = Hold { begin_ns, mode, me };
    (mode.hold)(&hold);
    pr_info!(
        "run {run_id}: cpu {cpu}: end: held_ms={} mono_ns={}",
        hold.ms(),
        time::monotonic_ns()
    );
    State::Holding.go_on_to(State::Released);
}

/// A hold that is going on, for the function that makes the mode.
pub(crate) struct Hold<'a> {
    begin_ns: u64,
    mode: &'static Mode,
    me: &'a Me<'a>,
}

impl Hold<'_> {
    /// How long it has been going on. Sysfs then shows at least that.
    #[inline]
    fn ms(&self) -> u64 {
        let ms = time::monotonic_ns().saturating_sub(self.begin_ns) / NSEC_PER_MSEC;
        // Read first: a write in each round would keep the CPUs busy with each
        // other.
        if ms > HELD_MS.load(Relaxed) {
            HELD_MS.fetch_max(ms, Relaxed);
        }
        ms
    }

    /// Keeps the CPU busy until `hold_secs` are over, for which it looks at the
    /// parameter all the time, or until a mode that can be stopped is asked to.
    ///
    /// # Context
    ///
    /// Any.
    #[inline]
    pub(crate) fn spin(&self) {
        loop {
            let ms = self.ms();
            let secs = u64::from(params::hold_secs.get());
            let is_over = secs != 0 && ms / 1000 >= secs;
            if is_over || (self.mode.stoppable && self.me.should_stop()) {
                break;
            }
            cpu::relax();
        }
    }
}
