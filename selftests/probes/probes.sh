#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The library's kprobes and kretprobes: arguments, also those on the stack, results, data of a
# call, calls in calls, reads that would fault, and what becomes of a set that is not complete,
# or never unregistered.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

load() { insmod "$FAULTLINE_MODULES/probes.ko" "$@"; }
cleanup() { [ ! -e /sys/module/probes ] || rmmod probes; }

# seen KEY: how often.
seen() { sed -nE "s/(.* )?$1=([0-9]+) .*/\\2/p" /sys/module/probes/parameters/seen; }
kprobes() { grep -cE ' (seq_read_iter|version_proc_show|do_mmap)\+' /sys/kernel/debug/kprobes/list || true; }

calls_are_seen() {
	local i
	check "load" load
	same "probes" 6 "$(kprobes)"
	for i in $(seq 20); do cat /proc/version >/dev/null; done
	same "entries" 20 "$(seen entries)"
	same "returns" 20 "$(seen returns)"
	same "entries of kprobes" 20 "$(seen kprobe)"
	same "the data of a call come back" 20 "$(seen same_data)"
	same "the call in which it is made is known" 20 "$(seen nested)"
	same "memory of the kernel is read" 20 "$(seen readable)"
}

arguments_on_the_stack() {
	command -v python3 >/dev/null || skip "there is no python3 in this guest"
	check "load" load offset=$((0x12345))
	truncate -s 1G /tmp/large
	python3 - <<-PYTHON
		import mmap
		with open("/tmp/large", "r+b") as file:
		    for _ in range(7):
		        mmap.mmap(file.fileno(), 4096, offset=0x12345000).close()
	PYTHON
	same "calls with that offset, the seventh argument" 7 "$(seen offsets)"
	same "the same by kprobes" 7 "$(seen kprobe_offsets)"
	same "what is no address of the kernel's cannot be read" 7 "$(seen unreadable)"
}

all_or_nothing() {
	local place
	for place in 0 1 2; do
		match "without function $place" 'No such file or directory|Unknown symbol' "$(load "missing=$place" 2>&1 || true)"
		check "no module" test ! -e /sys/module/probes
		same "no probe" 0 "$(kprobes)"
	done
}

unload_while_they_are_hit() {
	local i pids=()
	for i in 0 1; do
		taskset -c "$i" sh -c 'while :; do cat /proc/version; done' >/dev/null & pids+=($!)
	done
	for i in $(seq "${FAULTLINE_ROUNDS:-20}"); do
		check "load $i" load
		await 10 "hits" hit
		check "unload $i" rmmod probes
	done
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null || true
	same "no probe" 0 "$(kprobes)"
}
hit() { [ "$(seen returns)" -gt 3 ]; }

# The last, since it never ends: the module's code has to stay.
a_leak_keeps_the_module() {
	check "load" load leak
	(rmmod probes &) >/dev/null 2>&1
	await 20 "it says so" said
	cat /proc/version >/dev/null
	same "the probes are still there" 6 "$(kprobes)"
	check "and so is the module" grep -q '^probes ' /proc/modules
	cleanup() { :; }
}
said() { dmesg | grep -qE 'probes: [0-9]+ registrations or threads were leaked: waiting'; }

ktap_run calls_are_seen arguments_on_the_stack all_or_nothing unload_while_they_are_hit a_leak_keeps_the_module
