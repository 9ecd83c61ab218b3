#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The library's kprobes, kretprobes and fprobes: arguments, also on the stack, results, data of a
# call, nested calls, reads that would fault, missed calls, and sets that are incomplete or never
# unregistered.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

tracefs=/sys/kernel/tracing
functions=(seq_read_iter version_proc_show do_mmap vfs_read seq_lseek)
any=$(IFS='|'; echo "${functions[*]}")

# After a_leak_keeps_the_module.
stays probes

load() { insmod "$FAULTLINE_MODULES/probes.ko" "$@"; }
cleanup() {
	[ ! -e /sys/module/probes ] || rmmod probes
	[ ! -e /sys/module/refuse ] || rmmod refuse
	exec 9>&-
	[ ! -e "$tracefs/events/faultline/stays" ] || {
		echo 0 >"$tracefs/events/faultline/stays/enable"
		echo '-:faultline/stays' >>"$tracefs/dynamic_events"
	}
}

# seen KEY: prints the module's count.
seen() { sed -nE "s/(.* )?$1=([0-9]+) .*/\\2/p" /sys/module/probes/parameters/seen; }
# The kernel's probes at these functions: its lists of kprobes, and of functions that ftrace
# patches.
kprobes() { grep -cE " ($any)\\+" /sys/kernel/debug/kprobes/list || true; }
traced() { grep -cE "^($any) " "$tracefs/enabled_functions" || true; }
# There are no other kprobes here; one whose memory was freed may be listed with any name.
nothing_is_registered() {
	same "no kprobe" "" "$(cat /sys/kernel/debug/kprobes/list)"
	same "nothing is traced" 0 "$(traced)"
}

calls_are_seen() {
	local i
	log_begin
	check "load" load explicit
	same "kprobes and kretprobes" 10 "$(kprobes)"
	same "what ftrace patches" 5 "$(traced)"
	for i in $(seq 20); do cat /proc/version >/dev/null; done
	same "entries" 20 "$(seen entries)"
	same "returns" 20 "$(seen returns)"
	same "entries of kprobes" 20 "$(seen kprobe)"
	same "entries of fprobes" 20 "$(seen fprobe)"
	same "returns of fprobes" 20 "$(seen fprobe_returns)"
	same "the data of a call come back" 20 "$(seen same_data)"
	same "the call in which it is made is known" 20 "$(seen nested)"
	same "memory of the kernel is read" 20 "$(seen readable)"
	check "unload" rmmod probes
	same "each of the three sets was unregistered" 3 "$(log | grep -cE '^probes: unregistered: 0$')"
	nothing_is_registered
}

what_is_disabled_is_not_seen() {
	local i
	check "load" load disabled
	for i in $(seq 20); do cat /proc/version >/dev/null; done
	same "nothing is counted" "" "$(grep -oE '[a-z_]+=[1-9][0-9]*' /sys/module/probes/parameters/seen || true)"
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
	same "the same by fprobes" 7 "$(seen fprobe_offsets)"
	same "what is no address of the kernel's cannot be read" 7 "$(seen unreadable)"
}

# seek ADDRESS...: passes each to lseek() on a file in procfs, which refuses it.
seek() {
	python3 - "$@" <<-PYTHON
		import os, sys
		file = os.open("/proc/version", os.O_RDONLY)
		for address in sys.argv[1:]:
		    try:
		        os.lseek(file, int(address, 16) - (1 << 64), os.SEEK_SET)
		    except OSError:
		        pass
	PYTHON
}

reads_at_any_address() {
	command -v python3 >/dev/null || skip "there is no python3 in this guest"
	check "load" load
	# The start of the kernel's code.
	seek "$(awk '$3 == "_text" { print $1 }' /proc/kallsyms)"
	# Memory of vmalloc(), and device memory: above the RAM of this machine.
	echo 1 >/proc/sys/kernel/kptr_restrict
	local memory device
	memory=$(awk '/ pages=[0-9]+ vmalloc/ { print substr($1, 3, 16); exit }' /proc/vmallocinfo)
	device=$(awk '/ phys=0x0*[c-f][0-9a-f]{7} ioremap/ { print substr($1, 3, 16); exit }' /proc/vmallocinfo)
	match "an address that vmalloc() gave" '^ff[0-9a-f]{14}$' "$memory"
	match "an address of a device" '^ff[0-9a-f]{14}$' "$device"
	seek "$memory"
	same "what can be read" 2 "$(seen seek_read)"
	seek "$device"
	same "a device is not read" 1 "$(seen seek_unread)"
	# Unmapped addresses: between the kernel's mappings, non-canonical, the vsyscall page, and
	# the last word.
	seek fffff10000000000 8000000000000000 ff80000000000000 ffffffffff600000 fffffffffffffff8
	same "what cannot" 6 "$(seen seek_unread)"
	same "nothing else was read" 2 "$(seen seek_read)"
}

