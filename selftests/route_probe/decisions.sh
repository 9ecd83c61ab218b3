#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `faultline route`: the line of a packet is what became of it, and why. The cases are in the table
# `decisions`, to which anybody can add: a set-up, a packet, the line. Where the line has a way, the
# kernel's own answer (`ip route get`) must be the same.
#
# Proves: probes

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

scratch=$(mktemp -d)
net_up
trap 'net_down; rm -rf "$scratch" /run/two_vrfs' EXIT
# 10.0.0.77 and 172.31.0.1 are nobody's: b uses them as sources.
ip -n r neigh replace 10.0.1.3 lladdr "${mac_of[b eth0]}" dev veth1 nud permanent
in_ns b sysctl -qw net.ipv4.ip_nonlocal_bind=1
ip -n b addr add 10.0.0.77/32 dev lo
ip -n b addr add 172.31.0.1/32 dev lo

cleanup() {
	[ -z "${watcher:-}" ] || kill -INT "$watcher" 2>/dev/null || true
	wait
	rm -rf /run/faultline
	[ ! -e /sys/module/route_probe ] || rmmod route_probe
}

# do_one COMMAND: of a set-up: "[NS:][-6] rule|route|addr|link ... add ...", "[NS:]tc qdisc|filter add ...",
# "[NS:]sysctl KEY=VALUE", or "[NS:]ping ARG...", of which nothing is to be taken back. Of the others each is: what
# was added is deleted, and a sysctl is what it was.
do_one() {
	local ns=r words old
	[[ $1 != [abr]:* ]] || { ns=${1%%:*}; set -- "${1#*:}"; }
	read -ra words <<<"$1"
	if [ "${words[0]}" = sysctl ]; then
		old=$(a_sysctl "$ns" "${words[1]%%=*}" "${words[1]#*=}")
		undo=("a_sysctl $ns ${words[1]%%=*} $old" "${undo[@]}")
	elif [ "${words[0]}" = ping ]; then
		ping_once "$ns" "${words[@]:1}"
	elif [ "${words[0]}" = tc ]; then
		# A filter goes with its qdisc.
		[ "${words[1]}" != qdisc ] || undo=("tc -n $ns ${words[*]:1}" "${undo[@]}")
		tc -n "$ns" "${words[@]:1}"
	else
		undo=("ip -n $ns ${words[*]}" "${undo[@]}")
		ip -n "$ns" "${words[@]}"
	fi
}
# a_sysctl NS KEY VALUE: sets it, and prints what it was.
a_sysctl() {
	# shellcheck disable=SC2016 # for the shell inside
	in_ns "$1" bash -ec 'read -r old <"$1"; echo "$2" >"$1"; echo "$old"' _ "/proc/sys/${2//.//}" "$3"
}
set_up() {
	local commands command
	undo=()
	IFS=';' read -ra commands <<<"$1"
	for command in "${commands[@]}"; do
		trim command
		[ -z "$command" ] || [ "$command" = - ] || do_one "$command"
	done
}
take_back() {
	local command
	for command in "${undo[@]}"; do
		command=${command/ add / del }
		# A next hop is deleted by its number alone.
		[[ ! $command =~ ^(.*\ nexthop\ del\ id\ [0-9]+)\  ]] || command=${BASH_REMATCH[1]}
		# shellcheck disable=SC2086 # words
		$command >/dev/null 2>&1 || true
	done
}

# trim NAME: removes the blanks around a variable's value.
trim() {
	local -n text=$1
	text=${text#"${text%%[! ]*}"}
	text=${text%"${text##*[! ]}"}
}

# send PACKET: "NS ping ARG...", "NS udp ADDRESS PORT", "NS get ARG...", which asks the kernel for a route, or
# "NS who ADDRESS", which asks the neighbours who has it.
send() {
	local ns what
	read -r ns what _ <<<"$1"
	# shellcheck disable=SC2016,SC2046,SC2086 # words, and what the shell inside expands
	case $what in
	# Whether it is answered does not matter.
	ping) in_ns "$ns" ping -q -c 1 -W 0.1 $(cut -d' ' -f 3- <<<"$1") >/dev/null 2>&1 || true ;;
	udp) in_ns "$ns" bash -c 'echo >"/dev/udp/$1/$2"' _ $(cut -d' ' -f 3- <<<"$1") 2>/dev/null || true ;;
	who)
		ip -n "$ns" neigh del $(cut -d' ' -f 3- <<<"$1") dev eth0 2>/dev/null || true
		ping_once "$ns" $(cut -d' ' -f 3- <<<"$1")
		neighbours
		[ -z "$(ip -n a -6 addr show dev eth0 scope global)" ] || neighbours6
		;;
	get) ip -n "$ns" route get $(cut -d' ' -f 3- <<<"$1") >/dev/null 2>&1 || true ;;
	esac
}

