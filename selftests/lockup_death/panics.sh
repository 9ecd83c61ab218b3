#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup: what the kernel does not survive, by itself or by a switch, each in a fresh VM; and
# in each the panic's own words.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)

# What runs in the VM, with the switches and the module's parameters.
# shellcheck disable=SC2016 # for the shell in the VM
guest='
taskset -pc 0 $$ >/dev/null
echo 300 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
echo 1 >/proc/sys/kernel/watchdog_thresh
echo 1 >/proc/sys/kernel/hung_task_check_interval_secs
echo 2 >/proc/sys/kernel/hung_task_timeout_secs
for switch in $1; do echo "${switch#*=}" >"${switch%%=*}"; done
shift
insmod "$FAULTLINE_MODULES/lockup.ko" delay_secs=0 hold_secs=60 run_id=death force=1 "$@"
for i in $(seq 100); do
	case $(cat /sys/module/lockup/parameters/state) in released | died | cancelled) break ;; esac
	sleep 1
done
dmesg | tail -n 40
echo "still alive"
exit 9
'

# panics MESSAGE STACK SYSCTL ARG...: with this switch on, the kernel panics with this message,
# and the console has this in a stack.
panics() {
	local message=$1 stack=$2 sysctl=$3 output status=0
	shift 3
	output=$("$project/scripts/vm" --timeout 200 -- bash -c "$guest" - "$sysctl" "$@" 2>&1) || status=$?
	note "$(grep -m 1 'Kernel panic' <<<"$output")"
	[ "$status" = 70 ] || note "$output"
	same "the guest panicked" 70 "$status"
	match "how" "Kernel panic - not syncing: $message" "$output"
	match "where" "$stack" "$output"
}

kernel=/proc/sys/kernel

panic_in_a_thread() { panics 'lockup: run death: mode=panic$' 'panic_in_thread' '' mode=panic; }
panic_in_an_interrupt() { panics 'lockup: run death: mode=panic_irq$' '</IRQ>' '' mode=panic_irq; }
panic_in_the_middle_of_a_call() {
	panics 'lockup: run death: mode=panic$' 'kernel_clone|proc_.*read|vfs_read' '' mode=panic at=vfs_read count=10
}
stack_overflow() { panics '.*(stack guard page|[Ss]tack overflow|Fatal exception)' 'recurse' '' mode=stack_overflow; }
oops() { panics 'Fatal exception' 'write_to_null' "$kernel/panic_on_oops=1" mode=oops; }
bug() { panics 'Fatal exception' 'hit_bug' "$kernel/panic_on_oops=1" mode=bug; }
warn() { panics '.*panic_on_warn set' 'warn_once' "$kernel/panic_on_warn=1" mode=warn; }
double_free() { panics '.*panic_on_warn set' 'free_twice' "$kernel/panic_on_warn=1" mode=double_free; }
soft() { panics 'softlockup: hung tasks' 'spin_preemption_off' "$kernel/softlockup_panic=1" mode=soft; }
rcu() {
	panics 'RCU Stall' 'spin_in_rcu_reader' \
		"/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout=3 $kernel/panic_on_rcu_stall=1" mode=rcu
}
hung() { panics 'hung_task: blocked tasks' 'hang_uninterruptible' "$kernel/hung_task_panic=1" mode=hung; }
oom() {
	panics 'Out of memory: .*panic_on_oom' 'exhaust_memory' /proc/sys/vm/panic_on_oom=1 mode=oom limit_mib=4096
}

# What only a panic shows. The others have a test of their own without one, and make matrix.
names=(panic_in_a_thread panic_in_an_interrupt panic_in_the_middle_of_a_call stack_overflow)
[ -z "${FAULTLINE_LONG:-}" ] || names+=(oops bug warn double_free soft rcu hung oom)
ktap_run "${names[@]}"
