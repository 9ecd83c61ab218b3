// SPDX-License-Identifier: GPL-2.0

//! A run of the plan: its threads, which count down, hold and release.

use core::{
    pin::Pin,
    sync::atomic::{
        AtomicBool,
        AtomicU32,
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
    fault::{
        self,
        crash_point::CrashPoint, //
    },
    prelude::*,
    sync::{
        lock_class,
        new_mutex,
        rcu,
        spinlock::RawSpinLock,
        Mutex, //
    },
    task::{
        context::{
            self,
            PreemptionOff, //
        },
        cpu::{
            self,
            HotplugLocked, //
        },
        kthread::{
            Kthread,
            Me, //
        },
        time::{
            self,
            NSEC_PER_MSEC,
            NSEC_PER_SEC, //
        }, //
    }, //
};

use crate::{
    hold::{
        Hold,
        Timer, //
    },
    modes::Team,
    params,
    plan::{
        self,
        At,
        Plan, //
    },
    point::{
        self,
        Striker, //
    },
    result::{
        self,
        Evidence, //
    },
    state::State, //
};

/// A run: when it is dropped, it is called off and waited for.
pub(crate) struct Run {
    pub(crate) shared: Arc<Shared>,
    threads: KVec<Kthread>,
}

/// What begins a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BegunBy {
    /// Loading the module.
    Load,
    /// A write to `trigger`.
    Trigger,
}

/// What the threads of a run share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) evidence: Evidence,
    /// It was called off.
    pub(crate) stop: AtomicBool,
    /// How many holds have begun, and when the last of them did.
    pub(crate) holds: AtomicU32,
    last_begin_ns: AtomicU64,
    /// How many times all that the plan wants was done, by the one who is ahead.
    pub(crate) iterations_done: AtomicU32,
    /// How often threads have come to where they wait for each other: before they
    /// hold, asleep and then ready; and while they do.
    gathered: AtomicUsize,
    ready: AtomicUsize,
    pub(crate) met: AtomicUsize,
    /// One of them will not come.
    pub(crate) is_missing: AtomicBool,
    /// How many pages were taken under a lock.
    pub(crate) pages: AtomicU64,
    /// Of a mode that has them: the lock of each CPU, the mutexes of each pair.
    pub(crate) locks: KVec<RawSpinLock>,
    pub(crate) mutexes: KVec<[Pin<KBox<Mutex<()>>>; 2]>,
    /// The threads that are not done, and those that are not at the state that they end with.
    threads_left: AtomicUsize,
    threads_unsettled: AtomicUsize,
    /// All are, and the last one has reported.
    is_over: AtomicBool,
}

/// Which thread of a run it is.
#[derive(Clone, Copy)]
struct Role {
    cpu: u32,
    /// The place of the CPU among those of the plan.
    place: usize,
    /// Is it the second one of that CPU?
    is_second: bool,
}

impl Role {
    /// Does this run on the CPU that it is for? That may go offline.
    fn is_here(&self) -> bool {
        self.is_second || context::preemption_off(|off| off.cpu()) == self.cpu
    }
}

/// How long a thread keeps its CPU from others while it waits for the other CPUs.
const AT_ONCE_NS: u64 = 100 * NSEC_PER_MSEC;

impl Shared {
    fn new(plan: Plan, by: BegunBy) -> Result<Self> {
        let mut locks = KVec::with_capacity(plan.mode.locks(&plan), GFP_KERNEL)?;
        for _ in 0..plan.mode.locks(&plan) {
            push(&mut locks, RawSpinLock::new(lock_class!())?)?;
        }
        let mut mutexes = KVec::with_capacity(plan.mode.mutexes(&plan), GFP_KERNEL)?;
        for _ in 0..plan.mode.mutexes(&plan) {
            push(
                &mut mutexes,
                [
                    KBox::pin_init(new_mutex!(()), GFP_KERNEL)?,
                    KBox::pin_init(new_mutex!(()), GFP_KERNEL)?,
                ],
            )?;
        }
        Ok(Self {
            threads_left: AtomicUsize::new(plan.threads()),
            threads_unsettled: AtomicUsize::new(plan.threads()),
            is_over: AtomicBool::new(false),
            evidence: Evidence::open(by),
            plan,
            stop: AtomicBool::new(false),
            holds: AtomicU32::new(0),
            last_begin_ns: AtomicU64::new(0),
            iterations_done: AtomicU32::new(0),
            gathered: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            met: AtomicUsize::new(0),
            is_missing: AtomicBool::new(false),
            pages: AtomicU64::new(0),
            locks,
            mutexes,
        })
    }

