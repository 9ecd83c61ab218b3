#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module func_probe by itself: what it takes, refuses, records and counts, and that a session ends
# with whoever has it open.
#
# Proves: probes

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/handlers.sh"

tracefs=/sys/kernel/tracing
control=/sys/kernel/debug/func_probe/control
functions=/sys/kernel/debug/func_probe/functions

# begin: loads the module and opens a session, as descriptor 9.
begin() {
	check "load" insmod "$FAULTLINE_MODULES/func_probe.ko"
	exec 9<>"$control"
}
tell() { printf '%s\n' "$@" >&9; }
# reply: what became of the last write.
reply() { cat <&9; }
# value KEY ID: of a function's line.
value() { sed -nE "s/^(.* )?id=$2 (.* )?$1=([^ ]*)( .*)?$/\3/p" "$functions"; }
reads() { dd if=/dev/zero of=/dev/null bs="$2" count="$1" status=none; }
events() { echo "$1" >"$tracefs/events/func_probe/enable"; }
# fields NAME: of the events of that name.
fields() { sed -n "s/^.*: $1: //p" "$tracefs/trace"; }

calls_are_recorded_with_arguments_and_result() {
	begin
	check "lines" tell 'program 1 f0=a2:u64 f1=ret:s64 if:f0:==:1009' 'probe 7 vfs_read return 1' attach
	same "state" attached "$(value state 7)"
	events 1
	reads 3 1009
	reads 2 1013
	events 0
	same "events" 3 "$(fields return | grep -cE '^id=7 tgid=[0-9]+ ret=1009 ns=[1-9][0-9]* a0=[0-9]+ a1=[0-9]+ a2=1009 .* f0=1009 f1=1009 f2=0 .* unread=0 cut=0 t0="" t1=""$')"
	same "others" 3 "$(fields return | wc -l)"
	same "recorded" 3 "$(value recorded 7)"
	check "filtered" test "$(value filtered 7)" -ge 2
}

entries_are_recorded() {
	begin
	check "lines" tell 'program 1 f0=a2:u64 if:f0:==:1019' 'probe 1 vfs_read entry 1' attach
	events 1
	reads 4 1019
	events 0
	same "events" 4 "$(fields call | grep -cE '^id=1 tgid=[0-9]+ a0=.* a2=1019 .* f0=1019 ')"
}

# has_groups: can one fprobe have all functions of a session? It needs the place of ftrace's call in each.
has_groups() { [ "$(uname -m)" = x86_64 ]; }
no_groups="fprobes of many functions need CONFIG_KPROBES_ON_FTRACE, which this architecture has not"

# The ways of one function agree: each is a probe of its own.
all_ways_see_the_same() {
	has_groups || skip "$no_groups"
	local way ways=(1:fprobe 2:kretprobe)
	begin
	check "program" tell 'program 1 f0=a2:u64 if:f0:==:1021 count' 'program 2 f0=a2:u64 if:f0:==:1021'
	for way in "${ways[@]}"; do check "$way" tell "probe ${way%:*} vfs_read return 1 via=${way#*:}"; done
	check "kprobe" tell 'probe 3 vfs_read entry 1 via=kprobe' 'probe 4 vfs_read entry 1 via=fprobe' attach
	reads 200 1021
	same "what each has counted" "200 200 200 200" "$(for id in 1 2 3 4; do value recorded "$id"; done | paste -sd ' ')"
	same "the ways" "fprobe kretprobe kprobe fprobe" "$(for id in 1 2 3 4; do value via "$id"; done | paste -sd ' ')"
}

signed_numbers_and_errors() {
	begin
	check "lines" tell 'program 1 errors:s32 f0=ret:s32 if:f0:<:0' 'probe 1 do_sys_openat2 return 1' attach
	events 1
	for _ in 1 2 3; do cat /does/not/exist 2>/dev/null || true; done
	events 0
	# ENOENT, as a number of 64 bits.
	check "events" test "$(fields return | grep -c ' f0=18446744073709551614 ')" -ge 3
	check "errors" test "$(value errors 1)" -ge 3
	same "what is recorded is an error" "$(value recorded 1)" "$(value errors 1)"
}