# Reads of a different length on each CPU, and each call returns that length.
data_are_of_the_call() {
	local cpu pids=() lengths=(1009 3023)
	check "load" load kinds=fprobe
	for cpu in 0 1; do
		taskset -c "$cpu" dd if=/dev/zero of=/dev/null bs="${lengths[cpu]}" count=3000 status=none & pids+=($!)
	done
	wait "${pids[@]}"
	same "reads" 6000 "$(seen reads)"
	same "that return with their own data" 6000 "$(seen read)"
	same "and with others" 0 "$(seen not_its_own)"
	check "others were declined, and so do not return" test "$(seen declined)" -gt 0
}

# readers COUNT: starts COUNT calls that wait for data in vfs_read().
readers() {
	local i
	[ -p /tmp/fifo ] || mkfifo /tmp/fifo
	exec 9<>/tmp/fifo
	readers=()
	for i in $(seq "$1"); do
		dd if=/tmp/fifo of=/dev/null bs=1009 count=1 status=none 9>&- & readers+=($!)
	done
}
# let_go: gives each its data.
let_go() {
	local pid
	for pid in "${readers[@]}"; do printf %1009s "$pid" >&9; done
	wait "${readers[@]}"
}
entered() { [ "$(($(seen reads) + $(seen missed)))" -ge "$1" ]; }

# Six calls at once. Since 6.14 the number of calls that an fprobe can follow is unlimited; before
# it was twice the number of CPUs.
calls_in_progress() {
	local followed=6
	check "load" load kinds=fprobe
	since 6 14 || followed=$(($(nproc) * 2 < 6 ? $(nproc) * 2 : 6))
	readers 6
	await 60 "six calls" entered 6
	same "that are followed" "$followed" "$(seen reads)"
	check "the others are missed" test "$(seen missed)" -ge $((6 - followed))
	let_go
	same "and return with their data" "$followed" "$(seen read)"
	same "and with others" 0 "$(seen not_its_own)"
}

# since MAJOR MINOR: returns whether the kernel is at least that version.
since() {
	local major minor
	IFS=.- read -r major minor _ < <(uname -r)
	[ $((major * 1000 + minor)) -ge $(($1 * 1000 + $2)) ]
}

# A call that began before the module was loaded again returns to fprobes, one of which may have the
# address of the fprobe that saw its entry: the more fprobes on the same CPU, the likelier. An
# fprobe of tracefs stays meanwhile, or the kernel would forget the call with the last fprobe.
a_call_outlives_its_probe() {
	local i
	grep -q 'f\[:' "$tracefs/README" || skip "this kernel is built without FPROBE_EVENTS"
	echo 'f:faultline/stays do_mmap%return' >>"$tracefs/dynamic_events"
	echo 1 >"$tracefs/events/faultline/stays/enable"
	for i in $(seq 4); do
		check "load $i" load kinds=fprobe
		readers 2
		await 60 "two calls" entered 2
		check "unload $i" taskset -c 0 rmmod probes
		check "load $i again" taskset -c 0 insmod "$FAULTLINE_MODULES/probes.ko" kinds=fprobe crowd=6
		let_go
		same "what has not begun does not return" "0 0" "$(seen read) $(seen not_its_own)"
		check "unload $i again" rmmod probes
	done
}

# All fprobes of a function share 32 words per call.
missed_calls_are_counted() {
	since 6 14 || skip "before Linux 6.14 each fprobe has room of its own"
	check "load" load kinds=fprobe crowd=1
	dd if=/dev/zero of=/dev/null bs=1009 count=10 status=none
	same "reads with two sets" 10 "$(seen read)"
	same "missed" 0 "$(seen missed)"
	check "unload" rmmod probes
	check "load" load kinds=fprobe crowd=2
	dd if=/dev/zero of=/dev/null bs=1009 count=10 status=none
	same "reads with three sets" 0 "$(seen reads)"
	check "missed" test "$(seen missed)" -ge 10
}

