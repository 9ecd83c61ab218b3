// SPDX-License-Identifier: GPL-2.0
/*
 * The C twin of samples/knobs: the same standard parameters, declared with C's
 * macros. The tests give both modules the same values and want the same answers,
 * and the same lines of modinfo.
 */

#include <linux/module.h>
#include <linux/moduleparam.h>

/* Numbers. */

static unsigned char byte_value = 1;
module_param(byte_value, byte, 0644);
MODULE_PARM_DESC(byte_value, "a byte");

static short short_value = -2;
module_param(short_value, short, 0644);
MODULE_PARM_DESC(short_value, "a short");

static unsigned short ushort_value = 3;
module_param(ushort_value, ushort, 0644);
MODULE_PARM_DESC(ushort_value, "an unsigned short");

static int int_value = -4;
module_param(int_value, int, 0644);
MODULE_PARM_DESC(int_value, "an int");

static unsigned int uint_value = 5;
module_param(uint_value, uint, 0644);
MODULE_PARM_DESC(uint_value, "an unsigned int");

static long long_value = -6;
module_param(long_value, long, 0644);
MODULE_PARM_DESC(long_value, "a long");

static unsigned long ulong_value = 7;
module_param(ulong_value, ulong, 0644);
MODULE_PARM_DESC(ulong_value, "an unsigned long");

static unsigned long long ullong_value = 8;
module_param(ullong_value, ullong, 0644);
MODULE_PARM_DESC(ullong_value, "an unsigned long long");

static unsigned int hexint_value = 0x9;
module_param(hexint_value, hexint, 0644);
MODULE_PARM_DESC(hexint_value, "an unsigned int in hexadecimal");

/* Flags. */

static bool bool_value;
module_param(bool_value, bool, 0644);
MODULE_PARM_DESC(bool_value, "a bool");

static bool invbool_value = true;
module_param(invbool_value, invbool, 0644);
MODULE_PARM_DESC(invbool_value, "a bool that is the opposite");

static int bint_value;
module_param(bint_value, bint, 0644);
MODULE_PARM_DESC(bint_value, "a bool that is shown as an int");

static bool once_value;
module_param(once_value, bool_enable_only, 0644);
MODULE_PARM_DESC(once_value, "a bool that stays set");

/* Texts. */

static char *charp_value = "none";
module_param(charp_value, charp, 0644);
MODULE_PARM_DESC(charp_value, "a string of any length up to 1024");

static char string_value[32] = "text";
module_param_string(string_value, string_value, sizeof(string_value), 0644);
MODULE_PARM_DESC(string_value, "a string in a buffer");

/* Arrays. */

static unsigned char byte_list[4] = { 1, 2 };
static unsigned int byte_list_count = 2;
module_param_array(byte_list, byte, &byte_list_count, 0644);
MODULE_PARM_DESC(byte_list, "up to four bytes");

static short short_list[4] = { 1, 2 };
static unsigned int short_list_count = 2;
module_param_array(short_list, short, &short_list_count, 0644);
MODULE_PARM_DESC(short_list, "up to four shorts");

static unsigned short ushort_list[4] = { 1, 2 };
static unsigned int ushort_list_count = 2;
module_param_array(ushort_list, ushort, &ushort_list_count, 0644);
MODULE_PARM_DESC(ushort_list, "up to four unsigned shorts");

static int int_list[4] = { 1, 2 };
static unsigned int int_list_count = 2;
module_param_array(int_list, int, &int_list_count, 0644);
MODULE_PARM_DESC(int_list, "up to four ints");

static unsigned int uint_list[4] = { 1, 2 };
static unsigned int uint_list_count = 2;
module_param_array(uint_list, uint, &uint_list_count, 0644);
MODULE_PARM_DESC(uint_list, "up to four unsigned ints");

static long long_list[4] = { 1, 2 };
static unsigned int long_list_count = 2;
module_param_array(long_list, long, &long_list_count, 0644);
MODULE_PARM_DESC(long_list, "up to four longs");

static unsigned long ulong_list[4] = { 1, 2 };
static unsigned int ulong_list_count = 2;
module_param_array(ulong_list, ulong, &ulong_list_count, 0644);
MODULE_PARM_DESC(ulong_list, "up to four unsigned longs");

static unsigned long long ullong_list[4] = { 1, 2 };
static unsigned int ullong_list_count = 2;
module_param_array(ullong_list, ullong, &ullong_list_count, 0644);
MODULE_PARM_DESC(ullong_list, "up to four unsigned long longs");

static unsigned int hexint_list[4] = { 1, 2 };
static unsigned int hexint_list_count = 2;
module_param_array(hexint_list, hexint, &hexint_list_count, 0644);
MODULE_PARM_DESC(hexint_list, "up to four unsigned ints in hexadecimal");

static bool bool_list[4] = { true, false };
static unsigned int bool_list_count = 2;
module_param_array(bool_list, bool, &bool_list_count, 0644);
MODULE_PARM_DESC(bool_list, "up to four bools");

static char *charp_list[4] = { "a", "b" };
static unsigned int charp_list_count = 2;
module_param_array(charp_list, charp, &charp_list_count, 0644);
MODULE_PARM_DESC(charp_list, "up to four strings");

/* Names, permissions and flags. */

static int other_name;
module_param_named(renamed, other_name, int, 0644);
MODULE_PARM_DESC(renamed, "an int with another name than its variable");

static int read_only = 1;
module_param(read_only, int, 0444);
MODULE_PARM_DESC(read_only, "an int to read");

static int write_only;
module_param(write_only, int, 0200);
MODULE_PARM_DESC(write_only, "an int to write");

static int hidden = 1;
module_param(hidden, int, 0);
MODULE_PARM_DESC(hidden, "an int that is not in sysfs");

static int unsafe_value;
module_param_unsafe(unsafe_value, int, 0644);
MODULE_PARM_DESC(unsafe_value, "an int that taints the kernel when it is set");

static int hyphen_value;
module_param(hyphen_value, int, 0644);
MODULE_PARM_DESC(hyphen_value, "an int that may be given as hyphen-value");

static int __init twin_init(void)
{
	return 0;
}
module_init(twin_init);

static void __exit twin_exit(void)
{
}
module_exit(twin_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("C twin of knobs, for tests");
