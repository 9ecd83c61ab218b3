#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/in-root: root inside of it cannot reach the host's devices and settings, the caller's
# paths are visible at their place or refused by name, and no process outlives it.
#
# It runs on a fake host: a /dev made by this test, and a small build root.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
suite=$("$project/scripts/paths" ROOT_SUITE)
scratch=$(mktemp -d /var/tmp/faultline-root.XXXXXX)
export scratch FAULTLINE_CACHE=$scratch/cache
root=$FAULTLINE_CACHE/roots/$suite
trap 'rm -rf --one-file-system "$scratch"' EXIT

# small_root: makes a build root of busybox, bash and flock.
small_root() {
	local library name
	mkdir -p "$root"/{dev,proc,sys,tmp,run,etc,bin,usr/bin,usr/share/doc} "$FAULTLINE_CACHE/stamps"
	cp /bin/busybox /bin/bash /usr/bin/flock "$root/bin/"
	for library in $(ldd /bin/bash /usr/bin/flock | grep -oE '/lib[^ ]+'); do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
	for name in sh ls rm cat sleep mkdir touch; do ln -s busybox "$root/bin/$name"; done
	ln -s /bin/busybox "$root/usr/bin/env"
	touch "$root/etc/faultline-root" "$root/usr/share/doc/its-own"
}
small_root

# The fake host: the command after it runs in its own namespaces, without the build root that this
# test runs in, and with a /dev without the machine's devices.
as_host() {
	# shellcheck disable=SC2016 # for the shell inside
	unshare --mount --propagation private bash -ec 'mount -t tmpfs tmpfs /etc
		mount -t tmpfs tmpfs /dev
		for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
			read -r name numbers <<<"$node"
			mknod -m 666 "/dev/$name" c $numbers
		done
		ln -s /proc/self/fd /dev/fd
		echo precious >/dev/canary
		mkdir /dev/disk && echo precious >/dev/disk/canary
		exec "$@"' _ "$@"
}

removing_all_of_dev_inside_changes_nothing_outside() {
	local output
	# shellcheck disable=SC2016 # for the shells inside
	output=$(as_host bash -c '"$0" sh -c "rm -rf /dev/* 2>/dev/null; ls /dev" >/dev/null 2>&1
		ls /dev | sort | paste -sd,; cat /dev/canary /dev/disk/canary || true' "$project/scripts/in-root" 2>&1)
	same "what is left outside" "canary,disk,fd,full,null,random,tty,urandom,zero precious precious" "$(paste -sd' ' <<<"$output")"
}

inside_are_the_devices_that_programs_need() {
	local output
	# shellcheck disable=SC2016 # for the shell inside
	output=$(as_host "$project/scripts/in-root" sh -c 'ls /dev; echo x >/dev/null && echo "null $?"
		read -r -n 1 _ </dev/urandom && echo urandom; echo inner >/dev/shm/file && cat /dev/shm/file
		echo "by its number" >/dev/stdout; ls /dev/pts' 2>&1)
	match "a write to null" '^null 0$' "$output"
	match "urandom" '^urandom$' "$output"
	match "shared memory" '^inner$' "$output"
	match "stdout" '^by its number$' "$output"
	match "terminals" '^ptmx$' "$output"
	same "nothing else of the host's" "" "$(grep -E 'canary|disk' <<<"$output")"
}

settings_of_the_machine_are_read_only() {
	local output
	# shellcheck disable=SC2016 # for the shell inside
	output=$(as_host "$project/scripts/in-root" sh -c 'while read -r _ at _ options _; do
		case $at in /sys* | /proc/sys*) echo "$at ${options%%,*}" ;; esac; done </proc/mounts' 2>&1)
	match "sysfs" '^/sys ro$' "$output"
	match "sysctls" '^/proc/sys ro$' "$output"
	same "all of them" "" "$(grep -v ' ro$' <<<"$output")"
}

what_is_named_is_seen_or_refused() {
	local output
	mkdir -p "$scratch/else where"
	echo content >"$scratch/else where/vmcore"
	# shellcheck disable=SC2016 # for the shell inside
	output=$(FAULTLINE_SHOW=$scratch/else\ where/vmcore as_host "$project/scripts/in-root" \
		sh -c 'cat "$1" && touch "${1%/*}/made"' _ "$scratch/else where/vmcore" 2>&1)
	same "it is read" content "$output"
	check "and its directory written" test -e "$scratch/else where/made"
	# shellcheck disable=SC2016 # for the shell inside
	output=$(FAULTLINE_SHOW=$scratch/new/er/dir as_host "$project/scripts/in-root" \
		sh -c 'mkdir -p "$1" && touch "$1/file"' _ "$scratch/new/er/dir" 2>&1)
	check "what is new is made outside, too" test -e "$scratch/new/er/dir/file"
	if output=$(FAULTLINE_SHOW=/usr/share/doc/x/dump as_host "$project/scripts/in-root" true 2>&1); then
		note "accepted: $output"
		exit 1
	fi
	match "a directory of the system" '^in-root: /usr/share/doc/x/dump: /usr/share(/doc)? is a directory of the system' "$output"
}

# The paths among scripts/faultline's arguments are visible inside.
the_program_is_shown_what_its_arguments_name() {
	local copy=$scratch/project name
	mkdir -p "$copy/scripts" "$copy/build" "$scratch/far" "$FAULTLINE_CACHE/rows"
	cp "$project"/scripts/{faultline,lib.sh,kernels} "$copy/scripts/"
	# shellcheck disable=SC2016 # for the script
	printf '#!/bin/sh\nprintf "%%s\\n" "$FAULTLINE_SHOW"\n' >"$copy/scripts/in-root"
	chmod 755 "$copy/scripts/in-root"
	cp "$copy/scripts/in-root" "$copy/build/faultline"
	echo RELEASE=9.9 >"$FAULTLINE_CACHE/rows/$(cd "$copy" && . scripts/lib.sh && rows | head -n 1)"
	echo core >"$scratch/far/vmcore"
	ln -s ../far/vmcore "$copy/link"
	cd "$copy"
	shows() { env -u KERNEL scripts/faultline "$@" | grep -v '^$' | sort -u | paste -sd' '; }
	same "a file" "$scratch/far/vmcore" "$(shows verdict "$scratch/far/vmcore" --mode soft)"
	same "a link" "$scratch/far/vmcore $copy/link" "$(shows verdict link)"
	same "a directory" "/srv/x" "$(shows drill vm --mode soft --keep /srv/x)"
	same "with =" "/srv/x $scratch/y" "$(shows drill matrix --out=/srv/x --runner ../y)"
	same "not what is set in the VM" "" "$(shows drill vm --set /etc/x=1 --set=/etc/x=1 --param a=/b --append /c --mode soft)"
}

nothing_inside_outlives_a_kill() {
	local pid lock=$scratch/cache/lock.inside
	# shellcheck disable=SC2016 # for the shells
	as_host "$project/scripts/in-root" bash -c 'exec 9>"$0"; flock 9; echo >&9; sleep 300' "$lock" >/dev/null 2>&1 &
	pid=$!
	await 10 "it runs" test -s "$lock"
	pid=$(pgrep -P "$pid")
	if flock -n "$lock" true; then
		note "it holds no lock"
		exit 1
	fi
	kill -KILL "$pid"
	await 5 "it is gone" flock -n "$lock" true
}

ktap_run removing_all_of_dev_inside_changes_nothing_outside inside_are_the_devices_that_programs_need \
	settings_of_the_machine_are_read_only what_is_named_is_seen_or_refused \
	the_program_is_shown_what_its_arguments_name nothing_inside_outlives_a_kill
