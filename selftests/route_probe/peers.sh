#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe and the tools that others made: for traffic of all kinds bpftrace, which decodes
# the same calls by the kernel's own BTF (fexit, where it can), says the same as our events, and
# so do `ip route get` and the counters of nstat; perf and bpftrace read the events as they are.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

net_up
trap net_down EXIT

# bpftrace wants headers of the kernel to be there, if only a part is; it has BTF.
mkdir -p /tmp/headers/include/linux
touch /tmp/headers/include/linux/{kconfig,types}.h
export BPFTRACE_KERNEL_SOURCE=/tmp/headers BPFTRACE_KERNEL_BUILD=/tmp/headers

# Each call in a line: numbers as they are, and what the kernel wrote only if it did. What an
# output asks for changes in it, a packet of ARP is gone at its end, and a function with more
# than six arguments has no fexit in bpftrace.
# shellcheck disable=SC2016 # of bpftrace
decoder='
	BEGIN { printf("decoding\n"); }
	fexit:vmlinux:fib_table_lookup /retval == 0/ {
		$hop = args.res->nhc;
		printf("fib_lookup src=%s dst=%s table=%u err=0 type=%d prefix=%s/%d via=%s dev=%s net=%u\n",
			ntop(2, args.flp->saddr), ntop(2, args.flp->daddr), args.tb->tb_id, args.res->type,
			ntop(2, args.res->prefix), args.res->prefixlen, ntop(2, $hop->nhc_gw.ipv4),
			$hop->nhc_dev->name, $hop->nhc_dev->nd_net.net->ns.inum);
	}
	fexit:vmlinux:fib_table_lookup /retval != 0/ {
		printf("fib_lookup_failed src=%s dst=%s table=%u err=%d\n",
			ntop(2, args.flp->saddr), ntop(2, args.flp->daddr), args.tb->tb_id, (int32)retval);
	}
	kprobe:fib_validate_source { @src[tid, cpu] = (uint32)arg1; @dst[tid, cpu] = (uint32)arg2; @dev[tid, cpu] = arg5; }
	kretprobe:fib_validate_source {
		$dev = (struct net_device *)@dev[tid, cpu];
		printf("fib_validate_source src=%s dst=%s dev=%s ret=%d net=%u\n", ntop(2, @src[tid, cpu]), ntop(2, @dst[tid, cpu]),
			$dev->name, (int32)retval, $dev->nd_net.net->ns.inum);
	}
	fexit:vmlinux:ip_route_input_noref {
		printf("ip_route_input src=%s dst=%s dev=%s ret=%d net=%u\n", ntop(2, args.saddr), ntop(2, args.daddr),
			args.dev->name, (int32)retval, args.dev->nd_net.net->ns.inum);
	}
	fexit:vmlinux:fib_rules_lookup /args.ops->family == 2 && retval == 0/ {
		printf("fib_rule err=0 priority=%u net=%u\n", args.arg->rule->pref, args.ops->fro_net->ns.inum);
	}
	fexit:vmlinux:fib_rules_lookup /args.ops->family == 2 && retval != 0/ {
		printf("fib_rule err=%d net=%u\n", (int32)retval, args.ops->fro_net->ns.inum);
	}
	fexit:vmlinux:ip_route_output_key_hash_rcu /(int64)retval < 0 && (int64)retval >= -4095/ {
		printf("route_output_failed dst=%s err=%d net=%u\n", ntop(2, args.fl4->daddr), (int64)retval, args.net->ns.inum);
	}
	fexit:vmlinux:ip_route_output_key_hash_rcu /(int64)retval > 0 || (int64)retval < -4095/ {
		$route = (struct rtable *)retval;
		printf("route_output dst=%s err=0 type=%d via=%s dev=%s net=%u\n", ntop(2, args.fl4->daddr), $route->rt_type,
			ntop(2, $route->rt_uses_gateway ? $route->rt_gw4 : 0), $route->dst.dev->name, args.net->ns.inum);
	}
	fentry:vmlinux:arp_process {
		$arp = args.skb->head + args.skb->network_header;
		printf("arp_process dev=%s op=%d sender=%s target=%s net=%u\n", args.skb->dev->name, bswap(*(uint16 *)($arp + 6)),
			ntop(2, *(uint32 *)($arp + 14)), ntop(2, *(uint32 *)($arp + 24)), args.net->ns.inum);
	}
	fentry:vmlinux:arp_xmit {
		$arp = args.skb->head + args.skb->network_header;
		printf("arp_xmit dev=%s op=%d sender=%s target=%s net=%u\n", args.skb->dev->name, bswap(*(uint16 *)($arp + 6)),
			ntop(2, *(uint32 *)($arp + 14)), ntop(2, *(uint32 *)($arp + 24)), args.skb->dev->nd_net.net->ns.inum);
	}'

