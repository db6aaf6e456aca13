// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings of applications.
 *
 * The writer shares its memory with us and may put anything there at any
 * time, also while we read. So everything is read once, into memory of ours,
 * and checked there; counts are made to agree with what was found good. What
 * a writer can spoil is its own ring.
 */
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "app.h"
#include "clock.h"
#include "compat.h"
#include "events.h"
#include "ring.h"

#define GROUP "app"
#define MIN_BLOCKS 2
#define MAX_BLOCKS 4096
#define GONE 0 /* state without TT_APP_ON */
#define HEADER_BYTES ((u32)sizeof(struct tt_block))
#define CONTENT_BYTES ((u32)TT_BLOCK_BYTES - HEADER_BYTES)
#define MAX_COUNT (1ull << 48) /* no honest writer counts further */
#define CLOCKS_DIFFER (1 << 16) /* ticks, between CPUs, and between the kernel and a program */
#define COPY_ATTEMPTS 10

LIST_HEAD(tt_app_rings);
static u64 pages_used;

/* The group's own event, in the ring of a CPU. */
static const struct tt_event_def app_events[] = {
	TT_EVENT_DEF(GROUP "_", 3, thread, "a thread of an application has got a ring",
		     u32, ring, "number", u32, pid, "pid", u32, tid, "tid")
};

static struct tt_key app_key = TT_KEY_INIT;

static struct tt_client app_client = {
	.group = GROUP,
	.events = app_events,
	.nevents = ARRAY_SIZE(app_events),
	.key = &app_key,
};

TT_RECORDER(record_thread, &app_client, &app_key, 0, 3,
	    u32, ring, "", u32, pid, "", u32, tid, "")

static u64 nblocks(const struct tt_app_ring *ring)
{
	return ring->npages - 1;
}

static u32 generation(void)
{
	return tt_rings_generation() & (U32_MAX >> TT_APP_GENERATION_SHIFT);
}

static u32 state_now(void)
{
	return generation() << TT_APP_GENERATION_SHIFT |
	       (tt_client_on(&app_client) ? TT_APP_ON : 0) |
	       (tt_rings_frozen() ? TT_APP_FROZEN : 0) |
	       (tt_rings_mode() == TT_RING_STOP ? TT_APP_STOP : 0);
}

void tt_app_update(void)
{
	struct tt_app_ring *ring;

	list_for_each_entry(ring, &tt_app_rings, entry)
		WRITE_ONCE(ring->page->state, state_now());
}

struct tt_app_ring *tt_app_open(void)
{
	struct tt_app_ring *ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);

	if (!ring)
		return ERR_PTR(-ENOMEM);
	ring->open = true;
	return ring;
}

/* Pages that are still mapped stay until they are not. */
static void free_ring(struct tt_app_ring *ring)
{
	u32 i;

	if (ring->page) {
		WRITE_ONCE(ring->page->state, GONE);
		vunmap(ring->page);
	}
	for (i = 0; ring->pages && i < ring->npages && ring->pages[i]; i++)
		__free_page(ring->pages[i]);
	kvfree(ring->pages);
	kfree(ring);
}

static void drop(struct tt_app_ring *ring)
{
	list_del(&ring->entry);
	pages_used -= ring->npages;
	free_ring(ring);
}

/* What its thread wrote stays, for the next dump. */
void tt_app_release(struct tt_app_ring *ring)
{
	mutex_lock(&tt_mutex);
	if (ring->page)
		ring->open = false;
	else
		free_ring(ring);
	mutex_unlock(&tt_mutex);
}

/* Lets the oldest rings that nobody has open go, until there is room for another. */
static int make_room(u32 npages)
{
	const u64 most = ((u64)TT_APP_MAX_KIB << 10) / PAGE_SIZE;
	struct tt_app_ring *ring, *next;
	u64 blocks;

	list_for_each_entry_safe(ring, next, &tt_app_rings, entry) {
		if (tt_app_count(&blocks) < TT_APP_MAX_RINGS && pages_used + npages <= most)
			break;
		if (!ring->open)
			drop(ring);
	}
	if (tt_app_count(&blocks) < TT_APP_MAX_RINGS && pages_used + npages <= most)
		return 0;
	return -ENOSPC;
}

/* Numbers above those of CPUs; the same one after another ring only when all are used up. */
static u32 next_number(void)
{
	static u32 last = TT_APP_NUMBERS - 1;
	struct tt_app_ring *ring;
	bool used;

	do {
		last = (last + 1) % TT_APP_NUMBERS;
		used = false;
		list_for_each_entry(ring, &tt_app_rings, entry)
			used |= ring->number == nr_cpu_ids + last;
	} while (used);
	return nr_cpu_ids + last;
}

