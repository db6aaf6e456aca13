/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Layout of a trace in memory and in a dump; docs/trace-format.md describes
 * every byte. Everything is little-endian.
 */
#ifndef TIMETRACE_RECORD_H
#define TIMETRACE_RECORD_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TT_FORMAT_VERSION 6

/*
 * A record is a struct tt_record_head and its fields at natural size, in
 * order, rounded up to 2 bytes. The head holds the lower half of the time in
 * ticks; the upper half comes from the last time-extend entry before the
 * record, or else from the block header.
 */
struct tt_record_head {
	__u32 time;
	__u16 id;
} __attribute__((packed, aligned(2)));

#define TT_HEAD_BYTES 6
#define TT_RECORD_ALIGN 2
#define TT_MAX_EVENTS 4096

#define TT_ID_PAD 0 /* time: bytes to skip, the head included */
#define TT_ID_EXTEND 1 /* the next 4 bytes are the upper half of the time from here on */
#define TT_ID_FIRST 2

#define TT_EXTEND_BYTES 10
#define TT_MAX_FIELDS 24
#define TT_MAX_EVENT_FIELDS 8 /* of one without parts */
#define TT_MAX_RECORD_BYTES 96

/* Integer type of a field, and its size. */
#define TT_TYPE_u8 0
#define TT_TYPE_u16 1
#define TT_TYPE_u32 2
#define TT_TYPE_s32 3
#define TT_TYPE_u64 4
#define TT_TYPES 5

#define TT_COMM_CHARS 16

#define TT_BLOCK_MAGIC 0x4b4c4254u /* "TBLK" */

/*
 * Begin of each block. commit and time_ns are filled in when a block is copied: records
 * << 16 | bytes after this header; padding counts as bytes only. In a ring
 * commit is 1 if first_record is exact, else 0.
 */
struct tt_block {
	__u32 magic;
	__u16 header_bytes;
	__u16 cpu;
	__u64 sequence; /* number of this block on its CPU */
	__u64 time_ns; /* when it was opened */
	__u64 first_record; /* records stored on this CPU before it */
	__u64 commit;
	__u64 lost_nested; /* records lost on this CPU before it was opened, since a clear */
	__u64 lost_frozen;
	__u64 lost_full;
	__u64 time_ticks; /* the same moment as time_ns, and the base of its records */
};

/*
 * Mapping of the ring of CPU n, at offset n << TT_MAP_SHIFT of
 * /proc/timetrace_stream, read-only: this structure in block_bytes, then the
 * nblocks blocks of the ring, of which block s is number s % nblocks. Blocks
 * from the later of first_visible and opened - nblocks on, but before settled
 * and opened - 1, are full, and stay while their sequence number stays: it is
 * to be read before and after their content. pread() of block_bytes at (n + 1) <<
 * TT_MAP_SHIFT gives the block that is being filled, as far as it is.
 */
struct tt_ring_page {
	__u32 magic;
	__u32 cpu;
	__u32 block_bytes;
	__u32 gone; /* not 0: the tracer has other memory by now, or has been unloaded */
	__u64 nblocks;
	__u64 opened; /* blocks so far */
	__u64 settled; /* every block before it is complete */
	__u64 first_visible; /* blocks before it were cleared */
};

#define TT_RING_MAGIC 0x474e5254u /* "TRNG" */
#define TT_MAP_SHIFT 31

/*
 * The ring of a thread of an application: what an open file of /proc/timetrace_app
 * maps, once, read and write: this structure in block_bytes, then nblocks
 * blocks, of which block s is number s % nblocks. Its only writer is the
 * thread; the tracer trusts nothing in it. The first line is the tracer's, the
 * rest the writer's. A writer that finds @state without TT_APP_ON does nothing;
 * one that finds another generation than before begins a block and copies
 * what its counts are to @base, from which all counts are meant.
 */
struct tt_app_page {
	__u32 magic;
	__u32 block_bytes;
	__u32 nblocks;
	__u32 state; /* TT_APP_*, and a number that is another one after clear and size */
	__u32 ticks; /* TT_APP_TSC or TT_APP_NS: what times are */
	__u32 reserved[11];

	__u64 end; /* blocks before the current one * block_bytes + bytes used in that */
	__u64 opening; /* blocks that have been begun: what they replace is no more */
	__u64 lost_nested, lost_frozen, lost_full;
	__u32 generation; /* upper bits of the state that @base is of */
	__u32 reserved2;
	struct {
		__u64 block, records, lost_nested, lost_frozen, lost_full;
	} base;
};

#define TT_APP_MAGIC 0x50505454u /* "TTPP" */
#define TT_APP_ON 1
#define TT_APP_FROZEN 2 /* count as lost */
#define TT_APP_STOP 4 /* a full ring takes nothing */
#define TT_APP_GENERATION_SHIFT 3
#define TT_APP_TSC 1
#define TT_APP_NS 2

/*
 * ioctl of /proc/timetrace_app: @entry is the address of a struct tt_dict_entry
 * with its strings, as in a dump, of @bytes bytes. Its group is "app", its name
 * "APPLICATION:EVENT"; names are of lower-case letters, digits and _. @id is
 * what its records shall have; the same for the same description.
 */
struct tt_app_event_args {
	__u64 entry;
	__u32 bytes;
	__u32 id;
};

#define TT_APP_ADD_EVENT _IOWR(0xb7, 0x71, struct tt_app_event_args) /* 0x70: entries of format 5 */
#define TT_APP_MAX_ENTRY 2048

#define TT_COMMIT_RECORD (1u << 16)
#define TT_COMMIT_BYTES(commit) ((__u32)(commit) & 0xffff)
#define TT_COMMIT_RECORDS(commit) ((__u32)((commit) >> 16))

