#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe: the ledger accounts for every hit, also those that it has missed, and agrees
# with bpftrace, which counts the same functions in its own way (fentry, no kprobe).
# FAULTLINE_SECONDS (10) is how long there is traffic on both CPUs, in each test.
#
# Proves: probes

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

seconds=${FAULTLINE_SECONDS:-10}
net_up
! has_ipv6 || net6_up
trap net_down EXIT
# b has a rule, and r a route with two paths, so that all functions are called.
ip -n b rule add priority 97 to 198.51.100.0/24 table 97
ip -n r route add 198.18.0.0/24 nexthop via 10.0.1.1 dev veth1 nexthop via 10.0.0.2 dev veth0
if has_ipv6; then
	ip -n b -6 rule add priority 97 to 2001:db8:66::/64 table 97
	ip -n r route add 2001:db8:33::/64 nexthop via 2001:db8:1::1 dev veth1 nexthop via 2001:db8:1::3 dev veth1
fi

# counting: does bpftrace count? answered: or has it ended? (A message of its may quote the script.)
counting() { grep -qx counting "$observer"; }
answered() { counting || ! kill -0 "$observer_pid" 2>/dev/null; }

# observe: counts all functions from here on, until observed. What this kernel's BTF leaves out has no fentry,
# and is counted at a kprobe of bpftrace's own (which is an fprobe).
observe() {
	sysctl -qw kernel.bpf_stats_enabled=1
	observer=$(mktemp)
	kprobe=''
	count_with_bpftrace "|"
	if ! counting; then
		local without
		without=$(sed -nE 's/^.*ERROR: No matches for fentry vmlinux:([a-z0-9_]+)\..*$/\1/p' "$observer" | paste -sd '|')
		if [ -n "$without" ]; then
			note "not in this kernel's BTF: $without"
			kprobe=2 # the type of such a program
			count_with_bpftrace "|$without|"
		fi
	fi
	counting || note "$(grep -iE "error|fail" "$observer" | cut -c1-200 | head -n 10)"
	check "bpftrace counts" counting
}
# count_with_bpftrace FUNCTIONS: those, with | around each, have no fentry. In the order of all_events.
count_with_bpftrace() {
	local event script='' way
	for event in $(unchanged "${all_events[@]}"); do
		way=fentry:vmlinux
		[[ $1 != *"|${function_of[$event]}|"* ]] || way=kprobe
		script+="$way:${function_of[$event]} { @$event = count(); } "
	done
	bpftrace -e 'BEGIN { printf("counting\n"); } '"$script" >"$observer" 2>&1 &
	observer_pid=$!
	await 120 "bpftrace counts, or has ended" answered
}

# programs: bpftrace's, a line for each event: "<event> <calls> <runs> <misses>". Calls are what
# the kernel knows of its program: those for which it was run, and those for which it was not,
# since it was interrupted by the very call that it should have counted. They are in the order
# of the script, which observed makes sure of.
programs() {
	local file
	for file in $(find "/proc/$observer_pid/fdinfo" -type f -printf '%f\n' | sort -n); do
		awk -v kprobe="${kprobe:-none}" '{ value[$1] = $2 } END {
			if (value["prog_type:"] == 26 || value["prog_type:"] == kprobe) # tracing
				print value["run_cnt:"] + value["recursion_misses:"], value["run_cnt:"], value["recursion_misses:"]
		}' "/proc/$observer_pid/fdinfo/$file"
	done | paste -d' ' <(unchanged "${all_events[@]}") - | sort
}

