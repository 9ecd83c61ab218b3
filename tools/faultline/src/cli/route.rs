// SPDX-License-Identifier: GPL-2.0

//! `faultline route`: its command line.

use super::duration::duration;
use super::guide::Guide;
use super::usage::WrongUsage;
use crate::route::filters::{self, Filter};
use crate::route::{Ask, Family};
use clap::Args;
use std::time::Duration;

#[derive(Args)]
pub struct RouteArgs {
    /// Show totals and times instead of events; with =also, after the events
    #[arg(long, value_name = "also", num_args = 0..=1, require_equals = true, default_missing_value = "only", hide_possible_values = true)]
    summary: Option<SummaryArg>,
    /// End after this time: 500ms, 10s, 1m30s, 2h
    #[arg(short, long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Show the calls that were made for each packet
    #[arg(long, conflicts_with = "json")]
    tree: bool,
    /// End after N packets; with --json or --events, after N events
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Size of the trace buffer of each CPU [default: the kernel's, 1408]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    buffer_kb: Option<u32>,
    /// Print JSON, one object per line
    #[arg(short, long)]
    json: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// The module's filters.
#[derive(Args)]
#[command(next_help_heading = "Filters")]
struct FilterArgs {
    /// Only IPv4
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Only IPv6
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Only packets that come in or leave by this device, or are routed to it
    #[arg(long, value_name = "NAME", value_parser = filters::device)]
    dev: Option<String>,
    /// Only from this source: 10.0.0.0/8, 192.0.2.9, 2001:db8::/32
    #[arg(long, value_name = "PREFIX", value_parser = filters::address)]
    src: Option<String>,
    /// Only to this destination; of the same family as --src
    #[arg(long, value_name = "PREFIX", value_parser = filters::address)]
    dst: Option<String>,
    /// Only in this network namespace: its number, its name for 'ip netns', or a file
    #[arg(long, value_name = "NS", value_parser = filters::namespace)]
    netns: Option<String>,
    /// Only with this mark: 0x1, or 0x1/0xff for some bits of it
    #[arg(long, value_name = "MARK", value_parser = filters::mark)]
    mark: Option<String>,
    /// Only lookups in this table: main, local, default, a name of rt_tables, a number
    #[arg(long, value_name = "TABLE", value_parser = filters::table)]
    table: Option<String>,
    /// Only lookups made for: input, validate, arp, ndisc, output, other
    #[arg(long, value_name = "LIST", value_parser = filters::cause)]
    cause: Option<String>,
    /// Only decisions that failed
    #[arg(long)]
    errors_only: bool,
    /// Show calls of these functions instead of packets: of both families fib_rule; of IPv4
    /// arp_process, arp_xmit, ip_route_input, fib_validate_source, route_output, fib_lookup,
    /// fib_rule_suppress, fib_multipath; of IPv6 ndisc_rcv, ndisc_send_skb, ip6_route_input,
    /// route6_output, fib6_lookup, fib6_rule_suppress, fib6_multipath, ipv6_dev_get_saddr
    #[arg(long, value_name = "LIST", value_parser = filters::events)]
    events: Option<String>,
}

impl FilterArgs {
    fn filters(self) -> Vec<Filter> {
        let errors_only = self.errors_only.then(|| "Y".to_string());
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        };
        let values = [
            ("dev", self.dev),
            ("src", self.src),
            ("dst", self.dst),
            ("netns", self.netns),
            ("mark", self.mark),
            ("table", self.table),
            ("cause", self.cause),
            ("errors_only", errors_only),
            ("events", self.events),
        ];
        let given = values.into_iter().filter_map(|(name, value)| {
            Some(Filter {
                name,
                value: value?,
            })
        });
        given.chain(family.map(filters::family)).collect()
    }
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum SummaryArg {
    Only,
    Also,
}

impl RouteArgs {
    /// What it asks for.
    ///
    /// # Errors
    ///
    /// Fails with a [`WrongUsage`] if the filters are of two families.
    pub fn ask(self) -> Result<Ask, WrongUsage> {
        let filters = self.filters.filters();
        filters::agree(&filters).map_err(WrongUsage)?;
        Ok(Ask {
            filters,
            lines: self.summary != Some(SummaryArg::Only),
            summary: self.summary.is_some(),
            duration: self.duration,
            count: self.count,
            buffer_kb: self.buffer_kb,
            json: self.json,
            tree: self.tree,
        })
    }
}

pub const GUIDE: Guide = Guide {
    about:
        "Needs the module route_probe, root, tracefs and debugfs. docs/route_probe.md describes \
        the output and the values of filters; 'any' lets everything through.\n\n\
        Filters are parameters of the module: while this runs, they are as said here for all who \
        watch it. When it ends, by Ctrl-C as well, they are again what they were.\n\n\
        Events come through a trace buffer of its own. --summary comes from the module's ledger, \
        which misses nothing, and traces nothing: with --count it ends within 0.1 s after call N.",
    files: &[
        (
            "/sys/module/route_probe/parameters/",
            "the filters, and what else the module can be told",
        ),
        (
            "/sys/kernel/tracing/events/route_probe/",
            "the events, for other programs that trace",
        ),
        (
            "/sys/kernel/debug/route_probe/",
            "the ledger that --summary shows",
        ),
    ],
    see_also: &[("ip-route", "8"), ("ip-rule", "8"), ("trace-cmd", "1")],
    examples: &[
        "faultline route --dst 192.0.2.0/24",
        "faultline route --errors-only --netns blue --duration 1min",
        "faultline route -6 --src 2001:db8::/32 --errors-only",
        "faultline route --tree --dev eth0",
        "faultline route --events fib_lookup --cause input --count 10 --json",
        "faultline route --summary --duration 10s",
    ],
    ..Guide::WATCHES
};
