// SPDX-License-Identifier: GPL-2.0

#include <linux/bug.h>

/*
 * Not __noreturn, which objtool knows only of those that it sees: after the call
 * Rust has a trap.
 */
void faultline_helper_bug(void)
{
	BUG();
}

void faultline_helper_warn(const char *text)
{
	WARN(1, "%s\n", text);
}

void faultline_helper_write_to_null(void)
{
	WRITE_ONCE(*(int *)NULL, 0);
}
