/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app_events: events of a program in the trace of the kernel.
 *
 *	# insmod timetrace.ko
 *	# app_events 3
 *	# ttdump --text | grep shop
 *	58.123456789 [004] shop:order order=1 price=995
 *	58.123457012 [004] shop:delivered order=1
 *	...
 *
 * Link it with timetrace_app (tracer/lib). The records stay when it has ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <timetrace/app.h>

TT_APP_EVENT(2, shop, order, "a customer has ordered", u64, order, "id", u32, price, "cents")
TT_APP_EVENT(1, shop, delivered, "it is on its way", u64, order, "id")

int main(int argc, char **argv)
{
	uint64_t orders = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t order;
	int err;

	if (!orders) {
		fprintf(stderr, "usage: app_events ORDERS\n");
		return 2;
	}
	err = tt_app_start(0);
	if (err)
		fprintf(stderr, "app_events: not traced: %s\n", strerror(-err));
	for (order = 1; order <= orders; order++) {
		tt_record_order(order, 995);
		tt_record_delivered(order);
	}
	if (tt_app_dropped())
		fprintf(stderr, "app_events: %llu records found no ring\n",
			(unsigned long long)tt_app_dropped());
	return 0;
}
