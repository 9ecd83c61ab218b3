#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `faultline signals`: each signal by its name, who sent it, to whom, and what came of it.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

faultline=$FAULTLINE_PROGRAMS/faultline
tracefs=/sys/kernel/tracing
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkfifo "$scratch/stay"
exec 7<>"$scratch/stay" # what is never written to

cleanup() {
	local pid
	for pid in ${started:-}; do kill -KILL "$pid" 2>/dev/null || true; done
	rmdir "$tracefs"/instances/faultline-* 2>/dev/null || true
}

# watch NAME ARG...: starts it, with its output in files of that name; when its events come, in `pid`.
watch() {
	local name=$1
	shift
	"$faultline" signals "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" &
	pid=$! started="${started:-} $!"
	await 60 "$name watches" watches "$pid"
}
watches() { [ "$(cat "$tracefs/instances/faultline-$1/events/signal/signal_deliver/enable" 2>/dev/null)" = 1 ]; }

# ends NAME: it ends by Ctrl-C, and leaves nothing.
ends() {
	local code=0
	kill -INT "$pid"
	wait "$pid" || code=$?
	[ "$code" = 0 ] || note "$(cat "$scratch/$1.err")"
	same "$1, exit status" 0 "$code"
	check "$1, its instance is gone" test ! -e "$tracefs/instances/faultline-$pid"
}

# target NAME PERL: starts a program of that name; when it says so, in `target`.
target() {
	perl -e '$| = 1; $0 = shift; eval shift; die $@ if $@; print "ready\n"; sleep 1000 while 1' "$1" "$2" \
		>"$scratch/$1.ready" 2>/dev/null <&7 &
	target=$! started="${started:-} $!"
	await 20 "$1" grep -qs ready "$scratch/$1.ready"
}

# is_told NAME PID SIGNAL OUTCOME: there is a record of that.
is_told() { grep -qE "\"signal\":\"$3\".*\"to\":\\{\"pid\":$2,.*\"outcome\":\"$4\"" "$scratch/$1.out"; }
# told NAME PID SIGNAL JQ: what the records of a signal say.
told() {
	jq -r --argjson pid "$2" --arg signal "$3" \
		"select(.record == \"signal\" and .to.pid == \$pid and .signal == \$signal) | $4" "$scratch/$1.out"
}
# Who sent it, how, and what came of it.
who='[.sender, .from.pid, .from.comm, .to.comm, .code, .way, .outcome] | map(tostring) | join(" ")'
how_it_ended='[.exit.status, .exit.signal, .exit.core_dumped] | map(tostring) | join(" ")'

