#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# params: four processes read and write every parameter of each module, the computed ones first,
# while it is loaded and unloaded (FAULTLINE_ROUNDS, 6): nothing hangs, and the kernel reports
# nothing.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/users.sh"

rounds=${FAULTLINE_ROUNDS:-6}

# bounded WHAT CMD...: checks that CMD succeeds within 60 s. A process that hangs in the kernel
# cannot be killed, and is left.
bounded() {
	local what=$1 job code=0
	shift
	"$@" &
	job=$!
	await 60 "$what hangs" ended "$job"
	wait "$job" || code=$?
	same "$what: exit status" 0 "$code"
}
ended() {
	local state
	read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || return 0
	[ "$state" = Z ]
}

# users_and_loads MODULE ARG...
users_and_loads() {
	local module=$1 names i
	shift
	bounded insmod insmod "$FAULTLINE_MODULES/$module.ko" "$@"
	mapfile -t names < <(parameters_of "$module")
	check "there are parameters" test "${#names[@]}" -gt 5
	bounded rmmod rmmod "$module"
	log_begin
	over=$(mktemp -u)
	for _ in 1 2 3 4; do use "$module" "${names[@]}" & done
	for i in $(seq "$rounds"); do
		bounded "round $i: insmod" insmod "$FAULTLINE_MODULES/$module.ko" "$@"
		bounded "round $i: rmmod" rmmod "$module"
	done
	touch "$over"
	wait
	# A kernel with lockdep checks every lock until its first report.
	[ ! -e /proc/lockdep_stats ] || match "lockdep" '^ *debug_locks: +1$' "$(</proc/lockdep_stats)"
	same "the log has nothing but our lines" "" "$(log_but "$module" | grep -v "^Setting dangerous option " || true)"
}

# The fault never begins: the countdown is longer than the test.
lockup() { users_and_loads lockup mode=soft cpus=1 delay_secs=3600 hold_secs=1 force=1; }
route_probe() { users_and_loads route_probe; }
knobs() { users_and_loads knobs; }

cleanup() { [ -z "${over:-}" ] || touch "$over"; }

# Refusals are logged, and the console is slow.
echo 1 >/proc/sys/kernel/printk
ktap_run lockup route_probe knobs
