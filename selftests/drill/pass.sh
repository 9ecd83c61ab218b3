#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A soft lockup on the stock kernel becomes a vmcore that names the module's thread; and the verdict
# on that dump in other formats, damaged, truncated, and with other expectations.
#
# Proves: kdump verdict

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/drill.sh"
trap 'rm -rf "$scratch"' EXIT
core=$scratch/drill/vmcore

soft_lockup_becomes_a_vmcore() {
	drill --run-id selftest-1
	ended 0 pass
	same "schema" faultline.drill/1 "$(field .schema)"
	same "checks that failed" "" "$(field '.checks[] | select(.result == "failed") | .name')"
	same "checks of the log" "cause,cpu,latency,run id,stack,thread" \
		"$(field '[.checks[] | select(.source == "log" and .result == "ok") | .name] | sort | join(",")')"
	match "the thread" '^lockup/1 ' "$(field '.checks[] | select(.name == "thread" and .source == "log").found')"
	match "the stack" 'spin_preemption_off' "$(field '.checks[] | select(.name == "stack" and .source == "log").found')"
	same "the dump" complete "$(field .dump.state)"
	same "of the stock kernel" "$("$project/scripts/paths" RELEASE)" "$(field .dump.release)"
	check "the latency is in its window" jq -e \
		'.latency | .secs >= .window.earliest_secs - .window.tolerance_secs
			and .secs <= .window.latest_secs + .window.tolerance_secs' <<<"$report"
	match "the timeline" '^up,crash_kernel_loaded,inserted,injected,detected,panic,.*crash_kernel_up,dumped,down$' \
		"$(field '[.timeline[].name] | join(",")')"
	check "the vmcore is there" test -s "$core"
}

drgn_agrees() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	[ -e "$("$project/scripts/paths" VMLINUX_DEBUG)" ] || skip "no debug symbols: make setup-debuginfo"
	program verdict "$core" --mode soft --run-id selftest-1 --cpu 1
	ended 0 pass
	same "what drgn saw" "cause,cpu,pages,stack,thread" \
		"$(field '[.checks[] | select(.source == "drgn" and .result == "ok") | .name] | sort | join(",")')"
}

another_cause_is_not_passed() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	program verdict "$core" --mode soft --run-id other
	ended 1 wrong_cause
	program verdict "$core" --mode soft --run-id selftest-1 --cpu 0
	ended 1 wrong_cause
}

# other_formats DIR: writes the dump in makedumpfile's other formats, and makedumpfile's log of
# each.
other_formats() {
	local make=(makedumpfile --message-level 0 -d 31)
	mkdir -p "$1" &&
		"${make[@]}" -c "$core" "$1/zlib" && "${make[@]}" -z "$core" "$1/zstd" &&
		"${make[@]}" -l --splitblock-size 16 --split "$core" "$1/split1" "$1/split2" &&
		"${make[@]}" -F -l "$core" | gzip -1 >"$1/flattened.packed" &&
		makedumpfile --message-level 0 --dump-dmesg "$core" "$1/dmesg"
}

# is_compressed: is the dump one that makedumpfile made of the pages?
is_compressed() { [ "$(head -c 5 "$core")" = KDUMP ]; }

# Number of damages, each anywhere in the dump. (The unit tests damage small dumps 300 times.)
damages=20
[ -z "${FAULTLINE_LONG:-}" ] || damages=300

# tests_on DIR: runs the unit tests that need real dumps, as tool/unit.sh builds them.
tests_on() {
	FAULTLINE_TEST_DUMPS=$1 FAULTLINE_TEST_DUMP=$core FAULTLINE_TEST_DAMAGES=$damages RUSTFLAGS="-C target-feature=+crt-static" \
		CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cargo test --quiet --release --locked \
		--target "$(uname -m)-unknown-linux-gnu" \
		--target-dir "$project/build/tools/$("$project/scripts/paths" ROOT_SUITE)" \
		--manifest-path "$project/tools/faultline/Cargo.toml" -- --nocapture real_dump 2>&1
}

# The log of each format is the one that makedumpfile reads; and a randomly damaged dump passes only
# if no check depends on the damaged bytes.
every_format_is_read_and_damage_is_noticed() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	is_compressed || skip "makedumpfile cannot read this kernel's memory: there is one format only"
	local output status=0
	check "the formats" other_formats "$scratch/formats"
	output=$(tests_on "$scratch/formats") || status=$?
	note "$output"
	same "the tests' exit status" 0 "$status"
	match "all formats were read" '\["[^"]*split[12]", "[^"]*split[12]"\]: the same log' "$output"
	match "the damages" "seed 0x[0-9a-f]+: [0-9]+ of $damages noticed" "$output"
	rm -rf "$scratch/formats"
}

zeroed_pages_are_no_pass() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	is_compressed || skip "in a copy of all memory, zeros may be what was there"
	local mib=$(($(stat -c %s "$core") >> 20))
	cp "$core" "$scratch/zeroed"
	dd if=/dev/zero of="$scratch/zeroed" bs=1M seek=$((mib * 6 / 8)) count=$((mib / 8)) conv=notrunc status=none
	program verdict "$scratch/zeroed" --mode soft
	ended 1 dump_incomplete '[0-9]+ of its [0-9]+ pages are damaged'
	rm "$scratch/zeroed"
}

# A pipe is read to its end; a Ctrl-C while it is silent leaves the verdict open.
a_pipe_is_read_and_an_interrupt_is_no_verdict() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	program verdict - --mode soft --run-id selftest-1 < <(cat "$core")
	ended 0 pass
	local pid status=0
	mkfifo "$scratch/fifo"
	"$project/build/faultline" verdict "$scratch/fifo" --mode soft --json >"$scratch/report" &
	pid=$!
	# It has opened the FIFO as soon as a writer can open it.
	exec 9>"$scratch/fifo"
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 9>&-
	report=$(cat "$scratch/report")
	ended 3 could_not_tell interrupted
}

truncated_vmcore_is_incomplete() {
	[ -s "$core" ] || skip "there is no vmcore: the drill failed"
	cp "$core" "$scratch/cut"
	truncate --size $(($(stat -c %s "$core") * 2 / 3)) "$scratch/cut"
	program verdict "$scratch/cut" --mode soft
	ended 1 dump_incomplete '[0-9]+ of its [0-9]+ (pages|bytes)'
}

what_is_no_dump_is_unreadable() {
	program verdict "$project/selftests/run.sh" --mode soft
	ended 1 unreadable
	program verdict "$scratch/nothing" --mode soft
	same "no such file: could not tell" 3 "$status"
	mkdir "$scratch/none"
	program verdict "$scratch/none" --mode soft
	same "a directory without a dump: could not tell" 3 "$status"
	: >"$scratch/empty"
	program verdict "$scratch/empty" --mode soft
	ended 1 unreadable 'is empty'
}

ktap_run soft_lockup_becomes_a_vmcore drgn_agrees another_cause_is_not_passed \
	every_format_is_read_and_damage_is_noticed zeroed_pages_are_no_pass \
	a_pipe_is_read_and_an_interrupt_is_no_verdict truncated_vmcore_is_incomplete what_is_no_dump_is_unreadable
