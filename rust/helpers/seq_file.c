// SPDX-License-Identifier: GPL-2.0

#include <linux/seq_file.h>

void *faultline_helper_seq_private(const struct seq_file *file)
{
	return file->private;
}

void *faultline_helper_file_private(const struct file *file)
{
	return ((struct seq_file *)file->private_data)->private;
}

void faultline_helper_file_rewind(struct file *file)
{
	file->f_pos = 0;
}

void *faultline_helper_inode_private(const struct inode *inode)
{
	return inode->i_private;
}
