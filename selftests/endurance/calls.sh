#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe counts each of very many calls (FAULTLINE_CALLS, 200,000): the kernel makes them itself, on
# two CPUs at once, so that their number is known.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

calls=${FAULTLINE_CALLS:-200000}
each=1000 # by a reading of the driver, with interrupts off
driver=/sys/module/bench_driver/parameters

# called CPU COUNT
called() {
	local i cycles
	taskset -pc "$1" "$BASHPID" >/dev/null
	for ((i = 0; i < $2; i += each)); do read -r cycles <"$driver/cycles" || return; done
	: "$cycles"
}

# In the namespace that has routes.
if [ "${1:-}" = --called ]; then
	called "$2" "$3"
	exit
fi

net_up
trap net_down EXIT

# all_are_counted WHERE ARG...: the sum of WHERE's keys of the ledger is that of the calls.
all_are_counted() {
	local where=$1 jobs=() cpu sum=0 key
	shift
	check "make selftests" test -f "$FAULTLINE_MODULES/bench_driver.ko"
	insmod "$FAULTLINE_MODULES/bench_driver.ko" calls="$each"
	check "load" load "$@"
	echo >"$debugfs/ledger"
	for cpu in 0 1; do
		in_ns r "$0" --called "$cpu" "$((calls / 2))" &
		jobs+=($!)
	done
	for cpu in 0 1; do check "all calls were made" wait "${jobs[cpu]}"; done
	same "hits" "$calls" "$(ledger fib_lookup.hits)"
	for key in $where; do sum=$((sum + $(ledger "fib_lookup.$key"))); done
	same "$where" "$calls" "$sum"
	await 10 "it balances" balanced
	tally "$calls" "calls counted"
}

recorded() { all_are_counted "recorded lost" events=fib_lookup; }
filtered() { all_are_counted filtered events=fib_lookup dst=198.51.100.7; }

cleanup() {
	rmmod route_probe bench_driver 2>/dev/null || true
}

ktap_run recorded filtered