# came: reads what else the program has written, until a line begins as `line` does. Sets `found` to it, without its
# time and its end. `part` is what has been read of a line that is not there as a whole.
came() {
	local begin="${line%%: *}: " text
	while IFS= read -ru "$output" text; do
		text=$part$text part=''
		[[ $text = *"$begin"* && $text =~ ^\ *[0-9.]+\ \ (.*)$ ]] || continue
		found=${BASH_REMATCH[1]}
		[[ ! $found =~ ^(.*)\ \(net\ r(,\ [^()]*)?\)$ ]] || found=${BASH_REMATCH[1]}
		return
	done
	part+=$text
	return 1
}

# agrees LINE: `ip route get` answers with the way that the line has.
agrees() {
	local question mark way what answer
	[[ $1 =~ ^input\ ([^ ]+)\ \>\ ([^ ]+)\ ([^ ]+)(\ mark\ ([^ ]+))?(\ dport\ [0-9]+)?:\  ]] || return 0
	mark=${BASH_REMATCH[5]}
	question="${BASH_REMATCH[2]} from ${BASH_REMATCH[1]} iif ${BASH_REMATCH[3]}${mark:+ mark $mark}"
	[[ $1 =~ :\ (via\ ([^ ]+)|on\ link)\ dev\ ([^ ,]+) ]] || return 0
	way="${BASH_REMATCH[2]} ${BASH_REMATCH[3]}"
	# Of the ports, that of the packet is the first.
	for what in 'ipproto [a-z]+' 'dport [0-9]+'; do [[ ! $1 =~ $what ]] || question+=" ${BASH_REMATCH[0]}"; done
	# shellcheck disable=SC2086 # words
	answer=$(ip -n r route get $question 2>/dev/null) || true
	[[ $answer =~ (via\ (inet6\ )?([^ ]+)\ )?dev\ ([^ ]+) ]] || true
	same "$1: the kernel's own answer" "$way" "${BASH_REMATCH[3]:-} ${BASH_REMATCH[4]:-}"
}

# a_case: of the table, in $what, $setup, $packet and $line.
a_case() {
	local undo=() found=''
	set_up "$setup"
	while IFS= read -ru "$output" part; do :; done
	send "$packet"
	await 10 "$what: a line that begins as '$line'" came
	same "$what" "$line" "$found"
	agrees "$line"
	take_back
}

# ipv6: the network has it from here on.
ipv6() {
	has_ipv6 || skip "this kernel is built without IPv6"
	[ -n "$(ip -n a -6 addr show dev eth0 scope global)" ] || net6_up
}

# two_vrfs: a and b also have devices of which those in r belong to a VRF; kinds of devices that a part needs.
two_vrfs() {
	modprobe -q vrf || skip "this kernel has no VRF"
	[ ! -e /run/two_vrfs ] || return 0
	: >/run/two_vrfs
	ip -n r link add vrf7 type vrf table 107
	ip -n r link set vrf7 up
	mac_of+=(["r veth7"]=02:00:00:00:00:17 ["b eth8"]=02:00:00:00:00:18)
	ip link add veth7 address "${mac_of[r veth7]}" netns r type veth peer name eth7 netns a
	ip link add veth8 netns r type veth peer name eth8 address "${mac_of[b eth8]}" netns b
	ip -n r link set veth7 master vrf7
	ip -n r link set veth8 master vrf7
	local ns dev
	for dev in "a eth7" "r veth7" "r veth8" "b eth8"; do
		read -r ns dev <<<"$dev"
		in_ns "$ns" sysctl -qw "net.ipv6.conf.$dev.accept_dad=0" "net.ipv6.conf.$dev.mldv2_unsolicited_report_interval=0" 2>/dev/null || true
		ip -n "$ns" link set "$dev" up
	done
	ip -n a addr add 10.7.0.2/24 dev eth7
	ip -n r addr add 10.7.0.1/24 dev veth7
	ip -n r addr add 10.7.1.2/24 dev veth8
	ip -n b addr add 10.7.1.1/24 dev eth8
	ip -n a route add 198.19.0.0/16 via 10.7.0.1
	ip -n r route add 198.19.0.0/24 via 10.7.1.1 table 107
	ip -n a neigh replace 10.7.0.1 lladdr "${mac_of[r veth7]}" dev eth7 nud permanent
	ip -n r neigh replace 10.7.1.1 lladdr "${mac_of[b eth8]}" dev veth8 nud permanent
	has_ipv6 || return 0
	for dev in "a eth7" "r veth7" "r veth8" "b eth8"; do
		read -r ns dev <<<"$dev"
		in_ns "$ns" sysctl -qw "net.ipv6.conf.$dev.disable_ipv6=0"
	done
	ip -n a addr add 2001:db8:70::2/64 dev eth7
	ip -n r addr add 2001:db8:70::1/64 dev veth7
	ip -n r addr add 2001:db8:71::2/64 dev veth8
	ip -n a route add 2001:db8:7a::/48 via 2001:db8:70::1
	ip -n r route add 2001:db8:7a::/64 via 2001:db8:71::1 dev veth8 table 107
	ip -n a neigh replace 2001:db8:70::1 lladdr "${mac_of[r veth7]}" dev eth7 nud permanent
	ip -n r neigh replace 2001:db8:71::1 lladdr "${mac_of[b eth8]}" dev veth8 nud permanent
}

