#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# hello_probe: its counters, and its event declared in Rust, in tracefs, perf, trace-cmd and
# bpftrace.
#
# Proves: probes

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/handlers.sh"

tracefs=/sys/kernel/tracing
event=$tracefs/events/hello_probe/slow_read
# bpftrace needs kernel headers to exist, which this test does not use.
mkdir -p /tmp/headers/include/linux
touch /tmp/headers/include/linux/{kconfig,types}.h
export BPFTRACE_KERNEL_SOURCE=/tmp/headers BPFTRACE_KERNEL_BUILD=/tmp/headers

load() { insmod "$FAULTLINE_MODULES/hello_probe.ko" "$@"; }
# reads COUNT BYTES: makes COUNT reads of BYTES bytes, a size that no other process reads.
reads() { dd if=/dev/zero of=/dev/null bs="$2" count="$1" status=none; }
counted() { sed -n "s/^$1 //p" /sys/kernel/debug/hello_probe/reads; }
on() { echo "$2" >"${1:-$tracefs}/events/hello_probe/slow_read/enable"; }
# seen BYTES [INSTANCE]: prints the number of events of such reads. It switches the event off first,
# as reading the file would add events.
seen() { grep -c "slow_read: ns=[0-9]* ret=$1\$" "${2:-$tracefs}/trace" || true; }

slow_ones_are_counted() {
	check "load" load slow_us=3600000000
	reads 5 1009
	check "reads" test "$(counted reads)" -ge 5
	same "slow ones" 0 "$(counted slow)"
	echo 0 >/sys/module/hello_probe/parameters/slow_us
	reads 5 1009
	check "slow ones" test "$(counted slow)" -ge 5
}

it_is_as_declared() {
	check "load" load
	same "fields" "u64 ns 8 8 0,s64 ret 16 8 1" "$(sed -nE \
		's/^\tfield:(.*) (\w+);\toffset:([0-9]+);\tsize:([0-9]+);\tsigned:([01]);$/\1 \2 \3 \4 \5/p' "$event/format" |
		grep -v common_ | paste -sd,)"
	# shellcheck disable=SC2016 # no expansion
	match "how it is printed" '^print fmt: "ns=%llu ret=%lld", REC->ns, REC->ret$' "$(cat "$event/format")"
}

it_is_seen_while_it_is_on() {
	check "load" load slow_us=0
	reads 2 1013
	on "" 1
	reads 3 1013
	on "" 0
	reads 4 1013
	same "events" 3 "$(seen 1013)"
}

it_can_be_filtered() {
	check "load" load slow_us=0
	echo 'ret == 1019' >"$event/filter"
	on "" 1
	reads 3 1019
	reads 4 1021
	on "" 0
	same "what passes" 3 "$(seen 1019)"
	same "what does not" 0 "$(seen 1021)"
	echo 0 >"$event/filter"
}

triggers_see_it() {
	check "load" load slow_us=0
	echo 'traceoff:1 if ret == 1031' >"$event/trigger"
	reads 1 1031
	same "tracing" 0 "$(cat "$tracefs/tracing_on")"
	echo 1 >"$tracefs/tracing_on"
	echo '!traceoff' >"$event/trigger"
}

instances_have_their_own() {
	local i
	check "load" load slow_us=0
	for i in 1 2; do mkdir "$tracefs/instances/$i"; done
	on "" 1
	on "$tracefs/instances/1" 1
	reads 3 1033
	on "" 0
	reads 2 1033
	on "$tracefs/instances/1" 0
	same "in the first" 3 "$(seen 1033)"
	same "in one" 5 "$(seen 1033 "$tracefs/instances/1")"
	same "in that where it is off" 0 "$(seen 1033 "$tracefs/instances/2")"
}

too_many_instances_are_refused() {
	local i
	check "load" load slow_us=3600000000
	for i in {1..9}; do mkdir "$tracefs/instances/$i"; done
	for i in {1..8}; do check "instance $i" on "$tracefs/instances/$i" 1; done
	if (on "$tracefs/instances/9" 1) 2>/dev/null; then check "one more is refused" false; fi
	on "$tracefs/instances/3" 0
	check "in its place" on "$tracefs/instances/9" 1
}

perf_reads_it() {
	check "load" load slow_us=0
	check "perf record" perf record -q -e hello_probe:slow_read --filter 'ret == 1039' -o /tmp/perf.data -- \
		dd if=/dev/zero of=/dev/null bs=1039 count=4 status=none
	same "samples" 4 "$(perf script -i /tmp/perf.data 2>/dev/null | grep -c 'hello_probe:slow_read: ns=[0-9]* ret=1039$')"
}

bpftrace_reads_it() {
	local output
	check "load" load slow_us=0
	output=$(bpftrace -e 'tracepoint:hello_probe:slow_read /args.ret == 1049/ { @reads = count(); }' \
		-c 'dd if=/dev/zero of=/dev/null bs=1049 count=4 status=none' 2>&1) || note "$output"
	match "what it counts" '^@reads: 4$' "$output"
}

trace_cmd_reads_it() {
	check "load" load slow_us=0
	check "trace-cmd record" trace-cmd record -q -e hello_probe:slow_read -f 'ret == 1051' -o /tmp/trace.dat \
		dd if=/dev/zero of=/dev/null bs=1051 count=4 status=none >/dev/null 2>&1
	same "events" 4 "$(trace-cmd report -i /tmp/trace.dat 2>/dev/null | grep -cE 'slow_read: +ns=[0-9]+ ret=1051$')"
}

# With the event on, in all instances, while other processes read.
it_is_unloaded_while_it_is_on() {
	local i reader
	while :; do reads 100 1061; done &
	reader=$!
	for i in {1..5}; do
		check "load $i" load slow_us=0
		on "" 1
		mkdir "$tracefs/instances/$i"
		on "$tracefs/instances/$i" 1
		reads 10 1063
		check "unload $i" rmmod hello_probe
		check "no event" test ! -e "$event"
	done
	kill "$reader"
	wait "$reader" || true
}

handlers_may+='|trace_event_buffer_(reserve|commit)|__trace_trigger_soft_disabled'
handlers_may+='|perf_trace_(buf_alloc|run_bpf_submit)|__per_cpu_offset'

its_handlers_are_fit() {
	handlers_are_fit "$FAULTLINE_MODULES/hello_probe.ko" 2 '_R.*hello_probe.*(EVENT|slow_us)'
}

cleanup() {
	local instance
	[ ! -e /sys/module/hello_probe ] || rmmod hello_probe
	for instance in "$tracefs"/instances/*/; do [ ! -d "$instance" ] || rmdir "$instance"; done
	echo >"$tracefs/trace"
}

ktap_run slow_ones_are_counted it_is_as_declared it_is_seen_while_it_is_on it_can_be_filtered triggers_see_it \
	instances_have_their_own too_many_instances_are_refused perf_reads_it bpftrace_reads_it trace_cmd_reads_it \
	it_is_unloaded_while_it_is_on its_handlers_are_fit
