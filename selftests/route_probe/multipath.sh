#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `faultline route` under load, of a route with eight paths: the paths that it shows are those that the packets
# took, counted at each far end.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

packets=${FAULTLINE_PACKETS:-400}
scratch=$(mktemp -d)
net_up
trap 'net_down; rm -rf "$scratch"' EXIT

cleanup() {
	[ -z "${watcher:-}" ] || kill -INT "$watcher" 2>/dev/null || true
	wait
	rm -rf /run/faultline
	[ ! -e /sys/module/route_probe ] || rmmod route_probe
}

# links: eight from r to b, of which each is the path to a gateway.
links() {
	local n
	for n in 1 2 3 4 5 6 7 8; do
		ip link add "path$n" netns r type veth peer name "path$n" address "02:00:00:00:01:0$n" netns b
		in_ns b sysctl -qw "net.ipv6.conf.path$n.disable_ipv6=1"
		ip -n r addr add "10.8.$n.2/24" dev "path$n"
		ip -n b link set "path$n" up
		ip -n r link set "path$n" up
		ip -n r neigh replace "10.8.$n.1" lladdr "02:00:00:00:01:0$n" dev "path$n" nud permanent
	done
	# Addresses and ports decide, so that the packets of one host go by all of them.
	in_ns r sysctl -qw net.ipv4.fib_multipath_hash_policy=1
}

# came: how many packets came by each link, a line each.
came() { for n in 1 2 3 4 5 6 7 8; do echo "path$n $(ip -n b -s -j link show "path$n" | jq '.[0].stats64.rx.packets')"; done; }

# since BEFORE: those that came since.
since() { paste -d' ' <(echo "$1") <(came) | awk '{ print $1, $4 - $2 }'; }

# shown: how many packets the lines say for each, a line each.
shown() {
	local n
	for n in 1 2 3 4 5 6 7 8; do
		echo "path$n $(grep -cE "^ *[0-9.]+  input 10.0.0.2 > 198.18.30.1 veth0: via 10.8.$n.1 dev path$n, main 198.18.30.0/24 \(path $n of 8\) " "$scratch/out" || true)"
	done
}

# send: datagrams from as many ports.
send() {
	# shellcheck disable=SC2016 # what the shell inside expands
	in_ns a bash -c 'for ((n = 0; n < $1; n++)); do echo >"/dev/udp/198.18.30.1/$((2000 + n))"; done' _ "$packets" 2>/dev/null
}

total() { awk '{ sum += $2 } END { print sum }'; }
all_shown() { [ "$(grep -c 'input 10.0.0.2 > 198.18.30.1 ' "$scratch/out")" -ge "$packets" ]; }

# paths NEXT-HOP...: those of the route say what the far ends count.
paths() {
	local before counted
	check "the route" ip -n r route add 198.18.30.0/24 "$@"
	check "load" load
	mkdir -p /run/faultline
	"$FAULTLINE_PROGRAMS/faultline" route --netns r --src 10.0.0.2 >"$scratch/out" 2>"$scratch/err" &
	watcher=$!
	await 60 "it watches" grep -qsx 1 "$tracefs/instances/faultline-$watcher/events/route_probe/enable"
	before=$(came)
	check "packets are sent" send
	await 60 "all are shown" all_shown
	counted=$(since "$before")
	kill -INT "$watcher"
	wait "$watcher"
	watcher=''
	note "$(paste -sd, <<<"$counted")"
	same "all have come" "$packets" "$(total <<<"$counted")"
	same "the paths shown are those taken" "$counted" "$(shown)"
	check "by more than one" test "$(awk '$2 > 0' <<<"$counted" | wc -l)" -gt 1
	ip -n r route del 198.18.30.0/24
	check "the ledger balances" balanced
}

of_a_route() {
	local n hops=()
	for n in 1 2 3 4 5 6 7 8; do hops+=(nexthop via "10.8.$n.1" dev "path$n" weight "$n"); done
	paths "${hops[@]}"
}

of_a_group() {
	local n group=''
	for n in 1 2 3 4 5 6 7 8; do
		ip -n r nexthop add id "$n" via "10.8.$n.1" dev "path$n"
		group+=${group:+/}$n
	done
	ip -n r nexthop add id 9 group "$group"
	paths nhid 9
	ip -n r nexthop flush >/dev/null 2>&1
}

# A group that moves as few flows as it can when a path goes.
of_a_resilient_group() {
	local n group=''
	for n in 1 2 3 4 5 6 7 8; do
		ip -n r nexthop add id "$n" via "10.8.$n.1" dev "path$n"
		group+=${group:+/}$n
	done
	ip -n r nexthop add id 9 group "$group" type resilient buckets 64
	paths nhid 9
	ip -n r nexthop flush >/dev/null 2>&1
}

links
ktap_run of_a_route of_a_group of_a_resilient_group