    /// Are all threads done, or dead?
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(SeqCst)
    }

    /// A thread is done; if it `holds` to the end, it is released now. The last one reports what
    /// all others have done, and only then is released: whoever finds that no thread holds any
    /// more finds the report in the log, and may change what it was made from.
    pub(crate) fn leave(&self, holds: bool) {
        if self.threads_left.fetch_sub(1, SeqCst) == 1 {
            result::report(self);
        }
        if holds {
            State::Holding.go_on_to(State::Released);
        }
        // The next run may count its threads from here on.
        if self.threads_unsettled.fetch_sub(1, SeqCst) == 1 {
            self.is_over.store(true, SeqCst);
        }
    }

    /// Adds to `come` and waits until all threads have, as often as this
    /// `iteration` says; false if `is_off`, or if one of them will not come.
    #[inline]
    pub(crate) fn wait_for_all(
        &self,
        come: &AtomicUsize,
        iteration: u32,
        is_off: impl Fn() -> bool,
        wait: impl Fn(),
    ) -> bool {
        let all = self.plan.threads().saturating_mul(iteration as usize);
        come.fetch_add(1, SeqCst);
        while come.load(SeqCst) < all {
            if self.is_missing.load(SeqCst) || is_off() {
                return false;
            }
            wait();
        }
        true
    }

    /// Waits for the other threads before a hold, so that none that is held
    /// keeps another from coming: from being started, or from being woken by a
    /// timer of that CPU. So they first wait until all are awake, and [then]
    /// until none of them sleeps.
    ///
    /// [then]: Self::gather_awake
    fn gather(&self, iteration: u32, me: &Me<'_>) -> bool {
        let asleep = || time::sleep_ms(1);
        self.wait_for_all(&self.gathered, iteration, || me.should_stop(), asleep)
    }

    /// The second part of it.
    fn gather_awake(&self, iteration: u32, me: &Me<'_>) -> bool {
        match self.plan.mode.team {
            // These may be on one CPU, which they leave to each other.
            Team::Twins => true,
            _ => self.wait_for_all(&self.ready, iteration, || me.should_stop(), cpu::relax),
        }
    }

    /// The same for who leaves the CPU to nobody meanwhile, and so not for
    /// long: the one that does not come may be waiting for this CPU. If it
    /// fails, it can be tried again.
    fn gather_at_once(&self, iteration: u32, _off: &PreemptionOff) -> bool {
        let all = self.plan.threads().saturating_mul(iteration as usize);
        let until_ns = time::monotonic_ns().saturating_add(AT_ONCE_NS);
        self.ready.fetch_add(1, SeqCst);
        loop {
            let come = self.ready.load(SeqCst);
            if come >= all {
                return true;
            }
            let is_off = self.is_missing.load(SeqCst) || time::monotonic_ns() >= until_ns;
            let one_less = come.wrapping_sub(1);
            // Unless the last one came just now, and goes on.
            if is_off
                && self
                    .ready
                    .compare_exchange(come, one_less, SeqCst, SeqCst)
                    .is_ok()
            {
                return false;
            }
            cpu::relax();
        }
    }

    /// A hold begins; says so, and when that was.
    pub(crate) fn begins(&self, cpu: u32, iteration: u32) -> u64 {
        /// What a line ends with if there are several iterations.
        struct Which(u32, u32);

        impl core::fmt::Display for Which {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                if self.1 == 1 {
                    return Ok(());
                }
                write!(f, " iteration={}", self.0)
            }
        }

        let plan = &self.plan;
        let begin_ns = time::monotonic_ns();
        self.holds.fetch_add(1, SeqCst);
        self.last_begin_ns.fetch_max(begin_ns, SeqCst);
        pr_info!(
            "run {}: cpu {cpu}: begin: mode={} hold_secs={}{} mono_ns={begin_ns}{}",
            plan.run_id,
            plan.mode.word(),
            plan::hold_secs(),
            self.evidence.thresholds,
            Which(iteration, plan.iterations)
        );
        begin_ns
    }

    /// A hold is over; says so.
    pub(crate) fn ends(&self, cpu: u32, timer: &Timer<'_>) {
        pr_info!(
            "run {}: cpu {cpu}: end: held_ms={} mono_ns={}",
            self.plan.run_id,
            timer.ms(),
            time::monotonic_ns()
        );
    }
}

