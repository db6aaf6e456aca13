// SPDX-License-Identifier: GPL-2.0-only
/* Captures, each a file in /proc. */
#include <linux/err.h>
#include <linux/slab.h>

#include "capture.h"
#include "proc.h"
#include "snapshot.h"

#define DIR_NAME "timetrace_captures"

static struct proc_dir_entry *dir;
static struct tt_snapshot *captures[TT_MAX_CAPTURES];

static ssize_t capture_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	return tt_snapshot_read(pde_data(file_inode(file)), to, count, pos);
}

static loff_t capture_lseek(struct file *file, loff_t offset, int whence)
{
	return tt_snapshot_lseek(pde_data(file_inode(file)), file, offset, whence);
}

static const struct proc_ops capture_ops = {
	.proc_read = capture_read,
	.proc_lseek = capture_lseek,
};

static void name_of(u32 id, char name[8])
{
	snprintf(name, 8, "%u.ttd", id);
}

int tt_capture_take(u32 id, u64 from_ns, u64 capture)
{
	struct proc_dir_entry *entry;
	struct tt_snapshot *snap;
	char name[8];

	if (id >= TT_MAX_CAPTURES || captures[id])
		return -EEXIST;
	snap = tt_snapshot_take_since(from_ns);
	if (IS_ERR(snap))
		return PTR_ERR(snap);
	snap->header.capture = capture;
	name_of(id, name);
	entry = tt_proc_share(proc_create_data(name, 0440, dir, &capture_ops, snap));
	if (!entry) {
		tt_snapshot_free(snap);
		return -ENOMEM;
	}
	proc_set_size(entry, snap->end.file_bytes);
	captures[id] = snap;
	return 0;
}

void tt_captures_drop(void)
{
	char name[8];
	u32 id;

	for (id = 0; id < TT_MAX_CAPTURES; id++) {
		if (!captures[id])
			continue;
		name_of(id, name);
		remove_proc_entry(name, dir);
		tt_snapshot_free(captures[id]);
		captures[id] = NULL;
	}
}

int tt_captures_init(void)
{
	dir = tt_proc_share(proc_mkdir_mode(DIR_NAME, 0550, NULL));
	return dir ? 0 : -ENOMEM;
}

void tt_captures_exit(void)
{
	tt_captures_drop();
	remove_proc_entry(DIR_NAME, NULL);
}
