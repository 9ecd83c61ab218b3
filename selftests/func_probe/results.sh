#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What `faultline probe` shows of functions whose results user space sees is what a program got that
# called them: each call, in order, with its result or its error.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

faultline=$FAULTLINE_PROGRAMS/faultline
observer=/sys/kernel/tracing/instances/faultline-observer
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What known_calls.py calls; then, where a kernel has it by other names, these.
known='do_sys_openat2 vfs_read vfs_write vfs_llseek vfs_fallocate do_pipe2 do_faccessat
	dup3:__x64_sys_dup3:__arm64_sys_dup3 fcntl:__x64_sys_fcntl:__arm64_sys_fcntl
	memfd_create:__x64_sys_memfd_create:__arm64_sys_memfd_create
	do_mkdirat:filename_mkdirat do_rmdir:filename_rmdir do_symlinkat:filename_symlinkat do_readlinkat
	do_renameat2:filename_renameat2 do_unlinkat:filename_unlinkat umask:__x64_sys_umask:__arm64_sys_umask
	__sys_socket __sys_bind __sys_sendto __sys_recvfrom __sys_connect poll:__x64_sys_poll
	getpid:__do_sys_getpid:__x64_sys_getpid:__arm64_sys_getpid:__ia32_sys_getpid kernel_clone kernel_wait4
	kill:__x64_sys_kill:__arm64_sys_kill do_prlimit epoll_create1:__x64_sys_epoll_create1:__arm64_sys_epoll_create1'

# functions: "NAME FUNCTION" of each that this kernel has, once.
functions() {
	# shellcheck disable=SC2086 # a word each
	printf '%s\n' $known | awk -F '[: ]' 'NR == FNR { if (NF == 1) count[$1]++; next }
		{ for (i = 1; i <= NF; i++) if (count[$i] == 1) { print $1, $i; next } }' \
		/sys/kernel/tracing/available_filter_functions -
}

is_probed() { grep -qE 'functions are probed' "$scratch/err" || ! kill -0 "$probe" 2>/dev/null; }
has_seen() { [ "$(grep -c '"record":"event"' "$scratch/out")" -ge "$1" ]; }

# observe: has the kernel's function tracer see the program's calls of these functions.
observe() {
	mkdir "$observer"
	printf '%s\n' "${patterns[@]}" >"$observer/set_ftrace_filter"
	echo "$program" >"$observer/set_ftrace_pid"
	echo function >"$observer/current_tracer"
}

results_are_those_of_user_space() {
	local code=0 patterns inlined program name ret error
	functions >"$scratch/functions"
	mapfile -t patterns < <(cut -d' ' -f2 "$scratch/functions")
	note "${#patterns[@]} functions: ${patterns[*]}"
	check "functions" test "${#patterns[@]}" -ge 20
	check "load" insmod "$FAULTLINE_MODULES/func_probe.ko"
	"$here/known_calls.py" "$scratch/ready" "$scratch/results" &
	program=$!
	"$faultline" probe "${patterns[@]}" --json --comm known >"$scratch/out" 2>"$scratch/err" &
	probe=$!
	await 60 "the program" test -e "$scratch/ready"
	await 60 "the functions are probed" is_probed
	observe
	kill -USR1 "$program"
	wait "$program" || code=$?
	same "the program" 0 "$code"
	# What this kernel has no function for, was called all the same.
	awk 'NR == FNR { name[$1] = $2; next } $1 in name { print name[$1], $2, $3 }' \
		"$scratch/functions" "$scratch/results" >"$scratch/theirs"
	# A compiler may inline a function where it is called (clang does): the function tracer sees no call of it either.
	grep -oE ': [a-z0-9_]+ <-' "$observer/trace" | cut -d' ' -f2 | sort -u >"$scratch/observed"
	mapfile -t inlined < <(printf '%s\n' "${patterns[@]}" | grep -vxFf "$scratch/observed")
	note "inlined, so that no tracer sees them: ${inlined[*]:-none}"
	check "not too many of them" test "${#inlined[@]}" -le 5
	awk 'NR == FNR { observed[$1]; next } $1 in observed' "$scratch/observed" "$scratch/theirs" >"$scratch/seen"
	mv "$scratch/seen" "$scratch/theirs"
	await 60 "its events" has_seen "$(wc -l <"$scratch/theirs")"
	kill -INT "$probe"
	wait "$probe" || code=$?
	same "exit status" 0 "$code"
	# What has no type in this kernel's BTF reads in hexadecimal.
	jq -r 'select(.record == "event") | "\(.function) \(.ret) \(.error // "-")"' "$scratch/out" |
		while read -r name ret error; do echo "$name $((ret)) $error"; done >"$scratch/ours"
	note "$(wc -l <"$scratch/theirs") calls, $(grep -cvE ' -$' "$scratch/theirs") of them errors: $(cut -d' ' -f3 "$scratch/theirs" | sort -u | paste -sd' ')"
	same "calls that differ" "" "$(diff "$scratch/theirs" "$scratch/ours" || true)"
	same "functions that were called" "$((${#patterns[@]} - ${#inlined[@]}))" "$(cut -d' ' -f1 "$scratch/ours" | sort -u | wc -l)"
	same "what was lost or missed" "0 0" "$(jq -r 'select(.record == "end") | "\(.lost) \(.missed)"' "$scratch/out")"
}

cleanup() {
	jobs -p | xargs -r kill 2>/dev/null || true
	wait
	[ ! -e "$observer" ] || echo nop >"$observer/current_tracer"
	rmdir /sys/kernel/tracing/instances/faultline-* 2>/dev/null || true
	[ ! -e /sys/module/func_probe ] || rmmod func_probe
}

ktap_run results_are_those_of_user_space