# Reads of 2801 bytes, 0xaf1: of a number, and of the position behind a pointer.
bit_fields_are_taken_out() {
	begin
	head -c 6000 /dev/zero >/tmp/bits
	check "lines" tell 'program 1 f0=a2:u64 f1=a2:u4@8/64 f2=a2:s4@8/16 f3=a3.0:u8@1/64 if:f0:==:2801 if:f2:==:-6' \
		'probe 1 vfs_read return 1' attach
	events 1
	dd if=/tmp/bits of=/dev/null bs=2801 count=2 status=none
	events 0
	same "events" 2 "$(fields return | wc -l)"
	match "the second" ' f0=2801 f1=10 f2=18446744073709551610 f3=120 ' "$(fields return | tail -n 1)"
}

texts_are_read() {
	begin
	check "lines" tell 'program 1 t0=a1:ustr if:comm:==:mkdir' 'probe 1 do_sys_openat2 entry 1' \
		'program 2 t0=a1:ustr if:comm:==:mkdir' 'probe 2 do_sys_openat2 return 2' attach
	events 1
	(exec -a mkdir mkdir -p "/tmp/a\"b")
	events 0
	match "a path of user space" '^id=1 .* t0="/[^"]*" t1=""$' "$(fields call)"
	match "at the return" '^id=2 .* t0="/[^"]*" t1=""$' "$(fields return)"
	same "way" kretprobe "$(value via 2)"
}

what_cannot_be_read_says_so() {
	begin
	check "lines" tell 'program 1 f0=a2.0:u64 t0=a2:str f1=a2:u64 if:f1:==:1031' \
		'probe 1 vfs_read entry 1' 'program 2 f0=a2.0:u64 f1=a2:u64 if:f1:==:1031 if:f0:>=:0' \
		'probe 2 vfs_read entry 2' attach
	events 1
	reads 2 1031
	events 0
	# f0 is bit 0, t0 is bit 8. A condition on what could not be read does not hold.
	same "events" 2 "$(fields call | grep -c '^id=1 .* unread=257 ')"
	same "of the other" 0 "$(value recorded 2)"
}

# What is known at the entry alone decides for itself, and together with what the call returns.
alternatives_hold() {
	has_groups || skip "$no_groups"
	local way
	begin
	check "programs" tell 'program 1 f0=a2:u64 f1=ret:s64 if:comm:==:dd if1:f0:==:1009 if2:f0:==:1013 if2:f1:==:0 count' \
		'program 2 f0=a2:u64 if1:f0:==:1009 if:comm:==:dd if8:f0:==:1019' 'program 3 f0=a2:u64 if:comm:!=:dd if1:f0:==:1009 if2:f0:>:0'
	for way in 1:fprobe 2:kretprobe; do check "$way" tell "probe ${way%:*} vfs_read return 1 via=${way#*:}"; done
	check "entries" tell 'probe 3 vfs_read entry 2' attach 'probe 4 vfs_read entry 3' attach
	same "what is not attached" "" "$(grep -v state=attached "$functions" || true)"
	reads 3 1009
	reads 2 1013
	dd if=/dev/null of=/dev/null bs=1013 count=1 status=none
	reads 2 1019
	same "what each has recorded" "4 4 5" "$(for id in 1 2 3; do value recorded "$id"; done | paste -sd ' ')"
	same "errors and misses" "0 0" "$(value missed 1) $(value missed 2)"
	check "what is filtered" test "$(value filtered 1)" -ge 4
	check "what has to hold in any case" test "$(value filtered 4)" -ge 8
}

