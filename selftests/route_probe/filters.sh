#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe: each filter lets through what it should and nothing else, at load and live.
#
# Proves: probes

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

net_up
! has_ipv6 || net6_up
trap net_down EXIT

set_to() { echo "$2" >"$parameters/$1"; }

# seen: events of a packet from a to b and back.
seen() {
	events_begin
	ping_once a 192.0.2.9
	events '.*'
}

# only WHAT REGEX: there are events, and each matches.
only() {
	local got
	got=$(seen)
	match "$1" "$2" "$got"
	same "$1, nothing else" "" "$(grep -vE -- "$2" <<<"$got" || true)"
	check "$1, the ledger balances" balanced
}

# The validation of a source looks up the way back, for the packet that passes.
by_address() {
	local there=' dst=192\.0\.2\.9 |^fib_lookup: .* cause=validate src=192\.0\.2\.9 dst=10\.0\.0\.2 '
	check "load" load dst=192.0.2.0/24
	only "dst" "$there"
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=1
	match "its whole story" '^fib_lookup: .* cause=validate src=192\.0\.2\.9 ' "$(seen)"
	only "its whole story" "$there"
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0
	set_to dst 192.0.2.9
	only "dst, a host" "$there"
	set_to dst 192.0.2.8/31
	only "dst, two hosts" "$there"
	set_to dst 192.0.2.10/31
	same "dst, another two" "" "$(seen)"
	set_to dst any
	set_to src 10.0.0.0/24
	only "src" ' src=10\.0\.0\.| cause=validate src=192\.0\.2\.9 dst=10\.0\.0\.2 '
	set_to src 0.0.0.0/0
	match "any source" ' src=192\.0\.2\.9 ' "$(seen)"
}

# seen6: the same in IPv6; of both, with seen.
seen6() {
	events_begin
	ping_once a 192.0.2.9
	ping_once a 2001:db8:2::9
	events '.*'
}

# An address of one family lets nothing pass of the other.
by_address_of_ipv6() {
	local got value
	has_ipv6 || skip "this kernel is built without IPv6"
	check "load" load
	got=$(seen6)
	match "of both, IPv4" '^ip_route_input: .* dst=192\.0\.2\.9 ' "$got"
	match "of both, IPv6" '^ip6_route_input: .* dst=2001:db8:2::9 ' "$got"
	for value in 2001:db8:2::/48 2001:db8:2::9 2001:0DB8:2:0:0:0:0:8/125 2001:db8:2::9/127 2001:db8:2::0.0.0.9; do
		set_to dst "$value"
		got=$(seen6)
		match "dst $value" '^ip6_route_input: .* dst=2001:db8:2::9 ' "$got"
		match "dst $value, its lookups" '^fib6_lookup: .* cause=input src=2001:db8::2 dst=2001:db8:2::9 ' "$got"
		same "dst $value, nothing else" "" "$(grep -v ' dst=2001:db8:2::9 ' <<<"$got" || true)"
	done
	for value in 2001:db8:2::a 2001:db8:2::8 2001:db8:3::/48 ::1 1::; do
		set_to dst "$value"
		same "dst $value" "" "$(seen6)"
	done
	set_to dst ::/0
	got=$(seen6)
	match "all of IPv6" '^ip6_route_input: ' "$got"
	same "all of IPv6, none of IPv4" "" "$(grep -E '^(ip_|fib_lookup|fib_val|route_out)' <<<"$got" || true)"
	set_to dst 192.0.2.0/24
	got=$(seen6)
	match "of IPv4" '^ip_route_input: .* dst=192\.0\.2\.9 ' "$got"
	same "of IPv4, none of IPv6" "" "$(grep -E '6_|ndisc|ipv6' <<<"$got" || true)"
	set_to dst any
	set_to src 2001:db8:2::9
	match "src" '^ip6_route_input: .* src=2001:db8:2::9 dst=2001:db8::2 ' "$(seen6)"
	set_to src 2001:db8:2::/32
	set_to dst 10.0.0.0/8
	same "src of one, dst of the other" "" "$(seen6)"
	set_to src any
	set_to dst any
	set_to dev veth1
	got=$(seen6)
	match "dev" '^ip6_route_input: .* src=2001:db8::2 .* out=veth1$' "$got"
	set_to dev any
	set_to errors_only 1
	ping_once a 2001:db8:2::9
	ip -n r route add unreachable 2001:db8:66::/64
	events_begin
	ping_once a 2001:db8:66::1
	ping_once a 2001:db8:2::9
	ip -n r route del unreachable 2001:db8:66::/64
	match "what failed" '^ip6_route_input: .* dst=2001:db8:66::1 .* reason=unreachable ' "$(events "$net_r")"
	match "its lookup" '^fib6_lookup_failed: .* dst=2001:db8:66::1 .* error=unreachable$' "$(events "$net_r")"
	same "nothing else" "" "$(events "$net_r" | grep -v ' dst=2001:db8:66::1 ' || true)"
	check "the ledger balances" balanced
}

