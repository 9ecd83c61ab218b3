/* SPDX-License-Identifier: GPL-2.0 */
/* What rust/net/reasons.rs calls of rust/net/reasons.c. */
#ifndef FAULTLINE_NET_REASONS_H
#define FAULTLINE_NET_REASONS_H

const char *faultline_net_drop_reason(unsigned int reason);
const char *faultline_net_reason(unsigned int reason);

#endif