# For each kind of set: a function that cannot be probed, at each position.
all_or_nothing() {
	local kind place
	for kind in kprobe kretprobe fprobe; do
		for place in "${!functions[@]}"; do
			log_begin
			match "$kind $place" 'No such file or directory|Unknown symbol' \
				"$(load "kinds=$kind" "replace=$place" 2>&1 || true)"
			check "no module" test ! -e /sys/module/probes
			match "why" '^probes: no_such_function: not found' "$(log)"
			nothing_is_registered
		done
	done
}

what_ftrace_cannot_trace() {
	grep -q ' copy_page$' /proc/kallsyms || skip "this kernel has no copy_page()"
	! grep -qx copy_page "$tracefs/available_filter_functions" || skip "copy_page() can be traced"
	log_begin
	match "an fprobe" 'Invalid (argument|parameters)' "$(load kinds=fprobe replace=3 instead=assembly 2>&1 || true)"
	match "why" '^probes: copy_page: not traceable' "$(log)"
	nothing_is_registered
	check "a kprobe" load kinds=kprobe replace=3 instead=assembly
}

# A function that ftrace cannot patch gets a breakpoint, which counts as an NMI, or a jump, which
# does not; its return counts as neither.
the_level_is_that_of_the_call() {
	local optimized i
	grep -q ' tracing_open_generic$' /proc/kallsyms || skip "this kernel has no tracing_open_generic()"
	! grep -qx tracing_open_generic "$tracefs/available_filter_functions" || skip "it can be traced"
	for optimized in 0 1; do
		echo "$optimized" >/proc/sys/debug/kprobes-optimization
		check "load" load kinds=kretprobe replace=3 instead=untraced
		for i in {1..20}; do : <"$tracefs/README"; done
		same "calls that ended at their level" 20 "$(seen same_level)"
		same "calls that ended at another" 0 "$(seen other_level)"
		rmmod probes
	done
}

# 4096 bytes of data per call, which would not fit on a handler's stack.
data_in_their_place() {
	check "load" load kinds=large
	dd if=/dev/zero of=/dev/null bs=1009 count=500 status=none
	same "reads" 500 "$(seen reads)"
	same "that return with their own data" 500 "$(seen read)"
	same "and with others" 0 "$(seen not_its_own)"
}

# The kernel cannot disarm a probe at a function of ftrace: refuse.ko makes the change of its filter
# fail with ENOMEM.
refused() { insmod "$FAULTLINE_MODULES/refuse.ko" "$@"; }
refuses() { echo "$1" >/sys/module/refuse/parameters/times; }
left() { cat /sys/module/refuse/parameters/times; }
cannot_be_disarmed() {
	local kind i
	expects '^WARNING: .*disarm_kprobe_ftrace'
	check "load" refused function=ftrace_set_filter_ip error=-12
	for kind in kprobe kretprobe; do
		log_begin
		check "$kind: load" load "kinds=$kind" explicit
		refuses 5
		check "$kind: unload" rmmod probes
		same "$kind: refusals that were used up" 0 "$(left)"
		match "$kind: it says so" '^probes: [a-z_]+: the kernel could not disarm 5 probes, this one first \(error -12\)' "$(log)"
		match "$kind: they are unregistered all the same" '^probes: unregistered: 0$' "$(log)"
		same "$kind: what the kernel has at these functions" 0 "$(kprobes)"
		for i in $(seq 20); do cat /proc/version >/dev/null; done
		check "$kind: load again" load "kinds=$kind"
		cat /proc/version >/dev/null
		check "$kind: hits" test "$(($(seen entries) + $(seen kprobe)))" -ge 1
		check "$kind: unload again" rmmod probes
		same "$kind: nothing is left" 0 "$(kprobes)"
	done
	check "unload" rmmod refuse
	nothing_is_registered
}

# The same with another kprobe at the place, so that the kernel calls both from an aggregator.
cannot_be_disarmed_beside_another() {
	local i
	expects '^WARNING: .*disarm_kprobe_ftrace'
	check "load" refused function=ftrace_set_filter_ip error=-12
	echo 'p:faultline/beside version_proc_show' >>"$tracefs/dynamic_events"
	check "load" load kinds=kprobe
	refuses 5
	check "unload" rmmod probes
	check "refusals that were used up" test "$(left)" -eq 0
	same "what the kernel has: the other" 1 "$(kprobes)"
	for i in $(seq 20); do cat /proc/version >/dev/null; done
	echo '-:faultline/beside' >>"$tracefs/dynamic_events"
	check "unload" rmmod refuse
}

