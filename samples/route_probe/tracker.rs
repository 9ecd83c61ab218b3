// SPDX-License-Identifier: GPL-2.0

//! The tracker: attaches the probes, and shows what they count and which there
//! are.

use core::{
    fmt,
    sync::atomic::{
        AtomicBool,
        AtomicU32,
        Ordering, //
    }, //
};

use faultline::{
    cpu,
    debugfs::{
        File,
        Folder,
        Show, //
    },
    kretprobe::KretProbes,
    lock_class,
    mutex::Mutex,
    params::Refusal,
    prelude::*,
    probe::{
        Failure,
        Refused, //
    },
    published::{
        Publication,
        Published, //
    }, //
};

use crate::{
    calls::Calls,
    params::{
        self,
        Require, //
    },
    targets::{
        self,
        ALL,
        FUNCTIONS, //
    }, //
};

/// Which events are wanted, as bits.
static WANTED: AtomicU32 = AtomicU32::new((1 << ALL.len()) - 1);

/// The tracker, as long as it is loaded.
static TRACKER: Published<Tracker> = Published::new();

/// Takes a list of events, and attaches and detaches their probes.
pub(crate) fn set_events(list: &str) -> Result<(), Refusal> {
    let wanted = targets::parse(list).ok_or(Refusal::because(
        "all, none, or names of arp_process, ip_route_input, fib_validate_source, route_output, \
         fib_lookup with commas between are allowed",
    ))?;
    let before = WANTED.swap(wanted, Ordering::Relaxed);
    if let Some(Err(error)) = TRACKER.with(Tracker::attach) {
        // What cannot be had changes nothing.
        WANTED.store(before, Ordering::Relaxed);
        let _ = TRACKER.with(Tracker::attach);
        return Err(error.into());
    }
    Ok(())
}

/// What probes the functions.
pub(crate) struct Tracker {
    probes: KretProbes<Calls>,
    /// Held by whoever switches probes, or reads or resets the ledger.
    turn: Mutex<()>,
    /// It was said that calls are missed.
    told: AtomicBool,
}

impl Tracker {
    fn new() -> Result<Self> {
        let all = matches!(params::require.get(), Some((_, Require::All)));
        // The parameter's range is smaller.
        let maxactive = params::maxactive.get() as u16;
        let register = if all {
            KretProbes::all
        } else {
            KretProbes::available
        };
        let probes =
            register(Calls::new()?, &FUNCTIONS, maxactive).map_err(|refused| refused.report())?;
        if let (true, Some(changed)) = (all, ALL.iter().find(|what| !what.is_as_declared)) {
            return Err(Refused::changed(changed.function).report());
        }
        Ok(Self {
            probes,
            turn: Mutex::new((), lock_class!())?,
            told: AtomicBool::new(false),
        })
    }

    /// Why there is no probe of a target that could be attached. One whose function the compiler
    /// has changed stays disabled: it would tell of arguments that are others.
    fn failure(&self, place: usize) -> Option<&Failure> {
        let is_changed = ALL.get(place).is_some_and(|what| !what.is_as_declared);
        self.probes
            .failure(place)
            .or(is_changed.then_some(&Failure::Changed))
    }

    /// Attaches the probes that are wanted, and detaches the others.
    fn attach(&self) -> Result {
        self.turn.hold(|()| self.switch_all())
    }

    fn switch_all(&self) -> Result {
        let wanted = WANTED.load(Ordering::Relaxed);
        for (place, what) in ALL.iter().enumerate() {
            if self.failure(place).is_some() {
                continue;
            }
            let result = if wanted & 1 << place == 0 {
                self.probes.disable(place)
            } else {
                self.probes.enable(place)
            };
            result.inspect_err(|error| {
                pr_err!(
                    "{}: cannot be switched: error {}",
                    what.event,
                    error.to_errno()
                );
            })?;
        }
        Ok(())
    }

    /// Writes which functions are probed, a line for each.
    fn show_targets(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        for place in 0..ALL.len() {
            writeln!(out, "{}", State(self, place))?;
        }
        Ok(())
    }

    fn show_ledger(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.turn.hold(|()| {
            ALL.iter().enumerate().try_for_each(|(place, what)| {
                match self.probes.handler().ledger(place) {
                    Some(ledger) => ledger.show(what, || self.probes.missed(place), out),
                    None => Ok(()),
                }
            })
        })?;
        self.tell_missed();
        Ok(())
    }

