// SPDX-License-Identifier: GPL-2.0
/*
 * The C behind the routing events of rust/net/events.rs: what the kernel's macros
 * make of route_events.h, and functions for each of them.
 */

#include "route.h"

/* The events print names with this many characters at most: they may lack the NUL. */
static_assert(IFNAMSIZ == 16 && FAULTLINE_ROUTE_TABLE_NAME == 12);

#define CREATE_TRACE_POINTS
#include "route_events.h"

#define FAULTLINE_ROUTE_EVENT(name, record_name, event)			\
	bool faultline_route_##name##_enabled(void)		\
	{								\
		return trace_##event##_enabled();			\
	}								\
	void faultline_route_##name##_trace(			\
		struct faultline_route_##record_name *record)		\
	{								\
		trace_##event(record);					\
	}

FAULTLINE_ROUTE_EVENT(lookup, lookup, fib_lookup)
FAULTLINE_ROUTE_EVENT(lookup_failed, lookup, fib_lookup_failed)
FAULTLINE_ROUTE_EVENT(input, input, ip_route_input)
FAULTLINE_ROUTE_EVENT(validate, validate, fib_validate_source)
FAULTLINE_ROUTE_EVENT(arp, arp, arp_process)
FAULTLINE_ROUTE_EVENT(output, output, route_output)
FAULTLINE_ROUTE_EVENT(output_failed, output, route_output_failed)

/* The name of a verdict, or NULL. */
const char *faultline_route_verdict_name(unsigned int verdict)
{
	static const struct trace_print_flags names[] = {
		faultline_route_verdicts
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].mask == verdict)
			return names[i].name;
	return NULL;
}