# Before 6.14 an fprobe has its own ftrace_ops, and stays if that stays. Then the patched functions
# stay too, so no test that counts them may follow.
an_fprobe_cannot_be_unregistered() {
	local i
	! since 6 14 || skip "since Linux 6.14 only a lack of memory could do it, and since it was mended nothing"
	check "load" refused function=unregister_ftrace_function error=-19
	log_begin
	check "load" load kinds=fprobe explicit
	refuses 5
	check "unload" rmmod probes
	same "refusals that were used up" 0 "$(left)"
	match "it says so" '^probes: seq_read_iter: the kernel could not unregister the probes of this set \(error -19\)' "$(log)"
	match "and so does the result" '^probes: unregistered: -19$' "$(log)"
	same "what ftrace calls" 5 "$(traced)"
	for i in $(seq 20); do cat /proc/version >/dev/null; done
	check "load again" load kinds=fprobe
	cat /proc/version >/dev/null
	same "hits" "1 1" "$(seen fprobe) $(seen fprobe_returns)"
}

# A function that disappears with its module.
gone() {
	check "load" refused
	check "load" load kinds=kprobe replace=3 instead=module
	same "all are enabled" "enabled=5 error=0" "$(again)"
	check "unload what is probed" rmmod refuse
	match "the kernel says so" '\[GONE\]' "$(cat /sys/kernel/debug/kprobes/list)"
	same "it is not enabled any more, and cannot be" "enabled=4 error=-2" "$(again)"
	check "load it again" refused
	same "that changes nothing" "enabled=4 error=-2" "$(again)"
}
again() { cat /sys/module/probes/parameters/again; }

# The functions through which the kernel enters a handler, and the lists of probeable functions.
our_handlers_cannot_be_probed() {
	check "load" load
	same "on the blacklist" "fprobe entry, fprobe ret, kprobe entry, kretprobe entry, kretprobe ret" \
		"$(grep -oE '_R.*faultline5probe[69](kprobe|kretprobe5enter|fprobe)[35](entry|ret)' /sys/kernel/debug/kprobes/blacklist |
			sed -E 's/5enter([35])/\1/; s/.*[69]([a-z]+)[35]([a-z]+)$/\1 \2/' | sort -u | paste -sd, | sed 's/,/, /g')"
	same "functions that can be traced" "" "$(grep -F '[probes]' "$tracefs/available_filter_functions" || true)"
}

unload_while_they_are_hit() {
	local i pids=()
	for i in 0 1; do
		taskset -c "$i" sh -c 'while :; do cat /proc/version; done' >/dev/null & pids+=($!)
	done
	log_begin
	for i in $(seq "${FAULTLINE_ROUNDS:-5}"); do
		check "load $i" load
		await 10 "hits" hit
		check "unload $i" rmmod probes
	done
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null || true
	nothing_is_registered
	same "the log has nothing but our lines" "" "$(log_but probes)"
}
hit() { [ "$(seen returns)" -gt 3 ] && [ "$(seen fprobe_returns)" -gt 3 ]; }

# The last test, since it never ends: the module's code has to stay.
a_leak_keeps_the_module() {
	check "load" load leak
	(rmmod probes &) >/dev/null 2>&1
	await 20 "it says so" said
	cat /proc/version >/dev/null
	same "the kprobes are still there" 10 "$(kprobes)"
	same "and the fprobes" 5 "$(traced)"
	check "and so is the module" grep -q '^probes ' /proc/modules
	cleanup() { :; }
}
said() { dmesg | grep -qE 'probes: [0-9]+ registrations or threads were leaked: waiting'; }

ktap_run calls_are_seen what_is_disabled_is_not_seen arguments_on_the_stack reads_at_any_address data_are_of_the_call \
	data_in_their_place cannot_be_disarmed cannot_be_disarmed_beside_another gone \
	calls_in_progress a_call_outlives_its_probe missed_calls_are_counted all_or_nothing \
	what_ftrace_cannot_trace the_level_is_that_of_the_call our_handlers_cannot_be_probed \
	unload_while_they_are_hit \
	an_fprobe_cannot_be_unregistered a_leak_keeps_the_module
