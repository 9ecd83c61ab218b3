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

# The events of r, in words.
# found and failed CAUSE SRC DST IIF TABLE: a lookup, and TYPE PREFIX VIA DEV or ERR ERROR.
asks() { echo "net=$net_r cause=$1 src=$2 dst=$3 tos=0x0${asked_mark:+ mark=$asked_mark}"; }
found() { echo "fib_lookup: $(asks "$@") iif=$4 table=$5 err=0 type=$6 prefix=$7 via=$8 dev=$9"; }
failed() { echo "fib_lookup_failed: $(asks "$@") iif=$4 table=$5 err=$6 error=$7"; }
# validated CAUSE SRC DST OIF DEV [RP_FILTER RET RESULT]: a source.
validated() { echo "fib_validate_source: $(asks "$@") oif=$4 dev=$5 rp_filter=${6:-off} ret=${7:-0} result=${8:-ok}"; }
# goes CAUSE SRC DST DEV FATE VIA OUT: a packet, and what becomes of it.
goes() { echo "ip_route_input: $(asks "$@") dev=$4 ret=0 reason=ok err=0 fate=$5 via=$6 out=$7"; }
# refused CAUSE SRC DST DEV RET REASON [ERR]: one that is dropped, there and then or, by an errno, after it.
refused() { echo "ip_route_input: $(asks "$@") dev=$4 ret=$5 reason=$6 err=${7:-0} fate=dropped via=0.0.0.0 out="; }
# sent and not_sent SRC DST: one of r's own, and TYPE VIA DEV or ERR ERROR.
sent() { echo "route_output: $(asks other "$@") err=0 type=$3 via=$4 dev=$5"; }
not_sent() { echo "route_output_failed: $(asks other "$@") err=$3 error=$4"; }
# ruled CAUSE SRC DST IIF ERR ERROR PRIORITY ACTION TABLE [SELECTOR]: the rule that decided.
ruled() { echo "fib_rule: $(asks "$@") iif=$4 err=$5 error=$6 priority=$7 action=$8 table=$9${10:+ ${10}}"; }
# kept and thrown_away CAUSE PRIORITY PREFIX DEV [BY]: a route that a rule has looked at.
kept() { echo "fib_rule_suppress: net=$net_r cause=$1 priority=$2${5:+ $5} prefix=$3 dev=$4 result=kept"; }
thrown_away() { echo "fib_rule_suppress: net=$net_r cause=$1 priority=$2${5:+ $5} prefix=$3 dev=$4 result=suppressed"; }
# path CAUSE PREFIX PATH PATHS VIA DEV: one of several.
path() { echo "fib_multipath: net=$net_r cause=$1 prefix=$2 path=$3 paths=$4 via=$5 dev=$6"; }
# arp_came DEV SENDER TARGET: a request.
arp_came() { echo "arp_process: net=$net_r dev=$1 no_addr=0 rp_filter=off op=request sender=$2 target=$3 ret=0"; }

# route_get ARG...: how the kernel itself answers, as "via dev", 0.0.0.0 without a gateway.
route_get() { ip -n r -j route get "$@" | jq -r '.[0] | "\(.gateway // "0.0.0.0") \(.dev)"'; }

a_packet_that_is_forwarded() {
	check "load" load
	events_begin
	ping_once a 192.0.2.9
	exactly "the way there, and back" "$net_r" "$(
		found input 10.0.0.2 192.0.2.9 veth0 main unicast 192.0.2.0/24 10.0.1.1 veth1
		validated input 10.0.0.2 192.0.2.9 veth1 veth0
		goes input 10.0.0.2 192.0.2.9 veth0 forward 10.0.1.1 veth1
		found input 192.0.2.9 10.0.0.2 veth1 main unicast 10.0.0.0/24 0.0.0.0 veth0
		validated input 192.0.2.9 10.0.0.2 veth0 veth1
		goes input 192.0.2.9 10.0.0.2 veth1 forward 0.0.0.0 veth0)"
	same "the kernel's own answer" "10.0.1.1 veth1" "$(route_get 192.0.2.9 from 10.0.0.2 iif veth0)"
}