/*
 * A dump: struct tt_file_header, the dictionary (one struct tt_dict_entry for
 * each event), header.blocks blocks, header.cpus struct tt_cpu_account,
 * header.histograms struct tt_histogram, and struct tt_file_end. Blocks of one CPU follow each other in order.
 */
#define TT_FILE_MAGIC "TTDUMP01"
#define TT_END_MAGIC "TTDUMPED"
#define TT_ACCOUNT_MAGIC 0x43434154u /* "TACC" */

#define TT_FILE_FROZEN 1
#define TT_FILE_STOP 2

struct tt_file_header {
	char magic[8];
	__u32 version;
	__u32 header_bytes;
	__u32 block_bytes;
	__u32 cpus;
	__u32 dictionary_bytes;
	__u32 events;
	__u64 dictionary_hash; /* FNV-1a of its bytes */
	__u64 blocks;
	__u64 time_ns; /* when the dump was taken */
	__u64 realtime_ns; /* CLOCK_REALTIME at that moment */
	__u64 record_cost_ns;
	__u32 flags; /* TT_FILE_* */
	__u8 id_bits;
	__u8 reserved[3];
	char clock[16];
	char release[64];
	char host[64];
	__u64 time_ticks; /* the moment time_ns in ticks */
	__u64 begin_ns; /* an earlier moment, in both */
	__u64 begin_ticks;
	__u32 histograms;
	__u32 first_thread; /* rings from this number on are those of threads of applications */
	__u64 capture; /* what all hosts call the moment that it was frozen or taken for; 0: none */
};

#define TT_HEADER_BYTES_V4 256

#define TT_PART_SAME 0xff
#define TT_PART_ZERO 0xff
#define TT_MAX_PARTS 16

#define TT_EVENT_MISSING 1 /* this kernel has no such tracepoint */
#define TT_EVENT_ON 2 /* was switched on when the dump was taken */

/*
 * Followed by name, group, doc, and name and unit of each field, each
 * NUL-terminated; then, from a multiple of 4 on, nparts struct tt_dict_part.
 */
struct tt_dict_entry {
	__u16 bytes; /* with the strings, rounded up to 4 */
	__u16 id;
	__u8 nfields;
	__u8 flags; /* TT_EVENT_* */
	__u8 types[TT_MAX_FIELDS]; /* TT_TYPE_* */
	__u8 nparts;
	__u8 reserved;
};

/*
 * An event that a record of another one holds. Its time is the latest, not
 * after that of the record, whose lower bits are field @time, u16 or u32. A
 * record whose u32 is 0 does not hold it.
 */
struct tt_dict_part {
	__u16 id;
	__u8 time; /* TT_PART_SAME: that of the record */
	__u8 cpu; /* field with the CPU it happened on; TT_PART_SAME: that of the record */
	__u8 args[TT_MAX_EVENT_FIELDS]; /* field of the record for each of its own; TT_PART_ZERO: 0 */
};

/*
 * Of the ring of a CPU, or of a thread. produced = records in the dump + the
 * five counts of lost ones.
 */
struct tt_cpu_account {
	__u32 magic;
	__u32 cpu; /* number of the ring */
	__u64 produced;
	__u64 overwritten;
	__u64 lost_frozen;
	__u64 lost_nested;
	__u64 lost_full;
	__u64 lost_reader;
	__u64 nested_ns; /* time of the last record lost as nested, or 0 */
	__u64 blocks; /* of this ring in the dump */
	__u32 pid, tid; /* of the thread; 0: the ring of a CPU */
	char comm[TT_COMM_CHARS]; /* its name when it got the ring; NUL-terminated */
};

/*
 * Log-linear histogram: values below 8 have buckets of their own; each octave
 * above has 8 of equal width.
 */
#define TT_HIST_SUB_BITS 3
#define TT_HIST_BUCKETS ((32 - TT_HIST_SUB_BITS + 1) << TT_HIST_SUB_BITS)

#define TT_HIST_LINEAR (1u << TT_HIST_SUB_BITS)

/* Bucket of a value that is not below TT_HIST_LINEAR. */
static inline __u32 tt_hist_octave_bucket(__u32 value)
{
	__u32 octave = 31 - (__u32)__builtin_clz(value);

	return (__u32)(((__u64)value << TT_HIST_SUB_BITS) >> octave) +
	       ((octave - TT_HIST_SUB_BITS) << TT_HIST_SUB_BITS);
}

static inline __u32 tt_hist_bucket(__u32 value)
{
	return value < TT_HIST_LINEAR ? value : tt_hist_octave_bucket(value);
}

/* Lowest value of @bucket. */
static inline __u64 tt_hist_low(__u32 bucket)
{
	__u32 shift = bucket >> TT_HIST_SUB_BITS;
	__u64 sub = bucket & ((1 << TT_HIST_SUB_BITS) - 1);

	return shift ? (sub + (1 << TT_HIST_SUB_BITS)) << (shift - 1) : sub;
}

#define TT_HIST_MAGIC 0x54534854u /* "THST" */

/* Durations of one stage on one CPU, in ticks. */
struct tt_histogram {
	__u32 magic;
	__u32 cpu;
	char group[16];
	char stage[32];
	__u64 counts[TT_HIST_BUCKETS];
};

struct tt_file_end {
	char magic[8];
	__u64 file_bytes;
};

#define TT_FNV_BASIS 0xcbf29ce484222325ull
#define TT_FNV_PRIME 0x100000001b3ull

#endif /* TIMETRACE_RECORD_H */
