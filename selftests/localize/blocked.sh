#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `faultline blocked`: tasks that hang, with their stacks, what they wait for, and who holds that.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/lockup.sh"

faultline=$FAULTLINE_PROGRAMS/faultline
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cleanup() {
	{ echo 1 >"$parameters/cancel"; } 2>/dev/null || true
	[ ! -e /sys/module/lockup ] || rmmod lockup
	[ -z "${server:-}" ] || kill -KILL "$server" 2>/dev/null || true
	umount -l "$scratch/fuse" 2>/dev/null || true
}

# looks NAME STATUS ARG...: runs it to its end.
looks() {
	local name=$1 want=$2 code=0
	shift 2
	"$faultline" blocked "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" || code=$?
	[ "$code" = "$want" ] || note "$(cat "$scratch/$name.out" "$scratch/$name.err")"
	same "$name, exit status" "$want" "$code"
}
# of NAME COMM JQ: what the JSON says of a task.
of() { jq -r --arg comm "$2" ".tasks[] | select(.comm == \$comm) | $3" "$scratch/$1.out"; }
pid_of() { pgrep -x "$1"; }
# in_d COMM...: these sleep.
in_d() {
	local comm pid
	for comm; do
		pid=$(pid_of "$comm") || return 1
		grep -q '^State:.D' "/proc/$pid/status" || return 1
	done
}

a_task_that_hangs() {
	local secs
	looks none 0 --min 1s --json
	same "nothing is blocked" "none_blocked 0" "$(jq -r '"\(.outcome) \(.tasks | length)"' "$scratch/none.out")"
	check "load" load mode=hung cpus=1 delay_secs=0 hold_secs=100 force=1
	await 20 "it hangs" in_d lockup/1
	looks one 1 --json
	same "its schema" "faultline.blocked/1 blocked 1" "$(jq -r '"\(.schema) \(.outcome) \(.exit_status)"' "$scratch/one.out")"
	same "the task" "$(pid_of lockup/1) D 1" "$(of one lockup/1 '"\(.pid) \(.state) \(.cpu)"')"
	match "its stack" 'hang_uninterruptible lockup$' "$(of one lockup/1 '.stack[] | "\(.function) \(.module)"')"
	secs=$(of one lockup/1 .blocked_secs)
	match "since when" '^[0-9.]+$' "$secs"
	check "for how long: less than the test takes" test "${secs%.*}" -lt 60
	same "no lock" "[]" "$(of one lockup/1 '.chain.links')"
	same "since then" true "$(of one lockup/1 '.since != null')"
	looks young 0 --min 1h
	looks people 1
	match "for people" "^lockup/1\\[[0-9]+\\] blocked for about [0-9.]+ s: sleeps in " "$(cat "$scratch/people.out")"
	match "its stack" '^    .*hang_uninterruptible \[lockup\]$' "$(cat "$scratch/people.out")"
	match "how many" '^1 of [0-9]+ tasks blocked$' "$(cat "$scratch/people.out")"
}

# One waits for a mutex of the other's; the other only acts as if it did the same, since somebody has to end it.
a_mutex_and_who_holds_it() {
	local holder waiter
	check "load" load mode=mutex cpus=1 delay_secs=0 hold_secs=100 force=1
	await 20 "both hang" in_d lockup/1 lockup/1.b
	waiter=$(pid_of lockup/1) holder=$(pid_of lockup/1.b)
	looks mutex 1 --json
	match "its stack" 'wait_for_mutex lockup$' "$(of mutex lockup/1 '.stack[] | "\(.function) \(.module)"')"
	match "the holder's stack" 'wait_for_mutex lockup$' "$(of mutex lockup/1.b '.stack[] | "\(.function) \(.module)"')"
	same "what it waits for" "lock mutex" "$(of mutex lockup/1 '"\(.waits_for.type) \(.waits_for.what)"')"
	same "who holds it" "[{\"holder\":{\"comm\":\"lockup/1.b\",\"holding\":\"owner\",\"pid\":$holder},\"type\":\"mutex\",\"waiter\":$waiter}]" \
		"$(of mutex lockup/1 '.chain.links | map({ waiter, type: .lock.type, holder })' | jq -Sc .)"
	same "and the holder waits for no lock" "{\"end\":\"no_lock\",\"pid\":$holder}" "$(of mutex lockup/1 .chain.end | jq -Sc .)"
	looks people 1
	match "for people" "^lockup/1\\[$waiter\\] blocked for about [0-9.]+ s: waits for a mutex\$" "$(cat "$scratch/people.out")"
	match "who" "^  mutex: held by lockup/1.b\\[$holder\\]\$" "$(cat "$scratch/people.out")"
}
# notes_locks: does this kernel note which lock a task waits for? So say its types, by their names.
notes_locks() { grep -qa blocker /sys/kernel/btf/vmlinux && [ -e "$sysctls/hung_task_detect_count" ]; }

