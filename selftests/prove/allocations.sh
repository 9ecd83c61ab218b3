#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each module is loaded, used and unloaded with its first allocation failing, then its second, and
# so on through all of them: each attempt fails with ENOMEM or works without the memory; a failed
# one leaves nothing, and the next load works.

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

program=${FAULTLINE_PROGRAMS:-$project/build}/nth-failure

# each_fails MODULE ARG...: runs the program; its output becomes the test's notes.
each_fails() {
	local module=$1 output code=0
	shift
	option FAILSLAB
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	check "make selftests" test -x "$program"
	# Warnings of the kernel's own code when an allocation fails: module notifiers, events, and
	# the filter of a probe that is disarmed.
	expects '^WARNING: .*(fprobe_module_callback|event_define_fields|disarm_kprobe_ftrace)'
	expects 'page allocation failure'
	output=$("$program" "$FAULTLINE_MODULES/$module.ko" "$@" 2>&1) || code=$?
	note "$output"
	tally "$(awk 'match($0, /[0-9]+ allocations failed/) { sum += substr($0, RSTART) } END { print sum + 0 }' <<<"$output")" "allocations failed"
	same "$module: exit status" 0 "$code"
}

knobs() {
	each_fails knobs --read /sys/module/knobs/parameters
}

lockup() {
	each_fails lockup mode=soft delay_secs=3600 hold_secs=1 force=1 run_id=nth \
		--read /sys/module/lockup/parameters --write run_id=other
}

route_probe() {
	each_fails route_probe --read /sys/module/route_probe/parameters --read /sys/kernel/debug/route_probe \
		--write dst=192.0.2.0/24 --write events=none --write events=all
}

# Another module already has an fprobe: if ftrace has no memory for the first one, it (7.3) refuses
# all later ones with EBUSY.
func_probe() {
	local folder=/sys/kernel/debug/func_probe
	check "another fprobe" insmod "$FAULTLINE_MODULES/probes.ko" kinds=fprobe
	each_fails func_probe --read "$folder/functions" --session "$folder/control=program 1 f0=a2:u64 if:f0:>:0;$(
	)probe 1 vfs_read return 1;probe 2 vfs_write return 1 via=kretprobe;probe 3 vfs_open entry 1 via=kprobe;attach"
}

cleanup() {
	local module
	for module in func_probe probes; do [ ! -e "/sys/module/$module" ] || rmmod "$module"; done
}

ktap_run knobs lockup route_probe func_probe