    fn reset(&self) {
        self.turn.hold(|()| {
            for place in 0..ALL.len() {
                if let Some(ledger) = self.probes.handler().ledger(place) {
                    ledger.reset(self.probes.missed(place));
                }
            }
        });
    }

    /// Says once if more calls were in progress than could be followed.
    fn tell_missed(&self) {
        for (place, what) in ALL.iter().enumerate() {
            let ledger = self.probes.handler().ledger(place);
            let missed = ledger.map_or(0, |ledger| ledger.missed_no_instance());
            if missed == 0 || self.told.swap(true, Ordering::Relaxed) {
                continue;
            }
            let maxactive = self.probes.maxactive(place);
            let mut cpus: u32 = 0;
            for cpu in 0..cpu::count_limit() {
                cpus = cpus.wrapping_add(u32::from(cpu::is_possible(cpu)));
            }
            let enough = maxactive
                .saturating_mul(2)
                .max(cpus.saturating_mul(2))
                .max(10);
            pr_warn!(
                "{}: {missed} calls were missed, since more than maxactive={maxactive} were in \
                 progress; load with maxactive={enough}",
                what.event,
            );
        }
    }
}

impl Drop for Tracker {
    /// Says what was missed. The probes are detached after that.
    fn drop(&mut self) {
        self.tell_missed();
    }
}

/// Shows the state of a probe.
struct State<'a>(&'a Tracker, usize);

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(tracker, place) = self;
        let Some(what) = ALL.get(place) else {
            return Ok(());
        };
        let function = what.function.to_str().unwrap_or("");
        write!(f, "{} {function} ", what.event)?;
        match tracker.failure(place) {
            Some(failure) => write!(f, "not attached: {failure}"),
            None if tracker.probes.is_enabled(place) => {
                write!(f, "attached, maxactive={}", tracker.probes.maxactive(place))
            }
            None => f.write_str("not attached: not in events"),
        }
    }
}

/// The file `ledger`. A write resets it.
struct LedgerFile;

impl Show for LedgerFile {
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let shown = TRACKER.with(|tracker| tracker.show_ledger(out));
        shown.unwrap_or(Ok(()))
    }

    fn write(&self) -> Result {
        TRACKER.with(Tracker::reset);
        Ok(())
    }
}

/// The file `targets`.
struct TargetsFile;

impl Show for TargetsFile {
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let shown = TRACKER.with(|tracker| tracker.show_targets(out));
        shown.unwrap_or(Ok(()))
    }
}

/// The module. Its files are removed before the tracker is withdrawn, which detaches
/// the probes.
pub(crate) struct Loaded {
    _ledger: Option<File<LedgerFile>>,
    _targets: Option<File<TargetsFile>>,
    _tracker: Publication<Tracker>,
}

impl Module for Loaded {
    fn init() -> Result<Self> {
        let tracker = Arc::new(Tracker::new()?, GFP_KERNEL)?;
        let tracker = TRACKER.publish(tracker)?;
        TRACKER.with(Tracker::attach).unwrap_or(Ok(()))?;

        let mut attached: usize = 0;
        TRACKER.with(|tracker| {
            for place in 0..ALL.len() {
                match tracker.failure(place) {
                    Some(_) => pr_warn!("{}", State(tracker, place)),
                    None => attached = attached.wrapping_add(1),
                }
            }
        });
        if attached == 0 {
            pr_err!("no function can be probed");
            return Err(ENOENT);
        }
        pr_info!("{attached} of {} functions can be probed", ALL.len());

        let (ledger, targets) = match files() {
            Ok((ledger, targets)) => (Some(ledger), Some(targets)),
            // Events come without them.
            Err(error) => {
                pr_warn!("no files in debugfs: error {}", error.to_errno());
                (None, None)
            }
        };
        Ok(Self {
            _ledger: ledger,
            _targets: targets,
            _tracker: tracker,
        })
    }
}

fn files() -> Result<(File<LedgerFile>, File<TargetsFile>)> {
    let folder = Folder::new()?;
    let ledger = Arc::new(LedgerFile, GFP_KERNEL)?;
    let targets = Arc::new(TargetsFile, GFP_KERNEL)?;
    Ok((
        File::new(&folder, c"ledger", true, ledger)?,
        File::new(&folder, c"targets", false, targets)?,
    ))
}
