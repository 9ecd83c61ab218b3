// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>
#include <linux/vmalloc.h>

/* Returns whether memory, and not a device, is mapped at the address. Any context. */
bool faultline_helper_is_memory(unsigned long address)
{
	const void *at = (const void *)address;
	struct page *page;

	if (!is_vmalloc_or_module_addr(at))
		return virt_addr_valid(at);
	page = vmalloc_to_page(at);
	return page && pfn_valid(page_to_pfn(page));
}

/* Returns the end of the direct mapping of memory, which is below all other mappings. */
unsigned long faultline_helper_direct_end(void)
{
	return VMALLOC_START;
}

unsigned long faultline_helper_totalram_pages(void)
{
	return totalram_pages();
}
