#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# knobs: the parameters that C does not have (ranges, words, CPUs, prefixes, times, checked texts,
# functions that may refuse), and the loop that max_loop_count limits.
#
# Proves: parameters

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/ktap.sh"

parameters=/sys/module/knobs/parameters
module=$FAULTLINE_MODULES/knobs.ko

EINVAL="Invalid argument"
ERANGE="Numerical result out of range"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

load() { insmod "$module" "$@"; }
cleanup() { [ ! -e /sys/module/knobs ] || rmmod knobs; }
parameter() { echo "$(<"$parameters/$1")"; }

# The first out-of-tree module makes the kernel log its taint: do that now, not in a test.
load && rmmod knobs

# write NAME VALUE: writes the value in one write, without a newline unless it is empty; sets
# `error`.
write() {
	local status=0
	{ printf %s "${2:-$'\n'}" >"$parameters/$1"; } 2>"$scratch/error" || status=$?
	error=$(<"$scratch/error")
	return "$status"
}

# accepts NAME VALUE [SHOWN]: checks that the value is accepted, with and without a newline.
accepts() {
	local value
	for value in "$2" "$2"$'\n'; do
		write "$1" "$value" || { note "$1 refused '$2': $error"; exit 1; }
		same "$1 after '$2'" "${3-$2}" "$(parameter "$1")"
	done
}

# refuses NAME VALUE ERROR: checks that the value is refused with that error, and the old value
# stays. Call it after log_begin and before `told`.
refuses() {
	local before
	before=$(parameter "$1")
	if write "$1" "$2"; then
		note "$1 accepted '$2'"
		exit 1
	fi
	match "$1 refuses '$2'" "$3\$" "$error"
	same "$1 after '$2' was refused" "$before" "$(parameter "$1")"
	refusals+=${refusals:+ }$1
}

# told: checks that the log has one line for each value given to `refuses`.
told() {
	same "what the log has lines about" "$refusals" "$(log | sed -n 's/^knobs: refused: \([a-z_]*\)=.*/\1/p' | paste -sd' ')"
}
refusals=''

# refused_at_load ERROR ARG: checks that insmod fails with that error and leaves nothing.
refused_at_load() {
	local output
	if output=$(load "$2" 2>&1); then
		note "insmod $2 was accepted"
		exit 1
	fi
	match "insmod $2" "$1\$" "$output"
	check "no module is left" test ! -e /sys/module/knobs
}

a_range_includes_its_ends() {
	load
	log_begin
	accepts percent 0
	accepts percent 100
	accepts percent 0x10 16
	refuses percent 101 "$ERANGE"
	refuses percent -1 "$ERANGE"
	refuses percent 4294967296 "$ERANGE"
	refuses percent ten "$EINVAL"
	refuses percent '' "$EINVAL"
	match "the log says what is right" '^knobs: refused: percent=101: 0 to 100 percent are allowed$' "$(log)"
	told
	rmmod knobs
	refused_at_load "$ERANGE" percent=101
	load percent=100
	same "percent" 100 "$(parameter percent)"
}

words() {
	local word
	load
	log_begin
	same "the default" red "$(parameter color)"
	for word in green blue red; do accepts color "$word"; done
	for word in pink Red re redd '' ' red' $'red\n\n' red,green 1; do refuses color "$word" "$EINVAL"; done
	match "the log lists them" 'one of red, green, blue is allowed$' "$(log)"
	told
	rmmod knobs
	refused_at_load "Invalid parameters" color=pink
	load color=blue
	same "color" blue "$(parameter color)"
}

cpu_lists() {
	local all list
	all=$(cat /sys/devices/system/cpu/possible)
	load
	log_begin
	same "none is given" "" "$(parameter cpus)"
	accepts cpus 0
	accepts cpus 0,1 0-1
	accepts cpus 1-1 1
	accepts cpus all "$all"
	for list in '' ',' x 1- -1 0-99999 99999999999 "$((${all##*-} + 1))" 0,99; do
		refuses cpus "$list" "$EINVAL"
	done
	match "the log says which are possible" "allowed: $all\$" "$(log)"
	refuses cpus "$(printf '0,%.0s' {1..200})0" "$EINVAL"
	told
	rmmod knobs
	load cpus=0-1
	same "cpus" 0-1 "$(parameter cpus)"
}

prefixes() {
	local value
	load
	log_begin
	same "the default" 10.0.0.0/8 "$(parameter prefix)"
	for value in 0.0.0.0/0 255.255.255.255/32 192.168.1.128/25 172.16.0.0/12; do accepts prefix "$value"; done
	for value in '' 10.0.0.0 10.0.0.0/ 10.0.0.0/33 10.0.0.0/08 256.0.0.0/8 10.0.0/8 10.0.0.0.0/8 10.0.0.1/8 \
		010.0.0.0/8 10..0.0/8 10.0.0.0/8x ' 10.0.0.0/8' 0.0.0.1/0 4294967306.0.0.0/8; do
		refuses prefix "$value" "$EINVAL"
	done
	told
	rmmod knobs
	refused_at_load "Invalid parameters" prefix=10.0.0.1/8
}

durations() {
	local value
	load
	log_begin
	same "the default" 500ms "$(parameter interval)"
	accepts interval 1ms
	accepts interval 10s
	accepts interval 1000ms 1s
	accepts interval 2min 120s
	accepts interval 1h 3600s
	accepts interval 1500us
	accepts interval 1000001ns
	for value in '' 10 ms 1.5s '1 s' -1s 1S 1m 0x10s 1sx 99999999999999999999 99999999999999999999x; do refuses interval "$value" "$EINVAL"; done
	for value in 0s 999us 3600001ms 18446744073709551616ns 18446744073709551615h 99999999999999999999s; do
		refuses interval "$value" "$ERANGE"
	done
	told
	rmmod knobs
	refused_at_load "$ERANGE" interval=2h
}

