/* SPDX-License-Identifier: GPL-2.0-only */
/* Classes of message lengths, in which received bytes are counted. Pure. */
#ifndef _HOMA_SIZE_CLASS_H
#define _HOMA_SIZE_CLASS_H

#include <linux/types.h>

/* Steps of 64 bytes up to 4096, then of 1024 up to 131072. */
#define HOMA_SMALL_STEP 64u
#define HOMA_SMALL_CLASSES 64u
#define HOMA_MEDIUM_STEP 1024u
#define HOMA_MEDIUM_CLASSES 124u
#define HOMA_SIZE_CLASSES (HOMA_SMALL_CLASSES + HOMA_MEDIUM_CLASSES)

/* Medium steps below the first medium class. */
#define HOMA_MEDIUM_BELOW (HOMA_SMALL_STEP * HOMA_SMALL_CLASSES / HOMA_MEDIUM_STEP)

/* Class of messages of @length bytes; HOMA_SIZE_CLASSES: longer than all of them. */
static inline u32 homa_size_class(u32 length)
{
	u32 index = (length - 1) / HOMA_SMALL_STEP;

	if (index >= HOMA_SMALL_CLASSES)
		index = (length - 1) / HOMA_MEDIUM_STEP - HOMA_MEDIUM_BELOW + HOMA_SMALL_CLASSES;
	return index < HOMA_SIZE_CLASSES ? index : HOMA_SIZE_CLASSES;
}

/* Length of the longest messages of a class below HOMA_SIZE_CLASSES. */
static inline u32 homa_size_class_end(u32 index)
{
	if (index < HOMA_SMALL_CLASSES)
		return (index + 1) * HOMA_SMALL_STEP;
	return (index + 1 - HOMA_SMALL_CLASSES + HOMA_MEDIUM_BELOW) * HOMA_MEDIUM_STEP;
}

/**
 * struct homa_sizes - bytes received in messages, by length
 * @bytes: of each class; the last: longer ones.
 * @large: number of those.
 */
struct homa_sizes {
	u64 bytes[HOMA_SIZE_CLASSES + 1];
	u64 large;
};

#endif /* _HOMA_SIZE_CLASS_H */