# calls: of each function, as bpftrace knows them, [since those]; hits: as we do.
calls() { programs | cut -d' ' -f 1,2 | if [ $# = 0 ]; then cat; else join <(echo "$1") - | awk '{ print $1, $3 - $2 }'; fi; }
hits() { sed -nE 's/^([a-z0-9_]+)\.hits /\1 /p' "$debugfs/ledger" | sort | join - <(unchanged "${all_events[@]}" | sort); }

# observed: bpftrace ends; it must have counted what the kernel says that it was run for.
observed() {
	local ran
	# New bpftraces do not print what was never counted.
	ran=$(programs | cut -d' ' -f 1,3 | grep -v ' 0$')
	kill -TERM "$observer_pid"
	wait "$observer_pid" || true
	same "bpftrace's own counts" "$ran" "$(sed -nE 's/^@([a-z0-9_]+): ([1-9][0-9]*)$/\1 \2/p' "$observer" | sort)"
}

# traffic6: some of each kind, in IPv6.
traffic6() {
	ip -n a neigh del 2001:db8::1 dev eth0 2>/dev/null || true
	in_ns a ping -q -c 3 -i 0.002 -W 1 2001:db8:2::9 >/dev/null 2>&1 || true
	in_ns b ping -q -c 1 -W 1 2001:db8::2 >/dev/null 2>&1 || true
	in_ns r ping -q -c 1 -W 1 2001:db8:77::1 >/dev/null 2>&1 || true
	ip -n r route get 2001:db8:33::1 >/dev/null
}

# traffic: of all kinds, on both CPUs: forwarded, our own, refused, ARP.
traffic() {
	flood "$seconds"
	local end=$(($(now_ms) + seconds * 1000))
	while [ "$(now_ms)" -lt "$end" ]; do
		ip -n a neigh del 10.0.0.1 dev eth0 2>/dev/null || true
		in_ns a ping -q -c 1 -W 1 10.0.0.1 >/dev/null 2>&1 || true
		in_ns r ping -q -c 1 -W 1 203.0.113.1 >/dev/null 2>&1 || true
		ip -n r route get 198.18.0.1 >/dev/null
		! has_ipv6 || traffic6
	done
	wait "${flood[@]}" || true
	neighbours
	! has_ipv6 || neighbours6
}

# agrees: the ledger's hits of each function are the calls that the observer knows of, with
# traffic from two CPUs.
agrees() {
	local ours theirs before
	observe
	echo >"$debugfs/ledger"
	before=$(calls)
	traffic
	await 10 "no call is in flight" balanced
	ours=$(hits)
	theirs=$(calls "$before")
	note "hits $(paste -sd, <<<"$ours"); bpftrace $(programs | paste -sd,)"
	note "missed $(grep -E '\.missed_.* [1-9]' "$debugfs/ledger" | paste -sd,)"
	same "hits of each function" "$theirs" "$ours"
	check "there was traffic" test "$(ledger fib_lookup.hits)" -gt $((100 * seconds))
	same "each function was called" "" "$(awk '$2 == 0 { print $1 }' <<<"$ours")"
	observed
}

every_hit_is_there() {
	check "load" load
	agrees
	same "nothing was filtered" 0 "$(ledger fib_lookup.filtered)"
	same "nothing was lost" 0 "$(ledger fib_lookup.lost)"
	same "no instance was missing" 0 "$(ledger fib_lookup.missed_no_instance)"
}

one_instance_only() {
	log_begin
	check "load" load maxactive=1
	agrees
	check "calls were missed for want of an instance" test "$(ledger ip_route_input.missed_no_instance)" -gt 0
	check "the ledger is read again" cat "$debugfs/ledger" >/dev/null
	same "said once" 1 "$(log | grep -cE 'calls were missed, since more than maxactive=1 were in progress; load with maxactive=[0-9]+')"
}

a_small_buffer() {
	local written overrun
	check "load" load
	echo 4 >"$tracefs/buffer_size_kb"
	echo 0 >"$tracefs/options/overwrite"
	events_begin
	agrees
	written=$(grep -cE ': fib_lookup(_failed)?: ' "$tracefs/trace" || true)
	check "some were lost" test "$(ledger fib_lookup.lost)" -gt 0
	same "those that are in the buffer are recorded" "$(ledger fib_lookup.recorded)" "$written"
	echo 1 >"$tracefs/options/overwrite"
	echo 1408 >"$tracefs/buffer_size_kb"
	overrun=$(awk '/^overrun/ { sum += $2 } END { print sum }' "$tracefs"/per_cpu/cpu*/stats)
	note "lost $(ledger fib_lookup.lost), overrun $overrun"
}

filters_change_all_the_while() {
	local changer
	check "load" load
	(
		while :; do
			for change in dst=192.0.2.0/24 dst=any src=10.0.0.2 src=any dev=veth1 dev=any errors_only=1 \
				errors_only=0 cause=input,arp cause=any mark=0x1/0x1 mark=any table=main table=any "netns=$net_r" netns=0; do
				echo "${change#*=}" >"$parameters/${change%%=*}"
			done
		done
	) 2>/dev/null &
	changer=$!
	agrees
	kill "$changer"
	wait "$changer" 2>/dev/null || true
	check "some were filtered" test "$(ledger fib_lookup.filtered)" -gt 0
	check "some were recorded" test "$(ledger fib_lookup.recorded)" -gt 0
}

# still: nobody calls, and no call is in flight.
still() {
	local before
	before=$(calls)
	read -rt 0.2 <> <(:) || true
	balanced >/dev/null && [ "$(calls)" = "$before" ]
}
busy() { [ "$(ledger fib_lookup.hits)" -gt 1000 ]; }

# Loaded and unloaded under load; in between the traffic stands still for a moment, so that
# both can be read at the same call.
it_comes_and_goes() {
	local before rounds=0 end
	observe
	end=$(($(now_ms) + seconds * 1000))
	flood
	while [ "$(now_ms)" -lt "$end" ] || [ "$rounds" -lt 3 ]; do
		check "load" load
		kill -STOP "${flood[@]}"
		await 60 "no call" still
		echo >"$debugfs/ledger"
		before=$(calls)
		kill -CONT "${flood[@]}"
		await 60 "calls" busy
		kill -STOP "${flood[@]}"
		await 60 "no call" still
		same "hits in round $rounds" "$(calls "$before")" "$(hits)"
		kill -CONT "${flood[@]}"
		check "unload" rmmod route_probe
		rounds=$((rounds + 1))
	done
	flood_end
	note "$rounds rounds, bpftrace $(programs | paste -sd,)"
	observed
}

statistics_add_up() {
	check "load" load
	seconds=2 traffic
	await 10 "no call is in flight" balanced
	awk '
		{ count = split($1, key, ".") }
		count == 2 && key[2] == "recorded" { recorded[key[1]] = $2 }
		count == 3 { sum[key[1], key[2]] += $2 }
		END {
			for (event in recorded)
				for (kind = 1; kind <= split("cause result ns_below", kinds, " "); kind++)
					if (sum[event, kinds[kind]] != recorded[event]) {
						print event ": " kinds[kind] " " sum[event, kinds[kind]] ", recorded " recorded[event]; bad = 1
					}
			exit bad
		}' "$debugfs/ledger" >/tmp/sums || { cat /tmp/sums; exit 1; }
}

counted() { [ "$(ledger fib_lookup.hits)" -gt 100 ]; }

a_reset_in_the_middle_of_it() {
	local i
	check "load" load
	flood
	await 60 "traffic" counted
	for i in $(seq 100); do echo "$i" >"$debugfs/ledger"; done
	await 60 "it counts" counted
	flood_end
	await 10 "what was in flight at a reset is seen to end" balanced
}

a_write_resets() {
	check "load" load
	ping_once a 192.0.2.9
	check "it counts" test "$(ledger fib_lookup.hits)" -gt 0
	echo 0 >"$debugfs/ledger"
	same "all is 0" "" "$(awk '$2 != 0' "$debugfs/ledger")"
	ping_once a 192.0.2.9
	check "it goes on" test "$(ledger fib_lookup.hits)" -gt 0
	check "and balances" balanced
}

ktap_run a_write_resets a_reset_in_the_middle_of_it statistics_add_up every_hit_is_there one_instance_only a_small_buffer \
	filters_change_all_the_while it_comes_and_goes
