/* SPDX-License-Identifier: GPL-2.0-only */
/* The thread of a link, for the strategies that release by one. */
#ifndef _HOMA_PACER_THREAD_H
#define _HOMA_PACER_THREAD_H

#include "pacer.h"

/* Starts it; @real_time: before all threads that are not. Return: it or an ERR_PTR. */
struct task_struct *homa_pacer_thread_start(struct homa_link *link, bool real_time);

/* Function of struct homa_pacer. */
void homa_pacer_thread_wake(struct homa_link *link, u64 wait_ns);

#endif /* _HOMA_PACER_THREAD_H */
