/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Layout of a trace in memory and in a dump; docs/trace-format.md describes
 * every byte. Everything is little-endian.
 */
#ifndef TIMETRACE_RECORD_H
#define TIMETRACE_RECORD_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#ifndef __u64
#define __u8 uint8_t
#define __u16 uint16_t
#define __u32 uint32_t
#define __u64 uint64_t
#endif
#endif

#define TT_FORMAT_VERSION 1

/*
 * A record is one header word and its fields at natural size, in order,
 * rounded up to 4 bytes. The word holds the event in its low bits and the
 * low bits of the time above. The high bits, the epoch, come from the block
 * header or from the last time-extend entry before the record.
 */
#define TT_ID_BITS 10
#define TT_TIME_BITS (32 - TT_ID_BITS)
#define TT_MAX_EVENTS (1 << TT_ID_BITS)

#define TT_ID_PAD 0 /* upper bits: bytes to skip, this word included */
#define TT_ID_EXTEND 1 /* upper bits and next word: bits 32 up and 0-31 of the epoch */
#define TT_ID_FIRST 2

#define TT_EXTEND_BYTES 8
#define TT_MAX_FIELDS 6
#define TT_MAX_RECORD_BYTES (4 + 8 * TT_MAX_FIELDS)

/* Integer type of a field, and its size. */
#define TT_TYPE_u8 0
#define TT_TYPE_u16 1
#define TT_TYPE_u32 2
#define TT_TYPE_s32 3
#define TT_TYPE_u64 4
#define TT_TYPES 5

#define TT_BLOCK_MAGIC 0x4b4c4254u /* "TBLK" */

/*
 * Begin of each block. commit counts what has been written completely:
 * records << 16 | bytes after this header; padding counts as bytes only.
 */
struct tt_block {
	__u32 magic;
	__u16 header_bytes;
	__u16 cpu;
	__u64 sequence; /* number of this block on its CPU */
	__u64 time_ns; /* when it was opened; its epoch is time_ns >> TT_TIME_BITS */
	__u64 first_record; /* records stored on this CPU before it */
	__u64 commit;
	__u64 lost_nested; /* records lost on this CPU before it was opened */
	__u64 lost_frozen;
	__u64 lost_full;
};

#define TT_COMMIT_RECORD (1u << 16)
#define TT_COMMIT_BYTES(commit) ((__u32)(commit) & 0xffff)
#define TT_COMMIT_RECORDS(commit) ((__u32)((commit) >> 16))

#endif /* TIMETRACE_RECORD_H */
