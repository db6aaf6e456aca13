// SPDX-License-Identifier: GPL-2.0-only
/* Loses memory on purpose: does kmemleak find it here? testbed/guest/init asks. */
#include <linux/module.h>
#include <linux/slab.h>

static unsigned int count = 100;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "how many objects to lose");

/* Not __init: a report names the caller as long as its code is there. */
static int leak_init(void)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!kzalloc(96, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

static void __exit leak_exit(void)
{
}

module_init(leak_init);
module_exit(leak_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Self-check of leak detection");
