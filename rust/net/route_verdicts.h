/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What route input and source validation return, in numbers with names: drop
 * reasons in newer kernels, errnos in older ones. rust/Kbuild finds out which.
 *
 * FAULTLINE_ROUTE_VERDICTS(item, last) has an item for each, of its number and
 * its name.
 */
#ifndef FAULTLINE_TRACE_ROUTE_VERDICTS_H
#define FAULTLINE_TRACE_ROUTE_VERDICTS_H

#include <linux/errno.h>

/* The sign says nothing: source validation negates its reasons. */
#define FAULTLINE_ROUTE_VERDICT(ret) ((ret) < 0 ? -(ret) : (ret))

/*
 * Source validation returns 1 for a source that is right, and reached without a
 * gateway. As a drop reason 1 is SKB_CONSUMED, which no lookup is answered by.
 */
#define FAULTLINE_ROUTE_ON_LINK 1

#ifdef FAULTLINE_KERNEL_HAS_ip_route_input_drop_reason
#include <net/dropreason-core.h>
#endif

#endif
