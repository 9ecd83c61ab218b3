// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel in small, for the unit tests. Its BTF is stock.hex beside it:
 *
 *	gcc -gbtf -O2 -fno-eliminate-unused-debug-types -c stock.c -o stock.o
 *	objcopy --dump-section .BTF=stock.btf stock.o
 *	od -An -v -tx1 stock.btf >stock.hex
 */

typedef unsigned long size_t;
typedef unsigned int u32;
typedef struct {
	int counter;
} atomic_t;

struct hidden;

union word {
	u32 all;
	unsigned char bytes[4];
};

struct inner {
	long first;
	atomic_t count;
};

struct outer {
	u32 type;
	union {
		long number;
		char text[16];
	};
	unsigned int low : 3;
	unsigned int high : 12;
	struct inner inner[2];
	struct inner *next;
	struct hidden *hidden;
	int (*callback)(const struct outer *outer, void *data);
	union word tail[];
};

struct outer *find(const char *name, size_t length, struct outer *const *table)
{
	return length && *name ? *table : 0;
}

unsigned long long walk(int (*visit)(void *, u32), volatile u32 *at, ...)
{
	return visit((void *)0, *at);
}

void nothing(void)
{
}