a_packet_of_our_own() {
	check "load" load
	events_begin
	ping_once a 192.0.2.9
	match "the socket asks" \
		"^route_output: net=$net_a cause=other src=0.0.0.0 dst=192.0.2.9 tos=0x0 err=0 type=unicast via=10.0.0.1 dev=eth0\$" \
		"$(events "$net_a")"
	same "each output is one lookup" "$(events "$net_a" | grep -c '^route_output: ')" \
		"$(events "$net_a" | grep -c '^fib_lookup: .* cause=output src=.* iif=lo table=main err=0 type=unicast prefix=0.0.0.0/0 via=10.0.0.1 dev=eth0')"
	events_begin
	in_ns a ping -q -c 1 -W 1 -m 7 192.0.2.9 >/dev/null
	match "its mark" "^route_output: .* dst=192.0.2.9 .* mark=0x7 err=0" "$(events "$net_a")"
}

a_packet_for_us() {
	check "load" load
	events_begin
	ping_once a 10.0.0.1
	exactly "it, and our answer" "$net_r" "$(
		found input 10.0.0.2 10.0.0.1 veth0 main local 10.0.0.1/32 0.0.0.0 veth0
		validated input 10.0.0.2 10.0.0.1 "" veth0
		goes input 10.0.0.2 10.0.0.1 veth0 local 0.0.0.0 lo
		found output 10.0.0.1 10.0.0.2 lo main unicast 10.0.0.0/24 0.0.0.0 veth0
		sent 10.0.0.1 10.0.0.2 unicast 0.0.0.0 veth0)"
}

# Of a packet for many the source alone is validated.
broadcast_and_multicast() {
	local to
	check "load" load
	events_begin
	ping_once a -b 10.0.0.255
	exactly "broadcast of a net" "$net_r" "$(
		found input 10.0.0.2 10.0.0.255 veth0 main broadcast 10.0.0.255/32 0.0.0.0 veth0
		validated input 10.0.0.2 0.0.0.0 "" veth0
		goes input 10.0.0.2 10.0.0.255 veth0 broadcast 0.0.0.0 lo)"
	for to in 255.255.255.255 224.0.0.1; do
		events_begin
		ping_once a -b -I eth0 "$to"
		exactly "$to, which is not looked up" "$net_r" "$(
			validated input 10.0.0.2 0.0.0.0 "" veth0
			goes input 10.0.0.2 "$to" veth0 "$([ "$to" = 224.0.0.1 ] && echo multicast || echo broadcast)" 0.0.0.0 lo)"
	done
	events_begin
	ping_once a -I eth0 239.1.2.3
	exactly "a group that nobody here is in" "$net_r" \
		"$(refused input 10.0.0.2 239.1.2.3 veth0 "$(verdict 2 -22)" "$(verdict NOT_SPECIFIED EINVAL)")"
}

# refusal ERR ERROR [ERR ERROR]: the events of a packet for 198.51.100.1, one that came in and
# one of r's own, of which the lookup says the first and what is made of it the second.
refusal() {
	events_begin
	ping_once a 198.51.100.1
	exactly "$2" "$net_r" "$(
		failed input 10.0.0.2 198.51.100.1 veth0 main "$1" "$2"
		refused input 10.0.0.2 198.51.100.1 veth0 0 "${4:-$2}" "${3:-$1}")"
	events_begin
	ping_once r 198.51.100.1
	exactly "$2, our own" "$net_r" "$(
		failed output 0.0.0.0 198.51.100.1 lo main "$1" "$2"
		not_sent 0.0.0.0 198.51.100.1 "${3:-$1}" "${4:-$2}")"
}

routes_that_refuse() {
	local type
	check "load" load
	for type in unreachable:-113 prohibit:-13 blackhole:-22; do
		ip -n r route replace "${type%:*}" 198.51.100.0/24
		refusal "${type#*:}" "${type%:*}"
		ip -n r route del "${type%:*}" 198.51.100.0/24
	done
	ip -n r route add throw 198.51.100.0/24
	refusal -11 no_match_or_throw -101 net_unreachable
	ip -n r route del throw 198.51.100.0/24
	refusal -11 no_match_or_throw -101 net_unreachable
}

