#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: many rounds of loading and unloading (FAULTLINE_ROUNDS, 100) leave no thread, no memory
# and no report.
#
# Proves: lockup

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

round() {
	case $(($1 % 8)) in
	0 | 4) load mode=soft cpus=all delay_secs=100 force=1 ;;
	1) load mode=soft cpus=1 delay_secs=0 hold_secs=1 force=1 ;;
	2 | 6)
		load mode=soft cpus=9 force=1 2>/dev/null || return 0
		rmmod lockup
		return 1
		;;
	*) load mode=soft cpus=0 delay_secs=1 hold_secs=1 force=1 ;;
	esac
	rmmod lockup
}

# objects: prints the exact number of objects in use of each kind that a module can leak: caches are
# emptied and shrunk first. (Free memory as a whole shrinks by some 50 KiB per round with any
# module, also with stock ones.)
objects() {
	local cache
	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*; do echo 1 >"$cache/shrink"; done
	awk '/^(kmalloc|task_struct|filp)/ { print $1, $2 }' /proc/slabinfo
	echo "vmalloc-areas $(wc -l </proc/vmallocinfo)"
	echo "tasks $(ps -e --no-headers | wc -l)"
}

# grown: prints the kinds with more objects than before. One leaked object per round makes 100 or
# more; allocations of others change a count by up to 60.
grown() {
	join <(sort <<<"$before") <(objects | sort) |
		awk -v most="$rounds" '$3 - $2 >= 0.8 * most { print $1, $2, "->", $3 }'
}

no_leak_in_many_rounds() {
	local rounds=${FAULTLINE_ROUNDS:-100} i before more
	for i in $(seq 20); do check "round $i" round "$i"; done
	echo 4 >/proc/sys/vm/drop_caches # from now on without a line in the log
	log_begin
	before=$(objects)
	for i in $(seq "$rounds"); do check "round $i" round "$i"; done
	same "threads" "" "$(threads)"
	# Objects in per-CPU caches, up to 512 small ones, and those that wait for RCU count as
	# well: only a leak stays.
	for _ in {1..10}; do
		more=$(grown)
		[ -n "$more" ] || break
		read -rt 2 <> <(:) || true
	done
	same "kinds of objects that grew" "" "$more"
	same "the log has nothing but our lines" "" "$(log_but lockup)"
}

ktap_run no_leak_in_many_rounds
