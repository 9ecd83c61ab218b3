// SPDX-License-Identifier: GPL-2.0

#include <linux/debugfs.h>

struct dentry *faultline_helper_debugfs_create_file(const char *name, umode_t mode,
						    struct dentry *parent, void *data,
						    const struct file_operations *fops)
{
	return debugfs_create_file(name, mode, parent, data, fops);
}
