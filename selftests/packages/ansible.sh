#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The Ansible role of packaging/ansible, on three hosts at once: root file systems of the Debian server, each in
# namespaces of its own, reached through their sshd. Packages, doctor, mending, metrics and the report are real. In
# the cases of drills, `faultline drill` is the stand-in of ansible/stand-in, since these hosts have no kernel to
# crash: it answers as the real program did on a real server, and its hosts go down and boot again.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/ktap.sh"
. "$here/../lib/packages.sh"
scratch=$(mktemp -d)
hosts=(one two three)
base=$scratch/base
archive=$cache/ansible/$suite
playbooks=$project/packaging/ansible
results=$scratch/results
trap all_down EXIT

# A host: see ansible/host.
host_run() {
	local dir=$scratch/$1
	while [ ! -e "$dir/off" ]; do
		cat /proc/sys/kernel/random/uuid >"$dir/boot_id"
		unshare --mount --uts --pid --fork --kill-child --propagation private "$here/ansible/host" "$dir" || true
		rm -f "$dir/pid"
		[ ! -e "$dir/upper/var/lib/stand-in/gone" ] || return 0
	done
}
host_up() {
	local dir=$scratch/$1
	rm -f "$dir/off"
	setsid -f "$0" --host "$scratch" "$1" </dev/null >>"$dir/log" 2>&1
	await 20 "$1 is up" test -s "$dir/pid"
}
host_down() {
	: >"$scratch/$1/off"
	[ ! -s "$scratch/$1/pid" ] || kill -TERM "$(cat "$scratch/$1/pid")"
	await 20 "$1 is down" test ! -s "$scratch/$1/pid"
}
all_down() {
	local host
	for host in "${hosts[@]}"; do
		[ ! -d "$scratch/$host" ] || : >"$scratch/$host/off"
		[ ! -s "$scratch/$host/pid" ] || kill -KILL "$(cat "$scratch/$host/pid")" 2>/dev/null || true
	done
	for host in "${hosts[@]}"; do
		for _ in {1..200}; do [ ! -e "$scratch/$host/pid" ] || sleep 0.1; done
	done
	rm -rf --one-file-system "$scratch"
}
if [ "${1:-}" = --host ]; then
	trap - EXIT
	rm -rf "$scratch"
	scratch=$2
	host_run "$3"
	exit
fi

# on HOST CMD...: runs CMD there.
on() {
	local pid
	pid=$(cat "$scratch/$1/pid")
	shift
	nsenter --target "$pid" --mount --uts --pid --root --wdns=/ env -i HOME=/root LC_ALL=C \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
}

# listing HOST: prints what there is besides the base, except what logins and the package managers leave.
listing() {
	(
		cd "$scratch/$1/upper"
		find . \( -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log -o -path ./run -o -path ./tmp \
			-o -path ./root/.ansible -o -path ./root/.ansible_async \) -prune -o ! -type d -printf '%p %y %m %U:%G %l\n'
		find . \( -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache -o -path ./var/log -o -path ./run -o -path ./tmp \
			-o -path ./root/.ansible -o -path ./root/.ansible_async \) -prune -o -type f -exec sha256sum {} +
	) | sort
}
listings() { for host in "${hosts[@]}"; do echo "$host:"; listing "$host"; done; }

# play NAME ARGUMENT...: runs a playbook; sets `status` and `output`.
play() {
	local name=$1
	shift
	status=0
	output=$(cd "$scratch" && env LC_ALL=C.UTF-8 HOME="$scratch/home" ANSIBLE_HOME="$scratch/home/ansible" ANSIBLE_NOCOLOR=1 \
		ANSIBLE_PIPELINING=1 ANSIBLE_SSH_ARGS='-o ControlMaster=auto -o ControlPersist=15' \
		ansible-playbook -i "$scratch/inventory" "$playbooks/$name.yml" -e faultline_results="$results" "$@" 2>&1) || status=$?
	note "$output"
}

# usual CMD...: runs a command of faultline whose status is one of its usual ones: 0, 1 or 3.
usual() {
	local code=0
	"$@" || code=$?
	[[ $code = [013] ]]
}