# A FUSE filesystem whose program takes each mkdir, and never answers: the first holds the lock of the
# directory for which the second waits.
a_filesystem_that_does_not_answer() {
	local first second wanted
	modprobe -q fuse || [ -e /dev/fuse ] || skip "no FUSE"
	mkdir "$scratch/fuse"
	# shellcheck disable=SC2016 # for perl
	perl -e 'use Fcntl; $^F = 99; $| = 1;
		sysopen F, "/dev/fuse", O_RDWR or die "/dev/fuse: $!";
		$options = sprintf "fd=%d,rootmode=40000,user_id=0,group_id=0", fileno F;
		system("mount", "-i", "-t", "fuse", "-o", $options, "silent", shift) == 0 or die;
		print "mounted\n";
		while (sysread F, $in, 1 << 18) {
			($length, $opcode, $unique) = unpack "L L Q", $in;
			if ($opcode == 9) { print "mkdir\n"; next }
			($error, $out) = (-38, "");
			# INIT, of protocol 7.31; GETATTR, of the directory itself; LOOKUP, in vain.
			($error, $out) = (0, pack "L4 S2 L2 S2 x32", 7, 31, 0, 0, 1, 1, 4096, 1, 0, 0) if $opcode == 26;
			($error, $out) = (0, pack "Q L2 Q6 L10", 1, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 040755, 2, 0, 0, 0, 4096, 0) if $opcode == 3;
			$error = -2 if $opcode == 1;
			syswrite F, pack("L l Q", 16 + length $out, $error, $unique) . $out;
		}' "$scratch/fuse" >"$scratch/server" 2>&1 &
	server=$!
	await 20 "it is mounted" grep -qs mounted "$scratch/server"
	mkdir "$scratch/fuse/a" 2>/dev/null &
	first=$!
	await 20 "the first" grep -q mkdir "$scratch/server"
	mkdir "$scratch/fuse/b" 2>/dev/null &
	second=$!
	await 20 "the second" grep -q '^State:.D' "/proc/$second/status"
	looks fuse 1 --json
	# Where the kernel does not note it, the list of the lock tells, and not for what it is wanted.
	wanted="rw_semaphore (to write) $second rwsem_to_write $first owner no_lock $first"
	notes_locks || wanted="rw_semaphore $second rwsem $first owner no_lock $first"
	same "what the second waits for, and who holds it" "$wanted" \
		"$(jq -r --argjson pid "$second" '.tasks[] | select(.pid == $pid) |
			[.waits_for.what, (.chain.links[] | .waiter, .lock.type, .holder.pid, .holder.holding), .chain.end.end, .chain.end.pid]
			| map(tostring) | join(" ")' "$scratch/fuse.out")"
	same "the holder, which is not blocked itself" "$first S server a FUSE filesystem's program" \
		"$(jq -r '.holders[] | "\(.pid) \(.state) \(.waits_for.type) \(.waits_for.what)"' "$scratch/fuse.out")"
	match "its stack" '^request_wait_answer$' "$(jq -r '.holders[].stack[].function' "$scratch/fuse.out")"
	kill "$server"
	wait
}

only_root() {
	command -v setpriv >/dev/null || skip "no setpriv"
	cp "$faultline" "$scratch/faultline"
	chmod 755 "$scratch" "$scratch/faultline"
	local code=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$scratch/faultline" blocked >/dev/null 2>"$scratch/user.err" || code=$?
	same "exit status" 3 "$code"
	match "why" 'only root may see the stacks' "$(cat "$scratch/user.err")"
}

ktap_run a_task_that_hangs a_mutex_and_who_holds_it a_filesystem_that_does_not_answer only_root