bad_lines_are_refused() {
	local line errno words
	begin
	check "a good one" tell 'program 1 f0=a0:u64' 'program 2 f0=ret:u64' 'program 3 t0=a0:str' 'probe 1 vfs_read return 1'
	while IFS='|' read -r line errno words; do
		if (LC_ALL=C tell "$line") 2>/tmp/error; then note "'$line' was accepted"; exit 1; fi
		match "$line" "$errno" "$(cat /tmp/error)"
		match "$line" "^line 1: .*$words" "$(reply)"
	done <<-'END'
		nonsense|Invalid argument|'nonsense' is none of program, probe
		attach now|Invalid argument|'now' is too much
		program 4096|Numerical result out of range|'4096' is no number from 0 to 4095
		program x|Invalid argument|'x' is no number
		program 1|File exists|program 1 already
		program 9 f6=a0:u64|Invalid argument|f0 to f5
		program 9 f0=a0:str|Invalid argument|t0 to t1
		program 9 f0=a0|Invalid argument|has no type
		program 9 f0=a0:u12|Invalid argument|'u12': a type is
		program 9 f0=a0:u3@6/8|Invalid argument|'u3@6/8': a type is
		program 9 f0=a0:u0@1/8|Invalid argument|'u0@1/8': a type is
		program 9 f0=a0:s9@0/8|Invalid argument|'s9@0/8': a type is
		program 9 f0=a0:u1@18446744073709551615/8|Invalid argument|a type is
		program 9 f0=a0:u1@1/12|Invalid argument|'u1@1/12': a type is
		program 9 f0=a0:u1/8|Invalid argument|'u1/8': a type is
		program 9 f0=a12:u64|Numerical result out of range|'12' is no number from 0 to 11
		program 9 f0=x.1:u64|Invalid argument|neither a0 to a11 nor ret
		program 9 f0=a0.:u64|Invalid argument|has no offset
		program 9 f0=a0.1.1.1.1.1.1.1.1.1:u64|Invalid argument|more than 8 steps
		program 9 f0=a0.1048577:u64|Numerical result out of range|'1048577'
		program 9 if:f0:==:1|Invalid argument|'f0' is no field
		program 9 f0=a0:u64 if:f0:=:1|Invalid argument|'=': a comparison is
		program 9 f0=a0:u64 if:f0:==:-1|Invalid argument|not negative
		program 9 f0=a0:s64 if:f0:==:x|Invalid argument|'x' is not a number
		program 9 if:comm:<:a|Invalid argument|comm can be compared
		program 9 if:comm:==:0123456789abcdef|Invalid argument|1 to 15 bytes
		program 9 if:pid|Invalid argument|not OPERAND:OP:VALUE
		program 9 if|Invalid argument|not if:CONDITION
		program 9 if9:pid:==:1|Invalid argument|the number of an alternative is 1 to 8
		program 9 if0:pid:==:1|Invalid argument|the number of an alternative is 1 to 8
		program 9 ifx:pid:==:1|Invalid argument|the number of an alternative is 1 to 8
		program 9 if:pid:!=:1 if1:pid:!=:2 if1:pid:!=:3 if1:pid:!=:4 if2:pid:!=:5 if2:pid:!=:6 if2:pid:!=:7 if3:pid:!=:8 if4:pid:!=:9|Invalid argument|more than 8 conditions
		probe 1 vfs_write return 1|File exists|function 1 already
		probe 2 vfs_write both 1|Invalid argument|neither entry nor return
		probe 2 vfs_write return 8|Invalid argument|no program 8
		probe 2 vfs_write entry 2|Invalid argument|known at the return only
		probe 2 vfs_write return 3 via=fprobe|Invalid argument|no room for texts
		probe 2 vfs_write return 1 via=kprobe|Invalid argument|via=kretprobe
		probe 2 vfs_write return 1 maxactive=5000|Numerical result out of range|'5000'
		probe 2|Invalid argument|the name of the function is missing
		max_rate|Invalid argument|a rate is missing
	END
	# All of that has changed nothing.
	same "functions" "id=1 function=vfs_read state=queued" "$(cat "$functions")"
	check "a line in two pieces" printf 'pro' >&9
	check "its end" printf 'gram 4 count\n' >&9
	if (tell 'program 4') 2>/dev/null; then check "it was one line" false; fi
	if (head -c 5000 /dev/zero | tr '\0' x >&9) 2>/dev/null; then check "a line without an end is refused" false; fi
}

what_cannot_be_probed_says_why() {
	local black
	# A function that the kernel keeps probes off.
	black=$(awk 'FNR == NR { black[$2]; next } $3 in black && $2 ~ /[tT]/ && $3 ~ /^[a-z0-9_]+$/ { print $3; exit }' \
		/sys/kernel/debug/kprobes/blacklist /proc/kallsyms)
	begin
	check "lines" tell 'program 1' 'probe 1 no_such_function return 1' 'probe 2 vfs_read return 1' \
		"probe 3 $black return 1" attach
	match "absent" '^id=1 .*state=failed .* reason=not found' "$(cat "$functions")"
	match "blacklisted" '^id=3 .*state=failed .* reason=blacklisted' "$(cat "$functions")"
	same "the other" attached "$(value state 2)"
}

# address NAME: where it begins.
address() { awk -v name="$1" '$3 == name { print $1; exit }' /proc/kallsyms; }

