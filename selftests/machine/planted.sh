#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The misconfigurations of tools/faultline/tests/machines/plants, each planted on a well configured
# Debian server, alone and with others: the doctor finds each at its place, and no other finding
# changes. Some are drilled as well: the drill ends in the stage that the doctor predicted. `make
# test` plants them in a recorded machine; here it takes an hour, so only with FAULTLINE_LONG set.
#
# Its arguments are names of tests, and of plants to drill.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/ktap.sh"
. "$here/../lib/machine.sh"
trap all_down EXIT
plants=$project/tools/faultline/tests/machines/plants

# The notes of these checks are all that the doctor finds on a well configured server. Virtual
# servers have no PMU.
NOTES="note after_panic, note analyser, note unknown_nmi_panic, wrong hard_watchdog"

# Sets of independent plants.
THREE=(
	use-kdump-0+makedumpfile-option+hung-task-timeout-0
	unit-masked+target-full+initrd-stale
	core-dir-missing-mount+panic-switch-taken-back+next-boot-without
	ssh-without-key+command-line-changed+watchdog-off
	unit-disabled+no-makedumpfile+panic-switch-misspelt
	not-loaded+kexec-disabled-at-boot+panic-on-oops-off
)

long() { [ -n "${FAULTLINE_LONG:-}" ] || skip "takes minutes: only with FAULTLINE_LONG set"; }

# names KIND: prints the plants that a real machine can revert (back), that stay until its next boot
# (once), or that are drilled (drill).
names() {
	awk -v want="$1" '
		function out() { if (name != "" && (want == "drill" ? drill : once == (want == "once"))) print name }
		$1 == "plant" { out(); name = $2; once = drill = 0 }
		$1 == "once" { once = 1 }
		$1 == "drill" { drill = 1 }
		END { out() }' "$plants"
}

# line NAME WORD: prints the rest of a plant's line after that word.
line() {
	awk -v name="$1" -v word="$2" '$1 == "plant" { mine = $2 == name } mine && $1 == word { sub(/^[^ ]+ /, ""); print }' "$plants"
}

there() { on /root/planted-there "$@"; }

