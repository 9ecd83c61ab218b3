#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: modinfo, and loading and unloading.
#
# Proves: parameters

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

modinfo_describes_each_parameter() {
	local info name
	info=$(modinfo -F parm "$FAULTLINE_MODULES/lockup.ko")
	for name in mode cpus delay_secs hold_secs iterations cooldown_secs touch_watchdog alloc_under_lock \
		limit_mib at count run_id force trigger cancel state held_ms result; do
		match "modinfo" "^$name:.+ \\([a-z]+\\)\$" "$info"
	done
	match "unit and default" '^delay_secs:.*seconds.*default 10.*\(uint\)' "$info"
	match "unit and default" '^hold_secs:.*seconds.*default 60.*\(uint\)' "$info"
	same "license" "GPL" "$(modinfo -F license "$FAULTLINE_MODULES/lockup.ko")"
	same "depends on no other module" "" "$(modinfo -F depends "$FAULTLINE_MODULES/lockup.ko")"
}

# names MODE: prints the parameters with these permissions.
names() { echo "$1: $(cd "$parameters" && stat -c '%a %n' -- * | sed -n "s/^$1 //p" | sort | paste -sd,)"; }

parameters_are_in_sysfs() {
	check "load" load mode=soft cpus=1 delay_secs=100 hold_secs=7 run_id=abc-1 force=1
	same "names and modes" \
		"444: force,held_ms,mode,result,state;200: cancel,trigger;644: \
alloc_under_lock,at,cooldown_secs,count,cpus,delay_secs,hold_secs,iterations,limit_mib,run_id,touch_watchdog" \
		"$(names 444);$(names 200);$(names 644)"
	same "mode" soft "$(parameter mode)"
	same "cpus" 1 "$(parameter cpus)"
	same "delay_secs" 100 "$(parameter delay_secs)"
	same "hold_secs" 7 "$(parameter hold_secs)"
	same "force" Y "$(parameter force)"
	same "run_id" abc-1 "$(parameter run_id)"
	same "state" countdown "$(parameter state)"
	same "held_ms" 0 "$(parameter held_ms)"
}

defaults() {
	check "load" load mode=soft force=1
	same "delay_secs" 10 "$(parameter delay_secs)"
	same "hold_secs" 60 "$(parameter hold_secs)"
	same "the default is one CPU, not the boot CPU" 1 "$(parameter cpus)"
	same "its thread" lockup/1 "$(threads)"
}

a_thread_for_each_cpu() {
	check "load" load mode=soft cpus=all force=1
	same "cpus" 0-1 "$(parameter cpus)"
	same "threads" "lockup/0,lockup/1" "$(threads | paste -sd,)"
	local pid
	for pid in $(pgrep '^lockup/'); do
		same "bound to its CPU" "$(sed 's|lockup/||' "/proc/$pid/comm")" \
			"$(awk '/^Cpus_allowed_list/ { print $2 }' "/proc/$pid/status")"
	done
}

unload_leaves_nothing() {
	check "load" load mode=soft force=1
	check "unload" rmmod lockup
	check "no module" test ! -e /sys/module/lockup
	same "no thread" "" "$(threads)"
}

ktap_run modinfo_describes_each_parameter parameters_are_in_sysfs \
	defaults a_thread_for_each_cpu unload_leaves_nothing
