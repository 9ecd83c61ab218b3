#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each kernel function that the modules call and that can fail is made to fail, one call after the
# other, while a module is loaded, used and unloaded: each attempt fails or works without the call;
# a failed one leaves nothing, and the next load works. (Except functions that ftrace cannot patch,
# as fail-nth does not count those that a breakpoint catches; and disable_kprobe(), which fails only
# when it is half done: probes/probes.sh makes it fail with refuse.ko.)

. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/prove.sh"

program=${FAULTLINE_PROGRAMS:-$project/build}/nth-failure

# fails HOW FUNCTION MODULE ARG...: HOW is --error or --null.
fails() {
	local how=$1 function=$2 module=$3 output code=0
	shift 3
	output=$("$program" "$how" "$function" "$FAULTLINE_MODULES/$module.ko" "$@" 2>&1) || code=$?
	echo >/sys/kernel/debug/fail_function/inject
	note "$output"
	tally "$(awk 'match($0, /[0-9]+ calls of/) { sum += substr($0, RSTART) } END { print sum + 0 }' <<<"$output")" \
		"calls of functions failed"
	same "$module, $function: exit status" 0 "$code"
}

injectable() {
	option FAIL_FUNCTION
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	check "make selftests" test -x "$program"
	[ -e /sys/module/injectable ] || check "injectable" insmod "$FAULTLINE_MODULES/injectable.ko"
}
cleanup() {
	[ ! -e /sys/kernel/debug/fail_function/inject ] || echo >/sys/kernel/debug/fail_function/inject
	[ ! -e /sys/module/injectable ] || rmmod injectable
}

lockup() {
	injectable
	fails --error kthread_create_on_node lockup mode=soft cpus=0-1 delay_secs=3600 hold_secs=1 force=1
	fails --error register_kprobe lockup mode=soft at=vfs_truncate delay_secs=3600 hold_secs=1 force=1
}

route_probe() {
	local function
	injectable
	for function in register_kretprobe debugfs_create_dir debugfs_create_file_full enable_kprobe; do
		fails --error "$function" route_probe --write events=none --write events=all
	done
	fails --error single_open route_probe --read /sys/kernel/debug/route_probe
	fails --null pcpu_alloc_noprof route_probe
}

ktap_run lockup route_probe