checked_texts() {
	local value
	load
	log_begin
	accepts label a
	accepts label 0123456789_-abcd
	for value in '' 'a b' 'a/b' $'a\n\n' 'ä' $'\xff'; do refuses label "$value" "$EINVAL"; done
	refuses label busy "Device or resource busy"
	match "the log tells the error" '^knobs: refused: label=busy: error -16$' "$(log)"
	refuses label 0123456789_-abcde "$EINVAL"
	match "the log says what is right" 'letters, digits, _ and - are allowed, in at most 16 bytes$' "$(log)"
	told
}

a_function_may_refuse() {
	load
	log_begin
	accepts even 4
	same "it was asked twice" 2 "$(parameter even_changes)"
	refuses even 3 "$EINVAL"
	match "with its own reason" '^knobs: refused: even=3: even numbers are allowed$' "$(log)"
	same "what it refused is not counted" 2 "$(parameter even_changes)"
	refuses even x "$EINVAL"
	accepts even -2
	same "it was asked for both" 4 "$(parameter even_changes)"
	told
	rmmod knobs
	refused_at_load "Invalid parameters" even=5
	load even=6
	same "it was asked at load" 1 "$(parameter even_changes)"
}

a_name_alone_sets_a_flag() {
	load bool_value bint_value once_value
	same "flags" Y,1,Y "$(parameter bool_value),$(parameter bint_value),$(parameter once_value)"
	rmmod knobs
	refused_at_load "Invalid parameters" invbool_value
	refused_at_load "Invalid parameters" int_value
	refused_at_load "Invalid parameters" color
}

hyphen_and_underscore_are_alike() {
	load hyphen-value=7 max-loop_count=8
	same "values" 7,8 "$(parameter hyphen_value),$(parameter max_loop_count)"
}

another_name_for_users() {
	log_begin
	load renamed=5 other_name=6
	same "renamed" 5 "$(parameter renamed)"
	check "its own name is not seen" test ! -e "$parameters/other_name"
	match "nor known" "unknown parameter 'other_name'" "$(log)"
}

not_in_sysfs() {
	load hidden=2
	check "it is not there" test ! -e "$parameters/hidden"
	rmmod knobs
	refused_at_load "Invalid parameters" hidden=x
}

unsafe_taints() {
	local user=64
	load
	if [ $(($(cat /proc/sys/kernel/tainted) & user)) = 0 ]; then
		write int_value 1
		same "one that is not leaves it" 0 "$(($(cat /proc/sys/kernel/tainted) & user))"
	fi
	log_begin
	accepts unsafe_value 1
	match "the kernel's own words" '^Setting dangerous option unsafe_value - tainting kernel$' "$(log)"
	same "tainted by the user" "$user" "$(($(cat /proc/sys/kernel/tainted) & user))"
}

max_loop_count_bounds_the_loop() {
	load
	same "the default" 100000 "$(parameter max_loop_count)"
	same "mode" "644 root" "$(stat -c '%a %U' "$parameters/max_loop_count")"
	match "modinfo" '^max_loop_count:max loop execution count .*\(int\)$' "$(modinfo -F parm "$module")"
	same "no loop so far" 0 "$(parameter last_count)"
	write run 1000
	same "fewer than allowed" 1000 "$(parameter last_count)"
	write run 100001
	same "more than allowed" 100000 "$(parameter last_count)"
	accepts max_loop_count 500
	log_begin
	write run 100001
	same "the new bound" 500 "$(parameter last_count)"
	match "it says so" '^knobs: ended a loop of 100001 rounds: max_loop_count=500$' "$(log)"
	accepts max_loop_count 200000
	write run 100001
	same "a higher bound" 100001 "$(parameter last_count)"
	accepts max_loop_count 0
	write run 5
	same "none allowed" 0 "$(parameter last_count)"
	refuses max_loop_count -1 "$ERANGE"
	refuses max_loop_count 2147483648 "$ERANGE"
	told
	local user='setpriv --reuid 65534 --regid 65534 --clear-groups'
	same "everybody may read it" 0 "$($user cat "$parameters/max_loop_count")"
	match "only root may write it" 'Permission denied' "$($user sh -c "echo 1 >$parameters/max_loop_count" 2>&1 || true)"
	match "a result cannot be written" 'Permission denied' "$($user sh -c "echo 1 >$parameters/last_count" 2>&1 || true)"
	rmmod knobs
	refused_at_load "Invalid parameters" last_count=1
}

# An array whose last element is wrong, of which C would have set the first elements.
a_refused_array_changes_nothing() {
	load
	log_begin
	accepts int_list 7,8,9
	refuses int_list 1,2,x "$EINVAL"
	refuses int_list 1,2,4294967296 "$ERANGE"
	refuses int_list 1,2,3,4,5 "$EINVAL"
	refuses bool_list Y,N,2 "$EINVAL"
	refuses charp_list a,b,c,d,e "$EINVAL"
	told
	rmmod knobs
	refused_at_load "Invalid parameters" int_list=1,x
}

ktap_run a_range_includes_its_ends words cpu_lists prefixes durations checked_texts a_function_may_refuse \
	a_name_alone_sets_a_flag hyphen_and_underscore_are_alike \
	another_name_for_users not_in_sysfs unsafe_taints max_loop_count_bounds_the_loop \
	a_refused_array_changes_nothing