impl Run {
    /// Starts all threads of the plan, or none.
    ///
    /// # Errors
    ///
    /// What is [refused](refuse_cpu) of the CPUs, what is wrong with the crash point, `ENOMEM`.
    pub(crate) fn start(plan: Plan, by: BegunBy) -> Result<Self> {
        let shared = Arc::new(Shared::new(plan, by)?, GFP_KERNEL)?;
        let plan = &shared.plan;
        let mut threads = KVec::with_capacity(plan.threads(), GFP_KERNEL)?;

        if let Some(at) = &plan.at {
            push(&mut threads, arming_thread(at, &shared)?)?;
            announce(&shared, &threads);
        } else {
            // Under the lock no CPU goes offline before its thread runs on it.
            cpu::hotplug_locked(|lock| -> Result {
                let mut place: usize = 0;
                for cpu in plan.cpus.iter() {
                    make_threads(&shared, cpu, place, lock, &mut threads)
                        .map_err(|error| refuse_cpu(plan, cpu, error))?;
                    place = place.wrapping_add(1);
                }
                announce(&shared, &threads);
                Ok(())
            })?;
        }
        Ok(Self { shared, threads })
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
        let last = Timer::new(self.shared.last_begin_ns.load(Relaxed), &self.shared);
        let left = last.ends_ns().saturating_sub(time::monotonic_ns());
        (plan::hold_secs() != 0).then_some(left.div_ceil(NSEC_PER_SEC))
    }
}