# needs MODULE...: of the kernel's.
needs() {
	local name
	for name; do modprobe -q "$name" || skip "this kernel has no $name"; done
}

# cases PART: those of a part of the table. What older kernels have another word for is {NEW/OLD}.
cases() {
	case $1 in ipv6_*) ipv6 ;; esac
	case $1 in
	*vrf) two_vrfs ;;
	marks) needs sch_ingress cls_matchall act_skbedit ;;
	tunnels) needs ip_gre wireguard ;;
	neighbours) ! changed arp_process || skip "the compiler has changed arp_process()" ;;
	esac
	local what setup packet line heading='' output part='' word=3 count=0
	! uses_reasons || word=2
	check "load" load
	mkdir -p /run/faultline
	"$FAULTLINE_PROGRAMS/faultline" route --netns r >"$scratch/out" 2>"$scratch/err" &
	watcher=$!
	await 60 "it watches" grep -qsx 1 "$tracefs/instances/faultline-$watcher/events/route_probe/enable"
	exec {output}<"$scratch/out"
	while IFS='|' read -r what setup packet line; do
		case $what in
		'## '*) heading=${what#\#\# } ;;
		'' | '#'*) ;;
		*)
			[ "$heading" = "$1" ] || continue
			trim what
			trim packet
			trim line
			[[ ! $line =~ ^(.*)\{([^/]*)/([^}]*)\}(.*)$ ]] ||
				line=${BASH_REMATCH[1]}${BASH_REMATCH[word]}${BASH_REMATCH[4]}
			a_case
			count=$((count + 1))
			;;
		esac
	done <"$here/decisions"
	kill -INT "$watcher"
	wait "$watcher"
	watcher=''
	exec {output}<&-
	note "$count cases"
	check "there are cases of $1" test "$count" -gt 0
	same "it understands all" "" "$(grep 'not understood' "$scratch/out" || true)"
	check "the ledger balances" balanced
}

going_on() { cases going_on; }
refused_by_routes() { cases refused_by_routes; }
wrong_sources() { cases wrong_sources; }
our_own() { cases our_own; }
several_paths() { cases several_paths; }
redirected() { cases redirected; }
asked_by_neighbours() { cases neighbours; }
tunnels() { cases tunnels; }
by_rules() { cases by_rules; }
marks() { cases marks; }
in_a_vrf() { cases vrf; }
ipv6_going_on() { cases ipv6_going_on; }
ipv6_refused_by_routes() { cases ipv6_refused_by_routes; }
ipv6_our_own() { cases ipv6_our_own; }
ipv6_several_paths() { cases ipv6_several_paths; }
ipv6_asked_by_neighbours() { cases ipv6_neighbours; }
ipv6_by_rules() { cases ipv6_by_rules; }
ipv6_in_a_vrf() { cases ipv6_vrf; }

# Once r has had rules, of each family, the kernel searches them. A VRF has one of each.
ktap_run going_on refused_by_routes wrong_sources our_own several_paths redirected asked_by_neighbours tunnels by_rules marks \
	ipv6_going_on ipv6_refused_by_routes ipv6_our_own ipv6_several_paths ipv6_asked_by_neighbours ipv6_by_rules \
	in_a_vrf ipv6_in_a_vrf
