// SPDX-License-Identifier: GPL-2.0

//! The tracker: attaches the probes, and shows what they count and which there
//! are.

use core::{
    fmt,
    pin::Pin,
    sync::atomic::{
        AtomicBool,
        Ordering, //
    }, //
};

use faultline::{
    debugfs::{
        Directory,
        File,
        Show, //
    },
    params::Refusal,
    prelude::*,
    probe::{
        kretprobe::MaxActive,
        Probe,
        Probes, //
    },
    sync::{
        new_mutex,
        published::{
            Publication,
            Published, //
        },
        Mutex, //
    },
    task::cpu, //
};

use crate::{
    filter,
    handler::{
        Calls,
        Tracked, //
    },
    params::Family,
    targets::{
        self,
        Families,
        ALL, //
    }, //
};

/// The tracker, as long as it is loaded.
static TRACKER: Published<Tracker> = Published::new();

/// Takes a list of events, and attaches and detaches their probes.
pub(crate) fn set_events(list: &str) -> Result<(), Refusal> {
    let wanted = targets::parse(list).ok_or(Refusal::because(
        "all, none, or names of arp_process, ndisc_rcv, ip_route_input, ip6_route_input, \
         fib_validate_source, route_output, route6_output, fib_rule, fib_lookup, fib6_lookup, \
         fib_rule_suppress, fib6_rule_suppress, fib_multipath, fib6_multipath, ipv6_dev_get_saddr, \
         arp_xmit, ndisc_send_skb with commas between are allowed",
    ))?;
    attach_or(filter::set_events(wanted), filter::set_events)
}

/// Takes a family, and attaches and detaches the probes.
pub(crate) fn set_family(family: &'static Family) -> Result<(), Refusal> {
    let wanted = match family {
        Family::Any => Families::BOTH,
        Family::Ipv4 => Families::IPV4,
        Family::Ipv6 => Families::IPV6,
    };
    attach_or(filter::set_families(wanted), filter::set_families)
}

/// Attaches the probes that are wanted now. If that fails, `set` takes `before` back: what cannot
/// be had changes nothing.
fn attach_or<T>(before: T, set: impl FnOnce(T) -> T) -> Result<(), Refusal> {
    if let Some(Err(error)) = TRACKER.with(Tracker::attach) {
        set(before);
        let _ = TRACKER.with(Tracker::attach);
        return Err(error.into());
    }
    Ok(())
}

/// What probes the functions.
pub(crate) struct Tracker {
    probes: Probes<Calls>,
    /// Held by whoever switches probes, or reads or resets the ledger.
    turn: Pin<KBox<Mutex<()>>>,
    /// It was said that calls are missed.
    told: AtomicBool,
}

impl Tracker {
    fn new(all: bool, max_active: MaxActive) -> Result<Self> {
        let calls = Calls::new()?;
        let mut functions = KVec::with_capacity(ALL.len(), GFP_KERNEL)?;
        for what in &ALL {
            let ledger = calls.ledgers.of(what.target).ok_or(EINVAL)?.clone();
            faultline::compat::push(&mut functions, Tracked::function(what, ledger))?;
        }
        let probes = if all {
            Probes::all(calls, functions, max_active)
        } else {
            Probes::available(calls, functions, max_active)
        };
        Ok(Self {
            probes: probes.map_err(|error| error.report())?,
            turn: KBox::pin_init(new_mutex!(()), GFP_KERNEL)?,
            told: AtomicBool::new(false),
        })
    }

    /// Attaches the probes that are needed, and detaches the others.
    fn attach(&self) -> Result {
        let _turn = self.turn.lock();
        let needed = targets::needed(filter::events(), filter::families());
        for probe in self.probes.iter().filter(|probe| probe.failure().is_none()) {
            let what = probe.target().what;
            let result = if needed & what.target.bit() == 0 {
                probe.disable()
            } else {
                probe.enable()
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
        self.probes
            .iter()
            .try_for_each(|probe| writeln!(out, "{}", State(&probe)))
    }

    fn show_ledger(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let turn = self.turn.lock();
        self.probes.iter().try_for_each(|probe| {
            let Tracked { what, ledger } = probe.target();
            ledger.show(what, || probe.missed(), out)
        })?;
        drop(turn);
        self.tell_missed();
        Ok(())
    }

    fn reset(&self) {
        let _turn = self.turn.lock();
        for probe in self.probes.iter() {
            probe.target().ledger.reset(probe.missed());
        }
    }

    /// Says once if more calls were in progress than could be followed.
    fn tell_missed(&self) {
        for probe in self.probes.iter() {
            let missed = probe.target().ledger.missed_no_instance();
            if missed == 0 || self.told.swap(true, Ordering::Relaxed) {
                continue;
            }
            let max_active = probe.max_active();
            let mut cpus: u32 = 0;
            for cpu in 0..cpu::count_limit() {
                cpus = cpus.wrapping_add(u32::from(cpu::is_possible(cpu)));
            }
            let enough = max_active
                .saturating_mul(2)
                .max(cpus.saturating_mul(2))
                .max(10);
            pr_warn!(
                "{}: {missed} calls were missed, since more than maxactive={max_active} were in \
                 progress; load with maxactive={enough}",
                probe.target().what.event,
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
struct State<'a>(&'a Probe<'a, Calls>);

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(probe) = self;
        write!(f, "{} {} ", probe.target().what.event, probe.symbol())?;
        match probe.failure() {
            Some(failure) => write!(f, "not attached: {failure}"),
            None if probe.is_enabled() => {
                write!(f, "attached, maxactive={}", probe.max_active())
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

/// A tracker that is loaded. Its files are removed before it is withdrawn, which detaches
/// the probes.
pub(crate) struct Running {
    _ledger: Option<File<LedgerFile>>,
    _targets: Option<File<TargetsFile>>,
    _tracker: Publication<Tracker>,
}

impl Running {
    /// Attaches the probes that are wanted; if `all`, or none.
    pub(crate) fn start(all: bool, max_active: MaxActive) -> Result<Self> {
        let tracker = Arc::new(Tracker::new(all, max_active)?, GFP_KERNEL)?;
        let tracker = TRACKER.publish(tracker)?;
        TRACKER.with(Tracker::attach).unwrap_or(Ok(()))?;

        let mut attached: usize = 0;
        TRACKER.with(|tracker| {
            for probe in tracker.probes.iter() {
                match probe.failure() {
                    Some(_) => pr_warn!("{}", State(&probe)),
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
    let directory = Directory::new()?;
    let ledger = Arc::new(LedgerFile, GFP_KERNEL)?;
    let targets = Arc::new(TargetsFile, GFP_KERNEL)?;
    Ok((
        File::new(&directory, c"ledger", true, ledger)?,
        File::new(&directory, c"targets", false, targets)?,
    ))
}
