/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * content.h - what is in regular files: equal bytes, a hash of the bytes, and
 * where one file stores what the other leaves as a hole.
 *
 * Large files are read by SEEK_DATA, so holes cost nothing; @read_holes
 * distrusts that and reads every byte. Both descriptors are borrowed and read
 * by pread(). -ESTALE: a file became shorter meanwhile. Single-threaded.
 */
#ifndef ORACLE_CONTENT_H
#define ORACLE_CONTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ORACLE_HASH_BYTES	32

struct oracle_content_diff {
	off_t first;		/* offset of the first differing byte */
	uint64_t bytes;		/* how many differ */
	uint64_t read;		/* how many were read from the first file */
	int side;		/* after an error: which file, 0 or 1 */
};

/* Compare the first @size bytes. Returns 0 with *ret filled, or -errno. */
int oracle_content_compare(int a, int b, off_t size, bool read_holes,
			   struct oracle_content_diff *ret);

/*
 * SHA-256 over (offset, block) of each 64 KiB block that is not all zero, and
 * the size: equal for equal bytes, wherever the holes are.
 */
int oracle_content_hash(int fd, off_t size, bool read_holes,
			unsigned char ret[ORACLE_HASH_BYTES]);

/*
 * Bytes below @size that @dst stores although @src has a hole there. Blocks
 * that @src has reserved but never written do not count.
 */
int oracle_content_filled(int src, int dst, off_t size, uint64_t *ret_bytes);

#endif