rules_and_tables() {
	local rule
	check "load" load
	ip -n r rule add fwmark 0x5 table 98 priority 98
	ip -n r rule add from 10.0.0.2 table 99 priority 99
	ip -n r rule add from 10.0.0.2 table 100 priority 100
	ip -n r route add 203.0.113.0/24 via 10.0.0.2 table 98
	ip -n r route add throw 203.0.113.0/24 table 99
	ip -n r route add 203.0.113.0/24 via 10.0.1.1 table 100
	events_begin
	ping_once a 203.0.113.5
	exactly "the tables that were asked, and their answers" "$net_r" "$(
		failed input 10.0.0.2 203.0.113.5 veth0 local -11 no_match_or_throw
		failed input 10.0.0.2 203.0.113.5 veth0 99 -11 no_match_or_throw
		found input 10.0.0.2 203.0.113.5 veth0 100 unicast 203.0.113.0/24 10.0.1.1 veth1
		kept input 100 203.0.113.0/24 veth1
		ruled input 10.0.0.2 203.0.113.5 veth0 0 "" 100 lookup 100 "from=10.0.0.2/32"
		failed validate 203.0.113.5 10.0.0.2 veth1 local -11 no_match_or_throw
		found validate 203.0.113.5 10.0.0.2 veth1 main unicast 10.0.0.0/24 0.0.0.0 veth0
		kept validate 32766 10.0.0.0/24 veth0
		ruled validate 203.0.113.5 10.0.0.2 veth1 0 "" 32766 lookup main
		validated input 10.0.0.2 203.0.113.5 veth1 veth0 off 1 ok_on_link
		goes input 10.0.0.2 203.0.113.5 veth0 forward 10.0.1.1 veth1)"
	same "the kernel's own answer" "10.0.1.1 veth1" "$(route_get 203.0.113.5 from 10.0.0.2 iif veth0)"
	events_begin
	same "the kernel's own answer, by mark" "10.0.0.2 veth0" "$(route_get 203.0.113.5 mark 5)"
	exactly "by its mark" "$net_r" "$(asked_mark=0x5
		failed output 0.0.0.0 203.0.113.5 lo local -11 no_match_or_throw
		found output 0.0.0.0 203.0.113.5 lo 98 unicast 203.0.113.0/24 10.0.0.2 veth0
		kept output 98 203.0.113.0/24 veth0
		ruled output 0.0.0.0 203.0.113.5 lo 0 "" 98 lookup 98 "fwmark=0x5 fwmask=0xffffffff")" ' cause=output '
	for rule in 98 99 100; do ip -n r rule del priority "$rule"; done
}

rules_that_refuse_or_throw_away() {
	check "load" load
	ip -n r rule add priority 40 to 198.51.100.0/24 iif veth0 ipproto icmp blackhole
	events_begin
	ping_once a 198.51.100.7
	exactly "a rule drops it" "$net_r" "$(
		failed input 10.0.0.2 198.51.100.7 veth0 local -11 no_match_or_throw
		ruled input 10.0.0.2 198.51.100.7 veth0 -22 blackhole 40 blackhole 0 "to=198.51.100.0/24 rule_iif=veth0 rule_proto=1"
		refused input 10.0.0.2 198.51.100.7 veth0 0 blackhole -22)"
	ip -n r rule del priority 40
	# As wg-quick sets it up: main, but for its default route.
	ip -n r rule add priority 50 table main suppress_prefixlength 24
	ip -n r route add 192.0.2.0/24 via 10.0.0.2 table 51
	ip -n r rule add priority 51 table 51
	events_begin
	ping_once a 192.0.2.9
	exactly "a rule throws a route away" "$net_r" "$(
		failed input 10.0.0.2 192.0.2.9 veth0 local -11 no_match_or_throw
		found input 10.0.0.2 192.0.2.9 veth0 main unicast 192.0.2.0/24 10.0.1.1 veth1
		thrown_away input 50 192.0.2.0/24 veth1 suppress_prefixlen=24
		found input 10.0.0.2 192.0.2.9 veth0 51 unicast 192.0.2.0/24 10.0.0.2 veth0
		kept input 51 192.0.2.0/24 veth0
		ruled input 10.0.0.2 192.0.2.9 veth0 0 "" 51 lookup 51
		goes input 10.0.0.2 192.0.2.9 veth0 forward 10.0.0.2 veth0)" '^(fib_lookup|fib_rule).* cause=input |^ip_route_input'
	same "the kernel's own answer" "10.0.0.2 veth0" "$(route_get 192.0.2.9 from 10.0.0.2 iif veth0)"
	ip -n r rule del priority 50
	ip -n r rule del priority 51
	ip -n r route del 192.0.2.0/24 table 51
}

