#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe: what is attached and what is not, and that nothing stays behind.
# FAULTLINE_ROUNDS (4) is how often it is loaded and unloaded under load.
#
# Proves: probes

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

rounds=${FAULTLINE_ROUNDS:-4}
probed=$(unchanged "${all_events[@]}" | wc -l)
net_up
trap net_down EXIT

# patched OLD NEW: the module with another function in the place of one, as it would be for a
# kernel that has this one not. NEW is no longer than OLD. (A small sed cannot do that to what has NULs.)
patched() {
	local pad=$((${#1} - ${#2})) zeros=''
	module=$(mktemp --suffix=.ko)
	while [ "$pad" -gt 0 ]; do zeros+='\x00' pad=$((pad - 1)); done
	LC_ALL=C command -p sed "s/$1/$2$zeros/g" "$FAULTLINE_MODULES/route_probe.ko" >"$module"
}

everything_is_attached() {
	check "load" load
	same "the report" "$(for event in "${all_events[@]}"; do
		if changed "$event" && [ "$event" = arp_xmit ]; then echo "$event not attached: inlined"
		elif changed "$event"; then echo "$event not attached: changed"
		elif absent "$event"; then echo "$event not attached: not"
		else echo "$event attached"; fi
	done)" "$(sed -E 's/^([a-z0-9_]+) [a-z0-9_]+ (attached|not attached: [a-z]+).*/\1 \2/' "$debugfs/targets")"
	same "the kernel's own list" "$probed" "$(kprobes)"
	same "only root reads it" "400 600" "$(stat -c %a "$debugfs/targets" "$debugfs/ledger" | paste -sd' ')"
	same "it depends on no other module" "" "$(modinfo -F depends "$FAULTLINE_MODULES/route_probe.ko")"
}

unload_leaves_nothing() {
	check "load" load
	check "unload" rmmod route_probe
	same "no probe" 0 "$(kprobes)"
	check "no files" test ! -e "$debugfs"
	check "no events" test ! -e "$tracefs/events/route_probe"
}

# What is not as its source says is not probed, and require=all says so.
a_function_is_changed() {
	changed arp_process || skip "this kernel's compiler has changed none of them"
	log_begin
	match "require=all" 'Invalid (argument|parameters)' "$(load require=all 2>&1 || true)"
	match "why" '^route_probe: arp_process: changed: the compiler has changed its arguments' "$(log)"
	check "no module" test ! -e /sys/module/route_probe
	same "no probe stays" 0 "$(kprobes)"
	check "load" load
	echo arp_process >"$parameters/events"
	ip -n a neigh del 10.0.0.1 dev eth0
	ping_once a 10.0.0.1
	neighbours
	same "it is never hit" 0 "$(ledger arp_process.hits)"
}

# At each step of the registration a function is missing: with require=all nothing stays, with
# require=any the others work.
a_function_is_missing() {
	local function missing
	for function in arp_process ip_route_input_noref fib_validate_source ip_route_output_key_hash_rcu fib_table_lookup fib6_table_lookup; do
		# What is changed is not tried at all.
		! changed "$function" || continue
		! absent "$function" || continue
		missing=x${function#?}
		patched "$function" "$missing"
		log_begin
		# One that is changed would be refused before that.
		if [ "$probed" = "${#all_events[@]}" ]; then
			match "require=all, $missing" 'No such file or directory|Unknown symbol' "$(load require=all 2>&1 || true)"
			match "why" "^route_probe: $missing: not found" "$(log)"
		fi
		check "no module" test ! -e /sys/module/route_probe
		same "no probe stays" 0 "$(kprobes)"
		check "no files stay" test ! -e "$debugfs"
		check "no events stay" test ! -e "$tracefs/events/route_probe"
		check "require=any, $missing" load require=any
		same "the others" "$((probed - 1))" "$(kprobes)"
		match "the report" " $missing not attached: not found: this kernel has no such function\$" "$(cat "$debugfs/targets")"
		ping_once a 192.0.2.9
		check "they count" test "$(awk '/\.hits/ { sum += $2 } END { print sum }' "$debugfs/ledger")" -gt 0
		check "unload" rmmod route_probe
		rm "$module"
	done
}

functions_that_cannot_be_probed() {
	local name='' function parts
	# What the compiler left only a part of, with a name as long as one of ours.
	parts=$(awk '
		FNR == NR { if (NF == 1 && sub(/\.part\.0$/, "", $1)) part[$1]; next }
		$3 in part { delete part[$3] }
		END { for (name in part) print name }' "$tracefs/available_filter_functions" /proc/kallsyms | sort)
	for function in ${functions//|/ }; do
		name=$(grep -xE ".{${#function}}" <<<"$parts" | head -n 1)
		[ -z "$name" ] || break
	done
	[ -n "$name" ] || skip "nothing is inlined in part"
	patched "$function" "$name"
	check "load, $name" load
	match "inlined" " $name not attached: inlined: .* \\.part\\.0( |\$)" "$(cat "$debugfs/targets")"
	check "unload" rmmod route_probe
	# What the kernel itself keeps probes off.
	name=$(awk '
		FNR == NR { black[$2]; next }
		$3 in black && length($3) <= 20 && $3 !~ /[^a-z_0-9]/ { count[$3]++ }
		END { for (name in count) if (count[name] == 1) print name }' /sys/kernel/debug/kprobes/blacklist /proc/kallsyms |
		sort | head -n 1)
	patched ip_route_input_noref "$name"
	check "load, $name" load
	match "blacklisted" "not attached: blacklisted: " "$(tr -d '\0' <"$debugfs/targets")"
	check "unload" rmmod route_probe
	patched ip_route_input_noref start_kernel
	check "load, start_kernel" load
	match "gone" "not attached: init: " "$(tr -d '\0' <"$debugfs/targets")"
}

our_handlers_cannot_be_probed() {
	check "load" load
	same "functions by which the kernel enters, on the blacklist" "entry hit ret" \
		"$(grep -oE '_R[A-Za-z0-9_]*(kretprobe)[A-Za-z0-9_]*' /sys/kernel/debug/kprobes/blacklist |
			grep -oE '[0-9](hit|entry|ret)[A-Z]' | tr -d '0-9A-Z' | sort -u | paste -sd' ')"
}

rounds_under_load() {
	local i total=0
	log_begin
	flood
	for i in $(seq "$rounds"); do
		check "load $i" load maxactive=$((i % 3)) "netns=$((i % 2 * net_r))"
		echo 1 >"$tracefs/events/route_probe/enable"
		echo "$((i % 2))" >"$parameters/errors_only"
		echo fib_lookup >"$parameters/events"
		echo all >"$parameters/events"
		total=$((total + $(ledger fib_lookup.hits)))
		echo >"$debugfs/ledger"
		echo 0 >"$tracefs/events/route_probe/enable"
		check "unload $i" rmmod route_probe
	done
	flood_end
	check "it was hit in between" test "$total" -gt "$rounds"
	same "no probe" 0 "$(kprobes)"
	same "the log has nothing but our lines" "" "$(log_but route_probe)"
}

an_open_file_holds_the_module() {
	check "load" load
	exec 9<"$debugfs/ledger"
	match "unload" 'in use' "$(rmmod route_probe 2>&1 || true)"
	exec 9<&-
	check "unload" rmmod route_probe
}

ktap_run everything_is_attached a_function_is_changed unload_leaves_nothing an_open_file_holds_the_module our_handlers_cannot_be_probed \
	a_function_is_missing functions_that_cannot_be_probed rounds_under_load