by_family() {
	local got
	has_ipv6 || skip "this kernel is built without IPv6"
	check "load" load family=ipv6
	got=$(seen6)
	match "IPv6" '^ip6_route_input: ' "$got"
	same "none of IPv4" "" "$(grep -E '^(ip_|fib_lookup|fib_val|route_out)' <<<"$got" || true)"
	same "what is probed" 9 "$(armed | tr , '\n' | wc -l)"
	set_to family ipv4
	got=$(seen6)
	match "IPv4" '^ip_route_input: ' "$got"
	same "none of IPv6" "" "$(grep -E '6_|ndisc|ipv6' <<<"$got" || true)"
	same "what is probed now" "$(if changed arp_process; then echo 7; else echo 9; fi)" "$(armed | tr , '\n' | wc -l)"
	# The rules are searched by the same function for both.
	ip -n r rule add to 198.51.100.0/24 blackhole priority 40
	ip -n r -6 rule add to 2001:db8:66::/64 blackhole priority 40
	got=$(seen6)
	match "rules of IPv4" '^fib_rule: ' "$got"
	same "none of IPv6's" "" "$(grep '^fib6_rule' <<<"$got" || true)"
	set_to family any
	match "rules of both" '^fib6_rule: .* dst=2001:db8:2::9 ' "$(seen6)"
	ip -n r rule del priority 40
	ip -n r -6 rule del priority 40
	check "the ledger balances" balanced
	refused family both "" IPV4
}

by_device() {
	check "load" load dev=veth1
	only "dev" '(iif|dev|oif|out)=veth1( |$)'
	set_to dev veth
	same "a part of a name is none" "" "$(seen)"
	set_to dev any
	match "any" 'dev=veth0' "$(seen)"
}

by_namespace() {
	check "load" load "netns=$net_r"
	only "netns" "net=$net_r "
	set_to netns "$net_b"
	only "netns, live" "net=$net_b "
	set_to events fib_lookup
	only "lookups alone" "^fib_lookup: net=$net_b "
}

by_table() {
	check "load" load table=main
	only "table" '^fib_lookup: .* table=main '
	ip -n a rule add to 192.0.2.9 table 77 priority 77
	ip -n a route add default via 10.0.0.1 table 77
	set_to table 77
	only "a number" '^fib_lookup: .* table=77 '
	ip -n a rule del priority 77
}

by_cause() {
	check "load" load cause=input
	only "cause" ' cause=input '
	set_to cause output,arp
	only "causes" '^fib_lookup: .* cause=output '
	set_to events fib_lookup
	set_to cause input
	only "lookups alone" '^fib_lookup: .* cause=input '
}

by_mark() {
	check "load" load mark=7
	same "nothing has it" "" "$(seen)"
	events_begin
	in_ns a ping -q -c 1 -W 1 -m 7 192.0.2.9 >/dev/null
	match "mark" '^route_output: .* mark=0x7 ' "$(events '.*')"
	set_to mark 0x1/0x1
	events_begin
	in_ns a ping -q -c 1 -W 1 -m 7 192.0.2.9 >/dev/null
	match "a bit of it" '^route_output: .* mark=0x7 ' "$(events '.*')"
	set_to mark 0x8/0x8
	events_begin
	in_ns a ping -q -c 1 -W 1 -m 7 192.0.2.9 >/dev/null
	same "another bit" "" "$(events '.*' | grep mark=0x7 || true)"
}

