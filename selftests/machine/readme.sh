#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2016 # what is quoted is for the shell there
#
# The README's "On a machine of your own": its commands are taken from the text, and run here and on
# a freshly installed Debian server. It takes minutes, so only with FAULTLINE_LONG set.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
. "$here/../lib/machine.sh"
trap all_down EXIT

# block NUMBER: prints the commands of that indented block of the section, without their comments.
block() {
	awk -v wanted="$1" '
		/^##/ { inside = ($0 == "### On a machine of your own") }
		!inside { next }
		/^    / {
			if (!was) number++
			was = 1
			if (number == wanted) { sub(/^    /, ""); sub(/ +# .*/, ""); print }
			next
		}
		{ was = 0 }' "$project/README.md"
}
command_of() { block "$1" | sed -n "$2p"; }

up() { machine list | grep -q "^$server: " || skip "there is no server"; }
lines() { machine log "$server" | wc -l; }

# settled: makes ssh and scp reach the server by the README's name.
settled() {
	mkdir -p "$scratch/bin"
	cat >"$scratch/config" <<-END
		Host server
			HostName 127.0.0.1
			Port $(cat "$project/build/machines/$server/port")
			IdentityFile $("$project/scripts/paths" CACHE)/machines/key
			StrictHostKeyChecking no
			UserKnownHostsFile /dev/null
			LogLevel ERROR
			ServerAliveInterval 5
			ServerAliveCountMax 3
	END
	local name
	for name in ssh scp; do
		printf '#!/bin/sh\nexec %s -F %q "$@"\n' "$(command -v "$name")" "$scratch/config" >"$scratch/bin/$name"
		chmod +x "$scratch/bin/$name"
	done
}

# typed COMMAND: runs the command on the server's terminal, and types the host name when asked;
# prints its output without colours.
typed() { echo server | "$scratch/bin/ssh" -tt root@server "$1" 2>&1 | sed $'s/\r//g; s/\e\\[[0-9;]*m//g'; }

# comes_back FROM: waits for the panic, the dump and the reboot after that line of the log.
comes_back() {
	check "it panics" machine await "$server" 200 'Kernel panic - not syncing: softlockup: hung tasks' "$1"
	check "it comes back by itself" machine await "$server" 400 'login:' "$1"
	check "it answers" machine ssh "$server" true
}

the_program_and_the_module_get_there() {
	[ -n "${FAULTLINE_LONG:-}" ] || skip "takes minutes: only with FAULTLINE_LONG set"
	machine start "$server" --lifetime 2400
	settled
	local line
	while IFS= read -r line; do
		note "$line"
		(cd "$project" && PATH=$scratch/bin:$PATH bash -c "$line") >"$scratch/out" 2>&1 </dev/null ||
			{ note "$(tail -n 20 "$scratch/out")"; exit 1; }
	done < <(block 1)
	same "the program is there" "$(sha256sum <"$project/build/faultline")" "$(on 'sha256sum </usr/local/sbin/faultline')"
	same "the module is there" "$(sha256sum <"$project/build/$release/lockup.ko")" \
		"$(on 'sha256sum </lib/modules/$(uname -r)/updates/lockup.ko')"
}

the_doctor_says_what_is_missing() {
	up
	local output mend
	output=$(typed "$(command_of 2 1)")
	match "of a soft lockup" '^soft lockup +yes +NO ' "$output"
	match "its end" '^NO DUMP for: soft lockup ' "$output"
	mend=$(on faultline doctor --only soft --json | jq -r '.findings[] | select(.state == "wrong") | .mend[]')
	match "what mends it" 'softlockup_panic' "$mend"
	on "$mend"
}

a_lockup_is_only_reported() {
	up
	local output
	output=$(typed "$(command_of 2 2)")
	note "$output"
	match "its verdict" '^PASS: ' "$output"
	match "what is left of it" '^[0-9]' "$(on cut -d. -f1 /proc/uptime)"
}

the_real_thing_is_proven() {
	up
	local from output
	# The drill with --policy report has its own line.
	same "proofs before" 1 "$(on 'wc -l </var/lib/faultline/ledger.jsonl')"
	from=$(lines)
	typed "$(command_of 2 3)" >"$scratch/out" || true
	note "$(cat "$scratch/out")"
	comes_back "$from"
	judged() { [ "$(on 'wc -l </var/lib/faultline/ledger.jsonl')" = 2 ]; }
	await 120 "the verdict" judged
	output=$(typed "$(command_of 2 4)")
	note "$output"
	match "what is proven" '^proven +soft .*\(panic\)' "$output"
}

the_module_alone_does_as_well() {
	up
	local from dump verdict status=0
	from=$(lines)
	typed "cd /lib/modules/$release/updates && $(command_of 3 1)" >/dev/null || true
	comes_back "$from"
	dump=$(on 'ls -t /var/crash/*/dump.* | head -n 1')
	machine fetch "$server" "$dump" "$scratch"
	verdict=$(command_of 3 2)
	verdict=${verdict/'/var/crash/.../dump....'/"$scratch/${dump##*/}"}
	match "the command" "^faultline verdict $scratch/dump\." "$verdict"
	verdict=$(PATH=$project/build:$PATH bash -c "$verdict") || status=$?
	note "$verdict"
	same "its status" 0 "$status"
	match "its run" '^PASS: .* run id first-try' "$verdict"
}

ktap_run the_program_and_the_module_get_there the_doctor_says_what_is_missing a_lockup_is_only_reported \
	the_real_thing_is_proven the_module_alone_does_as_well