# ours: our events in the words of the decoder.
ours() {
	events '[0-9]+' | sed -E '
		s/^([a-z_]+): net=([0-9]+) (.*)/\1 \3 net=\2/
		/^fib_rule_suppress|^fib_multipath/d
		s/^(fib_rule) .* err=0 .*( priority=[0-9]+) .*( net=[0-9]+)/\1 err=0\2\3/
		s/^(fib_rule) .* (err=-[0-9]+) .*( net=[0-9]+)/\1 \2\3/
		s/^(ip_route_input .*) err=[^ ]* fate=[^ ]* via=[^ ]* out=[^ ]*/\1/
		s/ cause=[a-z]+| tos=[^ ]*| iif=[^ ]*| oif=[^ ]*| rp_filter=[a-z]+| no_addr=[01]| mark=[^ ]*| paths=[0-9]+| (error|reason|result)=[^ ]*//g
		s/^(fib_lookup_failed .*) net=[0-9]+/\1/
		s/^(route_output(_failed)?) src=[^ ]*/\1/
		s/^(arp_process .*) ret=[0-9]+/\1/
		s/ table=local / table=255 /; s/ table=main / table=254 /; s/ table=default / table=253 /
		s/ type=unicast/ type=1/; s/ type=local/ type=2/; s/ type=broadcast/ type=3/; s/ type=multicast/ type=5/
		s/ op=request/ op=1/; s/ op=reply/ op=2/'
}

# every_kind: some traffic of each, and what r answers by ICMP.
every_kind() {
	local type
	in_ns r sysctl -qw net.ipv4.icmp_msgs_per_sec=1000 net.ipv4.conf.veth0.send_redirects=1
	ping_once a 192.0.2.9
	ping_once a 10.0.0.1
	ping_once a -b 10.0.0.255
	ping_once a -b -I eth0 255.255.255.255
	ping_once a -I eth0 224.0.0.1
	ping_once a -I eth0 239.1.2.3
	for type in unreachable prohibit blackhole throw; do
		ip -n r route replace "$type" 198.51.100.0/24
		ping_once a 198.51.100.1
		ping_once r 198.51.100.1
	done
	ip -n r route del throw 198.51.100.0/24
	ping_once r 203.0.113.1
	ip -n r route add 198.18.0.0/24 nexthop via 10.0.1.1 dev veth1 nexthop via 10.0.0.2 dev veth0
	for type in 1 2 3 4; do ping_once r "198.18.0.$type"; done
	ip -n r route del 198.18.0.0/24
	for type in 0 1 2; do
		in_ns r sysctl -qw "net.ipv4.conf.all.rp_filter=$type"
		ip -n b addr add 10.0.0.77/32 dev lo
		ping_once b -I 10.0.0.77 10.0.0.1
		ip -n b addr del 10.0.0.77/32 dev lo
	done
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0
	in_ns r sysctl -qw net.ipv4.ip_forward=0
	ping_once a 192.0.2.9
	in_ns r sysctl -qw net.ipv4.ip_forward=1
	for type in 10.0.0.1 10.0.0.99; do
		ip -n a neigh del "$type" dev eth0 2>/dev/null || true
		ping_once a "$type"
	done
	neighbours
	ip -n r rule add from 10.0.0.2 table 100 priority 100
	ip -n r route add 203.0.113.0/24 via 10.0.1.1 table 100
	ping_once a 203.0.113.5
	ip -n r rule del priority 100
	if modprobe vrf 2>/dev/null; then
		ip -n r link add red type vrf table 10
		ip -n r link set red up
		ip -n r link set veth0 master red
		ip -n r route add 192.0.2.0/24 via 10.0.1.1 dev veth1 table 10
		neighbours
		ping_once a 192.0.2.9
		ip -n r link del red
		neighbours
	fi
}