# A lookup ends with the first next hop that is alive; which of them it will be is decided
# after it.
several_next_hops() {
	local i=0 got hops number wanted=''
	check "load" load
	ip -n r route add 198.18.0.0/24 nexthop via 10.0.1.1 dev veth1 nexthop via 10.0.0.2 dev veth0
	events_begin
	# The kernel's own answers, as route_get has one.
	hops=$(printf 'route get 198.18.0.%d\n' {1..32} | ip -n r -j -batch - | jq -r '.[0] | "\(.gateway // "0.0.0.0") \(.dev)"')
	while read -r got; do
		i=$((i + 1))
		number=1
		[ "$got" = "10.0.1.1 veth1" ] || number=2
		wanted+=$(
			echo "$(found output 0.0.0.0 "198.18.0.$i" lo main unicast 198.18.0.0/24 10.0.1.1 veth1) paths=2"
			# shellcheck disable=SC2086 # two words
			path output 198.18.0.0/24 "$number" 2 $got
			# shellcheck disable=SC2086 # two words
			sent 0.0.0.0 "198.18.0.$i" unicast $got
		)$'\n'
	done <<<"$hops"
	same "answers" 32 "$i"
	exactly "each answer" "$net_r" "${wanted%$'\n'}"
	same "both are used" "10.0.0.2 veth0,10.0.1.1 veth1" "$(sort -u <<<"$hops" | paste -sd,)"
	events_begin
	ping_once a 198.18.0.1
	ip -n r route del 198.18.0.0/24
	same "the path of the event is the way that the packet takes" \
		"$(events "$net_r" | sed -nE 's/^fib_multipath: .* cause=input .* via=([^ ]+) dev=(.*)$/\1 \2/p')" \
		"$(events "$net_r" | sed -nE 's/^ip_route_input: .* dst=198.18.0.1 .* fate=forward via=([^ ]+) out=(.*)$/\1 \2/p')"
	match "and is one of the two" "^fib_multipath: net=$net_r cause=input prefix=198.18.0.0/24 path=[12] paths=2 " "$(events "$net_r")"
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
	exactly "its table" "$net_r" "$(
		failed input 10.0.0.2 192.0.2.9 veth0 local -11 no_match_or_throw
		found input 10.0.0.2 192.0.2.9 veth0 10 unicast 192.0.2.0/24 10.0.1.1 veth1)" \
		'^fib_lookup.* src=10\.0\.0\.2 dst=192\.0\.2\.9 '
	same "the kernel's own answer" "10.0.1.1 veth1" "$(route_get 192.0.2.9 from 10.0.0.2 iif veth0)"
	ip -n r link del red
	neighbours
}

# from_b SOURCE DESTINATION: a packet of b's with any source.
from_b() {
	ip -n b addr add "$1/32" dev lo
	events_begin
	ping_once b -I "$1" "$2"
	ip -n b addr del "$1/32" dev lo
}

# without_numbers: a drop reason has another number on each kernel.
without_numbers() { sed -E 's/ ret=-?[1-9][0-9]*/ ret=N/'; }

# The route to 10.0.0.77 leaves by veth0, and there is none to 172.31.0.1: both come by veth1.
sources_that_are_wrong() {
	local before wrong
	check "load" load
	wrong=$(verdict IP_RPFILTER EXDEV)
	before=$(nstat_of TcpExtIPReversePathFilter)
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=1
	from_b 10.0.0.77 10.0.0.1
	same "strict" "$(
		found input 10.0.0.77 10.0.0.1 veth1 main local 10.0.0.1/32 0.0.0.0 veth0
		found validate 10.0.0.1 10.0.0.77 lo main unicast 10.0.0.0/24 0.0.0.0 veth0
		validated input 10.0.0.77 10.0.0.1 "" veth1 strict N "$wrong"
		refused input 10.0.0.77 10.0.0.1 veth1 N "$wrong")" "$(events "$net_r" | without_numbers)"
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=2
	from_b 172.31.0.1 10.0.1.2
	same "loose, and no way back" "$(
		found input 172.31.0.1 10.0.1.2 veth1 main local 10.0.1.2/32 0.0.0.0 veth1
		failed validate 10.0.1.2 172.31.0.1 lo main -11 no_match_or_throw
		validated input 172.31.0.1 10.0.1.2 "" veth1 loose N "$wrong"
		refused input 172.31.0.1 10.0.1.2 veth1 N "$wrong")" "$(events "$net_r" | without_numbers)"
	same "nstat counts both" 2 "$(($(nstat_of TcpExtIPReversePathFilter) - before))"
	from_b 10.0.0.77 10.0.0.1
	match "loose" "^$(validated input 10.0.0.77 10.0.0.1 "" veth1 loose)\$" "$(events "$net_r")"
	match "loose, and taken" "^$(goes input 10.0.0.77 10.0.0.1 veth1 local 0.0.0.0 lo)\$" "$(events "$net_r")"
	in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0
	from_b 172.31.0.1 10.0.1.2
	match "off" "^$(validated input 172.31.0.1 10.0.1.2 "" veth1)\$" "$(events "$net_r")"
	same "nstat counts neither" 2 "$(($(nstat_of TcpExtIPReversePathFilter) - before))"
	# An address of r's own, as if from outside.
	wrong=$(verdict IP_LOCAL_SOURCE EINVAL)
	from_b 10.0.0.1 10.0.1.2
	same "martian" "$(
		found input 10.0.0.1 10.0.1.2 veth1 main local 10.0.1.2/32 0.0.0.0 veth1
		validated input 10.0.0.1 10.0.1.2 "" veth1 off N "$wrong"
		refused input 10.0.0.1 10.0.1.2 veth1 N "$wrong")" "$(events "$net_r" | without_numbers)"
}

