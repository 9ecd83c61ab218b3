#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `faultline route`: shows what the module sees, loses nothing silently, and leaves the machine
# as it was, however it ends.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

scratch=$(mktemp -d)
chmod 755 "$scratch"
faultline=$scratch/faultline # where anybody may run it
cp "$FAULTLINE_PROGRAMS/faultline" "$faultline" || exit 1
net_up
trap 'net_down; rm -rf "$scratch"' EXIT

cleanup() {
	local pid
	for pid in ${started:-}; do kill -KILL "$pid" 2>/dev/null || true; done
	wait
	rmdir "$tracefs"/instances/faultline-* 2>/dev/null || true
	rm -rf /run/faultline
	echo 0 >"$tracefs/options/hex"
	[ ! -e /sys/module/route_probe ] || rmmod route_probe
}

# start NAME ARG...: starts it, with its output in files of that name; started in `pid`.
start() {
	local name=$1
	shift
	"$faultline" route "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" &
	pid=$! started="${started:-} $!"
}
# watch NAME ARG...: the same, until events come.
watch() {
	start "$@"
	await 60 "$1 watches" watches "$pid"
}
# watches [PID]: its events come, or somebody's do.
# shellcheck disable=SC2086 # a pattern
watches() { cat "$tracefs"/instances/faultline-${1:-*}/events/route_probe/enable 2>/dev/null | grep -qx 1; }
# counts PID: it has read the ledger, and waits.
counts() { grep -q poll "/proc/$1/wchan"; }

