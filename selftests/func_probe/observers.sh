#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# func_probe beside another observer: what it counts of 200 functions is what ftrace's function tracer
# records of the same tasks, and results are those that user space got.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

tracefs=/sys/kernel/tracing
control=/sys/kernel/debug/func_probe/control
functions=/sys/kernel/debug/func_probe/functions
observer=$tracefs/instances/observer
rounds=${FAULTLINE_ROUNDS:-20}

begin() {
	check "load" insmod "$FAULTLINE_MODULES/func_probe.ko"
	exec 9<>"$control"
}
tell() { printf '%s\n' "$@" >&9; }

# learn COUNT: in `names`, functions of the file systems' core that a worker calls, as the observer sees them: each
# the only one of its name, and probeable. No interrupt calls these, and no switch of tasks.
learn() {
	if [ ! -s /tmp/names ]; then
		workers 1
		observe
		work
		awk 'FILENAME ~ /blacklist/ { black[$2] = 1; next }
			FILENAME ~ /available/ { if (NF == 1) count[$1]++; next }
			match($0, /: [a-z0-9_]+ <-/) && / workload-/ {
				name = substr($0, RSTART + 2, RLENGTH - 5)
				if (count[name] == 1 && !(name in black) && !told[name]++) print name
			}' /sys/kernel/debug/kprobes/blacklist "$tracefs/available_filter_functions" "$observer/trace" |
			grep -E 'path|open|file|inode|dentry|_fd|name|ovl|fuse|tomoyo|security|mnt|fput|lookup|link|walk|fs_|vfs|permission|attr|read|write' |
			grep -vE 'lock|irq|rcu|sched|preempt|trace|probe|perf|tick|timer|clock|pgd|pte|page|mm|load|kthread|profile|_vq_|_done|account' >/tmp/names
		unobserve
		dismiss
	fi
	mapfile -t names < <(head -n "$1" /tmp/names)
}

# observe [NAME]...: has these functions traced, or all; unobserve: no more.
observe() {
	mkdir "$observer"
	echo 32768 >"$observer/buffer_size_kb"
	printf '%s\n' "$@" >"$observer/set_ftrace_filter"
	printf '%s\n' "${pids[@]}" >"$observer/set_ftrace_pid"
	echo function >"$observer/current_tracer"
}
unobserve() {
	echo nop >"$observer/current_tracer"
	rmdir "$observer"
}

# workers COUNT: bash by another name, which waits for a line in a pipe, makes its calls without any other
# process, says so, and waits again.
workers() {
	local i
	cp "$(command -v bash)" /tmp/workload
	mkfifo /tmp/go /tmp/done
	cat >/tmp/workload.sh <<-'END'
		read -r _ <>/tmp/go
		for ((i = 0; i < $1; i++)); do
			: </etc/passwd
			: >/tmp/written."$$"
			[ -e /does/not/exist ]
		done
		echo >/tmp/done
		read -r _ <>/tmp/go
	END
	pids=()
	exec 7<>/tmp/done 6<>/tmp/go
	for ((i = 0; i < $1; i++)); do
		/tmp/workload /tmp/workload.sh "$rounds" 6>&- 7>&- 9>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do await 30 "worker $i" grep -q workload "/proc/$i/comm"; done
	# At the pipe: it sleeps there, and makes no more calls.
	for i in "${pids[@]}"; do await 30 "worker $i" grep -qE 'pipe|wait' "/proc/$i/wchan"; done
}

dismiss() {
	kill "${pids[@]}"
	wait "${pids[@]}" || true
	pids=()
	exec 6>&- 7>&-
	rm -f /tmp/go /tmp/done
}

work() {
	local i
	for i in "${pids[@]}"; do echo >&6; done
	for i in "${pids[@]}"; do read -rt 120 -u 7 _ || check "the workers end" false; done
	for i in "${pids[@]}"; do await 30 "worker $i" grep -qE 'pipe|wait' "/proc/$i/wchan"; done
}

