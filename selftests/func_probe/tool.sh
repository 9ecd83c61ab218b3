#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `faultline probe`: what it shows is what user space did; filters are the kernel's; nothing stays
# attached, however it ends.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

faultline=$FAULTLINE_PROGRAMS/faultline
tracefs=/sys/kernel/tracing
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
head -c 20000 /dev/zero >"$scratch/read-by-name"
echo line >"$scratch/line"

load() { insmod "$FAULTLINE_MODULES/func_probe.ko"; }

cleanup() {
	local pid
	for pid in ${started:-}; do kill -KILL "$pid" 2>/dev/null || true; done
	wait
	rmdir "$tracefs"/instances/faultline-* 2>/dev/null || true
	[ ! -e /sys/module/func_probe ] || rmmod func_probe
	modprobe -rq veth || true
}

# begin NAME REGEX ARG...: starts it in `pid`, with its output in files of that name, and waits until it
# says that; watch NAME ARG...: until the functions are attached.
begin() {
	local name=$1 says=$2
	shift 2
	"$faultline" probe "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" &
	pid=$! started="${started:-} $!"
	await 60 "$name says something" says_or_is_gone "$name" "$says"
	match "$name begins" "$says" "$(err "$name")"
}
watch() {
	local name=$1
	shift
	begin "$name" 'functions? (is|are) probed' "$@"
}
says_or_is_gone() { grep -qE "$2" "$scratch/$1.err" || ! kill -0 "$pid" 2>/dev/null; }

