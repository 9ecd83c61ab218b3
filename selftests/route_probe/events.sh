#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe: each decision of the routing path makes exactly the events that it should.
#
# Proves: probes

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

net_up
trap net_down EXIT


# verdict NAME ERRNO: what fib_validate_source and ip_route_input return on this kernel.
uses_reasons() {
	grep -q 'SKB_DROP\|IP_RPFILTER' "$tracefs/events/route_probe/ip_route_input/format"
}
verdict() { if uses_reasons; then echo "$1"; else echo "$2"; fi; }

# route_get ARG...: how the kernel itself answers, as "via dev", "-" without a gateway.
route_get() { ip -n r -j route get "$@" | jq -r '.[0] | "\(.gateway // "0.0.0.0") \(.dev)"'; }

input() { echo "net=$net_r cause=${cause:-input} src=$1 dst=$2 tos=0x0"; }

a_packet_that_is_forwarded() {
	check "load" load
	events_begin
	ping_once a 192.0.2.9
	same "the way there" \
		"fib_lookup: $(input 10.0.0.2 192.0.2.9) iif=veth0 table=main err=0 type=unicast prefix=192.0.2.0/24 via=10.0.1.1 dev=veth1
fib_validate_source: $(input 10.0.0.2 192.0.2.9) oif=veth1 dev=veth0 rp_filter=off ret=0 result=ok
ip_route_input: $(input 10.0.0.2 192.0.2.9) dev=veth0 ret=0 reason=ok" \
		"$(events "$net_r" | grep 'src=10.0.0.2')"
	same "the way back" \
		"fib_lookup: $(input 192.0.2.9 10.0.0.2) iif=veth1 table=main err=0 type=unicast prefix=10.0.0.0/24 via=0.0.0.0 dev=veth0
fib_validate_source: $(input 192.0.2.9 10.0.0.2) oif=veth0 dev=veth1 rp_filter=off ret=0 result=ok
ip_route_input: $(input 192.0.2.9 10.0.0.2) dev=veth1 ret=0 reason=ok" \
		"$(events "$net_r" | grep 'src=192.0.2.9')"
	same "nothing else there" 6 "$(events "$net_r" | wc -l)"
	same "the kernel's own answer" "10.0.1.1 veth1" "$(route_get 192.0.2.9 from 10.0.0.2 iif veth0)"
}

a_packet_of_our_own() {
	check "load" load
	events_begin
	ping_once a 192.0.2.9
	match "the socket asks" \
		"^route_output: net=$net_a cause=other src=0.0.0.0 dst=192.0.2.9 tos=0x0 oif= mark=0x0 err=0 type=unicast via=10.0.0.1 dev=eth0\$" \
		"$(events "$net_a")"
	same "each output is one lookup" "$(events "$net_a" | grep -c '^route_output: ')" \
		"$(events "$net_a" | grep -c '^fib_lookup: .* cause=output src=.* iif=lo table=main err=0 type=unicast prefix=0.0.0.0/0 via=10.0.0.1 dev=eth0')"
	events_begin
	in_ns a ping -q -c 1 -W 1 -m 7 192.0.2.9 >/dev/null
	match "its mark" "^route_output: .* dst=192.0.2.9 .* mark=0x7 err=0" "$(events "$net_a")"
}

local_and_broadcast() {
	check "load" load
	events_begin
	ping_once a 10.0.0.1
	match "local" "^fib_lookup: $(input 10.0.0.2 10.0.0.1) iif=veth0 table=main err=0 type=local prefix=10.0.0.1/32 via=0.0.0.0 dev=veth0\$" \
		"$(events "$net_r")"
	events_begin
	ping_once a -b 10.0.0.255
	match "broadcast" "^fib_lookup: $(input 10.0.0.2 10.0.0.255) iif=veth0 table=main err=0 type=broadcast prefix=10.0.0.255/32 via=0.0.0.0 dev=veth0\$" \
		"$(events "$net_r")"
}

multicast() {
	check "load" load
	events_begin
	ping_once a -I eth0 224.0.0.1
	match "route input" "^ip_route_input: $(input 10.0.0.2 224.0.0.1) dev=veth0 ret=0 reason=ok\$" "$(events "$net_r")"
	match "its source" "^fib_validate_source: $(input 10.0.0.2 0.0.0.0) oif= dev=veth0 .* result=ok\$" "$(events "$net_r")"
	same "a multicast is not looked up on its way in" "" \
		"$(events "$net_r" | grep '^fib_lookup.* cause=input .* dst=224.0.0.1' || true)"
}

