#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests hello_probe in a VM, by `make MODULE=<its directory> check`. Each function is a test; the
# beginning of selftests/lib/ktap.sh describes `check`, `same` and `match`.

# shellcheck disable=SC1091 # the path is known in the VM
. "$FAULTLINE_LIB/ktap.sh"
# shellcheck disable=SC1091
. "$FAULTLINE_LIB/handlers.sh"

tracefs=/sys/kernel/tracing
reads() { dd if=/dev/zero of=/dev/null bs="$2" count="$1" status=none; }
counted() { sed -n "s/^$1 //p" /sys/kernel/debug/hello_probe/reads; }

it_counts_slow_reads() {
	check "load" insmod "$FAULTLINE_MODULES/hello_probe.ko" slow_us=3600000000
	reads 5 1009
	check "reads" test "$(counted reads)" -ge 5
	same "slow ones" 0 "$(counted slow)"
	echo 0 >/sys/module/hello_probe/parameters/slow_us
	reads 5 1009
	check "slow ones" test "$(counted slow)" -ge 5
}

slow_reads_are_events() {
	check "load" insmod "$FAULTLINE_MODULES/hello_probe.ko" slow_us=0
	echo 1 >"$tracefs/events/hello_probe/slow_read/enable"
	reads 2 1013
	echo 0 >"$tracefs/events/hello_probe/slow_read/enable"
	same "events" 2 "$(grep -c 'slow_read: ns=[0-9]* ret=1013$' "$tracefs/trace")"
}

# Functions that an event needs, in addition to those that all handlers may call.
handlers_may+='|trace_event_buffer_(reserve|commit)|__trace_trigger_soft_disabled'
handlers_may+='|perf_trace_(buf_alloc|run_bpf_submit)|__per_cpu_offset'

# The two functions that the kernel calls, and the statics that they use.
its_handlers_are_fit() {
	handlers_are_fit "$FAULTLINE_MODULES/hello_probe.ko" 2 '_R.*hello_probe.*(EVENT|slow_us)'
}

cleanup() { [ ! -e /sys/module/hello_probe ] || rmmod hello_probe; }

ktap_run it_counts_slow_reads slow_reads_are_events its_handlers_are_fit