# decoded COUNT: bpftrace has written so many lines.
decoded() { [ "$(grep -c ' src=\| dst=\| sender=' "$output")" -ge "$1" ]; }

bpftrace_decodes_the_same() {
	! changed arp_process || skip "this kernel's BTF leaves out arp_process, whose arguments its compiler has changed"
	local output kinds
	check "load" load
	output=$(mktemp)
	bpftrace -e "$decoder" >"$output" 2>&1 &
	(await 120 "bpftrace decodes" grep -q '^decoding' "$output") || { note "$(cat "$output")"; exit 1; }
	events_begin
	every_kind
	echo 0 >"$tracefs/events/route_probe/enable"
	ours | sort >/tmp/ours
	(await 20 "bpftrace's lines" decoded "$(wc -l </tmp/ours)") || true
	kill -TERM $!
	wait $! || true
	sed '/^[a-z_]* .*=/!d' "$output" | sort >/tmp/theirs
	kinds=$(sed -E 's/ .*(type|err|ret|op)=([-0-9]+).*/ \1=\2/' /tmp/ours | sort | uniq -c | awk '{ print $2, $3 ":", $1 }' | paste -sd,)
	note "$(wc -l </tmp/ours) calls: $kinds"
	same "calls that bpftrace lost" "" "$(grep -i lost "$output" || true)"
	same "what one has seen and the other has not (<: us, >: bpftrace)" "" "$(diff /tmp/ours /tmp/theirs | grep '^[<>]' | head -n 20 || true)"
	for kinds in 'fib_lookup .*type=1 ' 'fib_lookup .*type=2 ' 'fib_lookup .*type=3 ' 'fib_lookup_failed .*err=-11' \
		'fib_lookup_failed .*err=-13' 'fib_lookup_failed .*err=-22' 'fib_lookup_failed .*err=-113' \
		'route_output_failed .*err=-101' 'fib_validate_source .*ret=-' 'ip_route_input .*ret=-\?[1-9]' \
		'arp_process .*op=1' 'arp_process .*op=2' 'fib_lookup .*table=100'; do
		check "there is $kinds" grep -q -- "$kinds" /tmp/ours
	done
}

# counters: those of the kernel that tell what became of packets, and how they rise with the
# traffic of CMD.
names=(IpForwDatagrams IpInDelivers IpInAddrErrors IpOutNoRoutes IpExtInNoRoutes IpExtInBcastPkts IpExtInMcastPkts
	TcpExtIPReversePathFilter)
rise() {
	in_ns r nstat -asz "${names[@]}" | grep -v '^#' >/tmp/before
	"$@"
	in_ns r nstat -asz "${names[@]}" | grep -v '^#' | paste -d' ' /tmp/before - | tr -s ' \t' ' ' |
		awk '$5 != $2 { print $1 "+" $5 - $2 }' | paste -sd' '
}

# nstat_counts WHAT COUNTERS EVENT CMD...: with a packet of CMD the counters rise so, and there is the event.
nstat_counts() {
	local what=$1 counters=$2 event=$3 got
	shift 3
	events_begin
	got=$(rise "$@")
	same "$what" "$counters" "$got"
	match "$what, the event" "$event" "$(events "$net_r")"
}
from_77() {
	ip -n b addr add 10.0.0.77/32 dev lo
	ping_once b -I 10.0.0.77 10.0.0.1
	ip -n b addr del 10.0.0.77/32 dev lo
}

nstat_says_the_same() {
	check "load" load
	nstat_counts "forwarded, there and back" "IpForwDatagrams+2" '^ip_route_input: .* fate=forward ' ping_once a 192.0.2.9
	nstat_counts "for us" "IpInDelivers+1" '^ip_route_input: .* fate=local ' ping_once a 10.0.0.1
	nstat_counts "broadcast" "IpInDelivers+1 IpExtInBcastPkts+1" '^ip_route_input: .* fate=broadcast ' ping_once a -b 10.0.0.255
	nstat_counts "multicast" "IpInDelivers+1 IpExtInMcastPkts+1" '^ip_route_input: .* dst=224.0.0.1 .* fate=multicast ' ping_once a -I eth0 224.0.0.1
	nstat_counts "no route, what came in" "IpExtInNoRoutes+1" '^ip_route_input: .* reason=net_unreachable ' ping_once a 203.0.113.1
	nstat_counts "no route, our own" "IpOutNoRoutes+1" '^route_output_failed: .* err=-101 ' ping_once r 203.0.113.1
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=1
	nstat_counts "a source that is wrong" "TcpExtIPReversePathFilter+1" \
		"^fib_validate_source: .* result=$(verdict IP_RPFILTER EXDEV)\$" from_77
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0
	in_ns r sysctl -qw net.ipv4.ip_forward=0
	nstat_counts "not forwarded" "IpInAddrErrors+1" '^ip_route_input: .* reason=forwarding_off ' ping_once a 192.0.2.9
	in_ns r sysctl -qw net.ipv4.ip_forward=1
}