errors_only() {
	check "load" load errors_only
	same "all went well" "" "$(seen)"
	ip -n r route add unreachable 198.51.100.0/24
	events_begin
	ping_once a 198.51.100.1
	ip -n r route del unreachable 198.51.100.0/24
	match "what failed" '^ip_route_input: .* reason=unreachable ' "$(events '.*')"
	match "its lookup" '^fib_lookup_failed: .* error=unreachable$' "$(events '.*')"
	same "nothing else" "" "$(events '.*' | grep -v ' dst=198\.51\.100\.1 ' || true)"
	check "the ledger balances" balanced
	# The lookups of a packet that is dropped have not failed, and say why it is.
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=1
	ip -n b addr add 10.0.0.77/32 dev lo
	events_begin
	ping_once b -I 10.0.0.77 10.0.0.1
	ip -n b addr del 10.0.0.77/32 dev lo
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0
	match "the way back" "^fib_lookup: net=$net_r cause=validate src=10.0.0.1 dst=10.0.0.77 .* dev=veth0\$" "$(events "$net_r")"
	match "of a packet that is dropped" "^ip_route_input: net=$net_r .* src=10.0.0.77 .* fate=dropped " "$(events "$net_r")"
	check "the ledger balances again" balanced
}

# armed: the functions whose probes are not disabled.
armed() { grep -E " ($functions)\+" /sys/kernel/debug/kprobes/list | grep -v DISABLED | sed -E 's/.* ([a-z0-9_]+)\+.*/\1/' | sort | paste -sd,; }

events_attach_and_detach() {
	check "load" load events=fib_lookup
	same "it, and what calls it" "$(
		printf '%s\n' arp_process fib_rules_lookup fib_table_lookup fib_validate_source ip_route_input_noref ip_route_output_key_hash_rcu |
			{ if changed arp_process; then grep -v arp; else cat; fi; } | paste -sd,)" "$(armed)"
	match "the others are not" '^fib_multipath [a-z_]+ not attached: not in events$' "$(cat "$debugfs/targets")"
	only "one event" '^fib_lookup: .* cause=(input|validate|output|arp) '
	set_to events route_output
	same "what is called by arp alone" "$(changed arp_process || echo arp_process,)fib_validate_source,ip_route_input_noref,ip_route_output_key_hash_rcu" "$(armed)"
	only "another" '^route_output: '
	set_to events none
	same "none" "" "$(armed)"
	same "no events" "" "$(seen)"
	set_to events all
	same "all" "$(unchanged "${all_events[@]}" | wc -l)" "$(armed | tr , '\n' | wc -l)"
}

# refused NAME VALUE...: each is refused with a line that names it, and changes nothing.
refused() {
	local name=$1 before value
	shift
	before=$(cat "$parameters/$name")
	for value; do
		log_begin
		match "$name=$value" 'Invalid argument|Numerical result out of range|Result too large' "$(set_to "$name" "$value" 2>&1 || true)"
		match "$name=$value, the log" "^route_probe: refused: $name=.*allowed" "$(log)"
		same "$name=$value changed nothing" "$before" "$(cat "$parameters/$name")"
	done
}

wrong_values() {
	check "load" load
	refused dst ::/129 1:2:3:4:5:6:7:8:9 1:2:3:4:5:6:7 1::2::3 ::1:: ::: :1 1: 1:2:3:4:5:6:7::8 00001::1 g::1 fe80::1%eth0 1::/ 1::/x \
		::1.2.3 1.2.3.4::1 1:2:3:4:5:6:7:1.2.3.4 10.0.0.0/33 10.0.0 10.0.0.0.0 10.0.0.256 10.0.0.0/ /8 10.0.0.0/8/8 a.b.c.d 10.0.0.00000000001/8x "" " "
	refused src 1.2.3.4/-1 4294967296
	refused dev "" a/b abcdefghijklmnop "two words"
	refused mark 0x 0xg 1/ 4294967296 -1 1/2/3
	refused table 0 -1 4294967296 Main
	refused cause "" input,,arp nothing input,
	refused events "" fib_lookup, nothing all,none
	refused netns -1 4294967296 x
	refused errors_only 2 maybe
	match "at load" 'Invalid parameters|Invalid argument' "$(rmmod route_probe; load dst=1.2.3.4.5 2>&1 || true)"
	check "nothing is left" test ! -e /sys/module/route_probe
	same "no probe" 0 "$(kprobes)"
}

# The last leaves r with rules.
ktap_run by_address by_address_of_ipv6 by_device by_namespace by_cause by_mark errors_only events_attach_and_detach wrong_values by_table by_family