# recap HOST: prints the results that were counted for a host.
recap() { sed -nE "s/^$1 +: (.*[^ ]) *$/\1/p" <<<"$output"; }

# each REGEX: checks what was counted for each host.
each() {
	local host
	for host in "${hosts[@]}"; do match "$host" "$1" "$(recap "$host")"; done
}

each_of_two() { match one "$1" "$(recap one)"; match two "$1" "$(recap two)"; }

up() { [ -e "$scratch/up" ] || skip "there are no hosts: see the first test"; }

there_are_three_hosts() {
	built
	local tar host
	[ -s "$archive/Packages" ] || { note "there is no Ansible: run 'scripts/setup --kernel $row --ansible'"; exit 1; }
	tar=$(find "$cache/machines" -maxdepth 1 -name "$row-[0-9a-f]*.tar" -printf '%T@ %p\n' 2>/dev/null | sort -rn | sed -n '1s/^[^ ]* //p')
	[ -n "$tar" ] || skip "there is no server with this kernel: 'scripts/machine --kernel $row make' makes one"
	mkdir "$base" "$scratch/home" "$scratch/archive"
	tar -xf "$tar" -C "$base"
	# The archive that the hosts' apt knows: Python, and faultline.
	# shellcheck disable=SC2046 # names without spaces
	cp "$archive"/*.deb $(all_debs) "$scratch/archive"
	(cd "$scratch/archive" && dpkg-scanpackages --multiversion . 2>/dev/null >Packages)
	rm -rf "$base"/etc/apt/sources.list*
	echo 'deb [trusted=yes] file:/srv ./' >"$base/etc/apt/sources.list"
	ssh-keygen -q -t ed25519 -N '' -f "$scratch/key"
	cp "$scratch/key.pub" "$base/root/.ssh/authorized_keys"
	mount --bind "$scratch/archive" "$base/srv"
	chroot "$base" env -i DEBIAN_FRONTEND=noninteractive HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec \
		'apt-get -qq update -o APT::Sandbox::User=root && apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install python3 python3-apt' \
		</dev/null >"$scratch/python" 2>&1 || { note "$(cat "$scratch/python")"; exit 1; }
	umount "$base/srv"
	{
		echo '[all:vars]'
		echo "ansible_ssh_private_key_file=$scratch/key"
		echo "ansible_ssh_common_args='-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR" \
			"-o ProxyCommand=\"$here/ansible/login $scratch/%n\"'"
		echo 'ansible_user=root'
		echo 'ansible_python_interpreter=/usr/bin/python3'
		echo '[all]'
		printf '%s\n' "${hosts[@]}"
	} >"$scratch/inventory"
	for host in "${hosts[@]}"; do
		mkdir -p "$scratch/$host"/{root,upper,work}
		echo 0 >"$scratch/$host/softlockup_panic"
		host_up "$host"
	done
	same "their names" "one two three" "$(for host in "${hosts[@]}"; do on "$host" hostname; done | paste -sd ' ')"
	: >"$scratch/up"
}

# What the hosts are to have.
wanted() {
	printf 'faultline_install: debs\nfaultline_debs:\n'
	all_debs | sed 's/^/  - /'
	printf '%s\n' 'faultline_doctor: report' 'faultline_doctor_only: [soft]' 'faultline_doctor_mend: [softlockup_panic]'
}

check_mode_changes_nothing() {
	up
	wanted >"$scratch/wanted.yml"
	listings >"$scratch/before"
	play site --check -e "@$scratch/wanted.yml"
	same "status" 0 "$status"
	match "what it would do" "would install faultline ${version//./\\.}, faultline-modules-${release//+/\\+} " "$output"
	same "what has changed" "" "$(diff "$scratch/before" <(listings) || true)"
	check "no answer here" test ! -e "$results"
}

it_installs_and_mends() {
	up
	local host
	play site -e "@$scratch/wanted.yml"
	same "status" 0 "$status"
	each 'changed=2 .*failed=0'
	for host in "${hosts[@]}"; do
		match "$host: the program" "^faultline ${version//./\\.}" "$(on "$host" faultline --version)"
		# shellcheck disable=SC2016 # dpkg's own variable
		same "$host: the modules" "$version+$kernel_version" "$(on "$host" dpkg-query -Wf '${Version}' "faultline-modules-$release")"
		same "$host: mended" 1 "$(cat "$scratch/$host/softlockup_panic")"
		same "$host: also at the next boot" 'kernel.softlockup_panic = 1' "$(on "$host" cat /etc/sysctl.d/90-panic.conf)"
		same "$host: the answer is the doctor's" "faultline.doctor/1 $host" \
			"$(jq -r '.schema + " " + .machine.host' "$results/doctor/$host.json")"
		# All new files are of the packages, or what these and the doctor write.
		same "$host: other files" "" "$(find "$scratch/$host/upper" -type f -printf '/%P\n' | grep -vE '^/(var|root/\.ansible)/' | sort | comm -23 - <(on "$host" dpkg -L faultline "faultline-modules-$release" "faultline-modules-$meta" | sort) |
			grep -vxE "/etc/sysctl\.d/90-panic\.conf|/usr/lib/modules/${release//+/\\+}/modules\..*|/etc/\.pwd\.lock" || true)"
		same "$host: what is left of the installation" "" "$(find "$scratch/$host/upper" -name '*.deb' -o -path '*/tmp/faultline-*')"
	done
}