# asked ARG...: what `ip route get` says, by its own lookup and by that of the route that fits.
asked() {
	ip -n r -j route get "$@" | jq -r '.[0] | "via=\(.gateway // "0.0.0.0") dev=\(.dev)"'
}
fits() {
	ip -n r -j route get fibmatch "$@" | jq -r '.[0] | "type=\(.type // "unicast") prefix=\(.dst) via=\(.gateway // "0.0.0.0") dev=\(.dev)"' |
		sed -E 's/(prefix=[0-9.]+) /\1\/32 /'
}

# lookup_of ADDRESS CAUSE: the last lookup that was made for it, in the same words.
lookup_of() {
	events "$net_r" | sed -nE "s/^fib_lookup: .* cause=$2 .* dst=$1 .* (type=.*)/\\1/p" | tail -n 1
}

ip_route_get_says_the_same() {
	local to
	check "load" load
	ip -n r route add 198.18.1.0/25 via 10.0.1.1
	ip -n r route add 198.18.1.16/28 via 10.0.0.2
	for to in 192.0.2.9 10.0.1.1 198.18.1.1 198.18.1.17 10.0.0.1 10.0.0.255; do
		events_begin
		ping_once a -b -I eth0 "$to"
		same "$to came in" "$(fits "$to" from 10.0.0.2 iif veth0)" "$(lookup_of "$to" input)"
		events_begin
		same "$to is our own" "$(asked "$to")" \
			"$(events "$net_r" | sed -nE "s/^route_output: .* dst=$to .* (via=.*)/\\1/p")"
	done
	for to in unreachable:113 prohibit:13 blackhole:22; do
		ip -n r route replace "${to%:*}" 198.51.100.0/24
		events_begin
		match "${to%:*}, what it says" "$(case $to in u*) echo 'No route to host' ;; p*) echo 'Permission denied' ;; *) echo 'Invalid argument' ;; esac)" \
			"$(ip -n r route get 198.51.100.1 2>&1 || true)"
		match "${to%:*}, the event" "^route_output_failed: .* err=-${to#*:} error=${to%:*}\$" "$(events "$net_r")"
	done
	ip -n r route flush root 198.18.0.0/15
	ip -n r route flush root 198.51.100.0/24
}

bpftrace_reads_them() {
	local output
	check "load" load
	output=$(timeout 120 bpftrace -e "tracepoint:route_probe:fib_lookup / args.net == $net_r && args.prefix[4] == 24 / { @[args.dev, args.type] = count(); }" \
		-c "$(command -v ip) netns exec a ping -q -c 3 -i 0.2 192.0.2.9" 2>&1 || true)
	match "its map" '^@\[veth1, 1\]: 3$' "$output"
}

perf_reads_them() {
	local report
	command -v perf >/dev/null || skip "there is no perf in this guest"
	check "load" load
	check "record" perf record -q -a -o /tmp/perf.data -e 'route_probe:*' -- ip netns exec a ping -q -c 1 192.0.2.9 >/dev/null
	report=$(perf script -i /tmp/perf.data)
	match "a lookup" "route_probe:fib_lookup: net=$net_r cause=input src=10.0.0.2 dst=192.0.2.9 .* table=main err=0 type=unicast prefix=192.0.2.0/24 via=10.0.1.1 via6=:: dev=veth1 " "$report"
	match "a verdict" "route_probe:ip_route_input: .* reason=ok err=0 fate=forward " "$report"
}

# The last leaves r with rules.
ktap_run ip_route_get_says_the_same nstat_says_the_same bpftrace_reads_them perf_reads_them bpftrace_decodes_the_same