# All of them in one watch.
every_outcome() {
	local me=$BASHPID name core terminated segv dumped ignored blocked stopped newline
	read -r name <"/proc/$BASHPID/comm"
	read -r core </proc/sys/kernel/core_pattern
	watch all --json

	target terminated ''
	terminated=$target
	kill -TERM "$terminated"
	# By a bad address, not by kill(2).
	(
		ulimit -c 0
		exec perl -e '$0 = "nocore"; unpack "p", pack "Q", 8'
	) 2>/dev/null &
	segv=$!
	echo "$scratch/core" >/proc/sys/kernel/core_pattern
	(
		ulimit -c unlimited
		exec perl -e '$0 = "core"; unpack "p", pack "Q", 8'
	) 2>/dev/null &
	dumped=$!
	# shellcheck disable=SC2016 # for perl
	target ignored '$SIG{USR1} = "IGNORE"'
	ignored=$target
	kill -USR1 "$ignored"
	# shellcheck disable=SC2016 # for perl
	target blocked 'use POSIX; $SIG{USR2} = sub { exit 3 }; my $set = POSIX::SigSet->new(SIGUSR2);
		sigprocmask(SIG_BLOCK, $set); $SIG{HUP} = sub { sigprocmask(SIG_UNBLOCK, $set) }'
	blocked=$target
	kill -USR2 "$blocked"
	kill -USR2 "$blocked"
	target stopped ''
	stopped=$target
	kill -STOP "$stopped"
	target $'x\npid=1' ''
	newline=$target
	kill -RTMIN+3 "$newline"
	yes | head -n 1 >/dev/null
	timeout 1 sleep 1000 <&7 || true

	await 60 "the blocked signal" is_told all "$blocked" SIGUSR2 blocked
	kill -HUP "$blocked"
	await 60 "the stop" is_told all "$stopped" SIGSTOP stopped
	kill -CONT "$stopped"
	await 60 "its end" is_told all "$blocked" SIGUSR2 handled
	await 60 "the segmentation fault" is_told all "$segv" SIGSEGV terminated
	await 60 "the core dump" is_told all "$dumped" SIGSEGV core_dumped
	await 60 "its exit" grep -q '"record":"exit".*"pid":'"$blocked," "$scratch/all.out"
	echo "$core" >/proc/sys/kernel/core_pattern
	ends all

	same "SIGTERM" "task $me $name terminated SI_USER kill(2) terminated" "$(told all "$terminated" SIGTERM "$who")"
	same "its end" "null SIGTERM false" "$(told all "$terminated" SIGTERM "$how_it_ended")"
	same "SIGSEGV" "kernel $segv nocore nocore SEGV_MAPERR SEGV_MAPERR terminated" "$(told all "$segv" SIGSEGV "$who")"
	same "its end, without a core" "null SIGSEGV false" "$(told all "$segv" SIGSEGV "$how_it_ended")"
	same "SIGSEGV with a core" "kernel $dumped core core SEGV_MAPERR SEGV_MAPERR core_dumped" "$(told all "$dumped" SIGSEGV "$who")"
	same "its end, with a core" "null SIGSEGV true" "$(told all "$dumped" SIGSEGV "$how_it_ended")"
	check "the core is there" test -s "$scratch"/core*
	same "ignored" "task $me $name ignored SI_USER kill(2) ignored" "$(told all "$ignored" SIGUSR1 "$who")"
	same "blocked, merged, and taken later" "already_pending blocked handled" \
		"$(told all "$blocked" SIGUSR2 .outcome | sort | paste -sd ' ')"
	same "that it is the same signal" "true" "$(jq -s --argjson pid "$blocked" \
		'map(select(.record == "signal" and .to.pid == $pid and .signal == "SIGUSR2" and .outcome != "already_pending"))
		| .[0].id == .[1].id and (.[0].again | not) and .[1].again' "$scratch/all.out")"
	same "how the program ended that handled it" "3 blocked SIGUSR2" \
		"$(jq -r 'select(.record == "exit") | "\(.exit.status) \(.process.comm) \(.signal)"' "$scratch/all.out" | grep blocked)"
	same "stopped and continued" "stopped ignored" \
		"$(told all "$stopped" SIGSTOP .outcome) $(told all "$stopped" SIGCONT .outcome)"
	same "a name of two lines" $'x\npid=1' "$(told all "$newline" SIGRTMIN+3 .to.comm)"
	same "SIGPIPE" "kernel yes SI_USER send_sig terminated" \
		"$(jq -r 'select(.record == "signal" and .signal == "SIGPIPE") | "\(.sender) \(.to.comm) \(.code) \(.way) \(.outcome)"' "$scratch/all.out")"
	same "a timer" "kernel timeout SI_TIMER timer_create(2) handled" \
		"$(jq -r 'select(.record == "signal" and .signal == "SIGALRM") | "\(.sender) \(.to.comm) \(.code) \(.way) \(.outcome)"' "$scratch/all.out")"
	match "and what came of that" '^task timeout sleep SIGTERM terminated$' \
		"$(jq -r 'select(.record == "signal" and .signal == "SIGTERM") | "\(.sender) \(.from.comm) \(.to.comm) \(.signal) \(.outcome)"' "$scratch/all.out")"
	same "each line names its schema" "faultline.signals/1" "$(jq -r .schema "$scratch/all.out" | sort -u)"
	same "types" "number number string string boolean object" "$(told all "$terminated" SIGTERM \
		'[.time_us, .number, .time, .text, .again, .from] | map(type) | join(" ")')"
	same "how it knows of ends" process_connector "$(jq -r 'select(.record == "begin").exits' "$scratch/all.out")"
	same "nothing was lost or not understood" '{"lost":0,"unreadable":0,"lost_exits":0}' \
		"$(jq -c 'select(.record == "end").stream | { lost, unreadable, lost_exits }' "$scratch/all.out")"
}

