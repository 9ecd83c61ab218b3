// SPDX-License-Identifier: GPL-2.0

//! The rules of policy routing.
//!
//! C header: [`include/net/fib_rules.h`](srctree/include/net/fib_rules.h)

use super::{
    device::Name,
    field::{
        field,
        structures,
        value, //
    },
    Found,
    Net,
    NAME_SIZE, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

structures! {
    /// The rules of a namespace for one family, `struct fib_rules_ops`.
    pub Rules;
    /// What a search through the rules is given, and finds, `struct fib_lookup_arg`.
    pub RulesSearch<F>;
    /// A rule, `struct fib_rule`, which begins a `struct fib4_rule` or `struct fib6_rule`.
    pub Rule<F>;
}

impl KernelPtr<Rules> {
    /// The family (`AF_INET`, ...).
    #[inline]
    pub fn family(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_fib_rules_ops_family }>(self)
    }

    /// The namespace.
    #[inline]
    pub fn net(self) -> KernelPtr<Net> {
        field::<_, KernelPtr<Net>, { bindings::faultline_at_fib_rules_ops_net }>(self).follow()
    }
}

impl<F> KernelPtr<RulesSearch<F>> {
    /// The rule that decided; null if none did.
    #[inline]
    pub fn rule(self) -> KernelPtr<Rule<F>> {
        field::<_, KernelPtr<Rule<F>>, { bindings::faultline_at_fib_lookup_arg_rule }>(self)
            .follow()
    }

    /// Where what is found is written.
    #[inline]
    pub(super) fn result(self) -> KernelPtr<Found<F>> {
        field::<_, KernelPtr<Found<F>>, { bindings::faultline_at_fib_lookup_arg_result }>(self)
            .follow()
    }
}

/// The numbers from the first to the second; from 0 to 0 if any will do.
pub type Range = (u16, u16);

impl<F> KernelPtr<Rule<F>> {
    /// Its priority.
    #[inline]
    pub fn priority(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_fib_rule_pref }>(self)
    }

    /// What it does (`FR_ACT_TO_TBL`, ...).
    #[inline]
    pub fn action(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib_rule_action }>(self)
    }

    /// The table that it has looked up; 0 if that is the one of a VRF.
    #[inline]
    pub fn table(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_fib_rule_table }>(self)
    }

    /// Whether it is the rule for VRFs.
    #[inline]
    pub fn is_l3mdev(self) -> bool {
        value::<_, u8, { bindings::faultline_at_fib_rule_l3mdev }>(self) != 0
    }

    /// Whether it takes what its selector does not (`not`).
    #[inline]
    pub fn is_inverted(self) -> bool {
        const FIB_RULE_INVERT: u32 = 2;

        value::<_, u32, { bindings::faultline_at_fib_rule_flags }>(self) & FIB_RULE_INVERT != 0
    }

    /// The mark, and the bits of it that count.
    #[inline]
    pub fn mark(self) -> (u32, u32) {
        (
            value::<_, u32, { bindings::faultline_at_fib_rule_mark }>(self),
            value::<_, u32, { bindings::faultline_at_fib_rule_mark_mask }>(self),
        )
    }

    /// The protocol of IP; 0 for any.
    #[inline]
    pub fn protocol(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib_rule_ip_proto }>(self)
    }

    /// The name of the device by which a packet comes; empty for any.
    #[inline]
    pub fn iif(self) -> Name {
        field::<_, Name, { bindings::faultline_at_fib_rule_iifname }>(self)
            .read()
            .unwrap_or([0; NAME_SIZE])
    }

    /// The name of the device by which a packet is to leave; empty for any.
    #[inline]
    pub fn oif(self) -> Name {
        field::<_, Name, { bindings::faultline_at_fib_rule_oifname }>(self)
            .read()
            .unwrap_or([0; NAME_SIZE])
    }

    /// The users whose packets it takes, from the first to the last.
    #[inline]
    pub fn uids(self) -> (u32, u32) {
        (
            value::<_, u32, { bindings::faultline_at_fib_rule_uid_start }>(self),
            value::<_, u32, { bindings::faultline_at_fib_rule_uid_end }>(self),
        )
    }

    /// The source ports.
    #[inline]
    pub fn sports(self) -> Range {
        (
            value::<_, u16, { bindings::faultline_at_fib_rule_sport_start }>(self),
            value::<_, u16, { bindings::faultline_at_fib_rule_sport_end }>(self),
        )
    }

    /// The destination ports.
    #[inline]
    pub fn dports(self) -> Range {
        (
            value::<_, u16, { bindings::faultline_at_fib_rule_dport_start }>(self),
            value::<_, u16, { bindings::faultline_at_fib_rule_dport_end }>(self),
        )
    }

    /// A result with a prefix of at most this length is thrown away; -1 for none.
    #[inline]
    pub fn suppress_prefixlen(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_fib_rule_suppress_prefixlen }>(self)
    }

    /// A result by a device of this group is thrown away; -1 for none.
    #[inline]
    pub fn suppress_ifgroup(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_fib_rule_suppress_ifgroup }>(self)
    }
}
