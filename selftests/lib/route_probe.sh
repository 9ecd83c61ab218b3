# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of the route_probe module share: a small network, traffic in it, loading the
# module, its events and its ledger.
#
#   a: eth0 10.0.0.2/24 -- veth0 10.0.0.1/24 :r: veth1 10.0.1.2/24 -- eth0 10.0.1.1/24 :b
#                                                                   lo 192.0.2.9/32
#
# and, after net6_up, the same in IPv6:
#
#   a: 2001:db8::2/64 -- 2001:db8::1/64 :r: 2001:db8:1::2/64 -- 2001:db8:1::1/64 :b
#                                                            lo 2001:db8:2::9/128
#
# r forwards and has a route to 192.0.2.0/24. The network is quiet: what a test sees is what it
# asked for. All neighbours are known, also where r answers a source that is wrong (10.0.0.77,
# which is nobody's); who asks by ARP does so once; nobody sends redirects, or ICMP errors, for
# which the kernel looks up routes, by its own limits now and then, and seconds after.

# shellcheck disable=SC2034 # for the tests
parameters=/sys/module/route_probe/parameters
tracefs=/sys/kernel/tracing
debugfs=/sys/kernel/debug/route_probe
# shellcheck disable=SC2034 # for the tests
all_events=(arp_process ndisc_rcv ip_route_input ip6_route_input fib_validate_source route_output route6_output
	fib_rule fib_lookup fib6_lookup fib_rule_suppress fib6_rule_suppress fib_multipath fib6_multipath ipv6_dev_get_saddr
	arp_xmit ndisc_send_skb)
# Their functions.
declare -A function_of=([arp_process]=arp_process [ndisc_rcv]=ndisc_rcv [ip_route_input]=ip_route_input_noref
	[ip6_route_input]=ip6_route_input [fib_validate_source]=fib_validate_source
	[route_output]=ip_route_output_key_hash_rcu [route6_output]=ip6_route_output_flags [fib_rule]=fib_rules_lookup
	[fib_lookup]=fib_table_lookup [fib6_lookup]=fib6_table_lookup [fib_rule_suppress]=fib4_rule_suppress
	[fib6_rule_suppress]=fib6_rule_suppress [fib_multipath]=fib_select_multipath [fib6_multipath]=fib6_select_path
	[ipv6_dev_get_saddr]=ipv6_dev_get_saddr [arp_xmit]=arp_xmit [ndisc_send_skb]=ndisc_send_skb)
functions=$(IFS='|'; echo "${function_of[*]}")

in_ns() { ip netns exec "$@"; }

# batch NS: runs the commands of ip, a line each, of stdin there; batch -6 NS: those that are for IPv6.
batch() { ip ${2:+"$1"} -n "${2:-$1}" -batch -; }

# The addresses of devices.
declare -A mac_of=(["a eth0"]=02:00:00:00:00:0a ["r veth0"]=02:00:00:00:00:10
	["r veth1"]=02:00:00:00:00:11 ["b eth0"]=02:00:00:00:00:0b)

neighbours() {
	batch a <<<"neigh replace 10.0.0.1 lladdr ${mac_of[r veth0]} dev eth0 nud permanent"
	batch r <<-EOF
		neigh replace 10.0.0.2 lladdr ${mac_of[a eth0]} dev veth0 nud permanent
		neigh replace 10.0.0.77 lladdr ${mac_of[a eth0]} dev veth0 nud permanent
		neigh replace 10.0.1.1 lladdr ${mac_of[b eth0]} dev veth1 nud permanent
	EOF
	batch b <<<"neigh replace 10.0.1.2 lladdr ${mac_of[r veth1]} dev eth0 nud permanent"
}

neighbours6() {
	batch a <<<"neigh replace 2001:db8::1 lladdr ${mac_of[r veth0]} dev eth0 nud permanent"
	batch r <<-EOF
		neigh replace 2001:db8::2 lladdr ${mac_of[a eth0]} dev veth0 nud permanent
		neigh replace 2001:db8:1::1 lladdr ${mac_of[b eth0]} dev veth1 nud permanent
		neigh replace 2001:db8:1::3 lladdr ${mac_of[b eth0]} dev veth1 nud permanent
	EOF
	batch b <<<"neigh replace 2001:db8:1::2 lladdr ${mac_of[r veth1]} dev eth0 nud permanent"
}

# inum NS: the number of a namespace, which events have.
inum() { in_ns "$1" stat -Lc %i /proc/self/ns/net; }