routes_that_refuse() {
	local type err
	check "load" load
	for type in unreachable:-113 prohibit:-13 blackhole:-22; do
		err=${type#*:} type=${type%:*}
		ip -n r route replace "$type" 198.51.100.0/24
		events_begin
		ping_once a 198.51.100.1
		match "$type" "^fib_lookup_failed: $(input 10.0.0.2 198.51.100.1) iif=veth0 table=main err=$err error=$type\$" "$(events "$net_r")"
		same "nothing is said of a route" "" "$(events "$net_r" | grep 'dst=198.51.100.1' | grep -E 'prefix=|type=' || true)"
		events_begin
		ping_once r 198.51.100.1
		match "$type, our own" "^route_output_failed: net=$net_r .* dst=198.51.100.1 .* err=$err error=$type\$" "$(events "$net_r")"
	done
	ip -n r route replace throw 198.51.100.0/24
	events_begin
	ping_once a 198.51.100.1
	match "throw" "^fib_lookup_failed: $(input 10.0.0.2 198.51.100.1) iif=veth0 table=main err=-11 error=no_match_or_throw\$" "$(events "$net_r")"
	ip -n r route del throw 198.51.100.0/24
	events_begin
	ping_once r 198.51.100.1
	match "no route at all" "^route_output_failed: net=$net_r .* dst=198.51.100.1 .* err=-101 error=net_unreachable\$" "$(events "$net_r")"
}

rules_and_tables() {
	check "load" load
	ip -n r rule add from 10.0.0.2 table 100 priority 100
	ip -n r route add 203.0.113.0/24 via 10.0.1.1 table 100
	events_begin
	ping_once a 203.0.113.5
	ip -n r rule del from 10.0.0.2 table 100 priority 100
	same "the tables that were asked, and their answers" \
		"fib_lookup_failed: $(input 10.0.0.2 203.0.113.5) iif=veth0 table=local err=-11 error=no_match_or_throw
fib_lookup: $(input 10.0.0.2 203.0.113.5) iif=veth0 table=100 err=0 type=unicast prefix=203.0.113.0/24 via=10.0.1.1 dev=veth1" \
		"$(events "$net_r" | grep 'dst=203.0.113.5' | grep '^fib_lookup')"
}

several_next_hops() {
	check "load" load
	ip -n r route add 198.18.0.0/24 nexthop via 10.0.1.1 dev veth1 nexthop via 10.0.0.2 dev veth0
	events_begin
	ping_once a 198.18.0.1
	ip -n r route del 198.18.0.0/24
	match "one of them" "^fib_lookup: $(input 10.0.0.2 198.18.0.1) iif=veth0 table=main err=0 type=unicast prefix=198.18.0.0/24 (via=10.0.1.1 dev=veth1|via=10.0.0.2 dev=veth0)\$" "$(events "$net_r")"
}

vrf() {
	modprobe vrf 2>/dev/null || skip "this kernel has no VRF"
	check "load" load
	ip -n r link add red type vrf table 10
	ip -n r link set red up
	ip -n r link set veth0 master red
	ip -n r route add 192.0.2.0/24 via 10.0.1.1 dev veth1 table 10
	neighbours
	events_begin
	ping_once a 192.0.2.9
	ip -n r link del red
	neighbours
	match "its table" "^fib_lookup: $(input 10.0.0.2 192.0.2.9) iif=[a-z0-9]+ table=10 err=0 type=unicast prefix=192.0.2.0/24 via=10.0.1.1 dev=veth1\$" "$(events "$net_r")"
}

# rp_filtered: how many packets the kernel itself says to have dropped for it.
rp_filtered() { in_ns r nstat -az TcpExtIPReversePathFilter | awk '/ReversePath/ { print $2 }'; }

sources_that_are_wrong() {
	local before
	check "load" load
	ip -n b addr add 10.0.0.77/32 dev lo
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=1
	before=$(rp_filtered)
	events_begin
	ping_once b -I 10.0.0.77 10.0.0.1
	match "strict" "^fib_validate_source: $(input 10.0.0.77 10.0.0.1) oif= dev=veth1 rp_filter=strict ret=-[0-9]+ result=$(verdict IP_RPFILTER EXDEV)\$" "$(events "$net_r")"
	match "and dropped" "^ip_route_input: $(input 10.0.0.77 10.0.0.1) dev=veth1 ret=-?[0-9]+ reason=$(verdict IP_RPFILTER EXDEV)\$" "$(events "$net_r")"
	match "the lookup for it" "^fib_lookup: net=$net_r cause=validate src=10.0.0.1 dst=10.0.0.77 .* dev=veth0\$" "$(events "$net_r")"
	same "as many as nstat counts" 1 "$(($(rp_filtered) - before))"
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=2
	events_begin
	ping_once b -I 10.0.0.77 10.0.0.1
	match "loose" "^fib_validate_source: $(input 10.0.0.77 10.0.0.1) oif= dev=veth1 rp_filter=loose ret=0 result=ok\$" "$(events "$net_r")"
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0
	ip -n b addr del 10.0.0.77/32 dev lo

	# An address of r's own, as if from outside.
	ip -n b addr add 10.0.0.1/32 dev lo
	events_begin
	ping_once b -I 10.0.0.1 10.0.1.2
	ip -n b addr del 10.0.0.1/32 dev lo
	match "martian" "^fib_validate_source: $(input 10.0.0.1 10.0.1.2) oif= dev=veth1 rp_filter=off ret=-[0-9]+ result=$(verdict IP_LOCAL_SOURCE EINVAL)\$" "$(events "$net_r")"
}

forwarding_off() {
	check "load" load
	in_ns r sysctl -qw net.ipv4.ip_forward=0
	events_begin
	ping_once a 192.0.2.9
	in_ns r sysctl -qw net.ipv4.ip_forward=1
	match "it is found" "^fib_lookup: $(input 10.0.0.2 192.0.2.9) .* type=unicast .* dev=veth1\$" "$(events "$net_r")"
	same "and not used" "" "$(events "$net_r" | grep fib_validate_source || true)"
}

# arp_ask ADDRESS: a asks who has it.
arp_ask() {
	ip -n a neigh del "$1" dev eth0 2>/dev/null || true
	events_begin
	ping_once a "$1"
}

arp() {
	check "load" load
	arp_ask 10.0.0.1
	match "a request for our own address" "^arp_process: net=$net_r dev=veth0 no_addr=0 rp_filter=off op=request sender=10.0.0.2 target=10.0.0.1 ret=0\$" "$(events "$net_r")"
	match "is routed" "^ip_route_input: $(cause=arp input 10.0.0.2 10.0.0.1) dev=veth0 ret=0 reason=ok\$" "$(events "$net_r")"
	match "is looked up" "^fib_lookup: $(cause=arp input 10.0.0.2 10.0.0.1) iif=veth0 table=main err=0 type=local " "$(events "$net_r")"
	match "the reply" "^arp_process: net=$net_a dev=eth0 no_addr=0 rp_filter=off op=reply sender=10.0.0.1 target=10.0.0.2 ret=0\$" "$(events "$net_a")"
	arp_ask 10.0.0.99
	match "a request for another's" "^arp_process: net=$net_r dev=veth0 .* op=request sender=10.0.0.2 target=10.0.0.99 ret=0\$" "$(events "$net_r")"
	match "is looked up too" "^fib_lookup: $(cause=arp input 10.0.0.2 10.0.0.99) iif=veth0 table=main err=0 type=unicast prefix=10.0.0.0/24 via=0.0.0.0 dev=veth0\$" "$(events "$net_r")"
	same "nobody replies" "" "$(events "$net_a" | grep arp_process || true)"
	neighbours
}

arp_without_an_address() {
	check "load" load
	ip link add veth2 netns r type veth peer name eth2 netns a
	ip -n a addr add 172.16.0.2/24 dev eth2
	ip -n a link set eth2 up
	ip -n r link set veth2 up
	events_begin
	ping_once a 172.16.0.1
	ip -n r link del veth2
	match "the device has none" "^arp_process: net=$net_r dev=veth2 no_addr=1 rp_filter=off op=request sender=172.16.0.2 target=172.16.0.1 " "$(events "$net_r")"
}

other_tools_read_them() {
	local output
	check "load" load
	trace-cmd record -q -e route_probe -o /tmp/trace.dat ip netns exec a ping -q -c 1 192.0.2.9 >/dev/null
	match "trace-cmd" "fib_lookup: +net=$net_r cause=input src=10.0.0.2 dst=192.0.2.9 tos=0x0 iif=veth0 table=main err=0 type=unicast prefix=192.0.2.0/24 via=10.0.1.1 dev=veth1 ns=[0-9]+" \
		"$(trace-cmd report -i /tmp/trace.dat)"
	match "trace-cmd, verdicts" "ip_route_input: .* reason=ok ns=" "$(trace-cmd report -i /tmp/trace.dat)"
	# bpftrace wants headers of the kernel to be there, if only a part is; it has BTF.
	mkdir -p /tmp/headers/include/linux
	touch /tmp/headers/include/linux/{kconfig,types}.h
	export BPFTRACE_KERNEL_SOURCE=/tmp/headers BPFTRACE_KERNEL_BUILD=/tmp/headers
	output=$(timeout 120 bpftrace -e "tracepoint:route_probe:fib_lookup / args.net == $net_r && args.prefixlen == 24 / { @[args.dev, args.type] = count(); }" \
		-c "$(command -v ip) netns exec a ping -q -c 3 -i 0.2 192.0.2.9" 2>&1 || true)
	match "bpftrace" '^@\[veth1, 1\]: 3$' "$output"
}

# The last two leave r with rules: from then on it has a table for local addresses of its own.
ktap_run a_packet_that_is_forwarded a_packet_of_our_own local_and_broadcast multicast routes_that_refuse \
	several_next_hops sources_that_are_wrong forwarding_off arp arp_without_an_address other_tools_read_them \
	rules_and_tables vrf
