// SPDX-License-Identifier: GPL-2.0
/*
 * The names of what route input and source validation return: drop reasons in
 * newer kernels, errnos in older ones. rust/Kbuild finds out which.
 */

#include "reasons.h"

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/tracepoint-defs.h>

#ifdef FAULTLINE_KERNEL_HAS_ip_route_input_drop_reason
#include <net/dropreason-core.h>

#define faultline_reason(reason) { SKB_DROP_REASON_##reason, #reason },

static const struct trace_print_flags names[] = {
	DEFINE_DROP_REASON(faultline_reason, faultline_reason)
};
#else
static const struct trace_print_flags names[] = {
	{ EINVAL, "EINVAL" }, { EXDEV, "EXDEV" }, { EACCES, "EACCES" },
	{ EHOSTUNREACH, "EHOSTUNREACH" }, { ENETUNREACH, "ENETUNREACH" },
	{ ENOBUFS, "ENOBUFS" }, { EAGAIN, "EAGAIN" },
};
#endif

/* The name of a reason, or NULL. */
const char *faultline_net_reason(unsigned int reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].mask == reason)
			return names[i].name;
	return NULL;
}