# ready: starts a fresh, well configured server.
ready() {
	server_up
	machine copy "$server" "$here/planted-there" "$plants" /root
	[ $# = 0 ] || on sysctl -qw "$@"
	there ready
}

# asked SET...: plants each set, and reverts it. Writes the doctor's answer to $scratch/SET.json,
# and the expected findings to $scratch/SET.expected.
asked() {
	there asked "$@" >"$scratch/said"
	awk -v dir="$scratch" '
		/^@ / { file = dir "/" $2 ".expected"; json = dir "/" $2 ".json"; printf "" >file; next }
		/^json$/ { file = json; next }
		{ print >file }' "$scratch/said"
}

# compare SET: prints the differences of its answer, one per line.
compare() {
	# shellcheck disable=SC2016 # variables of jq
	jq -nr --slurpfile base "$scratch/base.json" --slurpfile now "$scratch/$1.json" \
		--rawfile expected "$scratch/$1.expected" '
		def counts: .findings | map(select(.state != "fine" and .state != "off"));
		def rows(word): $expected | split("\n") | map(split(" ") | select(.[0] == word) | .[1:]);
		def is_it($row): .state == $row[0] and .check == $row[1] and (.stage // "-") == $row[2]
			and any(.evidence[]; .place == $row[3]);
		def shown: "\(.state) \(.check) \(.stage // "-"): \(.says) \([.evidence[] | "\(.place): \(.text)"])";
		($base[0] | counts) as $before | ($now[0] | counts) as $after | rows("find") as $find
		| (rows("failed")[] | "not planted: \(join(" "))"),
		  ($after - $before | .[] | select(. as $one | any($find[]; . as $row | $one | is_it($row)) | not)
			| "not expected: \(shown)"),
		  ($before - $after | .[] | select([.state, .check] as $row | rows("gone") | index([$row]) | not)
			| "gone: \(shown)"),
		  ($find[] | select(. as $row | any($after[]; is_it($row)) | not) | "not found: \(join(" "))")'
}

# compared SET...: checks that the answers are as expected.
compared() {
	local set said wrong=''
	for set; do
		said=$(compare "$set") || said="no answer: $(head -c 300 "$scratch/$set.json")"
		[ -z "$said" ] || { note "$set: $said"; wrong+=" $set"; }
	done
	note "$# planted"
	same "wrong" "" "$wrong"
}

each_is_found_where_it_is() {
	long
	local all began
	mapfile -t all < <(names back)
	check "as many as there are" test "${#all[@]}" -ge 24
	ready
	began=$SECONDS
	asked base "${all[@]}" "${THREE[@]}" again
	note "$((${#all[@]} + ${#THREE[@]} + 2)) answers in $((SECONDS - began)) s"
	same "what would not work on a server that is set up well" hard \
		"$(jq -r '[.classes[] | select(.outcome != "would_work" and .outcome != "off").class] | join(" ")' "$scratch/base.json")"
	same "what it is told" "$NOTES" \
		"$(jq -r '[.findings[] | select(.state != "fine" and .state != "off") | "\(.state) \(.check)"] | unique | join(", ")' "$scratch/base.json")"
	compared "${all[@]}" "${THREE[@]}" again
	same "what is said at the end" "$(jq -S '[.classes, [.findings[] | select(.state != "fine")]]' "$scratch/base.json")" \
		"$(jq -S '[.classes, [.findings[] | select(.state != "fine")]]' "$scratch/again.json")"
}

what_stays_until_the_next_boot_is_found() {
	long
	local all name
	mapfile -t all < <(names once)
	for name in "${all[@]}"; do
		server_down 2>/dev/null || true
		ready
		[ -s "$scratch/base.json" ] || asked base
		asked "$name"
	done
	compared "${all[@]}"
}

# predicted CLASS: prints the stage in which a drill would fail, by the doctor.
predicted() {
	doctor --only "$1"
	field '.classes[0].stage // ([.findings[] | select(.state == "wrong" and .link == "module").stage][0])'
}

# fit: provides a ready server with short thresholds: the last one, if everything was reverted
# there. Sets `until`, after which fit_again replaces the server.
fit() {
	long
	until=$(cat "$scratch/fit" 2>/dev/null || echo 0)
	rm -f "$scratch/fit"
	[ "$until" -le "$SECONDS" ] || return 0
	server_down 2>/dev/null || true
	until=$((SECONDS + 1200))
	ready kernel.watchdog_thresh=5
}
fit_again() { echo "$until" >"$scratch/fit"; }

# drilled NAME: checks that its drill ends in the stage that the doctor predicts, and that the table
# has.
drilled() {
	local name=$1 stage arguments shows mode
	read -r stage arguments < <(line "$name" drill)
	shows=$(line "$name" shows)
	[[ " $arguments " =~ ' --mode '([a-z_]+)' ' ]]
	mode=${BASH_REMATCH[1]}
	fit
	# Only for this mode: a task that waits for a CPU hangs as well.
	[ "$mode" != hung ] || on sysctl -qw kernel.hung_task_timeout_secs=5
	there plant "$name" >"$scratch/planted"
	same "what could not be planted" "" "$(grep '^failed' "$scratch/planted" || true)"
	same "the doctor's prediction" "${stage/#pass/null}" "$(predicted "$mode")"
	# shellcheck disable=SC2086 # words
	drill --force --delay-secs 1 --run-id "$name" $arguments
	ended "$([ "$stage" = pass ] && echo 0 || echo 1)" "$stage"
	[ -z "$shows" ] || match "what the console shows" "$shows" "$(cat "$scratch/drill/console.log")"
	there back "$name"
	# Some plants are reverted only by a boot.
	if [ "$(field .rebooted)" = true ] || ! names once | grep -qx "$name"; then fit_again; fi
}

# The doctor first predicts it for the next boot, and then for this one.
the_next_boot_has_no_crash_kernel() {
	local from
	fit
	there plant unit-disabled >"$scratch/planted"
	doctor --only panic
	same "said of the next boot" "later panic_no_crash_kernel" "$(field '.findings[] | select(.check == "kdump_enabled") | "\(.state) \(.stage)"')"
	from=$(machine log "$server" | wc -l)
	on systemctl reboot || true
	check "it is back" machine await "$server" 400 'login:' "$from"
	same "said now" panic_no_crash_kernel "$(predicted panic)"
	drill --force --delay-secs 1 --mode panic --run-id disabled-1
	ended 1 panic_no_crash_kernel
	match "what the console shows" 'Rebooting in 10 seconds' "$(cat "$scratch/drill/console.log")"
	there back unit-disabled
	fit_again
}

# Each drill is a test.
mapfile -t drills < <(names drill)
for name in "${drills[@]}"; do
	eval "drill_${name//-/_}() { drilled $name; }"
done
wanted=("$@")
[ $# -gt 0 ] || wanted=(each_is_found_where_it_is what_stays_until_the_next_boot_is_found "${drills[@]}" the_next_boot_has_no_crash_kernel)
tests=()
for name in "${wanted[@]}"; do
	if [[ " ${drills[*]} " = *" $name "* ]]; then tests+=("drill_${name//-/_}"); else tests+=("$name"); fi
done
ktap_run "${tests[@]}"
