// SPDX-License-Identifier: GPL-2.0-only
/* The life of timetrace.ko. */
#include <linux/cpuhotplug.h>
#include <linux/log2.h>
#include <linux/module.h>

#include "app.h"
#include "clock.h"
#include "events.h"
#include "mark.h"
#include "probes.h"
#include "proc.h"
#include "ring.h"
#include "snapshot.h"
#include "trigger.h"

#define CALIBRATION_RECORDS 4096

static unsigned int size_kib = 1024;
module_param(size_kib, uint, 0444);
MODULE_PARM_DESC(size_kib, "bytes of trace kept per CPU, in KiB, a power of two (4 to 1048576)");

static int hotplug_state;

static int prepare_cpu(unsigned int cpu)
{
	/* Without memory the CPU runs untraced, and its records count as lost. */
	if (tt_ring_prepare_cpu(cpu))
		pr_warn("timetrace: no memory to trace CPU %u\n", cpu);
	return 0;
}

static int __init timetrace_init(void)
{
	int err;

	tt_clock_init();
	err = tt_rings_init((u64)size_kib << 10);
	if (err) {
		if (err == -EINVAL)
			pr_err("timetrace: size_kib=%u is not a power of two from 4 to 1048576\n",
			       size_kib);
		goto err_clock;
	}
	err = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "timetrace:prepare", prepare_cpu, NULL);
	if (err < 0)
		goto err_rings;
	hotplug_state = err;
	err = tt_probes_init();
	if (err)
		goto err_hotplug;
	err = tt_mark_init();
	if (err)
		goto err_probes;
	tt_record_cost_ns = tt_mark_cost_ns(CALIBRATION_RECORDS);
	tt_rings_clear();
	tt_mark_calibrate();
	err = tt_app_init();
	if (err)
		goto err_mark;
	err = tt_trigger_init();
	if (err)
		goto err_app;
	err = tt_proc_init();
	if (err)
		goto err_trigger;
	return 0;

err_trigger:
	tt_trigger_exit();
err_app:
	tt_app_exit();
err_mark:
	tt_mark_exit();
err_probes:
	tt_probes_exit();
err_hotplug:
	cpuhp_remove_state_nocalls(hotplug_state);
err_rings:
	tt_rings_exit();
	tt_events_exit();
err_clock:
	tt_clock_exit();
	return err;
}

static void __exit timetrace_exit(void)
{
	tt_proc_exit();
	tt_trigger_exit();
	tt_app_exit();
	tt_mark_exit();
	tt_probes_exit();
	cpuhp_remove_state_nocalls(hotplug_state);
	tt_rings_exit();
	tt_events_exit();
	tt_clock_exit();
}

module_init(timetrace_init);
module_exit(timetrace_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Per-CPU flight recorder");
