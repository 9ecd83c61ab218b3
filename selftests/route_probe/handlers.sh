#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# route_probe: what the handlers of its probes call. They run with preemption off, in the
# middle of anything, so the calls that lead out of the module from them, over any number of
# functions, must end in functions that neither sleep, nor allocate, nor take a lock. Rust's
# types cannot say so; the code can be asked.

here=$(dirname "$0")
. "$here/../lib/ktap.sh"

# What may be called from anywhere, and what is no call: data, per-CPU data, tracepoints
# (whose functions write to the ring buffer), thunks.
allowed='copy_from_kernel_nofault|ktime_get_mono_fast_ns|mem(cpy|set|cmp)|__stack_chk_(fail|guard)'
allowed+='|__x86_(return_thunk|indirect_thunk_[a-z0-9]+)'
allowed+='|const_current_task|pcpu_hot|cpu_number|const_pcpu_hot|__preempt_count|__cpu_online_mask|this_cpu_off|__ref_stack_chk_guard'
allowed+='|__tracepoint_[a-z_]+|__SCT__tp_func_[a-z_]+|__srcu_[a-z_]+|tracepoint_srcu|rcu_[a-z_]*lock_held'
# A tracepoint ends with it on some kernels; with preemption off, as here, it is not called.
allowed+='|__SCT__preempt_schedule_notrace'
allowed+='|\.rodata.*|\.data.*|\.bss.*|_R.*route_probe(6filter|6params)[0-9]+[A-Za-z_]+'

# reached MODULE: first "entry <function>" for each function by which the kernel enters a
# handler, then "out <symbol>" for each symbol outside of the module's code that is reached.
reached() {
	objdump -dr --no-show-raw-insn "$1" | awk '
		function number(hex, i, n) {
			n = 0
			for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
			return n
		}
		/^Disassembly of section / { section = $4; sub(/:$/, "", section) }
		/^[0-9a-f]+ <.*>:$/ {
			name = $2; gsub(/[<>:]/, "", name); known[name] = 1
			address = $1; sub(/^0+/, "", address)
			starts[section] = starts[section] " " number(address) ":" name
		}
		/R_X86_64_|R_AARCH64_/ {
			offset = 0; target = $3
			if (match(target, /[-+]0x[0-9a-f]+$/)) {
				offset = number(substr(target, RSTART + 3)) * (substr(target, RSTART, 1) == "-" ? -1 : 1)
				target = substr(target, 1, RSTART - 1)
			}
			count++; from[count] = name; to[count] = target; at[count] = offset
		}
		END {
			for (i = 1; i <= count; i++) {
				# A function that is known by its place alone: the last that begins before it.
				if (to[i] in starts) {
					pairs = split(starts[to[i]], pair, " ")
					for (j = 1; j <= pairs; j++) {
						split(pair[j], part, ":")
						if (part[1] + 0 <= at[i] + 4) found = part[2]
					}
					to[i] = found
				}
				calls[from[i]] = calls[from[i]] " " to[i]
			}
			for (name in known)
				if (name ~ /^_R.*faultline9kretprobe(3hit|5entry|3ret)/) { print "entry", name; queue[total++] = name; seen[name] = 1 }
			for (i = 0; i < total; i++) {
				n = split(calls[queue[i]], callee, " ")
				for (j = 1; j <= n; j++)
					if (!(callee[j] in seen)) {
						seen[callee[j]] = 1
						if (callee[j] in known) queue[total++] = callee[j]
						else print "out", callee[j]
					}
			}
		}'
}

nothing_that_sleeps_is_reached() {
	local got
	got=$(reached "$FAULTLINE_MODULES/route_probe.ko")
	same "functions by which the kernel enters" 3 "$(grep -c '^entry ' <<<"$got")"
	match "what they must be seen to call" '^out copy_from_kernel_nofault$' "$got"
	match "and over others" '^out __tracepoint_fib_lookup$' "$got"
	same "what they may not" "" "$(sed -n 's/^out //p' <<<"$got" | grep -vxE "$allowed" || true)"
}

handlers_are_in_the_section() {
	local symbols
	symbols=$(objdump -t "$FAULTLINE_MODULES/route_probe.ko" | awk '$0 ~ /\.kprobes\.text/ && $NF ~ /^_R/ { print $NF }')
	same "in .kprobes.text" 3 "$(grep -cE 'faultline9kretprobe(3hit|5entry|3ret)' <<<"$symbols")"
}

ftrace_cannot_trace_them() {
	# Rust has no such calls; neither shall the C that handlers reach.
	same "functions with a call that ftrace patches" "" \
		"$(objdump -dr "$FAULTLINE_MODULES/route_probe.ko" | awk '/^[0-9a-f]+ <.*>:$/ { name = $2 } /__fentry__/ { print name }' |
			grep -E 'faultline_(helper|route)' || true)"
}

ktap_run nothing_that_sleeps_is_reached handlers_are_in_the_section ftrace_cannot_trace_them
