#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe: any value, at load and from two writers while traffic flows on both CPUs, for
# FAULTLINE_SECONDS (10): what is read back is always a value that may be, the ledger balances,
# nothing is in the log but our refusals, and nothing is left when the module has come and gone
# FAULTLINE_ROUNDS times.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

seconds=${FAULTLINE_SECONDS:-10}
net_up
trap net_down EXIT

live=(events family src dst dev netns mark table cause errors_only)

# What a parameter may be read back as, whatever was written.
words() { echo "($1)(,($1))*"; }
declare -A valid
number='(0|[1-9][0-9]*)' bits='(0x[0-9a-fA-F]+|[0-9]+)'
byte='0*(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
address="$byte(\.$byte){3}(/0*(3[0-2]|[12]?[0-9]))?"
address6='[0-9a-fA-F.]*:[0-9a-fA-F:.]+(/0*(12[0-8]|1[01][0-9]|[0-9]?[0-9]))?'
valid[events]="all|none|$(words "$(IFS='|'; echo "${all_events[*]}")")"
valid[family]='any|ipv4|ipv6'
valid[src]="any|$address|$address6"
valid[dst]="any|$address|$address6"
valid[dev]='[!-.0-~]{1,15}'
valid[netns]=$number
valid[mark]="any|$bits(/$bits)?"
valid[table]='any|main|local|default|0*[1-9][0-9]*'
valid[cause]="any|$(words 'input|validate|arp|ndisc|output|other')"
valid[errors_only]='Y|N'

# What may be written, apart from what is thrown together; each of these is right for one.
known=(all none fib_lookup arp_process,route_output ip_route_input,fib_validate_source,fib_lookup ndisc_rcv,fib6_lookup
	arp_xmit,ndisc_send_skb ipv4 ipv6 any 10.0.0.0/8 192.0.2.9 192.0.2.0/24 2001:db8::/32 ::1 ::ffff:10.0.0.1/128 0.0.0.0/0 255.255.255.255/32 veth0 veth1 lo eth0 0 1 4026531840 4294967295
	0x1 0x1/0x1 7/0xff main local default 100 input arp,other validate,output ndisc Y N 1 0)
