// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freezing on behalf of other modules, whose context may not sleep: the rings
 * freeze in process context, a moment later.
 */
#include <linux/workqueue.h>

#include "events.h"
#include "freeze.h"
#include "mark.h"
#include "ring.h"

static char reason[TT_MARK_CHARS + 1];
static int pending; /* @reason is in use */

static void freeze(struct work_struct *work)
{
	mutex_lock(&tt_mutex);
	if (!tt_rings_frozen()) {
		tt_mark(reason);
		tt_rings_freeze();
	}
	mutex_unlock(&tt_mutex);
	smp_store_release(&pending, 0); /* pairs with the cmpxchg(): @reason was read */
}

static DECLARE_WORK(freeze_work, freeze);

void tt_freeze_soon(struct tt_client *client, const char *why)
{
	/* Of several reasons the first counts. */
	if (cmpxchg(&pending, 0, 1))
		return;
	strscpy(reason, why, sizeof(reason));
	schedule_work(&freeze_work);
}

void tt_freeze_exit(void)
{
	cancel_work_sync(&freeze_work);
}