a_second_run_changes_nothing() {
	up
	listings >"$scratch/before"
	play site -e "@$scratch/wanted.yml"
	same "status" 0 "$status"
	each 'changed=0 .*failed=0'
	same "what has changed" "" "$(diff "$scratch/before" <(listings) || true)"
}

# In these roots no crash kernel is loaded, which the doctor says.
what_the_doctor_finds_fails_the_host() {
	up
	play site --limit one,two -e faultline_doctor_only=panic
	same "status" 2 "$status"
	each_of_two 'failed=1'
	match "why" "\"the doctor: (would_not|could_not_tell)\"" "$output"
	same "it was not mended" "" "$(grep -l panic "$scratch"/*/upper/etc/sysctl.d/* | grep -v 90-panic || true)"
	same "the answer is kept" would_not "$(jq -r .outcome "$results/doctor/two.json")"
	play site --check --limit one -e faultline_doctor_only=panic
	same "status with --check" 2 "$status"
}

a_repository_and_no_more_than_was_asked_for() {
	up
	on three apt-get -qq -y purge faultline "faultline-modules-$release" "faultline-modules-$meta" >/dev/null 2>&1
	listing three >"$scratch/before"
	# It needs the modules, which nobody has named.
	play site --limit three -e faultline_install=repository -e "{\"faultline_packages\": [\"faultline-modules-$meta\"]}"
	same "status" 2 "$status"
	match "why" "apt would also install, upgrade or remove faultline-modules-${release//+/\\+}: " "$output"
	same "what has changed" "" "$(diff "$scratch/before" <(listing three) || true)"
	play site --limit three -e faultline_doctor=report -e faultline_install=repository --check
	same "status" 0 "$status"
	same "with --check" "" "$(diff "$scratch/before" <(listing three) || true)"
	play site --limit three -e faultline_doctor=report -e faultline_install=repository
	same "status" 0 "$status"
	match "changed" 'changed=1 ' "$(recap three)"
	match "the program" "^faultline ${version//./\\.}" "$(on three faultline --version)"
	play site --limit three -e faultline_doctor=report -e faultline_install=repository
	match "again" 'changed=0 .*failed=0' "$(recap three)"
}