# shellcheck disable=SC2034 # the numbers are for the tests
net_up() {
	local ns
	modprobe veth
	for ns in a r b; do
		ip netns add "$ns"
		in_ns "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
			net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
			net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0 \
			net.ipv4.icmp_msgs_per_sec=0
	done
	batch r <<-EOF
		link set lo up
		link add veth0 address ${mac_of[r veth0]} type veth peer name eth0 address ${mac_of[a eth0]} netns a
		link add veth1 address ${mac_of[r veth1]} type veth peer name eth0 address ${mac_of[b eth0]} netns b
		addr add 10.0.0.1/24 dev veth0
		addr add 10.0.1.2/24 dev veth1
	EOF
	batch a <<-EOF
		link set lo up
		addr add 10.0.0.2/24 dev eth0
		link set eth0 up
	EOF
	batch b <<-EOF
		link set lo up
		addr add 10.0.1.1/24 dev eth0
		addr add 192.0.2.9/32 dev lo
		link set eth0 up
	EOF
	batch r <<-EOF
		link set veth0 up
		link set veth1 up
		route add 192.0.2.0/24 via 10.0.1.1
	EOF
	batch a <<<"route add default via 10.0.0.1"
	batch b <<<"route add default via 10.0.1.2"
	in_ns r sysctl -qw net.ipv4.ip_forward=1
	in_ns a sysctl -qw net.ipv4.neigh.eth0.mcast_solicit=1
	neighbours
	net_a=$(inum a) net_r=$(inum r) net_b=$(inum b)
}

# net6_up: IPv6 as well, without what its hosts do by themselves: they are not to look for other hosts with their
# address, for routers, or for those who listen to groups.
net6_up() {
	local ns
	for ns in a r b; do
		# All else before it is enabled.
		# shellcheck disable=SC2016 # for the shell inside
		in_ns "$ns" bash -ec 'cd /proc/sys/net/ipv6
			echo 0 >icmp/ratelimit
			for key in accept_dad accept_ra router_solicitations mldv2_unsolicited_report_interval disable_ipv6; do
				for device in conf/*; do echo 0 >"$device/$key"; done
			done
			for device in neigh/*/delay_first_probe_time; do
				case $device in
				*/all/* | */default/*) ;;
				*) echo 3600 >"$device" ;;
				esac
			done'
	done
	batch -6 r <<-EOF
		addr add 2001:db8::1/64 dev veth0
		addr add 2001:db8:1::2/64 dev veth1
	EOF
	batch -6 a <<-EOF
		addr add 2001:db8::2/64 dev eth0
		route add default via 2001:db8::1
	EOF
	batch -6 b <<-EOF
		addr add 2001:db8:1::1/64 dev eth0
		addr add 2001:db8:2::9/128 dev lo
		route add default via 2001:db8:1::2
	EOF
	batch -6 r <<<"route add 2001:db8:2::/64 via 2001:db8:1::1"
	in_ns r sysctl -qw net.ipv6.conf.all.forwarding=1
	neighbours6
	sent_to_groups=() still=0
	await 30 "nobody tells any more which groups it is in" quiet6
}

# quiet6: has nobody sent anything to a group for a while? (The kernel reports each group that a new address is in,
# some time later.)
quiet6() {
	local ns sent=()
	# shellcheck disable=SC2016 # for awk
	for ns in a r b; do sent+=("$(in_ns "$ns" awk '$1 == "Ip6OutMcastPkts" { print $2 }' /proc/net/snmp6)"); done
	still=$((still + 1))
	[ "${sent[*]}" = "${sent_to_groups[*]}" ] || still=0
	sent_to_groups=("${sent[@]}")
	[ "$still" -ge 3 ]
}

net_down() {
	local ns
	for ns in a r b; do ip netns del "$ns" 2>/dev/null || true; done
}

# shellcheck disable=SC2120 # arguments that may be
load() { insmod "${module:-$FAULTLINE_MODULES/route_probe.ko}" "$@"; }

cleanup() {
	[ ! -e "$tracefs/events/route_probe" ] || echo 0 >"$tracefs/events/route_probe/enable"
	[ ! -e /sys/module/route_probe ] || rmmod route_probe
}

# start NS CMD...: a job in a namespace, which $! then is.
start() { (exec ip netns exec "$@") >/dev/null 2>&1 & }

# flood [SECONDS]: forwarded packets and our own, all the time, from both CPUs, until flood_end
# or for that long.
# shellcheck disable=SC2120 # an argument that may be
flood() {
	local cpu
	flood=()
	for cpu in 0 1; do
		start a taskset -c "$cpu" ping -q -f -w "${1:-3600}" 192.0.2.9; flood+=($!)
		start b taskset -c "$cpu" ping -q -f -w "${1:-3600}" 10.0.0.2; flood+=($!)
		start r taskset -c "$cpu" ping -q -f -w "${1:-3600}" 192.0.2.9; flood+=($!)
	done
}
flood_end() {
	kill -KILL "${flood[@]}" 2>/dev/null || true
	wait "${flood[@]}" 2>/dev/null || true
}

# ping_once NS ARG...: one packet, answered or not.
ping_once() {
	local ns=$1
	shift
	in_ns "$ns" ping -q -c 1 -W 1 "$@" >/dev/null 2>&1 || true
}

# events_begin: events come from now on; events NET: those that came, of a namespace or of
# all (.*), without what no test can know and what says nothing.
events_begin() {
	echo 0 >"$tracefs/trace"
	echo 1 >"$tracefs/events/route_probe/enable"
}
events() {
	sed -E '/^#/d; s/^.*: ([a-z0-9_]+: net=)/\1/
		s/ (ns|at|root|skb|uid|proto|sport|dport|rt_flags|flow_flags|arp_ignore|ifindex)=[^ ]*//g
		s/ (mark|flags|fwmask|fwmark|rule_tos)=0x0//g; s/ via6=:://; s/ paths=1( |$)/\1/; /^(fib6?_lookup|fib6?_rule|route6?_output)/s/ oif=( |$)/\1/
		s/ (not|l3mdev|rule_proto|[sd]port_first|[sd]port_last)=0//g; s/ uid_first=0 uid_last=4294967295//
		s/ suppress_(prefixlen|ifgroup)=-1//g; s/ rule_iif=( |$)/\1/; s/ rule_oif=( |$)/\1/; s/ (from|to)=(0.0.0.0|::)\/0//g; s/ +/ /g' \
		"$tracefs/trace" |
		grep -E "net=$1 " || true
}

