/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings of applications: memory that a thread maps and writes, and that dumps
 * include. See struct tt_app_page.
 */
#ifndef TIMETRACE_APP_H
#define TIMETRACE_APP_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <timetrace/record.h>

#define TT_APP_MAX_RINGS 256
#define TT_APP_MAX_KIB 65536 /* of all rings together */
#define TT_APP_NUMBERS (TT_APP_MAX_RINGS * 4) /* of rings, from nr_cpu_ids on */

/**
 * struct tt_app_ring - the ring of a thread; stays when the thread is gone
 * @entry: link in tt_app_rings, oldest first, once there is memory.
 * @number: of the ring in dumps.
 * @open: the file is: nobody else takes its place.
 * @pid: of the process, in the initial namespace, as @tid.
 * @tid: of the thread that mapped it.
 * @comm: its name then.
 * @npages: of memory, of which the first is @page.
 * @pages: them.
 * @page: begin of the memory, for the kernel. All of it is the writer's to change at any time.
 */
struct tt_app_ring {
	struct list_head entry;
	u32 number;
	bool open;
	pid_t pid, tid;
	char comm[TT_COMM_CHARS];
	u32 npages;
	struct page **pages;
	struct tt_app_page *page;
};

int tt_app_init(void);
void tt_app_exit(void);

/* One file, one ring. */
struct tt_app_ring *tt_app_open(void);
void tt_app_release(struct tt_app_ring *ring);
int tt_app_mmap(struct tt_app_ring *ring, struct vm_area_struct *vma);
int tt_app_add_event(struct tt_app_event_args __user *user);

/* All below under tt_mutex. Tells the writers what has changed: frozen, mode, group, generation. */
void tt_app_update(void);

extern struct list_head tt_app_rings;

/* How many there are, and blocks they have at most. */
u32 tt_app_count(u64 *blocks);

/*
 * Copies what the ring has since @from, in ticks, to @to, and accounts for it:
 * only what is well-formed, whatever is in its memory.
 */
void tt_app_copy(const struct tt_app_ring *ring, u64 from, struct tt_block *to,
		 struct tt_cpu_account *account);

/**
 * struct tt_app_cursor - how far somebody is in a ring
 * @next: block that comes next.
 * @ticks: of the block before it.
 * @stored: records up to its end.
 */
struct tt_app_cursor {
	u64 next;
	u64 ticks;
	u64 stored;
};

/* Copies full blocks from @at on, at most @room, checked in the same way. Return: how many. */
u32 tt_app_take(const struct tt_app_ring *ring, struct tt_app_cursor *at, void *to, u32 room);

#endif /* TIMETRACE_APP_H */
