/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * digest/digest.h - hashes of the blocks of files, for comparing two ends of a policy.
 *
 * SHA-256, not XXH3: who may write one file on one end could otherwise make another content of the
 * same hash (that takes no effort with XXH3) and keep a comparison from seeing it. Two threads need
 * two objects. Not pure: reads the file it is given, nothing else.
 */
#ifndef TM_DIGEST_DIGEST_H
#define TM_DIGEST_DIGEST_H

#include "lib/base.h"

#define TM_DIGEST_LEN 32

struct tm_digest;

/* Call before seccomp closes what the library needs for its set-up, or after: it opens no file. */
int tm_digest_new(struct tm_digest **ret);	/* 0, -ENOMEM, -ENOSYS */
void tm_digest_free(struct tm_digest *d);	/* accepts NULL */

int tm_digest_mem(struct tm_digest *d, const void *p, size_t n, uint8_t out[TM_DIGEST_LEN]);

/*
 * Bytes [off, off + n) of @fd, n > 0. A hole is zeros and is not read. *@ret_read: bytes that were
 * read (added). Returns 0; -ENODATA: the file ends before; -errno.
 */
int tm_digest_block(struct tm_digest *d, int fd, uint64_t off, uint32_t n, uint8_t out[TM_DIGEST_LEN],
		    uint64_t *ret_read);

/*
 * How large the blocks of a file of @size bytes are: one for a small file, few thousand for a large
 * one, but never beyond 1 MiB, so that little has to be sent where little differs.
 */
uint32_t tm_digest_block_size(uint64_t size);

#endif
