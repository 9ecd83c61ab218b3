#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each module is loaded and unloaded repeatedly (FAULTLINE_LOADS, 12) under its own full load, while
# CPUs go offline and online, memory is short, and other tracers use the same functions: half of the
# loads on two CPUs, half on all.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"
. "$here/../lib/users.sh"

loads=${FAULTLINE_LOADS:-12}
cpus=$(nproc --all)
net_up
trap net_down EXIT
mkdir -p /tmp/headers/include/linux
touch /tmp/headers/include/linux/{kconfig,types}.h
export BPFTRACE_KERNEL_SOURCE=/tmp/headers BPFTRACE_KERNEL_BUILD=/tmp/headers
# Refusals are logged, and the console is slow.
echo 1 >/proc/sys/kernel/printk

online() { { echo "$2" >"/sys/devices/system/cpu/cpu$1/online"; } 2>/dev/null; }

# Each of the following functions runs until the file $over exists, counts its rounds in $counts,
# and restores the state.
count() { echo "$1" >>"$counts"; }

# alone COMMAND...: runs a command; two of them never run at once. A CPU that comes online while function_graph traces
# ends the guest at once (Linux 7.3.4 in QEMU without KVM, with no module loaded).
alone() { (flock 9 && "$@") 9>/tmp/alone; }

# off_and_on CPU
off_and_on() { online "$1" 0 && online "$1" 1; }

# cpus_come_and_go LAST: puts the CPUs up to LAST offline and online.
cpus_come_and_go() {
	while [ ! -e "$over" ]; do
		! alone off_and_on "$1" || count "times a CPU went off and on"
	done
	online "$1" 1 || true
}

# memory_is_short: takes all memory but the 256 MiB that bpftrace needs, and fills these with files,
# so that each allocation has to reclaim a page; frees all at the end.
memory_is_short() {
	local kib
	mkdir -p /tmp/ballast
	mount -t tmpfs -o size=100% tmpfs /tmp/ballast
	while [ ! -e "$over" ]; do
		kib=$(awk '/^MemAvailable:/ { print $2 - 256 * 1024 }' /proc/meminfo)
		[ "$kib" -le 0 ] || head -c "$((kib * 1024))" /dev/zero >/tmp/ballast/zeros
		find /usr/lib -size +1M -type f -exec cat {} + | head -c 314572800 >/dev/null || true
		rm -f /tmp/ballast/zeros
		count "times memory was short"
	done
	umount /tmp/ballast
}

graph_of_functions() {
	while [ ! -e "$over" ]; do
		alone graph
		count "function graphs"
	done
}

graph() {
	local function
	for function in ${functions//|/ }; do echo "$function" >>"$tracefs/set_graph_function"; done
	echo function_graph >"$tracefs/current_tracer"
	ping_once a 192.0.2.9
	echo nop >"$tracefs/current_tracer"
	echo >"$tracefs/set_graph_function"
}

other_probes() {
	while [ ! -e "$over" ]; do
		! bpftrace -e '
			kprobe:fib_table_lookup { @entries = count(); }
			kretprobe:fib_table_lookup { @returns = count(); }
			fentry:vmlinux:fib_validate_source { @calls = count(); }
			interval:s:1 { exit(); }' >/dev/null 2>&1 || count "runs of bpftrace"
		! perf record -q -a -F 200 -o /tmp/perf.data -- ip netns exec a ping -q -c 3 -i 0.1 192.0.2.9 >/dev/null 2>&1 ||
			count "runs of perf"
	done
}

# around FROM COMMAND...: runs COMMAND with all of these and $own_load, and the CPUs from FROM on
# offline.
# shellcheck disable=SC2154 # set by the caller
around() {
	local from=$1 cpu jobs=() job
	shift
	over=$(mktemp -u)
	for ((cpu = from; cpu < cpus; cpu++)); do check "CPU $cpu goes off" online "$cpu" 0; done
	for job in "cpus_come_and_go $((from - 1))" memory_is_short graph_of_functions other_probes "$own_load"; do
		# shellcheck disable=SC2086 # words
		$job &
		jobs+=($!)
	done
	"$@"
	touch "$over"
	wait "${jobs[@]}" || true
	for ((cpu = from; cpu < cpus; cpu++)); do check "CPU $cpu comes back" online "$cpu" 1; done
}

# loaded MODULE COUNT ARG...: loads and unloads the module COUNT times. A parameter with a CPU may
# be refused if that CPU has just gone offline.
loaded() {
	local module=$1 wanted=$2 done=0 error
	shift 2
	while [ "$done" -lt "$wanted" ]; do
		if ! error=$(insmod "$FAULTLINE_MODULES/$module.ko" "$@" 2>&1); then
			match "insmod $module" 'No such device|Invalid argument|Device or resource busy' "$error"
			check "it may be refused only where CPUs are named" test "$module" = lockup
			count "loads refused, as a CPU had gone"
			continue
		fi
		done=$((done + 1))
		check "rmmod $module" rmmod "$module"
		count "loads of $module"
	done
}

# endures MODULE ARG...
endures() {
	local line number
	counts=$(mktemp)
	around "$cpus" loaded "$1" "$((loads - loads / 2))" "${@:2}"
	around 2 loaded "$1" "$((loads / 2))" "${@:2}"
	while read -r number line; do tally "$number" "$line"; done < <(sort "$counts" | uniq -c)
	same "loads" "$loads" "$(grep -c "^loads of" "$counts")"
	for line in 'times a CPU' 'times memory' 'function graphs' 'runs of bpftrace' 'runs of perf'; do
		check "there were $line" grep -q "^$line" "$counts"
	done
	same "kprobes" 0 "$(grep -c . /sys/kernel/debug/kprobes/list || true)"
	check "no module" test ! -e "/sys/module/$1"
}

knobs() {
	insmod "$FAULTLINE_MODULES/knobs.ko"
	mapfile -t names < <(parameters_of knobs)
	rmmod knobs
	own_load="use knobs ${names[*]}" endures knobs
}

# Each load holds all CPUs for up to a second, and is unloaded during or after the hold.
lockup() {
	insmod "$FAULTLINE_MODULES/lockup.ko" mode=soft delay_secs=3600 force=1
	mapfile -t names < <(parameters_of lockup)
	rmmod lockup
	own_load="use lockup ${names[*]}" endures lockup mode=soft cpus=all delay_secs=0 hold_secs=1 force=1
}

route_probe() {
	own_load='traffic_until_over' endures route_probe
}

traffic_until_over() {
	flood
	await 7200 "the end" test -e "$over"
	flood_end
}

cleanup() {
	local module
	[ -z "${over:-}" ] || touch "$over"
	for module in knobs lockup route_probe; do [ ! -e "/sys/module/$module" ] || rmmod "$module" || true; done
}

ktap_run knobs route_probe lockup
