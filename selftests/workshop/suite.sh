#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scripts/test: two concurrent runs do not mix their results, and an interrupted or killed run
# records unfinished tests as failed. It runs on a separate project, with tests that end on request.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

mkdir -p scripts selftests/{red,green,slow}
cp "$project"/scripts/{test,lib.sh,kernels} scripts/
cp "$project/selftests/run.sh" selftests/
printf '#!/bin/sh\necho 9.9\n' >scripts/paths
printf '#!/bin/bash\n. scripts/lib.sh\nprivate "$@"\n' >scripts/in-root
result() { printf '#!/bin/bash\n%s\necho "KTAP version 1"; echo 1..1; echo "%s 1 it"; exit %d\n' "$2" "$3" "$4" >"selftests/$1.sh"; }
result red/red 'echo "# why it fails"' "not ok" 1
result green/green "" ok 0
result slow/done "" ok 0
# Reports its start, and ends on request.
result slow/waits "echo >'$scratch/begun'; read -r _ <'$scratch/go'" "not ok" 1
for folder in red green slow; do echo where=host >"selftests/$folder/settings"; done
chmod 755 scripts/* selftests/*/*.sh
mkfifo go

# result_of FILE: prints its result.
result_of() { awk -F '\t' -v file="$1" '$2 == file { print $3 }' build/results.tsv; }
begun() { [ -s begun ]; }
waits() { grep -qs '^waiting: another scripts/test runs here' second.err; }

two_at_once_do_not_mix() {
	local first second status=0
	bash scripts/test slow/waits.sh >first 2>first.err &
	first=$!
	await 20 "it runs" begun
	bash scripts/test green >second 2>second.err &
	second=$!
	await 20 "the second says that it waits" waits
	echo >go
	wait "$first" || status=$?
	same "the red run's status" 1 "$status"
	match "its totals" '^0 passed, 1 failed, 0 skipped$' "$(cat first)"
	check "the green run passes" wait "$second"
	match "its totals" '^1 passed, 0 failed, 0 skipped$' "$(cat second)"
	same "both results are known" "failed passed" "$(result_of slow/waits.sh) $(result_of green/green.sh)"
}

what_is_joined_runs_together() {
	local output status=0
	output=$(bash scripts/test green+slow/done.sh red 2>err) || status=$?
	match "its totals" '^2 passed, 1 failed, 0 skipped$' "$output"
	same "why comes before what" "  # why it fails|  not ok 1 it" "$(grep -B 1 '^  not ok' err | paste -sd '|')"
	same "reports" 2 "$(grep -c '^KTAP version' build/test.log)"
	match "the second of the first report" '^ok 2 selftests: slow/done.sh' "$(cat build/test.log)"
	same "results" "passed passed failed" \
		"$(result_of green/green.sh) $(result_of slow/done.sh) $(result_of red/red.sh)"
	echo last_in_vm=yes >>selftests/green/settings
	match "after one that has to be the last" 'no test can run in a VM after green' \
		"$(bash scripts/test green+slow/done.sh 2>&1 || true)"
	check "before it" bash scripts/test slow/done.sh+green >/dev/null 2>&1
}

# ends SIGNAL: sends the signal to a run during a test; sets `status`.
ends() {
	local pid
	rm -f begun
	printf '%s\t%s\tpassed\t9.9\t2000-01-01\n' "$(. scripts/lib.sh && rows | head -n 1)" slow/waits.sh >build/results.tsv
	FAULTLINE_JOBS=1 bash scripts/test green slow red >out 2>err &
	pid=$!
	await 20 "it runs" begun
	kill -s "$1" "$pid"
	status=0
	wait "$pid" 2>/dev/null || status=$?
}

what_had_not_ended_has_failed() {
	ends TERM
	same "status" 143 "$status"
	same "the one that ran" failed "$(result_of slow/waits.sh)"
	same "the one that never began" failed "$(result_of red/red.sh)"
	same "those that had ended" "passed passed" "$(result_of green/green.sh) $(result_of slow/done.sh)"
	match "the report has what there is" '^ok 1 selftests: green/green.sh' "$(cat build/test.log)"
	same "nothing runs on" "" "$(pgrep -f "^/bin/bash $scratch/selftests" || true)"
}

also_after_a_kill_that_nobody_can_catch() {
	ends KILL
	same "status" 137 "$status"
	same "the one that ran" failed "$(result_of slow/waits.sh)"
	same "the one that never began" failed "$(result_of red/red.sh)"
	echo >go # the test that nobody could end
}

ktap_run two_at_once_do_not_mix what_is_joined_runs_together what_had_not_ended_has_failed also_after_a_kill_that_nobody_can_catch