a_function_is_where_it_is_said_to_be() {
	local read write name twice
	read=$(address vfs_read) write=$(address vfs_write)
	# A name of several functions, all of which ftrace traces.
	name=$(awk 'NF == 1 { if (++count[$1] == 2) { print $1; exit } }' "$tracefs/available_filter_functions")
	mapfile -t twice < <(awk -v name="$name" '$3 == name && $2 ~ /[tT]/ { print $1 }' /proc/kallsyms)
	begin
	check "lines" tell 'program 1 f0=a2:u64 if:f0:==:1049' "probe 1 vfs_read return 1 at=$read" \
		"probe 2 vfs_read return 1 at=$write" "probe 3 vfs_read return 1 at=$read via=kretprobe" \
		"probe 4 vfs_read entry 1 at=0x$read via=kprobe" attach
	! has_groups ||
		check "by one fprobe" tell "probe 5 $name return 1 at=${twice[0]}" "probe 6 $name return 1 at=${twice[1]}" attach
	reads 10 1049
	same "what was counted" "10 10 10" "$(for id in 1 3 4; do value recorded "$id"; done | paste -sd ' ')"
	match "of another" '^id=2 .* state=failed .*reason=not found' "$(cat "$functions")"
	! has_groups || same "both of a name" "attached attached" "$(value state 5) $(value state 6)"
	if tell 'probe 9 vfs_read return 1 at=xyz' 2>/dev/null; then check "no address is refused" false; fi
	match "why" "'at=xyz': an address is as in" "$(reply)"
	# Once nobody may be told, kallsyms has zeros.
	if tell 'probe 9 vfs_read return 1 at=0000000000000000' 2>/dev/null; then check "a zero is refused" false; fi
}

a_second_session_is_refused() {
	begin
	if (exec 8<>"$control") 2>/dev/null; then check "a second session is refused" false; fi
	if rmmod func_probe 2>/dev/null; then check "an unload is refused" false; fi
	exec 9>&-
	check "another one" exec 8<>"$control"
	exec 8>&-
}

# Killed, whatever it was doing.
a_session_ends_with_its_program() {
	local before program
	before=$(wc -l </sys/kernel/debug/kprobes/list)
	check "load" insmod "$FAULTLINE_MODULES/func_probe.ko"
	mkfifo /tmp/told
	(
		exec 9<>"$control"
		tell 'program 1' 'probe 1 vfs_read return 1 via=kretprobe' 'probe 2 vfs_write return 1' attach
		echo >/tmp/told
		exec sleep 1000 9<&9
	) &
	program=$!
	read -r _ </tmp/told
	same "attached" 2 "$(grep -c state=attached "$functions")"
	check "kprobes" test "$(wc -l </sys/kernel/debug/kprobes/list)" -gt "$before"
	kill -KILL "$program"
	wait "$program" || true
	same "functions" "" "$(cat "$functions")"
	same "kprobes" "$before" "$(wc -l </sys/kernel/debug/kprobes/list)"
	check "unload" rmmod func_probe
}

more_come_later_and_all_go() {
	begin
	check "first" tell 'program 1 count' 'probe 1 vfs_read return 1' attach
	check "second" tell 'probe 2 vfs_write return 1' attach
	reads 10 1033
	check "both" test "$(value recorded 1)" -ge 10 -a "$(value recorded 2)" -ge 10
	check "detach" tell detach
	same "functions" "" "$(cat "$functions")"
	check "anew" tell 'program 1 count' 'probe 1 vfs_read return 1' attach
	reads 10 1033
	check "again" test "$(value recorded 1)" -ge 10
}

the_brake_disables_what_is_hit_too_often() {
	local hits load
	begin
	log_begin
	check "lines" tell 'max_rate 50' 'program 1 count' 'probe 1 vfs_read return 1' attach
	while :; do reads 100 1; done 9>&- &
	load=$!
	await 30 "the brake" grep -q 'state=braked' "$functions"
	match "the log" 'func_probe: vfs_read: [0-9]* hits a second are more than max_rate 50' "$(log)"
	hits=$(value hits 1)
	reads 100 1
	same "hits after that" "$hits" "$(value hits 1)"
	kill "$load"
	wait "$load" || true
}

the_ledger_balances_under_load() {
	local i pids=()
	begin
	check "lines" tell 'program 1 f0=a2:u64 if:f0:>:500' 'max_rate 0' 'probe 1 vfs_read return 1' \
		'probe 2 vfs_write return 1 via=kretprobe maxactive=1' attach
	events 1
	for i in 1 2 3 4; do { for _ in {1..10}; do reads 100 $((i * 300)); done; } 9>&- & pids+=($!); done
	for _ in {1..20}; do
		same "the ledger" "" "$(awk '{
			for (i = 1; i <= NF; i++) { split($i, part, "="); v[part[1]] = part[2] }
			if (v["hits"] != v["recorded"] + v["filtered"] + v["lost"] + v["missed"] + v["in_flight"]) print
		}' "$functions")"
	done
	wait "${pids[@]}"
	events 0
	check "what passes" test "$(value recorded 1)" -ge 3000
	check "what does not" test "$(value filtered 1)" -ge 1000
	match "times" '^id=1 .* below=([0-9]+:[0-9]+,?)+$' "$(cat "$functions")"
}