# counts_agree MODE [WAY]: of each function, the calls of the workers.
counts_agree() {
	local names id mine theirs hit
	learn 200
	note "${#names[@]} functions, the first ${names[*]:0:5}"
	check "functions" test ${#names[@]} -ge 60
	workers 2
	begin
	{
		echo 'program 1 if:comm:==:workload count'
		echo 'max_rate 0'
		for id in "${!names[@]}"; do echo "probe $id ${names[id]} $1 1 ${2:-}"; done
		echo attach
	} >/tmp/plan
	cat /tmp/plan >&9 || { note "$(cat <&9)"; check "the lines are accepted" false; }
	observe "${names[@]}"
	work
	echo 0 >"$observer/tracing_on"
	same "what the observer has lost" 0 "$(awk '/^(overrun|dropped events):/ { sum += $NF } END { print sum + 0 }' "$observer"/per_cpu/cpu*/stats)"
	theirs=$(sed -nE "s/^ *workload-[0-9]+ .*: ([a-z0-9_]+) <-.*/\1/p" "$observer/trace" | sort | uniq -c | awk '{ print $2, $1 }')
	mine=$(sed -nE 's/^id=[0-9]+ function=([^ ]+) .* recorded=([0-9]+) .* missed=([0-9]+) .*/\1 \2 \3/p' "$functions")
	hit=$(wc -l <<<"$theirs")
	note "$hit functions were hit, $(awk '{ sum += $2 } END { print sum }' <<<"$theirs") calls"
	check "functions that were hit" test "$hit" -ge 50
	# While a kprobe's handler runs, the CPU misses other kprobes: these are counted, whoever made the call.
	same "counts that differ by more than was missed" "" "$(awk 'NR == FNR { theirs[$1] = $2; next }
		$2 > theirs[$1] || $2 + $3 < theirs[$1] { print $1, "theirs", theirs[$1] + 0, "ours", $2, "missed", $3 }' \
		<(printf '%s\n' "$theirs") <(printf '%s\n' "$mine"))"
	note "missed: $(awk '{ sum += $3 } END { print sum }' <<<"$mine")"
	same "what failed" "" "$(grep 'state=failed' "$functions" || true)"
}

counts_at_entries_agree() { counts_agree entry; }
counts_at_returns_agree() { counts_agree return; }
counts_by_kretprobes_agree() { counts_agree return "via=kretprobe maxactive=32"; }

# read() returns what dd says that it has read.
results_are_those_of_user_space() {
	begin
	check "lines" tell 'program 1 f0=ret:s64 if:comm:==:dd if:f0:>:0' 'probe 1 ksys_read return 1' \
		'program 2 f0=ret:s64 if:comm:==:dd' 'probe 2 ksys_write return 2' attach
	echo 1 >"$tracefs/events/func_probe/enable"
	head -c 100000 /dev/zero >/tmp/zeros
	dd if=/tmp/zeros of=/tmp/copy bs=1543 status=none
	echo 0 >"$tracefs/events/func_probe/enable"
	same "blocks that were read" "64 of 1543, 1 of 1248" "$(sed -nE 's/.*: return: id=1 .* ret=(1543|1248) .*/\1/p' "$tracefs/trace" | sort -rn | uniq -c | awk '{ printf "%s%s of %s", sep, $1, $2; sep = ", " }')"
	same "bytes that were written" 100000 "$(sed -nE 's/.*: return: id=2 .* ret=([0-9]+) .*/\1/p' "$tracefs/trace" | awk '{ sum += $1 } END { print sum }')"
}

attached_and_detached_under_load() {
	local i pids=()
	check "load" insmod "$FAULTLINE_MODULES/func_probe.ko"
	for i in 1 2; do { while :; do head -c 1000 /etc/passwd >/dev/null; done; } 9>&- & pids+=($!); done
	for ((i = 0; i < rounds / 4; i++)); do
		exec 9<>"$control"
		check "attach" tell 'program 1 f0=ret:s64' 'program 2' 'max_rate 0' 'probe 1 vfs_read return 1' \
			'probe 2 vfs_open return 1 via=kretprobe' 'probe 3 vfs_open entry 2' attach
		same "what is not attached" "" "$(grep -v 'state=attached' "$functions" || true)"
		exec 9>&-
	done
	kill "${pids[@]}"
	wait "${pids[@]}" || true
	same "what is left" "" "$(grep -E 'func_probe' /sys/kernel/debug/kprobes/list || true)"
}

cleanup() {
	exec 9>&- 6>&- 7>&-
	[ -z "${pids:-}" ] || kill "${pids[@]}" 2>/dev/null || true
	echo 0 2>/dev/null >"$tracefs/events/func_probe/enable" || true
	[ ! -e /sys/module/func_probe ] || rmmod func_probe
	if [ -d "$observer" ]; then
		echo nop >"$observer/current_tracer"
		rmdir "$observer"
	fi
	echo >"$tracefs/trace"
	rm -f /tmp/go /tmp/done
}

ktap_run counts_at_entries_agree counts_at_returns_agree counts_by_kretprobes_agree results_are_those_of_user_space \
	attached_and_detached_under_load
