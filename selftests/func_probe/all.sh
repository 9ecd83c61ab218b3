#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every function that `faultline probe -l` says can be probed is probed, at its entry and at its return, in batches
# while the machine works: nothing is reported, and the machine stays usable. FAULTLINE_FUNCTIONS says how many
# of them (all).

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

control=/sys/kernel/debug/func_probe/control
functions=/sys/kernel/debug/func_probe/functions
batch=500

# all POINT: names, one a line.
all() {
	"$FAULTLINE_PROGRAMS/faultline" probe -l "kernel.function(\"*\")$1" |
		sed -nE 's/^kernel\.function\("([^"]*)"\).*/\1/p' | head -n "${FAULTLINE_FUNCTIONS:-1000000}"
}

# work: what calls much of the kernel.
work() {
	ls -lR /etc >/dev/null
	head -c 300000 /dev/urandom | sha1sum >/dev/null
	echo hello >/tmp/hello
	cat /proc/self/{maps,status,mounts} /proc/{meminfo,vmstat,interrupts} >/dev/null
}

# probed POINT MODE: all of them.
probed() {
	local names first id attached=0 failed=0 hits=0 now_attached now_failed now_hits wrong
	mapfile -t names < <(all "$1")
	check "functions" test ${#names[@]} -ge "${FAULTLINE_FUNCTIONS:-20000}"
	check "load" insmod "$FAULTLINE_MODULES/func_probe.ko"
	log_begin
	for ((first = 0; first < ${#names[@]}; first += batch)); do
		exec 9<>"$control"
		{
			echo 'program 1 count'
			for ((id = first; id < first + batch && id < ${#names[@]}; id++)); do
				echo "probe $id ${names[id]} $2 1"
			done
			echo attach
		} >/tmp/plan
		cat /tmp/plan >&9 || { note "from $first on: $(cat <&9)"; check "they are attached" false; }
		work 9>&-
		read -r now_attached now_failed now_hits wrong < <(awk '{
			for (i = 1; i <= NF; i++) { split($i, part, "="); v[part[1]] = part[2] }
			attached += v["state"] != "failed"; failed += v["state"] == "failed"; hits += v["hits"]
			if (v["hits"] != v["recorded"] + v["filtered"] + v["lost"] + v["missed"] + v["in_flight"]) wrong++
		} END { print attached + 0, failed + 0, hits + 0, wrong + 0 }' "$functions" 9>&-)
		exec 9>&-
		attached=$((attached + now_attached)) failed=$((failed + now_failed)) hits=$((hits + now_hits))
		same "ledgers that do not balance, from $first on" 0 "$wrong"
	done
	note "$attached functions were probed, $hits calls counted; $failed could not be"
	check "nearly all can be" test $((failed * 50)) -le "$attached"
	check "calls" test "$hits" -gt "$attached"
	same "the log" "" "$(log_but func_probe)"
}

at_their_entries() { probed .call entry; }
at_their_returns() { probed .return return; }

cleanup() {
	exec 9>&-
	[ ! -e /sys/module/func_probe ] || rmmod func_probe
}

ktap_run at_their_entries at_their_returns