# many: at least this many functions that ftrace traces and kprobes may probe, by name, once each.
many() {
	awk 'NR == FNR { if ($3 == "") next; split($3, part, "+"); black[$NF] = 1; next }
		NF == 1 && $1 ~ /^[a-z]+_[a-z0-9_]+$/ && !($1 in black) && count[$1]++ == 0 { name[n++] = $1 }
		END { for (i = 0; i < n; i++) if (count[name[i]] == 1) print name[i] }' \
		/sys/kernel/debug/kprobes/blacklist "$tracefs/available_filter_functions" |
		grep -E '^(ext4|tcp|udp|nfs|xfs|btrfs|ip|inet|fib|neigh|sock|sk|skb|dev|net|vfs|fs|bio|blk|dm|md|pci|acpi|usb|crypto|key|kernfs|sysfs|proc|seq|dentry|inode|iomap|jbd2|virtio|vring|drm|tty|serial|hid|input|rtc|ipv6|addrconf|nl|genl|rtnl|nf|xt|cgroup|cpuset|bpf|perf)_' |
		head -n "$1"
}

seconds() { awk -v from="$1" -v to="$2" 'BEGIN { print to - from }'; }
thousands_are_attached_at_once() {
	local names addresses began attached detached
	mapfile -t names < <(many 5000)
	mapfile -t addresses < <(awk 'NR == FNR { if (!($3 in at)) at[$3] = $1; next } { print at[$1] }' \
		/proc/kallsyms <(printf '%s\n' "${names[@]}"))
	begin
	began=$(cut -d' ' -f1 /proc/uptime)
	{
		echo 'program 1 count'
		echo 'max_rate 0'
		for id in "${!names[@]}"; do
			echo "probe $id ${names[id]} return 1 at=${addresses[id]}"
			(((id + 1) % 1024)) || echo attach
		done
		echo attach
	} >/tmp/plan
	cat /tmp/plan >&9 || { note "$(reply)"; check "the lines are accepted" false; }
	attached=$(cut -d' ' -f1 /proc/uptime)
	note "${#names[@]} functions: $(sed -nE 's/.*(state=[a-z]+) (via=[a-z]+).*/\1 \2/p' "$functions" | sort | uniq -c | paste -sd,)"
	check "most of them" test "$(grep -c state=attached "$functions")" -ge $((${#names[@]} * 9 / 10))
	reads 100 1039
	exec 9>&-
	detached=$(cut -d' ' -f1 /proc/uptime)
	note "attached in $(seconds "$began" "$attached") s, detached in $(seconds "$attached" "$detached") s"
	# One by one they take minutes.
	! has_groups || check "in some seconds" awk -v a="$began" -v b="$attached" -v c="$detached" \
		'BEGIN { exit !(b - a < 40 && c - b < 40) }'
}

handlers_may+='|trace_event_buffer_(reserve|commit)|__trace_trigger_soft_disabled'
handlers_may+='|perf_trace_(buf_alloc|run_bpf_submit)|__per_cpu_offset|copy_from_user_nofault'

its_handlers_are_fit() {
	handlers_are_fit "$FAULTLINE_MODULES/func_probe.ko" 15 '_R.*func_probe.*EVENT'
}

cleanup() {
	exec 9>&- 8>&-
	jobs -p | xargs -r kill 2>/dev/null || true
	[ ! -e /sys/module/func_probe ] || rmmod func_probe
	events 0 2>/dev/null || true
	echo >"$tracefs/trace"
	rm -f /tmp/told /tmp/bits
}

ktap_run calls_are_recorded_with_arguments_and_result entries_are_recorded all_ways_see_the_same \
	signed_numbers_and_errors bit_fields_are_taken_out texts_are_read what_cannot_be_read_says_so alternatives_hold \
	bad_lines_are_refused \
	what_cannot_be_probed_says_why a_function_is_where_it_is_said_to_be a_second_session_is_refused a_session_ends_with_its_program \
	more_come_later_and_all_go the_brake_disables_what_is_hit_too_often the_ledger_balances_under_load \
	thousands_are_attached_at_once its_handlers_are_fit
