#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A module in a folder of its own, outside of this project, built by make MODULE= for a kernel with Rust
# and for one without, and run there.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# own NAME: a copy of hello_probe of that name.
own() {
	mkdir "$folder/$1"
	sed "s/hello_probe/$1/g" "$project/samples/hello_probe/hello_probe.rs" >"$folder/$1/$1.rs"
}

# made ROW FOLDER: builds it.
made() { KERNEL=$1 "$project/scripts/own-module" "$2" 2>&1; }

# run_on ROW NAME: what it says in a VM.
run_on() {
	# shellcheck disable=SC2016 # for the shell inside
	KERNEL=$1 "$project/scripts/vm" -- sh -ec '
		insmod "$1/$2.ko" slow_us=0
		echo 1 >"/sys/kernel/tracing/events/$2/slow_read/enable"
		dd if=/dev/zero of=/dev/null bs=1009 count=2 status=none
		echo 0 >"/sys/kernel/tracing/events/$2/slow_read/enable"
		grep "ret=1009" /sys/kernel/tracing/trace
		cat "/sys/kernel/debug/$2/reads"
		rmmod "$2" && echo unloaded' _ "$project/build/$(KERNEL=$1 "$project/scripts/paths" RELEASE)" "$2" 2>&1
}

# works_on ROW: is built, and does what hello_probe does.
works_on() {
	local output
	own away
	output=$(made "$1" "$folder/away") || { note "$output"; check "it is built" false; }
	same "what is in its folder" away.rs "$(ls "$folder/away")"
	output=$(run_on "$1" away)
	same "events" 2 "$(grep -c 'slow_read: ns=[0-9]* ret=1009$' <<<"$output")"
	match "what it counts" '^slow [1-9]' "$output"
	match "the end" '^unloaded' "$output"
}

on_a_kernel_with_rust() { works_on debian-13-backports; }
on_a_kernel_without() { works_on debian-13; }

what_is_no_module_is_said() {
	match "no folder" ': no such folder$' "$(made debian-13-backports "$folder/nowhere" || true)"
	mkdir "$folder/Own-module" "$folder/empty"
	match "no name of a module" "becomes the module's" "$(made debian-13-backports "$folder/Own-module" || true)"
	match "no source" ': there is no empty.rs in it$' "$(made debian-13-backports "$folder/empty" || true)"
}

# A mistake of the compiler's is shown where it is, and no module is left.
what_does_not_compile_is_shown() {
	own broken
	echo 'fn nothing() -> u32 {}' >>"$folder/broken/broken.rs"
	local output status=0
	output=$(made debian-13-backports "$folder/broken") || status=$?
	check "it fails" test "$status" != 0
	match "the mistake" 'mismatched types' "$output"
	check "no module" test ! -e "$project/build/$("$project/scripts/paths" RELEASE)/broken.ko"
}

cleanup() { rm -rf "${folder:?}"/*; }

ktap_run on_a_kernel_with_rust on_a_kernel_without what_is_no_module_is_said what_does_not_compile_is_shown