metrics_are_written() {
	up
	local folder=/var/lib/prometheus/node-exporter line
	local arguments=(--limit one -e faultline_doctor=skip)
	play site "${arguments[@]}" -e faultline_metrics=timer
	same "status without the folder" 2 "$status"
	match "why" 'expected the folder that node_exporter reads' "$output"
	on one mkdir -p "$folder"
	play site "${arguments[@]}" -e faultline_metrics=timer
	same "status" 0 "$status"
	same "the timer" enabled "$(on one env SYSTEMD_OFFLINE=1 systemctl is-enabled faultline-metrics.timer)"
	note "$(on one systemd-analyze verify /etc/systemd/system/faultline-metrics.timer /etc/systemd/system/faultline-metrics.service 2>&1 || true)"
	same "what systemd says of the units" "" "$(on one systemd-analyze verify /etc/systemd/system/faultline-metrics.{timer,service} 2>&1 | grep faultline-metrics || true)"
	# Its commands, as systemd would run them; 1 and 3 are their usual statuses.
	while IFS= read -r line; do
		# shellcheck disable=SC2086 # words
		check "$line" usual on one $line >/dev/null
	done < <(on one sed -n 's/^ExecStart=//p' /etc/systemd/system/faultline-metrics.service)
	match "the doctor's" '^faultline_doctor_outcome\{.*class="soft"' "$(on one cat "$folder/faultline_doctor.prom")"
	match "the drills'" '^faultline_drill_proofs 0$' "$(on one cat "$folder/faultline_drill.prom")"
	play site "${arguments[@]}" -e faultline_metrics=timer
	match "again" 'changed=0 .*failed=0' "$(recap one)"
	on one rm "$folder/faultline_doctor.prom" "$folder/faultline_drill.prom"
	play site "${arguments[@]}" -e faultline_metrics=cron
	same "status" 0 "$status"
	check "the units are gone" test -z "$(on one find /etc/systemd/system -name 'faultline-metrics*')"
	check "cron's" usual on one sh -c "$(on one sed -nE 's/^[0-9]+ \* \* \* \* root //p' /etc/cron.d/faultline-metrics)"
	match "by cron" '^faultline_doctor_exit_status ' "$(on one cat "$folder/faultline_doctor.prom")"
	play site "${arguments[@]}" -e faultline_metrics=absent
	same "status" 0 "$status"
	same "what is left" "" "$(on one find /etc/cron.d /etc/systemd/system "$folder" -name 'faultline*[_-]*' ! -name 'faultline-verdict*')"
}