forwarding_off() {
	check "load" load
	in_ns r sysctl -qw net.ipv4.ip_forward=0
	events_begin
	ping_once a 192.0.2.9
	in_ns r sysctl -qw net.ipv4.ip_forward=1
	exactly "it is found, and not used" "$net_r" "$(
		found input 10.0.0.2 192.0.2.9 veth0 main unicast 192.0.2.0/24 10.0.1.1 veth1
		refused input 10.0.0.2 192.0.2.9 veth0 0 forwarding_off -113)"
}

# asked ADDRESS EVENTS: a asks once who has it. Its events in r, and before its own those of the
# way there.
asked() {
	ip -n a neigh del "$1" dev eth0 2>/dev/null || true
	events_begin
	ping_once a "$1"
	same "a request for $1" "$2
$(arp_came veth0 10.0.0.2 "$1")" "$(events "$net_r" | grep -E ' cause=arp |^arp_process: ' | without_numbers)"
}

# answers ADDRESS: the reply that r sends.
answers() { echo "arp_xmit: net=$net_r cause=arp dev=veth0 op=reply sender=$1 target=10.0.0.2"; }

# replied ADDRESS: the reply that came to a; replies: those that came.
replied() { echo "arp_process: net=$net_a dev=eth0 no_addr=0 rp_filter=off op=reply sender=$1 target=10.0.0.2 ret=0"; }
replies() { events "$net_a" | grep '^arp_process' || true; }

arp() {
	! changed arp_process || skip "the compiler has changed arp_process()"
	local way
	check "load" load
	asked 10.0.0.1 "$(
		found arp 10.0.0.2 10.0.0.1 veth0 main local 10.0.0.1/32 0.0.0.0 veth0
		validated arp 10.0.0.2 10.0.0.1 "" veth0
		goes arp 10.0.0.2 10.0.0.1 veth0 local 0.0.0.0 lo
		answers 10.0.0.1)"
	same "the reply" "$(replied 10.0.0.1)" "$(replies)"
	# One that nobody has; the way to it leads back, which is told where redirects are sent.
	in_ns r sysctl -qw net.ipv4.conf.veth0.send_redirects=1
	asked 10.0.0.99 "$(
		found arp 10.0.0.2 10.0.0.99 veth0 main unicast 10.0.0.0/24 0.0.0.0 veth0
		validated arp 10.0.0.2 10.0.0.99 veth0 veth0 off N ok_on_link
		refused arp 10.0.0.2 10.0.0.99 veth0 N "$(verdict ARP_PVLAN_DISABLE EINVAL)")"
	in_ns r sysctl -qw net.ipv4.conf.veth0.send_redirects=0
	same "nobody replies" "" "$(replies)"
	# One to which there is no way.
	ip -n a route add 203.0.113.77 dev eth0
	asked 203.0.113.77 "$(
		failed arp 10.0.0.2 203.0.113.77 veth0 main -11 no_match_or_throw
		refused arp 10.0.0.2 203.0.113.77 veth0 0 net_unreachable -101)"
	same "nobody replies to that either" "" "$(replies)"
	ip -n a route del 203.0.113.77 dev eth0
	# One that another has, on another link: r answers for it if told to.
	ip -n a route add 192.0.2.9 dev eth0
	way=$(
		found arp 10.0.0.2 192.0.2.9 veth0 main unicast 192.0.2.0/24 10.0.1.1 veth1
		validated arp 10.0.0.2 192.0.2.9 veth1 veth0
		goes arp 10.0.0.2 192.0.2.9 veth0 forward 10.0.1.1 veth1
	)
	asked 192.0.2.9 "$way"
	same "r does not answer for another" "" "$(replies)"
	in_ns r sysctl -qw net.ipv4.neigh.veth0.proxy_delay=0 net.ipv4.conf.veth0.proxy_arp=1
	asked 192.0.2.9 "$way