# ends NAME PID STATUS [SIGNAL]: it ends, by the signal or by itself, and leaves nothing.
ends() {
	local code=0
	[ $# -lt 4 ] || kill "-$4" "$2"
	await 60 "$1 ends" test ! -e "/proc/$2/fd/1"
	wait "$2" || code=$?
	[ "$code" = "$3" ] || note "$(cat "$scratch/$1.err")"
	same "$1, exit status" "$3" "$code"
	check "$1, its instance is gone" test ! -e "$tracefs/instances/faultline-$2"
}

# filters: what the module has that does not let everything through.
filters() { grep -vE ':(any|all|0|N)$' <(cd "$parameters" && grep . dev src dst netns mark table cause errors_only events) | paste -sd' '; }

out() { cat "$scratch/$1.out"; }
err() { cat "$scratch/$1.err"; }
# has NAME COUNT: so many lines at least; told NAME JQ: what its JSON says.
has() { [ "$(wc -l <"$scratch/$1.out")" -ge "$2" ]; }
told() { jq -r "$2" "$scratch/$1.out"; }

a_packet_in_a_line() {
	local time='^ *[0-9]+\.[0-9]{6}  '
	check "load" load
	watch lines --netns r --src 10.0.0.2
	ping_once a 192.0.2.9
	await 60 "its line" has lines 1
	ip -n r route add blackhole 198.51.100.0/24
	ping_once a 198.51.100.1
	ip -n r route del blackhole 198.51.100.0/24
	await 60 "another" has lines 2
	ends lines "$pid" 0 INT
	match "one that goes on" "${time}input 10\.0\.0\.2 > 192\.0\.2\.9 veth0: via 10\.0\.1\.1 dev veth1, main 192\.0\.2\.0/24 \(net r\)\$" "$(out lines)"
	match "one that does not" "${time}input 10\.0\.0\.2 > 198\.51\.100\.1 veth0: dropped, blackhole by a route of main \(net r\)\$" "$(out lines)"
	same "nothing else" 2 "$(out lines | wc -l)"
	match "the tally" '^faultline: 2 packets, 5 events in [0-9.]+ s$' "$(err lines)"
}

its_calls_as_a_tree() {
	check "load" load
	watch tree --tree --netns r --src 10.0.0.2
	ping_once a 192.0.2.9
	await 60 "its lines" has tree 3
	ends tree "$pid" 0 INT
	same "its calls" '            fib_lookup iif veth0 table main: unicast 192.0.2.0/24 via 10.0.1.1 dev veth1
            fib_validate_source oif veth1 dev veth0 rp_filter off: ok' "$(out tree | sed 1d)"
}

each_call_in_a_line() {
	local time='^ *[0-9]+\.[0-9]{6}  '
	check "load" load
	watch calls --netns r --src 10.0.0.2 --events fib_lookup,fib_validate_source,ip_route_input --cause input
	ping_once a 192.0.2.9
	await 60 "its events" has calls 3
	ends calls "$pid" 0 INT
	match "the lookup" "${time}fib_lookup 10\.0\.0\.2 > 192\.0\.2\.9 iif veth0 table main: unicast 192\.0\.2\.0/24 via 10\.0\.1\.1 dev veth1 \(input, net r, .* [0-9]+, [0-9.]+ [num]s\)\$" "$(out calls)"
	match "its source" "${time}fib_validate_source 10\.0\.0\.2 > 192\.0\.2\.9 oif veth1 dev veth0 rp_filter off: ok \(input, " "$(out calls)"
	match "its way" "${time}ip_route_input 10\.0\.0\.2 > 192\.0\.2\.9 dev veth0: ok fate forward via 10\.0\.1\.1 out veth1 \(input, " "$(out calls)"
	same "nothing else" 3 "$(out calls | wc -l)"
	match "the tally" '^faultline: 3 events in [0-9.]+ s$' "$(err calls)"
}

# What nothing passes is told from what nothing calls.
nothing_is_not_silent() {
	check "load" load
	watch nothing --netns r --dst 203.0.113.1
	ping_once a 192.0.2.9
	ends nothing "$pid" 0 INT
	match "the filter is named" '^faultline: [1-9][0-9]* of [1-9][0-9]* calls did not pass the filters dst=203\.0\.113\.1 netns=' "$(err nothing)"
}

a_packet_in_json() {
	check "load" load
	watch json --json --netns "$net_r" --src 10.0.0.2
	ping_once a 192.0.2.9
	await 60 "its events" has json 5
	ends json "$pid" 0 TERM
	same "records" "begin event event event packet end" "$(told json .record | paste -sd' ')"
	same "each names its schema" "faultline.route/1" "$(told json .schema | sort -u)"
	same "the filters" '{"netns":"'"$net_r"'","src":"10.0.0.2"}' "$(jq -c 'select(.record == "begin").filters' "$scratch/json.out")"
	same "the lookup" \
		'{"net":'"$net_r"',"cause":"input","src":"10.0.0.2","dst":"192.0.2.9","tos":0,"mark":0,"iif":"veth0","oif":null,"uid":0,"proto":0,"sport":0,"dport":0,"table":"main","err":0,"type":"unicast","prefix":"192.0.2.0/24","via":"10.0.1.1","dev":"veth1","paths":1,"flags":0}' \
		"$(jq -c 'select(.event == "fib_lookup" and .fields.cause == "input").fields | del(.ns, .at, .root)' "$scratch/json.out")"
	same "the packet" \
		'{"kind":"input","fate":"forward","via":"10.0.1.1","out":"veth1","route":{"table":"main","prefix":"192.0.2.0/24","type":"unicast"},"rule":null}' \
		"$(jq -c 'select(.record == "packet").decision | { kind, fate, via, out, route: (.route | { table, prefix, type }), rule }' "$scratch/json.out")"
	same "types" "number number number number" \
		"$(told json 'select(.event == "fib_lookup" and .fields.cause == "input") | [.time_us, .cpu, .pid, .fields.ns] | map(type) | join(" ")')"
	same "the time is the machine's" true "$(jq --argjson now "$(now_ms)" \
		'select(.event == "fib_lookup" and .fields.cause == "input").time_us / 1000 | . > $now - 300000 and . <= $now + 1000' "$scratch/json.out")"
	same "the end" '{"reason":"interrupted","events":3,"lost":0}' \
		"$(jq -c 'select(.record == "end") | { reason, events: .stream.events, lost: .stream.lost }' "$scratch/json.out")"
}

a_terminal_has_eighty_columns() {
	command -v script >/dev/null || skip "no program 'script'"
	check "load" load
	script -qfec "stty cols 80 && $faultline route --tree --netns r --src 10.0.0.2 --count 1" "$scratch/terminal.out" >/dev/null &
	started=$!
	await 60 "it watches" watches
	ping_once a 192.0.2.9
	wait "$started"
	match "in colour" $'\e\\[1mfib_lookup\e\\[0m' "$(out terminal)"
	# (busybox's sed, which does this on slow kernels, knows no \x1b.)
	sed -i -e '/^Script /d' -e $'s/\e\\[[0-9;]*m//g; s/\r//g' "$scratch/terminal.out"
	same "longer lines" "" "$(grep -E '^.{81}' "$scratch/terminal.out" || true)"
	match "further lines are indented" '^            [^ ]' "$(out terminal)"
	match "the packet is in colour as well" '  input 10\.0\.0\.2 > 192\.0\.2\.9 veth0: via 10\.0\.1\.1 dev veth1, main$' "$(out terminal)"
}

whatever_a_program_calls_itself() {
	local name='a: b=c [0] -1'
	check "load" load
	watch names --json --netns a --events route_output
	mkfifo "$scratch/stay"
	exec 7<>"$scratch/stay"
	# shellcheck disable=SC2016 # for the shell inside
	in_ns a bash -c 'printf %s "$1" >/proc/$$/comm; echo >/dev/udp/192.0.2.9/9; read -r' _ "$name" <&7 &
	started="$started $!"
	await 60 "its event" has names 2
	echo >&7
	exec 7<&-
	ends names "$pid" 0 INT
	same "its name" "$name" "$(told names 'select(.event == "route_output").comm' | head -n 1)"
	same "all is understood" 0 "$(told names 'select(.record == "end").stream.unreadable')"
}

other_traces_are_left_alone() {
	check "load" load
	echo 0 >"$tracefs/trace"
	echo 1 >"$tracefs/options/hex" # which a new instance has as well
	watch alone --json --count 3 --netns r --src 10.0.0.2
	same "the machine's own events" 0 "$(cat "$tracefs/events/route_probe/enable")"
	ping_once a 192.0.2.9
	ends alone "$pid" 0
	same "three events and no more" "begin event event event packet end" "$(told alone .record | paste -sd' ')"
	same "the machine's own buffer" "" "$(grep -v '^#' "$tracefs/trace" || true)"
}

filters_are_put_back() {
	local how status signal
	check "load" load dst=192.0.2.0/24 mark=0x0/0x1
	same "set at load" "dst:192.0.2.0/24 mark:0x0/0x1" "$(filters)"
	for how in "0 INT" "0 TERM" "0 HUP"; do
		read -r status signal <<<"$how"
		watch back --dev veth0 --src 10.0.0.0/8 --dst 192.0.2.9 --netns r --mark any --table main --cause input,output \
			--errors-only --events fib_lookup,ip_route_input
		same "set" "dev:veth0 src:10.0.0.0/8 dst:192.0.2.9 netns:$net_r table:main cause:input,output errors_only:Y events:fib_lookup,ip_route_input" "$(filters)"
		ends back "$pid" "$status" "$signal"
		same "after $signal" "dst:192.0.2.0/24 mark:0x0/0x1" "$(filters)"
	done
	start back --src 10.0.0.2 --duration 100ms
	ends back "$pid" 0
	match "what is set already is said" '^faultline: the module has dst=192\.0\.2\.0/24 already: ' "$(err back)"
	same "after its time" "dst:192.0.2.0/24 mark:0x0/0x1" "$(filters)"
	start back --src 10.0.0.2 --table 00000000001
	ends back "$pid" 3
	match "the module refuses" '^faultline: could not tell: route_probe: refused: table=00000000001: ' "$(err back)"
	same "after an error" "dst:192.0.2.0/24 mark:0x0/0x1" "$(filters)"
}

# A reader that goes, and one that stays and does not read.
stdout_is_closed_or_full() {
	local reader
	check "load" load
	mkfifo "$scratch/closed.out" "$scratch/full.out"
	head -n 2 "$scratch/closed.out" >"$scratch/head" & reader=$!
	watch closed --json --netns r --src 10.0.0.2
	ping_once a 192.0.2.9
	wait "$reader"
	ends closed "$pid" 0
	same "the filters" "" "$(filters)"
	match "what was read" '"record":"event"' "$(cat "$scratch/head")"

	exec 8<>"$scratch/full.out"
	watch full --json --netns r
	in_ns a ping -q -f -c 200 192.0.2.9 >/dev/null
	await 60 "it cannot write" counts "$pid"
	ends full "$pid" 0 TERM
	exec 8<&-
	same "the filters, too" "" "$(filters)"
	match "it says so" '^faultline: nobody reads stdout: the last lines of it are missing$' "$(err full)"
}

killed_and_started_again() {
	local killed
	check "load" load dst=192.0.2.0/24
	watch killed --src 10.0.0.2
	killed=$pid
	kill -KILL "$killed"
	{ wait "$killed" || true; } 2>/dev/null
	same "its filter stays" "src:10.0.0.2 dst:192.0.2.0/24" "$(filters)"
	check "so does its instance" test -e "$tracefs/instances/faultline-$killed"
	mkdir "$tracefs/instances/faultline-other"
	watch again --netns r
	check "until the next one starts" test ! -e "$tracefs/instances/faultline-$killed"
	check "what is not ours stays" rmdir "$tracefs/instances/faultline-other"
	match "which says so" "^faultline: filters that faultline \(pid $killed\) left behind are put back\$" "$(err again)"
	same "and sets its own" "dst:192.0.2.0/24 netns:$net_r" "$(filters)"
	ends again "$pid" 0 INT
	same "and puts back" "dst:192.0.2.0/24" "$(filters)"
}

two_at_once() {
	local first second
	check "load" load
	watch first --src 10.0.0.2
	first=$pid
	start second --dst 192.0.2.9
	ends second "$pid" 3
	match "with filters" "another faultline route \(pid $first\) has set filters" "$(err second)"
	watch second --json
	second=$pid
	match "without" "the filters are set by another faultline route \(pid $first\), as long as it runs" "$(err second)"
	same "which stay as they are" "src:10.0.0.2" "$(filters)"
	ping_once a 192.0.2.9
	await 60 "both see it, the first" has first 1
	await 60 "and the second" has second 4
	ends first "$first" 0 INT
	same "one ends" "" "$(filters)"
	start third --src 10.0.0.2
	ends third "$pid" 3
	match "and a third" "another faultline route is running, and would see through these filters" "$(err third)"
	same "changes nothing" "" "$(filters)"
	ends second "$second" 0 INT
}

lost_events_are_told() {
	local before after events lost
	check "load" load
	before=$(ledger_sum recorded)
	watch lost --json --buffer-kb 1
	kill -STOP "$pid"
	in_ns a ping -q -f -c 200 192.0.2.9 >/dev/null
	kill -CONT "$pid"
	await 60 "it is told" grep -q '"record":"lost"' "$scratch/lost.out"
	ends lost "$pid" 0 INT
	after=$(ledger_sum recorded)
	events=$(told lost 'select(.record == "event").event' | wc -l)
	lost=$(jq -s 'map(select(.record == "lost").events) | add' "$scratch/lost.out")
	note "$events events, $lost lost"
	same "those seen and those lost are all" "$((after - before))" "$((events + lost))"
	same "and counted" "$events $lost" "$(told lost 'select(.record == "end").stream | "\(.events) \(.lost)"')"
	match "the tally" "^faultline: [0-9]+ packets, $events events in [0-9.]+ s, $lost events lost\$" "$(err lost)"
}
ledger_sum() { awk -v key="$1" '$1 ~ "^[a-z_]+\\." key "$" { sum += $2 } END { print sum }' "$debugfs/ledger"; }

# summed: the summary's numbers as the ledger has them, without zeros.
summed() {
	jq -r 'select(.record == "summary").events | to_entries[] | .key as $event | .value | to_entries[]
		| if .value | type == "object"
		then (.key | sub("s$"; "")) as $kind | .value | to_entries[] | "\($event).\($kind).\(.key) \(.value)"
		else "\($event).\(.key) \(.value)" end | select(endswith(" 0") | not)' "$scratch/$1.out" | sort
}
# grown BEFORE AFTER: the differences of two copies of the ledger.
grown() { awk 'NR == FNR { before[$1] = $2; next } $2 != before[$1] { print $1, $2 - before[$1] }' "$1" "$2" | sort; }

the_summary_is_what_the_ledger_counted() {
	check "load" load
	ping_once a 192.0.2.9
	cat "$debugfs/ledger" >"$scratch/before"
	start sum --summary --json
	await 60 "it counts" counts "$pid"
	check "it traces nothing" test ! -e "$tracefs/instances/faultline-$pid"
	ping_once a 192.0.2.9
	ping_once r 203.0.113.1
	await 10 "no call is in flight" balanced
	cat "$debugfs/ledger" >"$scratch/after"
	ends sum "$pid" 0 INT
	same "one object" 1 "$(told sum .record | wc -l)"
	same "the numbers" "$(grown "$scratch/before" "$scratch/after")" "$(summed sum)"
	match "what failed" '^route_output.result.net_unreachable [1-9]' "$(summed sum)"

	watch also --summary=also --src 10.0.0.2
	ping_once a 192.0.2.9
	await 60 "a line" has also 1
	ends also "$pid" 0 INT
	match "events" '^ *[0-9.]+  (input|output) 10\.0\.0\.2 > ' "$(out also)"
	match "and totals" '^ip_route_input +[1-9][0-9]* +[1-9]' "$(out also)"
	match "and times" '^  < [0-9.]+ [mu]s +[1-9][0-9]*  #+$' "$(out also)"
	same "longer lines than eighty, but events" "" "$(out also | grep -E '^.{81}' | grep -vE '^ *[0-9]+\.[0-9]{6}  ' || true)"

	start reset --summary --json
	await 60 "it counts again" counts "$pid"
	echo >"$debugfs/ledger"
	ends reset "$pid" 0 INT
	same "a reset is said" true "$(told reset .reset)"

	start number --summary --count 3
	await 60 "it counts calls" counts "$pid"
	ping_once a 192.0.2.9
	ends number "$pid" 0
}

the_module_goes_meanwhile() {
	check "load" load
	watch gone --json --src 10.0.0.2
	check "unload" rmmod route_probe
	ends gone "$pid" 3
	match "it says so" '^faultline: could not tell: the module route_probe was unloaded$' "$(err gone)"
	same "also in the JSON" "the module route_probe was unloaded" "$(told gone 'select(.record == "failed").error')"
	check "load again" load dst=10.0.0.2
	start next --duration 100ms
	ends next "$pid" 0
	same "nothing is put back to another load of it" "dst:10.0.0.2" "$(filters)"
}

# refuses STATUS REGEX CMD...: it says that and nothing on stdout, and sets nothing.
refuses() {
	local status=$1 says=$2 code=0
	shift 2
	"$@" >"$scratch/refuses.out" 2>"$scratch/refuses.err" || code=$?
	match "$*" "$says" "$(err refuses)"
	same "$*: status" "$status" "$code"
	same "$*: stdout" "" "$(out refuses)"
	[ ! -e "$parameters" ] || same "$*: filters" "" "$(filters)"
	same "$*: instances" "" "$(ls "$tracefs/instances")"
}

what_is_missing_is_said() {
	local user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	refuses 3 'the module route_probe is not loaded: insmod route_probe\.ko' "$faultline" route
	refuses 3 'the module route_probe is not loaded' "${user[@]}" "$faultline" route --json
	check "load" load
	refuses 3 'run this as root' "${user[@]}" "$faultline" route --dst 192.0.2.9
	refuses 3 'tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing$' \
		unshare -m sh -c 'umount -a -t tracefs; exec "$@"' _ "$faultline" route --dst 192.0.2.9
	refuses 3 'debugfs is not mounted: mount -t debugfs debugfs /sys/kernel/debug$' \
		unshare -m sh -c 'umount -a -t tracefs,debugfs; exec "$@"' _ "$faultline" route --summary
	check "a summary needs no tracefs" unshare -m sh -c 'umount -a -t tracefs; exec "$@" >/dev/null' _ \
		"$faultline" route --summary --duration 100ms
}

wrong_values_are_said() {
	local value
	check "load" load
	for value in dst=10.0.0.0/33 dst=::1/129 src=1.2.3 dev=a/b dev=abcdefghijklmnop netns=no-such-name netns=4294967296 mark=0xg \
		mark=1/2/3 table=0 table=Main cause=nothing cause=input,,arp events=none events=fib_lookup_failed duration=0s count=0 \
		buffer-kb=0 summary=both; do
		refuses 2 "invalid value '?${value#*=}'? for '--${value%%=*}" "$faultline" route "--${value%%=*}=${value#*=}"
	done
	refuses 2 "unexpected argument" "$faultline" route 192.0.2.9
}

ktap_run a_packet_in_a_line its_calls_as_a_tree each_call_in_a_line nothing_is_not_silent a_packet_in_json a_terminal_has_eighty_columns whatever_a_program_calls_itself \
	other_traces_are_left_alone filters_are_put_back stdout_is_closed_or_full killed_and_started_again two_at_once \
	lost_events_are_told the_summary_is_what_the_ledger_counted the_module_goes_meanwhile what_is_missing_is_said \
	wrong_values_are_said