# course HOST=WORD...: has the hosts' next drills go like that (see ansible/stand-in), as if none had been before.
course() {
	local pair host dir
	rm -rf "$results"
	for pair; do
		host=${pair%=*} dir=$scratch/${pair%=*}
		if [ ! -s "$dir/pid" ]; then
			rm -f "$dir/upper/var/lib/stand-in/gone"
			host_up "$host"
		fi
		on "$host" sh -c "rm -rf /var/lib/stand-in && mkdir -p /var/lib/stand-in && echo ${pair#*=} >/etc/stand-in/does"
	done
	rm -f "$scratch"/*/logins
}

# began: prints the hosts on which a drill was begun; asked: those that were asked anything.
began() { (cd "$scratch" && find . -path '*/upper/var/lib/stand-in/began' | cut -d / -f 2 | sort | paste -sd ' '); }
asked() { (cd "$scratch" && find . -mindepth 2 -maxdepth 2 -name logins | cut -d / -f 2 | sort | paste -sd ' '); }

at() { date -u -d "$1" +%Y-%m-%dT%H:%MZ; }

# drill ARGUMENT...: drills on all hosts, with consent, in the window, unless told otherwise.
drill() {
	play drill -e faultline_program=/usr/local/bin/stand-in -e faultline_drill_consent=one,two,three \
		-e faultline_drill_window_start="$(at '-1 minute')" -e faultline_drill_window_end="$(at '+2 hours')" \
		-e faultline_drill_timeout_secs=600 -e faultline_drill_verdict_timeout_secs=600 "$@"
}


stands_in() { up; [ -e "$scratch/stands-in" ] || skip "there is no stand-in for drills: see an earlier test"; }

a_stand_in_for_the_crash() {
	up
	local host
	for host in "${hosts[@]}"; do
		host_down "$host"
		mkdir -p "$scratch/$host/upper"/{etc/stand-in,usr/local/bin}
		cp "$here/ansible"/*.json "$scratch/$host/upper/etc/stand-in"
		cp "$here/ansible/stand-in" "$scratch/$host/upper/usr/local/bin"
		host_up "$host"
	done
	: >"$scratch/stands-in"
}

nothing_begins_without_consent() {
	stands_in
	course one=proven two=proven three=proven
	drill -e faultline_drill_consent=one,three
	same "status" 2 "$status"
	match "who is missing" 'nobody has consented to that of two: give -e faultline_drill_consent=one,two,three' "$output"
	match "the checks cannot be passed over" "faultline__drill_allowed' is undefined" \
		"$(drill -e faultline_drill_consent=one,three --start-at-task 'faultline : Read the id of this boot'; echo "$output")"
	same "begun on" "" "$(began)"
	rm -f "$scratch"/*/logins
	drill -e faultline_drill_consent=all
	match "there is no word for all" 'nobody has consented to that of one, two, three' "$output"
	same "hosts that were asked anything" "" "$(asked)"
}

nothing_begins_outside_of_the_window() {
	stands_in
	course one=proven two=proven three=proven
	drill -e faultline_drill_window_start="$(at '+10 minutes')"
	same "status" 2 "$status"
	match "too early" 'it is [-0-9]*T[:0-9]*Z, the window is .* one is not begun' "$output"
	# A batch may take 1380 s.
	drill -e faultline_drill_window_end="$(at '+22 minutes')"
	same "status" 2 "$status"
	match "too late" 'a batch may take 23 minutes: one is not begun' "$output"
	drill -e faultline_drill_window_end=
	match "no window" "faultline_drill_window_end is '': expected times like" "$output"
	drill -e faultline_drill_window_end=23:00
	match "no date" "faultline_drill_window_end is '23:00': expected times like" "$output"
	drill -e faultline_drill_serial=3 --forks 2
	match "not all at once" 'the batch has 3 hosts, and Ansible works on 2 at once' "$output"
	same "hosts that were asked anything" "" "$(asked)"
}

a_drill_in_check_mode_is_none() {
	stands_in
	course one=proven two=proven three=proven
	listings >"$scratch/before"
	drill --check
	same "status" 0 "$status"
	match "what it would do" 'would drill: /usr/local/bin/stand-in drill here --yes --json --mode soft --run-id ansible-' "$output"
	same "what has changed" "" "$(diff "$scratch/before" <(listings) || true)"
	same "begun on" "" "$(began)"
	check "no answer here" test ! -e "$results"
}

# Two batches: of one host, and of the others.
all_pass() {
	stands_in
	course one=proven two=proven three=blip
	drill -e '{"faultline_drill_serial": [1, 2], "faultline__drill_poll_secs": 5}'
	same "status" 0 "$status"
	same "begun on" "one three two" "$(began)"
	each 'unreachable=0 +failed=0'
	for host in "${hosts[@]}"; do
		match "$host" 'proven: pass: ' "$(sed -nE "/ok: \[$host\].*=> \{/,/^\}/p" <<<"$output" | grep '"msg"')"
		same "$host: the proof is of the boot that crashed" true "$(jq '.newest[0].proof | .boot_id != .judged_boot_id' "$results/status/$host.json")"
		same "$host: judged in this one" "$(cat "$scratch/$host/boot_id")" "$(jq -r '.newest[0].proof.judged_boot_id' "$results/status/$host.json")"
	done
	same "what is left of the job" "" "$(for host in "${hosts[@]}"; do on "$host" find /run/faultline-ansible /root/.ansible_async 2>/dev/null || true; done)"
	match "what is run" '^--yes --json --mode soft --run-id ansible-[0-9a-f]{12} --delay 10s$' "$(on one cat /var/lib/stand-in/began)"
}

# The other one of its batch, which has crashed as well, is judged all the same.
one_fails_and_the_next_batch_is_not_begun() {
	stands_in
	course one=failed two=proven three=proven
	drill -e faultline_drill_serial=2
	same "status" 2 "$status"
	match "one" 'NOT proven: panic_no_crash_kernel: the machine went down, but no crash kernel was loaded' "$output"
	match "two" '"msg": "proven: pass: ' "$output"
	same "begun on" "one two" "$(began)"
	same "hosts that were asked anything" "one two" "$(asked)"
}

one_does_not_come_back() {
	stands_in
	course one=gone two=hung three=proven
	drill -e faultline_drill_serial=2 -e faultline_drill_timeout_secs=20
	same "status" 2 "$status"
	match "one" 'NOT proven: it did not come back within 20 s' "$output"
	match "two" 'NOT proven: it did not boot again within 20 s' "$output"
	same "begun on" "one two" "$(began)"
	same "hosts that were asked anything" "one two" "$(asked)"
}

# A verdict that is not of this run, that could not be told, or that no longer holds, is none.
what_could_not_be_told_is_no_pass() {
	stands_in
	local what
	course one=unknown two=another three=stale
	drill -e faultline_drill_serial=3
	same "status" 2 "$status"
	each 'failed=1'
	for what in 'could_not_tell: ' 'there is no verdict: ' 'the proof does not hold: kernel\.softlockup_panic was 1, is 0'; do
		match "$what" "NOT proven: .*$what" "$output"
	done
	course one=unsure two=unjudged three=proven
	drill -e faultline_drill_serial=2 -e faultline_drill_verdict_timeout_secs=20
	same "status" 2 "$status"
	for what in 'the proof does not hold: the module' 'there is no verdict: .*is not judged yet'; do
		match "$what" "NOT proven: .*$what" "$output"
	done
	same "begun on" "one two" "$(began)"
}

# two still has the drill of the test before, which nobody has judged.
no_drill_on_top_of_another() {
	stands_in
	on two test -e /var/lib/stand-in/armed || skip "no drill is armed: see the test before"
	rm -f "$scratch"/*/upper/var/lib/stand-in/began
	drill --limit two
	same "status" 2 "$status"
	match "why" 'is not judged yet' "$output"
	same "begun on" "" "$(began)"
}

what_does_not_crash_is_no_pass() {
	stands_in
	course one=refused two=survived three=proven
	drill -e faultline_drill_serial=2
	same "status" 2 "$status"
	each_of_two 'failed=1'
	match "one" 'NOT proven: it ended without a crash: .*no crash kernel is loaded' "$output"
	match "two" 'NOT proven: it ended without a crash: .*not_detected' "$output"
	same "begun on" "one two" "$(began)"
	same "what is left of the jobs" "" "$(on one find /run/faultline-ansible -type f)"
}

# A host that does not answer is not a failure for max_fail_percentage.
one_is_down_before() {
	stands_in
	course one=proven two=proven three=proven
	host_down one
	drill
	check "status" test "$status" != 0
	match "the next batch" 'one not proven: two not begun' "$output"
	same "begun on" "" "$(began)"
	drill -e faultline_drill_serial=2
	check "status" test "$status" != 0
	same "begun on" "" "$(began)"
	host_up one
}

# Of the drills of the test before.
the_report_of_the_fleet() {
	stands_in
	[ -s "$scratch/two/upper/var/lib/stand-in/status.json" ] || skip "nothing is proven: see the test before"
	local fleet=(-e faultline_program=/usr/local/bin/stand-in -e faultline_fleet_program="$project/build/faultline")
	on two rm /var/lib/stand-in/status.json
	play fleet "${fleet[@]}" -e faultline_fleet_require=soft
	same "status" 0 "$status"
	match "in all" '^3 hosts: 1 not drilled, 2 proven$' "$(cat "$results/fleet.txt")"
	match "the page" '<html' "$(cat "$results/fleet.html")"
	# Of one that does not answer, no earlier file counts.
	host_down three
	play fleet "${fleet[@]}" -e faultline_fleet=fail
	same "status" 2 "$status"
	match "three" 'three .*there is no file of it' "$(tr -s '\n ' ' ' <"$results/fleet.txt")"
	check "its file" test ! -e "$results/status/three.json"
	host_up three
}

ktap_run there_are_three_hosts check_mode_changes_nothing it_installs_and_mends a_second_run_changes_nothing \
	what_the_doctor_finds_fails_the_host a_repository_and_no_more_than_was_asked_for metrics_are_written \
	a_stand_in_for_the_crash nothing_begins_without_consent nothing_begins_outside_of_the_window \
	a_drill_in_check_mode_is_none all_pass the_report_of_the_fleet one_fails_and_the_next_batch_is_not_begun one_does_not_come_back \
	what_could_not_be_told_is_no_pass no_drill_on_top_of_another what_does_not_crash_is_no_pass one_is_down_before