$(answers 192.0.2.9)"
	same "but as a proxy" "$(replied 192.0.2.9)" "$(replies)"
	in_ns r sysctl -qw net.ipv4.conf.veth0.proxy_arp=0
	ip -n a neigh del 192.0.2.9 dev eth0 2>/dev/null || true
	ip -n a route del 192.0.2.9 dev eth0
	neighbours
}

arp_without_an_address() {
	! changed arp_process || skip "the compiler has changed arp_process()"
	check "load" load
	ip link add veth2 netns r type veth peer name eth2 netns a
	ip -n a addr add 172.16.0.2/24 dev eth2
	ip -n a link set eth2 up
	ip -n r link set veth2 up
	events_begin
	ping_once a 172.16.0.1
	ip -n r link del veth2
	match "the device has none" \
		"^arp_process: net=$net_r dev=veth2 no_addr=1 rp_filter=off op=request sender=172.16.0.2 target=172.16.0.1 " \
		"$(events "$net_r")"
}

trace_cmd_reads_them() {
	local report
	check "load" load
	trace-cmd record -q -e route_probe -o /tmp/trace.dat ip netns exec a ping -q -c 1 192.0.2.9 >/dev/null
	report=$(trace-cmd report -i /tmp/trace.dat | tr -s ' ')
	match "a lookup" "fib_lookup: net=$net_r cause=input src=10.0.0.2 dst=192.0.2.9 .* table=main err=0 type=unicast prefix=192.0.2.0/24 via=10.0.1.1 via6=:: dev=veth1 " "$report"
	match "a verdict" "ip_route_input: .* reason=ok err=0 fate=forward " "$report"
}

# The same decisions in IPv6, where the tables are asked without rules as long as there are none.
ipv6() {
	has_ipv6 || skip "this kernel is built without IPv6"
	net6_up
	local report asks="net=$net_r cause=input src=2001:db8::2 dst=2001:db8:2::9 tos=0x0"
	check "load" load
	events_begin
	ping_once a 2001:db8:2::9
	exactly "the way there" "$net_r" "$(
		echo "fib6_lookup_failed: $asks iif=veth0 table=local err=-11 error=no_match_or_throw"
		echo "fib6_lookup: $asks iif=veth0 table=main err=0 type=unicast prefix=2001:db8:2::/64 via=0.0.0.0 via6=2001:db8:1::1 dev=veth1"
		echo "ip6_route_input: $asks dev=veth0 ret=0 reason=ok err=0 fate=forward via=0.0.0.0 via6=2001:db8:1::1 out=veth1"
	)" 'src=2001:db8::2 '
	events_begin
	in_ns a ping -q -c 1 -W 1 -Q 0x40 2001:db8:2::9 >/dev/null
	match "its traffic class" "^ip6_route_input: .* src=2001:db8::2 dst=2001:db8:2::9 tos=0x40 dev=veth0 " "$(events "$net_r")"
	# What user space makes of the format: it knows no prefixes.
	ip -n r -6 rule add priority 40 from 2001:db8::/64 to 2001:db8:55::/48 blackhole
	trace-cmd record -q -e route_probe -o /tmp/trace.dat ip netns exec a ping -q -c 1 -W 1 2001:db8:55::1 >/dev/null || true
	ip -n r -6 rule del priority 40
	report=$(trace-cmd report -i /tmp/trace.dat | tr -s ' ')
	match "trace-cmd" "fib6_rule: net=$net_r cause=input src=2001:db8::2 dst=2001:db8:55::1 .* err=-22 error=blackhole priority=40 action=blackhole table=0 not=0 from=2001:db8:0:0:0:0:0:0/64 to=2001:db8:55:0:0:0:0:0/48 " "$report"
	match "its packet" "ip6_route_input: .* dst=2001:db8:55::1 .* reason=blackhole err=-22 fate=dropped " "$report"
}

# The last three leave r with rules: from then on it has a table for local addresses of its own.
ktap_run a_packet_that_is_forwarded a_packet_of_our_own a_packet_for_us broadcast_and_multicast routes_that_refuse \
	several_next_hops sources_that_are_wrong forwarding_off arp arp_without_an_address trace_cmd_reads_them \
	ipv6 rules_and_tables rules_that_refuse_or_throw_away vrf
