/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/buf.h - the one bounded encoder and decoder for bytes from outside.
 *
 * Encoder (struct tm_buf): a growing byte buffer with a hard limit. Errors
 * are sticky: after the first failed put, every later put does nothing and
 * tm_buf_error() says why (-ENOMEM, -EMSGSIZE); so callers check once.
 *
 * Decoder (struct tm_rd): a cursor over borrowed bytes. Errors are sticky
 * too: a read past the end sets -EBADMSG and every getter then yields zero.
 * It never allocates and never reads outside [p, p+len).
 *
 * All integers are little-endian. Byte strings are a u32 length and the
 * bytes, with the largest allowed length named by the reader.
 */
#ifndef TM_LIB_BUF_H
#define TM_LIB_BUF_H

#include "lib/base.h"
#include "lib/oid.h"

struct tm_buf {
	uint8_t *data;	/* owned */
	size_t len;
	size_t cap;
	size_t max;	/* hard limit in bytes; 0 = TM_BUF_MAX */
	int error;	/* 0 or negative errno, sticky */
};

#define TM_BUF_MAX ((size_t)64 << 20)

void tm_buf_init(struct tm_buf *b, size_t max);
void tm_buf_free(struct tm_buf *b);		/* accepts a zeroed one */
void tm_buf_reset(struct tm_buf *b);		/* len = 0, error = 0; keeps memory */
int tm_buf_error(const struct tm_buf *b);
/* Make room for @n more bytes and return a pointer to them (len not moved), or NULL. */
uint8_t *tm_buf_reserve(struct tm_buf *b, size_t n);
/* Drop the first @n bytes (n <= len). */
void tm_buf_consume(struct tm_buf *b, size_t n);

void tm_put_u8(struct tm_buf *b, uint8_t v);
void tm_put_u16(struct tm_buf *b, uint16_t v);
void tm_put_u32(struct tm_buf *b, uint32_t v);
void tm_put_u64(struct tm_buf *b, uint64_t v);
void tm_put_raw(struct tm_buf *b, const void *p, size_t n);
/* u32 length and bytes. */
void tm_put_bytes(struct tm_buf *b, const void *p, size_t n);
void tm_put_str(struct tm_buf *b, const char *s);	/* NULL is written as "" */
void tm_put_oid(struct tm_buf *b, struct tm_oid o);
/* Overwrite a u32 written earlier at @at (for lengths known only later). */
void tm_buf_patch_u32(struct tm_buf *b, size_t at, uint32_t v);

struct tm_rd {
	const uint8_t *p;	/* borrowed */
	size_t len;		/* bytes left */
	int error;
};

static inline struct tm_rd tm_rd(const void *p, size_t len)
{
	return (struct tm_rd){ .p = p, .len = len };
}

uint8_t tm_get_u8(struct tm_rd *r);
uint16_t tm_get_u16(struct tm_rd *r);
uint32_t tm_get_u32(struct tm_rd *r);
uint64_t tm_get_u64(struct tm_rd *r);
struct tm_oid tm_get_oid(struct tm_rd *r);
/* Copy exactly @n bytes to @dst (zeroed on error). */
void tm_get_raw(struct tm_rd *r, void *dst, size_t n);
/* Borrow a byte string of at most @max bytes; *ret_n its length. NULL on error. */
const uint8_t *tm_get_bytes(struct tm_rd *r, size_t max, size_t *ret_n);
/* Copy a byte string into dst[cap] with a NUL; refuses embedded NULs (-EBADMSG). */
void tm_get_str(struct tm_rd *r, char *dst, size_t cap);
/* Set the sticky error (first one wins). */
void tm_rd_fail(struct tm_rd *r, int error);
/* 0 if everything was read and nothing is left; else -EBADMSG or the first error. */
int tm_rd_end(const struct tm_rd *r);

#endif