static int alloc_ring(struct tt_app_ring *ring, u32 npages)
{
	u32 i;

	ring->npages = npages;
	ring->pages = kvcalloc(npages, sizeof(*ring->pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!ring->pages)
		return -ENOMEM;
	for (i = 0; i < npages; i++) {
		ring->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
		if (!ring->pages[i])
			goto err;
	}
	ring->page = vmap(ring->pages, npages, VM_MAP, PAGE_KERNEL);
	if (ring->page)
		return 0;
err:
	while (i--)
		__free_page(ring->pages[i]);
	kvfree(ring->pages);
	ring->pages = NULL;
	return -ENOMEM;
}

static void start_ring(struct tt_app_ring *ring)
{
	u32 i;

	ring->number = next_number();
	ring->pid = task_tgid_nr(current);
	ring->tid = task_pid_nr(current);
	get_task_comm(ring->comm, current);
	for (i = 0; ring->comm[i]; i++)
		if (!isascii(ring->comm[i]) || !isprint(ring->comm[i]))
			ring->comm[i] = '?';
	*ring->page = (struct tt_app_page){
		.magic = TT_APP_MAGIC,
		.block_bytes = TT_BLOCK_BYTES,
		.nblocks = nblocks(ring),
		.ticks = tt_clock_is_tsc() ? TT_APP_TSC : TT_APP_NS,
		.state = state_now(),
		.generation = generation(),
	};
	list_add_tail(&ring->entry, &tt_app_rings);
	pages_used += ring->npages;
	record_thread(ring->number, ring->pid, ring->tid);
}

int tt_app_mmap(struct tt_app_ring *ring, struct vm_area_struct *vma)
{
	u32 npages = min_t(unsigned long, vma_pages(vma), U32_MAX);
	int err;
	u32 i;

	if (vma->vm_pgoff || !(vma->vm_flags & VM_SHARED) || npages < 1 + MIN_BLOCKS ||
	    npages > 1 + MAX_BLOCKS)
		return -EINVAL;
	tt_vm_flags(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	mutex_lock(&tt_mutex);
	err = ring->page ? -EBUSY : make_room(npages);
	if (!err)
		err = alloc_ring(ring, npages);
	if (!err)
		start_ring(ring);
	/* When this fails the ring is there, and empty. */
	for (i = 0; i < npages && !err; i++)
		err = vm_insert_page(vma, vma->vm_start + i * PAGE_SIZE, ring->pages[i]);
	mutex_unlock(&tt_mutex);
	return err;
}

u32 tt_app_count(u64 *blocks)
{
	struct tt_app_ring *ring;
	u32 count = 0;

	*blocks = 0;
	list_for_each_entry(ring, &tt_app_rings, entry) {
		count++;
		*blocks += nblocks(ring);
	}
	return count;
}

/* Moves behind a string of printable characters, of lower-case letters, digits and _ if @name. */
static const char *take_string(const char **at, const char *end, bool name)
{
	const char *begin = *at;
	const char *c;

	for (c = begin; c < end && *c; c++)
		if (!isascii(*c) || !isprint(*c) ||
		    (name && !islower(*c) && !isdigit(*c) && *c != '_' && *c != ':'))
			return NULL;
	if (c == end)
		return NULL;
	*at = c + 1;
	return begin;
}

/* "APPLICATION:EVENT" */
static bool name_ok(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon && colon > name && colon[1] && !strchr(colon + 1, ':');
}

static int parse_event(const void *data, u32 bytes, struct tt_event_def *def)
{
	const struct tt_dict_entry *entry = data;
	const char *at = data + sizeof(*entry);
	const char *end = data + bytes;
	const char *group;
	u32 i;

	*def = (struct tt_event_def){ .nfields = entry->nfields };
	if (entry->nparts || entry->flags || entry->nfields > TT_MAX_FIELDS)
		return -EINVAL;
	def->name = take_string(&at, end, true);
	group = def->name ? take_string(&at, end, true) : NULL;
	def->doc = group ? take_string(&at, end, false) : NULL;
	if (!def->doc || !name_ok(def->name) || strcmp(group, GROUP))
		return -EINVAL;
	for (i = 0; i < entry->nfields; i++) {
		def->fields[i].type = entry->types[i];
		def->fields[i].name = take_string(&at, end, true);
		def->fields[i].unit = def->fields[i].name ? take_string(&at, end, false) : NULL;
		if (!def->fields[i].unit)
			return -EINVAL;
	}
	return 0;
}

int tt_app_add_event(struct tt_app_event_args __user *user)
{
	struct tt_app_event_args args;
	struct tt_event_def def;
	void *entry;
	int err;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	if (args.bytes < sizeof(struct tt_dict_entry) || args.bytes > TT_APP_MAX_ENTRY)
		return -EINVAL;
	entry = memdup_user(u64_to_user_ptr(args.entry), args.bytes);
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	err = parse_event(entry, args.bytes, &def);
	if (!err) {
		mutex_lock(&tt_mutex);
		err = tt_event_add_app(GROUP, &def);
		mutex_unlock(&tt_mutex);
	}
	kfree(entry);
	if (err < 0)
		return err;
	args.id = err;
	return copy_to_user(user, &args, sizeof(args)) ? -EFAULT : 0;
}

/* Bytes of entries in a copied block, of @bytes, that are well-formed; how many are records. */
static u32 good_bytes(const struct tt_block *block, u32 bytes, u64 now, u32 *records)
{
	const u8 *begin = (const u8 *)(block + 1);
	u32 epoch = block->time_ticks >> 32;
	const struct tt_record_head *head;
	const struct tt_event *event;
	u32 at, size;

	*records = 0;
	for (at = 0; at + sizeof(*head) <= bytes; at += size) {
		head = (const void *)(begin + at);
		event = NULL;
		if (head->id == TT_ID_PAD) {
			size = head->time;
		} else if (head->id == TT_ID_EXTEND) {
			size = TT_EXTEND_BYTES;
		} else {
			event = tt_event_get(head->id);
			if (!event || !event->app || ((u64)epoch << 32 | head->time) > now)
				return at;
			size = tt_record_bytes(event);
		}
		if (size < sizeof(*head) || size % TT_RECORD_ALIGN || size > bytes - at)
			return at;
		if (head->id == TT_ID_EXTEND)
			memcpy(&epoch, head + 1, sizeof(epoch));
		*records += !!event;
	}
	return bytes;
}

/**
 * struct view - what of a ring is to be copied
 * @begin: first block.
 * @opened: one past the last.
 * @last_bytes: entries of the last one.
 * @cleared: records before the last clear.
 * @lost: records lost since then.
 */
struct view {
	u64 begin, opened;
	u32 last_bytes;
	u64 cleared;
	u64 lost[TT_RING_LOSSES];
};

/* What a count has grown by, if it did, and by what one can. */
static u64 growth(u64 count, u64 base)
{
	return count > base ? min(count - base, MAX_COUNT) : 0;
}

/* False: nothing since the last clear. */
static bool look(const struct tt_app_ring *ring, struct view *view)
{
	const struct tt_app_page *page = ring->page;
	u64 end, used;

	if (READ_ONCE(page->generation) != generation())
		return false;
	smp_rmb(); /* pairs with the writer: base is there before its generation */
	view->begin = READ_ONCE(page->base.block);
	view->cleared = READ_ONCE(page->base.records);
	view->lost[TT_RING_NESTED] = growth(READ_ONCE(page->lost_nested),
					    READ_ONCE(page->base.lost_nested));
	view->lost[TT_RING_FROZEN] = growth(READ_ONCE(page->lost_frozen),
					    READ_ONCE(page->base.lost_frozen));
	view->lost[TT_RING_FULL] = growth(READ_ONCE(page->lost_full),
					  READ_ONCE(page->base.lost_full));
	end = smp_load_acquire(&page->end); /* pairs with the writer: records are there before */
	view->opened = DIV_ROUND_UP_ULL(end, TT_BLOCK_BYTES);
	used = end - (view->opened - !!view->opened) * TT_BLOCK_BYTES;
	view->last_bytes = used < HEADER_BYTES ? 0 : used - HEADER_BYTES;
	view->begin = clamp(view->begin, view->opened - min(view->opened, nblocks(ring)),
			    view->opened);
	return true;
}

/* Copies block @at->next and makes it one of a dump. -ESTALE: it is another one by now. */
static int copy_block(const struct tt_app_ring *ring, const struct view *view,
		      struct tt_app_cursor *at, u64 most_ticks, struct tt_block *to)
{
	u64 sequence = at->next;
	u32 bytes = sequence + 1 == view->opened ? view->last_bytes : CONTENT_BYTES;
	const struct tt_app_page *page = ring->page;
	u32 records;

	memcpy(to, (const void *)page + (1 + sequence % nblocks(ring)) * TT_BLOCK_BYTES,
	       TT_BLOCK_BYTES);
	smp_rmb(); /* pairs with the writer: it says what it begins before it does */
	if (READ_ONCE(page->opening) > sequence + nblocks(ring))
		return -ESTALE;
	to->magic = TT_BLOCK_MAGIC;
	to->header_bytes = HEADER_BYTES;
	to->cpu = ring->number;
	to->sequence = sequence;
	to->time_ticks = clamp(to->time_ticks, at->ticks, most_ticks);
	to->time_ns = tt_clock_ns_at(to->time_ticks);
	/* Records are not before others, whatever it says. */
	to->first_record = max(growth(to->first_record, view->cleared), at->stored);
	to->lost_nested = 0; /* the account has them */
	to->lost_frozen = 0;
	to->lost_full = 0;
	bytes = good_bytes(to, bytes, most_ticks, &records);
	to->commit = (u64)records * TT_COMMIT_RECORD + bytes;
	at->ticks = to->time_ticks;
	at->stored = to->first_record + records;
	return 0;
}

/* Before the first block. */
static struct tt_app_cursor begin_of(const struct view *view)
{
	struct tt_app_cursor at = { .next = view->begin };
	u64 ns;

	tt_clock_begin(&at.ticks, &ns);
	return at;
}

/* One attempt; false: what was newest has been overwritten meanwhile. */
static bool copy_ring(const struct tt_app_ring *ring, const struct view *view, u64 from,
		      struct tt_block *first, struct tt_cpu_account *account)
{
	u64 most = tt_clock_now() + CLOCKS_DIFFER;
	struct tt_app_cursor at = begin_of(view);
	struct tt_block *to = first;
	u64 copied = 0;
	int err = 0;

	for (; at.next < view->opened; at.next++) {
		err = copy_block(ring, view, &at, most, to);
		if (err)
			continue;
		if (to > first && at.ticks <= from) {
			/* The one before is older than what was asked for. */
			memcpy(first, to, TT_BLOCK_BYTES);
			to = first;
			copied = 0;
		}
		copied += TT_COMMIT_RECORDS(to->commit);
		to = (void *)to + TT_BLOCK_BYTES;
	}
	account->blocks = ((void *)to - (void *)first) / TT_BLOCK_BYTES;
	account->overwritten = account->blocks ? first->first_record : 0;
	account->lost_reader = at.stored - copied - account->overwritten;
	account->lost_nested = view->lost[TT_RING_NESTED];
	account->lost_frozen = view->lost[TT_RING_FROZEN];
	account->lost_full = view->lost[TT_RING_FULL];
	account->produced = at.stored + account->lost_nested + account->lost_frozen +
			    account->lost_full;
	return !err;
}

void tt_app_copy(const struct tt_app_ring *ring, u64 from, struct tt_block *to,
		 struct tt_cpu_account *account)
{
	struct view view;
	int i;

	*account = (struct tt_cpu_account){ .magic = TT_ACCOUNT_MAGIC, .cpu = ring->number,
					    .pid = ring->pid, .tid = ring->tid };
	memcpy(account->comm, ring->comm, sizeof(account->comm));
	for (i = 0; i < COPY_ATTEMPTS; i++)
		if (!look(ring, &view) || copy_ring(ring, &view, from, to, account))
			break;
}

u32 tt_app_take(const struct tt_app_ring *ring, struct tt_app_cursor *at, void *to, u32 room)
{
	u64 most = tt_clock_now() + CLOCKS_DIFFER;
	struct view view;
	u32 taken = 0;

	if (!look(ring, &view))
		return 0;
	if (!at->ticks)
		*at = begin_of(&view);
	/* The last one is still being filled. */
	for (at->next = max(at->next, view.begin); at->next + 1 < view.opened && taken < room;
	     at->next++)
		if (!copy_block(ring, &view, at, most, to + taken * TT_BLOCK_BYTES))
			taken++; /* else overwritten */
	return taken;
}

int tt_app_init(void)
{
	int err;

	mutex_lock(&tt_mutex);
	err = tt_client_add(&app_client);
	if (!err)
		err = tt_client_switch(&app_client, true);
	mutex_unlock(&tt_mutex);
	return err;
}

/* No file is open any more. */
void tt_app_exit(void)
{
	struct tt_app_ring *ring, *next;

	mutex_lock(&tt_mutex);
	list_for_each_entry_safe(ring, next, &tt_app_rings, entry)
		drop(ring);
	tt_client_remove(&app_client);
	mutex_unlock(&tt_mutex);
}
