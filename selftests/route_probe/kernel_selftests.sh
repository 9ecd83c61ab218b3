#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe: the kernel's own tests of its routing (tools/testing/selftests/net, from the source
# of this kernel) have the same results, test by test, with the tracker loaded and recording
# as without it. FAULTLINE_LONG=1: all of them, and not some quick ones.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/route_probe.sh"

source=${FAULTLINE_SOURCE:-/usr/src/linux}/tools/testing/selftests/net
folder=/tmp/net

# theirs: their folder, where they may write; with the program that one of them needs.
theirs() {
	[ -d "$folder" ] && return
	[ -d /proc/sys/net/ipv6 ] || skip "this kernel has no IPv6, which those tests set up"
	[ -e "$source/fib_tests.sh" ] || skip "the kernel's source is not there ($source)"
	mkdir "$folder"
	cp -r "$source"/{*.sh,nettest.c,lib} "$folder"
	# Of this kernel's headers it needs less than the distribution's have.
	gcc -o "$folder/nettest" "$folder/nettest.c" 2>"$folder/gcc.log" || note "no nettest: $(grep -m 1 error "$folder/gcc.log")"
}

# tests_of SCRIPT: its tests by name, as it has them in its first lines.
tests_of() {
	# shellcheck disable=SC2016 # for the shell inside
	bash -c "$(awk '/^[A-Z0-9_]*TESTS="/ { inside = 1 } inside { print; if ((quotes += gsub(/"/, "")) % 2 == 0) inside = 0 }' "$folder/$1.sh")"'
		echo $TESTS'
}

# results SCRIPT TEST: what one of its tests says, without what is another each time.
results() {
	(cd "$folder" && PATH=$folder:$PATH timeout 600 "./$1.sh" -t "$2" 2>&1 </dev/null || echo "exit status $?") |
		grep -E '\[ *(OK|FAIL|SKIP|XFAIL|PASS) *\]|SKIP|exit status' | sed -E 's/ +/ /g; s/-[A-Za-z0-9]{6}\b/-X/g'
}

recording() {
	load
	echo 1 >"$tracefs/events/route_probe/enable"
}

# compare SCRIPT TEST...: each without and with the tracker. A test of theirs may be late on a
# slow machine, so one that differs gets another two chances to be the same.
compare() {
	local script=$1 name differ=() again without with hits begin
	shift
	theirs
	rm -rf /tmp/without
	mkdir /tmp/without
	begin=$SECONDS
	for name; do results "$script" "$name" >"/tmp/without/$name" || true; done
	note "without: $((SECONDS - begin)) s, $(cat /tmp/without/* | grep -c 'OK') ok, $(cat /tmp/without/* | grep -vc 'OK' || true) not"
	note "$(grep -v OK /tmp/without/* | sed 's|^/tmp/without/||' || true)"
	check "load" recording
	begin=$SECONDS
	for name; do
		for again in 1 2 3; do
			with=$(results "$script" "$name" || true)
			without=$(cat "/tmp/without/$name")
			[ "$with" != "$without" ] || continue 2
			note "$name, attempt $again: $(diff <(echo "$without") <(echo "$with") | grep '^[<>]' || true)"
			rmmod_quietly
			results "$script" "$name" >"/tmp/without/$name" || true
			recording
		done
		differ+=("$name")
	done
	hits=$(ledger fib_lookup.hits)
	note "with: $((SECONDS - begin)) s, $hits lookups"
	same "tests with another result" "" "${differ[*]:-}"
	check "they passed something" grep -q 'OK' /tmp/without/*
	check "lookups were recorded" test "$hits" -gt 0
}
rmmod_quietly() {
	echo 0 >"$tracefs/events/route_probe/enable"
	rmmod route_probe
}

# some SCRIPT TEST...: these, or all of them if there is time.
some() {
	local script=$1
	shift
	theirs
	# shellcheck disable=SC2046 # one word each
	[ -z "${FAULTLINE_LONG:-}" ] || set -- $(tests_of "$script")
	compare "$script" "$@"
}

# with_dummy: what the first two need of the kernel, which is not in those that setup builds.
with_dummy() { modprobe -q dummy || skip "this kernel has no dummy device"; }

fib_tests() {
	with_dummy
	some fib_tests unregister ipv4_notify ipv4_del_addr
}
fib_rule_tests() {
	with_dummy
	theirs
	[ -x "$folder/nettest" ] || skip "no nettest: there is no compiler in this guest"
	some fib_rule_tests fib_rule4
}
fib_nexthops() { some fib_nexthops basic ipv4_fcnal; }

ktap_run fib_tests fib_rule_tests fib_nexthops