# exactly WHAT NET WANT [REGEX]: these are the events of a namespace, all of them or those that match.
exactly() { same "$1" "$3" "$(events "$2" | grep -E -- "${4:-.}" || true)"; }

# uses_reasons: does this kernel return drop reasons, not errnos? verdict NAME ERRNO: which of
# the two fib_validate_source and ip_route_input return.
uses_reasons() { case $(uname -r) in [1-5].* | 6.[0-9].* | 6.1[0-2].*) return 1 ;; esac; }
verdict() { if uses_reasons; then echo "$1"; else echo "$2"; fi; }

# nstat_of COUNTER: what the kernel itself has counted in r.
nstat_of() { in_ns r nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'; }

# has_ipv6: is this kernel built with it?
has_ipv6() { [ -e /proc/sys/net/ipv6 ]; }
# absent EVENT: is there no function for it in this kernel?
absent() { [[ $1 = *6_* || $1 = ndisc_* || $1 = ipv6_* ]] && ! has_ipv6; }

# changed EVENT: has the compiler of this kernel changed the arguments of its function, or inlined it where it is
# called? clang does so where it can: with a function that is called in its own file.
changed() { [[ $1 = arp_process || $1 = arp_xmit ]] && [[ $(</proc/version) == *clang* ]]; }

# unchanged EVENT...: those whose function can be probed, a line each.
unchanged() {
	local event
	for event; do changed "$event" || absent "$event" || echo "$event"; done
}

# ledger KEY: a number of it. kprobes: how many of ours the kernel has.
ledger() { awk -v key="$1" '$1 == key { print $2 }' "$debugfs/ledger"; }
kprobes() { grep -cE " ($functions)\+" /sys/kernel/debug/kprobes/list || true; }

# balanced: the ledger balances, and nothing is in flight.
balanced() {
	awk '
		{ split($1, key, "."); if (split($1, _, ".") == 2) value[key[1], key[2]] = $2; events[key[1]] = 1 }
		END {
			for (event in events) {
				sum = value[event, "recorded"] + value[event, "filtered"] + value[event, "missed"] + value[event, "lost"]
				if (value[event, "hits"] != sum + value[event, "in_flight"]) { print event ": does not balance"; bad = 1 }
				if (value[event, "in_flight"] != 0) { print event ": " value[event, "in_flight"] " in flight"; bad = 1 }
			}
			exit bad
		}' "$debugfs/ledger"
}
