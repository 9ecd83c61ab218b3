# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Checks the calls of a module's probe handlers. They run with preemption off in any context, so
# every call that leaves the module, through any number of functions, must end in a function that
# neither sleeps, nor allocates, nor takes a lock. Rust's types cannot enforce that; the built code
# can be checked.

# The functions through which the kernel enters a handler.
entered_by='_R.*faultline5probe(6kprobe5entry|9kretprobe5enter(3hit|5entry|3ret)|6fprobe(5entry|3ret|5group(5entry|3ret)))'

# Symbols that may be called in any context, and symbols that are not calls: data, per-CPU data,
# tracepoints (whose functions write to the ring buffer), thunks.
handlers_may='copy_from_kernel_nofault|ktime_get_mono_fast_ns|mem(cpy|set|cmp)|__stack_chk_(fail|guard)'
handlers_may+='|__x86_(return_thunk|indirect_thunk_[a-z0-9]+)'
handlers_may+='|const_current_task|pcpu_hot|cpu_number|const_pcpu_hot|__preempt_count|__cpu_online_mask|this_cpu_off|__ref_stack_chk_guard'
handlers_may+='|__tracepoint_[a-z_]+|__SCT__tp_func_[a-z_]+|__srcu_[a-z_]+|tracepoint_srcu|rcu_[a-z_]*lock_held'
# Some kernels end a tracepoint with this call; with preemption off, as here, it is not made.
handlers_may+='|(__SCT__)?preempt_schedule(_notrace)?'
# The check whether an address is valid: a walk through the page tables and memory sections.
handlers_may+='|_R.*faultline6memory7pointer10DIRECT_END|is_vmalloc_or_module_addr|vmalloc_to_page|__virt_addr_valid|pfn_is_map_memory'
handlers_may+='|vmemmap_base|mem_section|boot_cpu_data|memstart_addr'
# An event declared in Rust, and the functions that write it to the ring buffer and to perf.
handlers_may+='|_R.*5trace5event6Record5event5EVENT|trace_event_buffer_(reserve|commit)|__trace_trigger_soft_disabled'
handlers_may+='|perf_trace_buf_alloc|perf_trace_run_bpf_submit|__per_cpu_offset'
# The warning of ftrace's argument macro for an index that is already excluded.
handlers_may+='|__ubsan_handle_out_of_bounds'
handlers_may+='|\.rodata.*|\.data.*|\.bss.*'
# The checks of a kernel with lockdep, and of Rust with debug assertions.
[ ! -e /proc/lockdep_stats ] ||
	handlers_may+='|_R.*4core9panicking.*|rcu_is_watching|__bug_table|__SCT__WARN_trap|preempt_count_(add|sub)'$(
	)'|lock_(acquire|release)|rcu_sched_lock_map|debug_lockdep_rcu_enabled|lockdep_rcu_suspicious|__ubsan_handle_load_invalid_value'
# KASAN's checks of each memory access.
! grep -qm 1 ' kasan_report$' /proc/kallsyms || handlers_may+='|__k?asan_.*|bcmp|current_task'

# reached MODULE: prints "entry <function>" for each function through which the kernel enters a
# handler, then "out <symbol>" for each symbol outside of the module's code that they reach.
reached() {
	objdump -dr --no-show-raw-insn "$1" | awk -v entered_by="^$entered_by" '
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
				# A function known only by an address: the last one before it.
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
				if (name ~ entered_by) { print "entry", name; queue[total++] = name; seen[name] = 1 }
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

# handlers_are_fit MODULE COUNT DATA: checks that MODULE has COUNT functions through which the
# kernel enters handlers, and that neither these nor their callees can be probed or traced, or call
# a function that is not allowed; DATA matches the names of the module's statics.
handlers_are_fit() {
	local got symbols
	got=$(reached "$1")
	same "functions by which the kernel enters" "$2" "$(grep -c '^entry ' <<<"$got")"
	same "what they may not call" "" "$(sed -n 's/^out //p' <<<"$got" | grep -vxE "$handlers_may|$3" || true)"
	symbols=$(objdump -t "$1" | awk '$0 ~ /\.kprobes\.text/ && $NF ~ /^_R/ { print $NF }')
	same "of them in .kprobes.text" "$2" "$(grep -cE "^$entered_by" <<<"$symbols")"
	# Rust has no such calls; the C code that handlers reach must have none either.
	same "functions with a call that ftrace patches" "" \
		"$(objdump -dr "$1" | awk '/^[0-9a-f]+ <.*>:$/ { name = $2 } /__fentry__/ { print name }' |
			grep -E 'faultline_(helper|route)|_R' || true)"
}
