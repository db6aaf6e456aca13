// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/timetrace: text, and control words when written to.
 * /proc/timetrace_raw: a dump. Each open file has its own snapshot, taken
 * when it was opened, so readers disturb neither the trace nor each other.
 * /proc/timetrace_stream: blocks as they fill; end of file means none yet.
 * /proc/timetrace_app: what applications map to record themselves.
 */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "app.h"
#include "events.h"
#include "hist.h"
#include "mark.h"
#include "proc.h"
#include "ring.h"
#include "snapshot.h"
#include "stream.h"
#include "text.h"
#include "trigger.h"

#define TEXT_NAME "timetrace"
#define RAW_NAME "timetrace_raw"
#define STREAM_NAME "timetrace_stream"
#define APP_NAME "timetrace_app"
#define HIST_NAME "timetrace_stages"
#define MAX_COMMAND 128

static unsigned int gid;
module_param(gid, uint, 0444);
MODULE_PARM_DESC(gid, "group that may read traces (0)");

struct proc_dir_entry *tt_proc_share(struct proc_dir_entry *entry)
{
	if (entry)
		proc_set_user(entry, GLOBAL_ROOT_UID, make_kgid(&init_user_ns, gid));
	return entry;
}

static int text_open(struct inode *inode, struct file *file)
{
	struct tt_text *text;
	int err;

	/* Writers of control words need no snapshot. */
	if (!(file->f_mode & FMODE_READ)) {
		file->private_data = NULL;
		return 0;
	}
	text = tt_text_new();
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = seq_open(file, &tt_text_ops);
	if (err) {
		tt_text_free(text);
		return err;
	}
	((struct seq_file *)file->private_data)->private = text;
	return 0;
}

static int text_release(struct inode *inode, struct file *file)
{
	struct seq_file *seq = file->private_data;

	if (!seq)
		return 0;
	tt_text_free(seq->private);
	return seq_release(inode, file);
}

static int command_freeze(const char *arg)
{
	if (!tt_rings_frozen()) {
		tt_mark_calibrate();
		tt_trigger_forget_freeze();
	}
	tt_clients_flush();
	tt_rings_freeze();
	return 0;
}

static int command_thaw(const char *arg)
{
	tt_rings_thaw();
	tt_mark_calibrate();
	return 0;
}

static int command_clear(const char *arg)
{
	struct tt_client *client;

	tt_clients_flush();
	tt_rings_clear();
	list_for_each_entry(client, &tt_clients, entry)
		tt_hist_clear(client);
	return 0;
}

static int command_on(const char *arg)
{
	return tt_group_switch(arg, true);
}

static int command_off(const char *arg)
{
	return tt_group_switch(arg, false);
}

static int command_mark(const char *arg)
{
	if (strlen(arg) > TT_MARK_CHARS)
		return -E2BIG;
	tt_mark(arg);
	return 0;
}

static int command_size(const char *arg)
{
	u64 kib;

	if (kstrtou64(arg, 10, &kib) || kib > U64_MAX >> 10)
		return -EINVAL;
	return tt_rings_resize(kib << 10);
}

static int command_mode(const char *arg)
{
	static const char * const modes[] = { "overwrite", "stop" };
	int mode = match_string(modes, ARRAY_SIZE(modes), arg);

	if (mode < 0)
		return -EINVAL;
	tt_rings_set_mode(mode);
	return 0;
}

static const struct command {
	const char *word;
	bool has_arg;
	int (*run)(const char *arg);
} commands[] = {
	{ "freeze", false, command_freeze },
	{ "thaw", false, command_thaw },
	{ "clear", false, command_clear },
	{ "on", true, command_on },
	{ "off", true, command_off },
	{ "mark", true, command_mark },
	{ "size", true, command_size },
	{ "mode", true, command_mode },
	{ "trigger", true, tt_trigger_arm },
	{ "action", true, tt_trigger_action },
	{ "window", true, tt_trigger_window },
	{ "captures", true, tt_trigger_captures },
	{ "peers", true, tt_trigger_peers },
};

static int run_command(char *line)
{
	char *arg = strpbrk(line, " \t");
	int err;
	u32 i;

	if (arg) {
		*arg = '\0';
		arg = strim(arg + 1);
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(line, commands[i].word))
			continue;
		if (commands[i].has_arg != (arg && *arg))
			return -EINVAL;
		mutex_lock(&tt_mutex);
		err = commands[i].run(arg);
		tt_app_update();
		mutex_unlock(&tt_mutex);
		return err;
	}
	return -EINVAL;
}