# shellcheck disable=SC1003,SC2016 # as they are
pieces=(: :: db8 0 1 9 255 256 32 33 4294967296 99999999999999999999 - + . , / x 0x ' ' any all none input fib_lookup veth1 '*'
	$'\t' $'\n' $'\x01' $'\xff' é '%s' '$(x)' "'" '"' '\' "$(printf '%064d' 0)" "$(printf '%0512d' 1)")

# a_value: into $value; one that is known, or up to five pieces.
a_value() {
	local i
	value=''
	if [ $((RANDOM % 2)) = 0 ]; then
		value=${known[RANDOM % ${#known[@]}]}
	else
		for ((i = RANDOM % 6; i > 0; i--)); do value+=${pieces[RANDOM % ${#pieces[@]}]}; done
	fi
}

# is_valid NAME: what it is now may be. Read by the shell itself, which starts no process.
is_valid() {
	local now
	now=$(<"$parameters/$1")
	[[ $now =~ ^(${valid[$1]})$ ]] || { note "$1 is '$now'"; return 1; }
}

# writer SEED FILE: writes until it is killed, and says how often that was taken and refused;
# reads as well, and ends if that is no value.
writer() {
	local name value taken=0 refused=0 file=$2
	RANDOM=$1
	trap 'echo "$taken $refused" >"$file"; exit' TERM
	while :; do
		name=${live[RANDOM % ${#live[@]}]}
		a_value
		if printf %s "$value" >"$parameters/$name"; then taken=$((taken + 1)); else refused=$((refused + 1)); fi 2>/dev/null
		is_valid "${live[RANDOM % ${#live[@]}]}" || { echo "no value" >"$file"; exit 1; }
	done
}

# follow: keeps what the log says from now on, but for our lines, however much it is; followed
# prints it.
follow() {
	kept=$(mktemp)
	dmesg --follow-new >"$kept" 2>/dev/null &
	follower=$!
	await 20 "the log is followed" seen_in_log "begins $BASHPID"
}
seen_in_log() { echo "fuzz $1" >/dev/kmsg; grep -q "fuzz $1" "$kept"; }
followed() {
	await 60 "the log is read to its end" seen_in_log "ends $BASHPID"
	kill "$follower"
	# What has no time of its own is a further line of a value with newlines in it, which the kernel
	# prints as it is.
	sed -E '/^ /d; s/^\[[^]]*\] //; /^fuzz /d' "$kept" | not_of route_probe
}
# sound: the kernel does not say of itself that it had a warning, an oops, or a lockup.
sound() { [ $(($(cat /proc/sys/kernel/tainted) & (1 << 9 | 1 << 7 | 1 << 14))) = 0 ]; }

any_value_under_load() {
	local end i name seed writers=()
	check "load" load
	seed=${FAULTLINE_SEED:-$RANDOM}
	note "FAULTLINE_SEED=$seed"
	follow
	flood
	echo 1 >"$tracefs/events/route_probe/enable"
	for i in 1 2; do
		writer $((seed + i)) "/tmp/writer$i" & writers+=($!)
	done
	end=$(($(now_ms) + seconds * 1000))
	while [ "$(now_ms)" -lt "$end" ]; do
		for name in "${live[@]}"; do check "read back" is_valid "$name"; done
		cat "$debugfs/ledger" "$debugfs/targets" >/dev/null
	done
	kill "${writers[@]}"
	wait "${writers[@]}" || true
	note "written and refused: $(cat /tmp/writer1 /tmp/writer2 | paste -sd,)"
	# shellcheck disable=SC2016 # of awk
	check "values were taken and refused" awk '!($1 > 0 && $2 > 0) { bad = 1 } END { exit bad || NR != 2 }' /tmp/writer1 /tmp/writer2
	for name in "${live[@]}"; do check "in the end" is_valid "$name"; done
	flood_end
	await 20 "no call is in flight" balanced
	same "the log" "" "$(followed)"
	check "the kernel is sound" sound
	# It does what it did.
	for name in all:events any:src any:dst any:dev 0:netns any:mark any:table any:cause N:errors_only; do
		echo "${name%:*}" >"$parameters/${name#*:}"
	done
	events_begin
	ping_once a 192.0.2.9
	match "an event" "^fib_lookup: net=$net_r cause=input src=10.0.0.2 dst=192.0.2.9 " "$(events "$net_r")"
	check "unload" rmmod route_probe
	same "no probe" 0 "$(kprobes)"
}

any_value_at_load() {
	local i name taken=0 refused=0 value arguments
	follow
	for i in $(seq "${FAULTLINE_ROUNDS:-20}"); do
		arguments=()
		for name in "${live[@]}" maxactive require; do
			[ $((RANDOM % 3)) = 0 ] || continue
			if [ $((RANDOM % 5)) = 0 ]; then
				a_value
			else
				case $name in
				events) value=fib_lookup ;;
				src | dst) value=10.0.0.0/8 ;;
				maxactive | netns) value=$((RANDOM % 100)) ;;
				errors_only) value=Y ;;
				*) value=any ;;
				esac
			fi
			arguments+=("$name=$value")
		done
		if load "${arguments[@]}" 2>/dev/null; then
			taken=$((taken + 1))
			for name in "${live[@]}"; do check "with ${arguments[*]}" is_valid "$name"; done
			check "unload" rmmod route_probe
		else
			refused=$((refused + 1))
		fi
		same "no probe" 0 "$(kprobes)"
		check "nothing else" test ! -e /sys/module/route_probe -a ! -e "$debugfs" -a ! -e "$tracefs/events/route_probe"
	done
	note "loaded $taken times, refused $refused times"
	check "some were taken" test "$taken" -gt 0
	check "some were refused" test "$refused" -gt 0
	# A parameter that is none is the kernel's own complaint.
	same "the log" "" "$(followed)"
	check "the kernel is sound" sound
}

# objects: how many of each kind are in use, "<kind> <count>", when what can be given back is.
objects() {
	local cache
	echo 4 >/proc/sys/vm/drop_caches # keeps the next one out of the log
	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done
	{
		awk '/^kmalloc/ { sub(/.*-/, "kmalloc-", $1); print $1, $2 } /^kernfs_node/ { print $1, $2 }' /proc/slabinfo
		echo "vmalloc_areas $(wc -l </proc/vmallocinfo)"
		awk '/^Percpu:/ { print "percpu_KiB", $2 }' /proc/meminfo
	} | awk '{ sum[$1] += $2 } END { for (kind in sum) print kind, sum[kind] }' | sort
}

# less_than LEAST BEFORE: of no kind are there now LEAST more. What others do meanwhile moves
# a count by up to 60.
less_than() {
	join <(echo "$2") <(objects) | awk -v least="$1" '$3 - $2 >= least { print $1 ": " $2 " -> " $3 }' >/tmp/grown
	[ ! -s /tmp/grown ]
}

a_round() {
	load "maxactive=$(($1 % 50))" dst=10.0.0.0/8
	echo fib_lookup >"$parameters/events"
	echo all >"$parameters/events"
	echo wrong >"$parameters/src" || true
	ping_once a 10.0.0.1
	cat "$debugfs/ledger" "$debugfs/targets" >/dev/null
	rmmod route_probe
	load dst=wrong || true
	module=$lacking load require=all || true
}

nothing_is_left() {
	local before i rounds=${FAULTLINE_ROUNDS:-20}
	[ "$rounds" -ge 100 ] || skip "less than 100 rounds tell nothing: FAULTLINE_ROUNDS=100"
	lacking=$(mktemp --suffix=.ko)
	LC_ALL=C sed 's/fib_table_lookup/xib_table_lookup/g' "$FAULTLINE_MODULES/route_probe.ko" >"$lacking"
	for i in $(seq 10); do a_round "$i"; done 2>/dev/null
	before=$(objects)
	for i in $(seq "$rounds"); do a_round "$i"; done 2>/dev/null
	# After a grace period.
	(await 30 "nothing is left" less_than $((rounds * 4 / 5)) "$before") || { note "$(cat /tmp/grown)"; exit 1; }
	note "$(join <(echo "$before") <(objects) | awk '$3 != $2 { print $1 ": " $2 " -> " $3 }' | paste -sd,)"
}

ktap_run any_value_under_load any_value_at_load nothing_is_left