# ends NAME STATUS [SIGNAL]: it ends, by the signal or by itself.
ends() {
	local code=0
	[ $# -lt 3 ] || kill "-$3" "$pid"
	await 60 "$1 ends" test ! -e "/proc/$pid/fd/1"
	wait "$pid" || code=$?
	[ "$code" = "$2" ] || note "$(err "$1")"
	same "$1, exit status" "$2" "$code"
}

out() { cat "$scratch/$1.out"; }
err() { cat "$scratch/$1.err"; }
has() { [ "$(grep -c "$2" "$scratch/$1.out")" -ge "$3" ]; }
# told NAME JQ: what its JSON says.
told() { jq -rc "$2" "$scratch/$1.out"; }
# attached: what the kernel has attached for anybody, apart from what it had in the beginning.
attached() { cat "$tracefs/enabled_functions" /sys/kernel/debug/kprobes/list 2>/dev/null | sort; }

reads_are_what_user_space_got() {
	local events='select(.record == "event")'
	check "load" load
	watch reads 'kernel.function("vfs_read").return' --json --comm dd --if 'count >= 5000 && count < 9000 || count == 123' \
		--print '{file->f_path.dentry->d_name.name} {count} {file->f_pos} {hex(count)}'
	# From another program, with a size that passes; then one that does not pass; then those that do.
	head -c 6000 "$scratch/read-by-name" >/dev/null
	dd if="$scratch/read-by-name" of=/dev/null bs=4000 status=none
	dd if="$scratch/read-by-name" of=/dev/null bs=7000 status=none
	dd if="$scratch/read-by-name" of=/dev/null bs=123 count=1 status=none
	await 60 "its events" has reads '"record":"event"' 5
	ends reads 0 INT
	same "results" "7000 7000 6000 0 123" "$(told reads "$events.ret" | paste -sd' ')"
	same "arguments" "123 7000" "$(told reads "$events.args.count" | sort -un | paste -sd' ')"
	same "a text through pointers" read-by-name "$(told reads "$events.fields[\"file->f_path.dentry->d_name.name\"]" | sort -u)"
	# At the entry, that is.
	same "a number through a pointer" "0 7000 14000 20000 0" "$(told reads "$events.fields[\"file->f_pos\"]" | paste -sd' ')"
	same "as a number of sixteen" "0x1b58 0x7b" "$(told reads "$events.fields[\"hex(count)\"]" | sort -u | paste -sd' ')"
	# The kernel notes the name of a thread when it stops to run, and by then it may be gone: null.
	same "the name" dd "$(told reads "$events.comm // \"dd\"" | sort -u)"
	same "the duration" true "$(told reads "$events.ns > 0" | sort -u)"
	same "a pointer" true "$(told reads "$events.args.file | test(\"^0xff[0-9a-f]{14}\$\")" | sort -u)"
	check "the kernel filtered" test "$(told reads 'select(.record == "end").filtered')" -ge 5
	same "and recorded" 5 "$(told reads 'select(.record == "end") | .recorded')"
	same "nothing was missed" "0 0" "$(told reads 'select(.record == "end") | "\(.lost) \(.missed)"')"
	same "records" "begin event event event event event end" "$(told reads .record | paste -sd' ')"
	same "their schema" faultline.probe/1 "$(told reads .schema | sort -u)"
}

# The tracer may not have noted the name of a thread that ran once and briefly.
a_directory_is_not_read() {
	! dd if=/ of=/dev/null status=none 2>/dev/null || check "a directory is not read" false
	has failures '^dd' 1
}

failures_have_names() {
	local one='^dd 512 -> -EISDIR in [0-9.]+ [num]s$'
	check "load" load
	watch failures 'kernel.function("vfs_read").return' --print '{comm} {count} -> {ret} in {ns}' --if 'ret < 0'
	dd if="$scratch/read-by-name" of=/dev/null status=none
	await 60 "its event, with its name" a_directory_is_not_read
	ends failures 0 INT
	match "the error" "$one" "$(out failures)"
	same "nothing but errors" "" "$(grep -vE -- '-> -E[A-Z]+ in ' "$scratch/failures.out" || true)"
	same "nothing of its own" "" "$(grep '^faultline ' "$scratch/failures.out" || true)"
	match "the tally" '^faultline: [0-9]+ events in [0-9.]+ s, [0-9]+ calls filtered$' "$(err failures)"
}

a_module_that_comes_later_in_a_summary() {
	check "load" load
	modprobe -rq veth
	begin veth 'waiting for a module to be loaded' 'module("veth").function("*")' --summary --duration 1h
	check "veth" modprobe veth
	await 60 "it is seen" grep -q 'veth was loaded: [0-9]* functions are probed' "$scratch/veth.err"
	ip link add v0 type veth peer name v1
	ip link del v0
	ends veth 0 INT
	match "a call" '^veth:veth_newlink +1 +0 +0 +[0-9.]+ [num]s  ' "$(out veth)"
	match "the heading" '^[0-9.]+ s: [0-9]+ calls of [0-9]+ functions?, ' "$(out veth)"
	same "longer lines than eighty" "" "$(out veth | grep -E '^.{81}' || true)"
}

# One of them is killed, after another one was refused; a thread's calls, and their stacks.
stacks_two_at_once_and_a_killed_one() {
	local before code=0 me=$BASHPID
	check "load" load
	before=$(attached)
	watch killed vfs_read --call --stack --tgid "$me"
	read -r _ <"$scratch/line"
	await 60 "a stack" has killed do_syscall_64 1
	match "the arguments" '^ *[0-9.]+  .*\['"$me"'\] +vfs_read\(file=0xff[0-9a-f]{14}, buf=0x[0-9a-f]+, count=[0-9]+, pos=[0-9a-zA-Z]+\)$' \
		"$(out killed)"
	same "nothing of the probe is in it" "" "$(grep -iE 'fprobe|ftrace|kprobe|rethook|func_probe' "$scratch/killed.out" || true)"
	same "of no other process" "" "$(grep -E '^ *[0-9.]+  ' "$scratch/killed.out" | grep -vF "[$me]" || true)"
	"$faultline" probe vfs_write >"$scratch/second.out" 2>"$scratch/second.err" || code=$?
	same "a second one" 3 "$code"
	match "says why" '^faultline: could not tell: another faultline probe runs: ' "$(err second)"
	kill -KILL "$pid"
	{ wait "$pid" || true; } 2>/dev/null
	same "nothing stays attached" "$before" "$(attached)"
	check "the module can be unloaded" rmmod func_probe
}

one_thread_on_one_cpu() {
	local python events='select(.record == "event")'
	check "load" load
	python3 -c 'import os, signal
zero = os.open("/dev/zero", os.O_RDONLY)
os.kill(os.getpid(), signal.SIGSTOP)
for cpu, count in (0, 2), (1, 3):
    os.sched_setaffinity(0, {cpu})
    for _ in range(count):
        os.read(zero, 77)' &
	python=$! started="${started:-} $!"
	await 60 "it is stopped" grep -q '^State:.T' "/proc/$python/status"
	watch cpu vfs_read --json --pid "$python" --cpu 1 --if 'count == 77'
	# Another thread on that CPU.
	taskset -c 1 dd if=/dev/zero of=/dev/null bs=77 count=5 status=none
	kill -CONT "$python"
	wait "$python"
	await 60 "its events" has cpu '"record":"event"' 3
	ends cpu 0 INT
	same "events by CPU and thread" "3 1 $python" "$(told cpu "$events | \"\(.cpu) \(.pid)\"" | sort | uniq -c | awk '{ print $1, $2, $3 }')"
	check "what is filtered" test "$(told cpu 'select(.record == "end").filtered')" -ge 7
}

as_many_calls_as_there_are_instances() {
	local pids=() end='select(.record == "end")'
	check "load" load
	watch one 'kernel.function("hrtimer_nanosleep").return.maxactive(1)' --json --comm sleep
	for _ in 1 2 3; do sleep 2 & pids+=($!); done
	wait "${pids[@]}"
	ends one 0 INT
	same "by a kretprobe" 1 "$(told one 'select(.record == "begin").attached.kretprobe')"
	check "calls" test "$(told one "$end.hits")" -ge 3
	check "of which one was followed" test "$(told one "$end.recorded")" -ge 1
	check "and others were not" test "$(told one "$end.missed")" -ge 1
	check "what is needed" test "$(told one "$end.needed.hrtimer_nanosleep")" -ge 2
}

without_the_module() {
	local code=0
	"$faultline" probe vfs_read >"$scratch/no.out" 2>"$scratch/no.err" || code=$?
	same "no module" 3 "$code"
	match "it says so" '^faultline: could not tell: the module func_probe is not loaded: insmod func_probe\.ko' "$(err no)"
}

ktap_run reads_are_what_user_space_got failures_have_names a_module_that_comes_later_in_a_summary stacks_two_at_once_and_a_killed_one \
	one_thread_on_one_cpu as_many_calls_as_there_are_instances without_the_module
