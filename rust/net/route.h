/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The routing events as Rust hands them over: a record for each, and the
 * functions behind rust/net/events.rs. The events themselves are in route_events.h.
 *
 * A record is complete when it is handed over, apart from `written`: that is
 * set by the event for each buffer that had room for it.
 */
#ifndef FAULTLINE_TRACE_ROUTE_H
#define FAULTLINE_TRACE_ROUTE_H

#include <linux/if.h>
#include <linux/types.h>

/* What the call was made for: the probed call in which it was made. */
enum faultline_route_cause {
	FAULTLINE_ROUTE_OTHER,
	FAULTLINE_ROUTE_INPUT,
	FAULTLINE_ROUTE_VALIDATE,
	FAULTLINE_ROUTE_ARP,
	FAULTLINE_ROUTE_OUTPUT,
};

/* A table's name, or its number in decimal. */
#define FAULTLINE_ROUTE_TABLE_NAME 12

/* fib_lookup, and fib_lookup_failed where err is not 0. */
struct faultline_route_lookup {
	u64 ns;
	u32 net;
	u32 src;
	u32 dst;
	u32 mark;
	u32 table;
	int oif;
	int err;
	/* From here on: as far as err is 0. */
	u32 prefix;
	u32 via;
	u8 prefixlen;
	u8 type;
	u8 scope;
	u8 via_family;
	/* Always. */
	u8 cause;
	u8 tos;
	bool written;
	char table_name[FAULTLINE_ROUTE_TABLE_NAME];
	char iif[IFNAMSIZ];
	char dev[IFNAMSIZ]; /* as far as err is 0 */
};

/* ip_route_input */
struct faultline_route_input {
	u64 ns;
	const void *skb;
	u32 net;
	u32 src;
	u32 dst;
	u32 mark;
	int ret;
	u8 cause;
	u8 tos;
	bool written;
	char dev[IFNAMSIZ];
};

/* fib_validate_source */
struct faultline_route_validate {
	u64 ns;
	u32 net;
	u32 src;
	u32 dst;
	u32 mark;
	int ret;
	u8 cause;
	u8 tos;
	u8 rp_filter;
	bool written;
	char oif[IFNAMSIZ];
	char dev[IFNAMSIZ];
};

/* arp_process */
struct faultline_route_arp {
	u64 ns;
	u32 net;
	u32 sender;
	u32 target;
	int ret;
	u16 op;
	u8 rp_filter;
	bool no_addr;
	bool written;
	char dev[IFNAMSIZ];
};

/* route_output, and route_output_failed where err is not 0. */
struct faultline_route_output {
	u64 ns;
	u32 net;
	u32 src;
	u32 dst;
	u32 mark;
	int err;
	/* From here on: as far as err is 0. */
	u32 via;
	u8 via_family;
	u8 type;
	/* Always. */
	u8 cause;
	u8 tos;
	bool written;
	char oif[IFNAMSIZ];
	char dev[IFNAMSIZ]; /* as far as err is 0 */
};

bool faultline_route_lookup_enabled(void);
bool faultline_route_lookup_failed_enabled(void);
bool faultline_route_input_enabled(void);
bool faultline_route_validate_enabled(void);
bool faultline_route_arp_enabled(void);
bool faultline_route_output_enabled(void);
bool faultline_route_output_failed_enabled(void);

void faultline_route_lookup_trace(struct faultline_route_lookup *record);
void faultline_route_lookup_failed_trace(struct faultline_route_lookup *record);
void faultline_route_input_trace(struct faultline_route_input *record);
void faultline_route_validate_trace(struct faultline_route_validate *record);
void faultline_route_arp_trace(struct faultline_route_arp *record);
void faultline_route_output_trace(struct faultline_route_output *record);
void faultline_route_output_failed_trace(struct faultline_route_output *record);

const char *faultline_route_verdict_name(unsigned int verdict);

#endif
