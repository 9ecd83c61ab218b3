// SPDX-License-Identifier: GPL-2.0

#include <linux/perf_event.h>
#include <linux/trace_events.h>
#include <linux/tracepoint-defs.h>

/* The replacement in rust/trace/event.rs has only a name. */
static_assert(offsetof(struct tracepoint, name) == 0);

unsigned long faultline_helper_event_file_flags(const struct trace_event_file *file)
{
	return READ_ONCE(file->flags);
}

struct trace_seq *faultline_helper_trace_seq(struct trace_iterator *iter)
{
	return &iter->seq;
}

struct trace_entry *faultline_helper_trace_entry(struct trace_iterator *iter)
{
	return iter->ent;
}

#ifdef CONFIG_PERF_EVENTS
void faultline_helper_perf_caller_regs(struct pt_regs *regs)
{
	perf_fetch_caller_regs(regs);
}
#endif
