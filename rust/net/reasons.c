// SPDX-License-Identifier: GPL-2.0
/*
 * The names of what route input and source validation return: drop reasons in
 * newer kernels, errnos in older ones. rust/Kbuild finds out which.
 */

#include "reasons.h"

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/tracepoint-defs.h>

#include <net/dropreason-core.h>

#define faultline_reason(reason) { SKB_DROP_REASON_##reason, #reason },

static const struct trace_print_flags drop_reasons[] = {
	DEFINE_DROP_REASON(faultline_reason, faultline_reason)
};

static const char *name_of(const struct trace_print_flags *names, size_t count, unsigned int value)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].mask == value)
			return names[i].name;
	return NULL;
}

/* The name of a drop reason, or NULL. */
const char *faultline_net_drop_reason(unsigned int reason)
{
	return name_of(drop_reasons, ARRAY_SIZE(drop_reasons), reason);
}

/* The name of what route input and source validation return, or NULL. */
const char *faultline_net_reason(unsigned int reason)
{
#ifdef FAULTLINE_KERNEL_HAS_ip_route_input_drop_reason
	return faultline_net_drop_reason(reason);
#else
	static const struct trace_print_flags errnos[] = {
		{ EINVAL, "EINVAL" }, { EXDEV, "EXDEV" }, { EACCES, "EACCES" },
		{ EHOSTUNREACH, "EHOSTUNREACH" }, { ENETUNREACH, "ENETUNREACH" },
		{ ENOBUFS, "ENOBUFS" }, { EAGAIN, "EAGAIN" },
	};

	return name_of(errnos, ARRAY_SIZE(errnos), reason);
#endif
}