impl Drop for Run {
    /// Calls off what can be, and waits for the rest.
    fn drop(&mut self) {
        self.call_off();
        if State::Holding.is_any() && !self.shared.plan.mode.is_stoppable() {
            result::report_waiting(self);
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
fn arming_thread(at: &At, shared: &Arc<Shared>) -> Result<Kthread> {
    let run_id = &shared.plan.run_id;
    let cpus = CpuSetOf(shared).copy()?;
    let striker = Striker::new(shared.clone());
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

/// The CPUs of a plan, to be copied.
struct CpuSetOf<'a>(&'a Shared);

impl CpuSetOf<'_> {
    fn copy(&self) -> Result<cpu::CpuSet> {
        cpu::CpuSet::of(|cpu| self.0.plan.cpus.contains(cpu))
    }
}

/// Makes the thread of a CPU, and the second one where the mode has two.
fn make_threads(
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
        move |me: &Me<'_>| run_as(role, &shared, me)
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

/// The body of a thread.
fn run_as(role: Role, shared: &Shared, me: &Me<'_>) {
    // The second thread of a CPU says nothing of what the first one says.
    let name = (!role.is_second).then_some(role.cpu);
    let mut holds = false;

    if count_down(shared, name, me) {
        for iteration in 1..=shared.plan.iterations {
            if iteration > 1 && !cool_down(me) {
                State::Cooldown.go_on_to(State::Cancelled);
                break;
            }
            let before = if iteration > 1 {
                State::Cooldown
            } else {
                State::Countdown
            };
            if !hold(role, shared, before, iteration, me) {
                shared.is_missing.store(true, SeqCst);
                break;
            }
            shared.iterations_done.fetch_max(iteration, SeqCst);
            if iteration < shared.plan.iterations {
                State::Holding.go_on_to(State::Cooldown);
            } else {
                shared.evidence.after();
                holds = true;
            }
        }
    } else {
        shared.is_missing.store(true, SeqCst);
        State::Countdown.go_on_to(State::Cancelled);
    }
    shared.leave(holds);
}

/// Counts the seconds of the delay; false if it was cancelled.
pub(crate) fn count_down(shared: &Shared, cpu: Option<u32>, me: &Me<'_>) -> bool {
    let begin = time::monotonic_ns();
    let mut second = 0u32;

    while second < params::delay_secs.get() {
        second = second.wrapping_add(1);
        if me.sleep_until(begin.saturating_add(u64::from(second).saturating_mul(NSEC_PER_SEC))) {
            return false;
        }
        if let (Some(cpu), true) = (cpu, second < params::delay_secs.get()) {
            pr_info!("run {}: cpu {cpu}: {second} seconds", shared.plan.run_id);
        }
    }
    !me.should_stop()
}

/// Pauses between two iterations; false if it was cancelled.
fn cool_down(me: &Me<'_>) -> bool {
    let begin = time::monotonic_ns();
    let mut second = 0u32;

    while second < params::cooldown_secs.get() {
        second = second.wrapping_add(1);
        if me.sleep_until(begin.saturating_add(u64::from(second).saturating_mul(NSEC_PER_SEC))) {
            return false;
        }
    }
    !me.should_stop()
}

/// Two ticks where they are slowest (`HZ=100`).
const TWO_TICKS_NS: u64 = 20 * NSEC_PER_MSEC;

/// Lets the CPU take a tick. With it comes what wakes the console's printer, by a request
/// that belongs to this CPU and is not made again elsewhere: where it stays undone, the
/// console shows nothing for as long as the hold lasts, of any CPU.
fn wait_for_the_console(begin_ns: u64) {
    let until_ns = begin_ns.saturating_add(TWO_TICKS_NS);
    context::preemption_off(|_off| {
        while time::monotonic_ns() < until_ns {
            cpu::relax();
        }
    });
}

/// Holds the CPU as the plan's mode has it; false if it was cancelled. The thread is at `before`,
/// and then at [`State::Holding`] if it was not.
fn hold(role: Role, shared: &Shared, before: State, iteration: u32, me: &Me<'_>) -> bool {
    shared.evidence.before();
    let go_on = |is_complete| hold_together(role, shared, before, iteration, me, is_complete);
    if !role.is_here() || !shared.gather(iteration, me) {
        return go_on(false);
    }
    if shared.plan.mode.team != Team::Ring {
        return go_on(shared.gather_awake(iteration, me));
    }
    // From where all are awake none of them leaves its CPU: whoever got it meanwhile could
    // wait for another CPU that has its interrupts off already, until the end of the hold.
    loop {
        let held = context::preemption_off(|off| {
            let is_complete = role.is_here() && shared.gather_at_once(iteration, off);
            let is_off = !role.is_here() || shared.is_missing.load(SeqCst) || me.should_stop();
            (is_complete || is_off).then(|| go_on(is_complete))
        });
        match held {
            Some(held) => return held,
            None => time::sleep_ms(1),
        }
    }
}

/// The rest of it, when all threads of the plan are there, or when they are not.
fn hold_together(
    role: Role,
    shared: &Shared,
    before: State,
    iteration: u32,
    me: &Me<'_>,
    is_complete: bool,
) -> bool {
    let plan = &shared.plan;
    let (run_id, cpu) = (&plan.run_id, role.cpu);

    let is_here = role.is_here();
    if !is_here || !(is_complete || plan.mode.team == Team::Each) {
        if !is_here {
            pr_err!("run {run_id}: cpu {cpu}: cancelled: the CPU went offline");
        } else if !role.is_second && !me.should_stop() {
            pr_err!("run {run_id}: cpu {cpu}: cancelled: the CPU that it is for was");
        }
        before.go_on_to(State::Cancelled);
        return false;
    }
    // Whoever unloads asks us to stop and then looks for CPUs that are held; we
    // do it the other way round, so one of us notices.
    before.go_on_to(State::Holding);
    if me.should_stop() {
        State::Holding.go_on_to(State::Cancelled);
        return false;
    }

    let begin_ns = if role.is_second {
        time::monotonic_ns()
    } else {
        shared.begins(cpu, iteration)
    };
    wait_for_the_console(begin_ns);
    if plan.mode.deaf {
        // So that RCU misses the CPU, where no hard lockup detector does.
        rcu::begin_grace_period();
    }
    let hold = Hold {
        shared,
        timer: Timer::new(begin_ns, shared),
        iteration,
        cpu,
        place: role.place,
        is_second: role.is_second,
        me: Some(me),
        mortal: &fault::mortal(me),
    };
    if let Err(error) = (plan.mode.hold)(&hold) {
        let errno = error.to_errno();
        pr_err!("run {run_id}: cpu {cpu}: this kernel cannot do it: error {errno}");
    }
    if shared.is_missing.load(SeqCst) && hold.has_partner() {
        pr_err!("run {run_id}: cpu {cpu}: ended: another thread of it was cancelled");
    }
    if !role.is_second {
        shared.ends(cpu, &hold.timer);
    }
    true
}