# The kernel chooses; that it does so is said.
the_oom_killer() {
	local group=/sys/fs/cgroup/faultline-test victim
	mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "no memory controller"
	expects '^Memory cgroup out of memory:'
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$group"
	echo 16M >"$group/memory.max"
	echo 0 >"$group/memory.swap.max" || true
	watch oom --json --signal KILL
	# shellcheck disable=SC2016 # for perl
	perl -e 'open F, ">", shift; print F $$; close F; $0 = "hog"; $x = "x" x 64e6' "$group/cgroup.procs" 2>/dev/null &
	victim=$!
	await 60 "its end" is_told oom "$victim" SIGKILL terminated
	wait "$victim" || true
	rmdir "$group"
	ends oom
	same "who killed it" "kernel SI_KERNEL true terminated" \
		"$(told oom "$victim" SIGKILL '[.sender, .code, .oom_killer, .outcome] | map(tostring) | join(" ")')"
	same "what was asked for, and no more" SIGKILL "$(jq -r 'select(.record == "signal").signal' "$scratch/oom.out" | sort -u)"
}

for_people_and_filters() {
	local lines other count
	target other ''
	other=$target
	target wanted ''
	watch lines --comm wanted --count 2
	kill -TERM "$other"
	kill -URG "$target"
	kill -KILL "$target"
	await 60 "it ends by its count" test ! -e "/proc/$pid/fd/1"
	wait "$pid" || note "$(cat "$scratch/lines.err")"
	lines=$(cat "$scratch/lines.out")
	same "lines" 3 "$(wc -l <<<"$lines")"
	match "when, who, whom, what, how, and what came of it" \
		"^[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3} .*\\[$BASHPID\\] -> wanted\\[$target\\] SIGURG \\(kill\\(2\\)\\) ignored\$" "$lines"
	match "the end" "-> wanted\\[$target\\] SIGKILL \\(kill\\(2\\)\\) delivered: default action, terminated\$" "$lines"
	match "the tally" '^faultline: 2 signals in ' "$(cat "$scratch/lines.err")"

	# shellcheck disable=SC2016 # for perl
	target counted '$SIG{USR1} = sub { print "taken\n" }'
	watch counts --summary --pid "$target"
	for count in 1 2 3; do
		kill -USR1 "$target"
		# Two that wait at the same time would be one.
		await 20 "it takes it" taken "$count"
	done
	ends counts
	match "counts" '^ +3 SIGUSR1 +[^ ]+ +counted +handled$' "$(cat "$scratch/counts.out")"
}

taken() { [ "$(grep -c taken "$scratch/counted.ready")" = "$1" ]; }

other_traces_are_left_alone() {
	watch alone --json
	same "the machine's own events" 0 "$(cat "$tracefs/events/signal/signal_generate/enable")"
	kill -KILL "$pid"
	wait "$pid" || true
	check "what was killed leaves its instance" test -e "$tracefs/instances/faultline-$pid"
	"$faultline" signals --duration 1ms >/dev/null 2>"$scratch/next.err"
	match "the next one removes it" "the instance faultline-$pid of tracefs, whose program is gone, is removed" "$(cat "$scratch/next.err")"
	same "instances" "" "$(find "$tracefs/instances" -mindepth 1 -maxdepth 1 -name 'faultline-*')"
}

mountpoint -q "$tracefs" || mount -t tracefs tracefs "$tracefs"
ktap_run every_outcome the_oom_killer for_people_and_filters other_traces_are_left_alone
