// SPDX-License-Identifier: GPL-2.0

#include <linux/slab.h>

struct kmem_cache *faultline_helper_create_checked_cache(const char *name, unsigned int size)
{
	return kmem_cache_create(name, size, 0, SLAB_CONSISTENCY_CHECKS, NULL);
}

void *faultline_helper_kmem_cache_alloc(struct kmem_cache *cache)
{
	return kmem_cache_alloc(cache, GFP_KERNEL);
}
