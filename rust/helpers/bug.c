// SPDX-License-Identifier: GPL-2.0

#include <linux/bug.h>

/*
 * Not __noreturn, since objtool knows only the functions in its own list. Rust has a
 * trap after the call.
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
