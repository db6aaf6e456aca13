/* SPDX-License-Identifier: GPL-2.0-only */
/* Stand-in; like the kernel's, the plain forms refuse operands of two types. */
#ifndef _HOST_LINUX_MINMAX_H
#define _HOST_LINUX_MINMAX_H

#define host_compare(a, b, op) ({ \
	__auto_type host_a = (a); \
	__auto_type host_b = (b); \
	_Static_assert(__builtin_types_compatible_p(__typeof__(host_a), __typeof__(host_b)), \
		       "operands of different types"); \
	host_a op host_b ? host_a : host_b; })

#define min(a, b) host_compare(a, b, <)
#define max(a, b) host_compare(a, b, >)
#define clamp(value, low, high) min(max(value, low), high)
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))

#endif
