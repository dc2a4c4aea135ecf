/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/logfmt.h - the bytes of the commit log. Pure.
 *
 *	0	head: magic, generation, checksum (TM_CLOG_HEAD bytes, zero-padded)
 *	then	records: u32 len, u16 type, u16 zero, u64 generation, u64 checksum, payload
 *
 * The checksum of a record is XXH3-64 of its type, length and payload, seeded by generation and
 * offset, so neither a leftover of an earlier batch nor a record at another place passes. A batch
 * is committed when every record up to and including its TRAILER is good and the trailer counts and
 * sums them right.
 */
#ifndef TM_TARGET_LOGFMT_H
#define TM_TARGET_LOGFMT_H

#include "lib/buf.h"

#define TM_CLOG_HEAD	 4096
#define TM_CLOG_REC_HEAD 24
#define TM_CLOG_REC_MAX	 ((uint32_t)2 << 20) /* payload of one record */

enum tm_clog_type {
	TM_CLOG_DATA = 1,    /* raw bytes for patches */
	TM_CLOG_STEP = 2,    /* step.h */
	TM_CLOG_TRAILER = 3, /* struct tm_clog_trailer */
};

struct tm_clog_trailer {
	uint64_t seq;	  /* of the batch */
	uint64_t records; /* before the trailer */
	uint64_t sum;	  /* over their checksums */
	uint32_t flags;	  /* enum tm_batch_flags */
};

void tm_clog_head_put(uint8_t p[TM_CLOG_HEAD], uint64_t gen);
int tm_clog_head_get(const uint8_t p[TM_CLOG_HEAD], uint64_t *ret_gen); /* 0 or -EBADMSG */

/* Fill the head of a record that will stand at @off. Returns its checksum. */
uint64_t tm_clog_rec_put(uint8_t h[TM_CLOG_REC_HEAD], uint64_t gen, uint64_t off, uint16_t type,
			 const void *payload, uint32_t len);
/* Fold one record's checksum into the running one of its batch. */
uint64_t tm_clog_sum_add(uint64_t sum, uint64_t rec_sum);
void tm_clog_trailer_put(struct tm_buf *b, const struct tm_clog_trailer *t);
uint64_t tm_clog_hash(const void *p, size_t n);

/* Where a log is read from: bytes read (fewer at its end), or -errno. */
struct tm_clog_src {
	ssize_t (*read)(void *ctx, void *p, size_t n, uint64_t off);
	void *ctx;
};

/* One good record; 0, or an error that ends the scan. */
typedef int (*tm_clog_fn)(void *arg, uint16_t type, uint64_t payload_off, const uint8_t *payload,
			  uint32_t len);

/*
 * Read records until the trailer. Returns 0 and the trailer: committed. -ENODATA: no committed
 * batch (torn, damaged, old or empty). Other -errno: cannot be read, no memory, or @fn's error. @fn
 * sees records before it is known whether they are committed.
 */
int tm_clog_scan(const struct tm_clog_src *src, tm_clog_fn fn, void *arg,
		 struct tm_clog_trailer *ret);

#endif
