#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lockup with a loaded crash kernel: it starts without force, and a write cannot make it hold
# without a limit either.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"
project=$(cd "$here/../.." && pwd)

# The script in the VM; the test checks its output.
# shellcheck disable=SC2016 # for the shell in the VM
guest='
parameters=/sys/module/lockup/parameters
kexec -a -p --initrd="$FAULTLINE_CRASH_INITRD" --command-line="$(grep -o "console=[^ ]*" /proc/cmdline) panic=-1 nr_cpus=1" "$FAULTLINE_VMLINUZ"
echo "crash kernel: $(cat /sys/kernel/kexec_crash_loaded)"
insmod "$FAULTLINE_MODULES/lockup.ko" mode=soft delay_secs=100 hold_secs=7 && echo "state: $(cat $parameters/state)"
echo 0 2>&1 >$parameters/hold_secs
echo "hold_secs: $(cat $parameters/hold_secs)"
dmesg | grep "hold_secs=0"
rmmod lockup && echo unloaded
'

a_loaded_crash_kernel_does_not_stand_for_force() {
	local output
	output=$("$project/scripts/vm" --timeout 120 --append crashkernel=256M -- bash -c "$guest" 2>&1)
	match "a crash kernel is loaded" '^crash kernel: 1$' "$output"
	match "the module starts without force" '^state: countdown$' "$output"
	match "a write of 0 is refused" 'write error: Invalid argument' "$output"
	match "and changes nothing" '^hold_secs: 7$' "$output"
	match "the log says what it takes" 'refused: hold_secs=0: .*force=1' "$output"
	match "the countdown is cancelled" '^unloaded$' "$output"
}

ktap_run a_loaded_crash_kernel_does_not_stand_for_force