static ssize_t text_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	char line[MAX_COMMAND];
	int err;

	if (count >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, count))
		return -EFAULT;
	line[count] = '\0';
	err = run_command(strim(line));
	return err ?: count;
}

static ssize_t text_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	return seq_read(file, to, count, pos);
}

static loff_t text_lseek(struct file *file, loff_t offset, int whence)
{
	return file->private_data ? seq_lseek(file, offset, whence) : -ESPIPE;
}

static const struct proc_ops text_proc_ops = {
	.proc_open = text_open,
	.proc_read = text_read,
	.proc_write = text_write,
	.proc_lseek = text_lseek,
	.proc_release = text_release,
};

static int raw_open(struct inode *inode, struct file *file)
{
	struct tt_snapshot *snap = tt_snapshot_take();

	if (IS_ERR(snap))
		return PTR_ERR(snap);
	file->private_data = snap;
	return 0;
}

static int raw_release(struct inode *inode, struct file *file)
{
	tt_snapshot_free(file->private_data);
	return 0;
}

static ssize_t raw_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	return tt_snapshot_read(file->private_data, to, count, pos);
}

static loff_t raw_lseek(struct file *file, loff_t offset, int whence)
{
	return tt_snapshot_lseek(file->private_data, file, offset, whence);
}

static const struct proc_ops raw_proc_ops = {
	.proc_open = raw_open,
	.proc_read = raw_read,
	.proc_lseek = raw_lseek,
	.proc_release = raw_release,
};

static int blocks_open(struct inode *inode, struct file *file)
{
	struct tt_stream *stream = tt_stream_new();

	if (IS_ERR(stream))
		return PTR_ERR(stream);
	file->private_data = stream;
	return 0;
}

static int blocks_release(struct inode *inode, struct file *file)
{
	tt_stream_free(file->private_data);
	return 0;
}

static ssize_t blocks_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	u64 at = *pos;

	if (!at)
		return tt_stream_read(file->private_data, to, count);
	return tt_stream_tail(file->private_data, (at >> TT_MAP_SHIFT) - 1, to, count);
}

static int blocks_mmap(struct file *file, struct vm_area_struct *vma)
{
	return tt_stream_mmap(vma);
}

static const struct proc_ops blocks_proc_ops = {
	.proc_mmap = blocks_mmap,
	.proc_open = blocks_open,
	.proc_read = blocks_read,
	.proc_release = blocks_release,
};

static int app_open(struct inode *inode, struct file *file)
{
	struct tt_app_ring *ring = tt_app_open();

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	file->private_data = ring;
	return 0;
}

static int app_release(struct inode *inode, struct file *file)
{
	tt_app_release(file->private_data);
	return 0;
}

static long app_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	return command == TT_APP_ADD_EVENT ? tt_app_add_event((void __user *)arg) : -ENOTTY;
}

static int app_mmap(struct file *file, struct vm_area_struct *vma)
{
	return tt_app_mmap(file->private_data, vma);
}

static const struct proc_ops app_proc_ops = {
	.proc_open = app_open,
	.proc_release = app_release,
	.proc_ioctl = app_ioctl,
	.proc_mmap = app_mmap,
};

static int hist_show(struct seq_file *seq, void *unused)
{
	mutex_lock(&tt_mutex);
	tt_trigger_show(seq);
	tt_hist_show(seq);
	mutex_unlock(&tt_mutex);
	return 0;
}

int tt_proc_init(void)
{
	/* Addresses and thread ids are in there: for root and one group, whose programs may add. */
	if (tt_proc_share(proc_create(TEXT_NAME, 0640, NULL, &text_proc_ops)) &&
	    tt_proc_share(proc_create(RAW_NAME, 0440, NULL, &raw_proc_ops)) &&
	    tt_proc_share(proc_create(STREAM_NAME, 0440, NULL, &blocks_proc_ops)) &&
	    tt_proc_share(proc_create(APP_NAME, 0660, NULL, &app_proc_ops)) &&
	    tt_proc_share(proc_create_single(HIST_NAME, 0440, NULL, hist_show)))
		return 0;
	tt_proc_exit();
	return -ENOMEM;
}

void tt_proc_exit(void)
{
	remove_proc_subtree(HIST_NAME, NULL);
	remove_proc_subtree(APP_NAME, NULL);
	remove_proc_subtree(STREAM_NAME, NULL);
	remove_proc_subtree(RAW_NAME, NULL);
	remove_proc_subtree(TEXT_NAME, NULL);
}
