/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/link.h - what the engine needs of a connection. An interface only.
 *
 * peer/ implements it over TLS, tests implement it over a socket pair. Calls
 * block (with the link's own timeout) and return -errno; after any error the
 * connection is over. -ETIMEDOUT: the peer was silent too long. -ECONNRESET:
 * it is gone. -ECANCELED: the daemon asked this worker to stop meanwhile.
 */
#ifndef TM_WIRE_LINK_H
#define TM_WIRE_LINK_H

#include "lib/buf.h"
#include "wire/frame.h"

struct tm_link;

struct tm_link_counters {
	uint64_t wire_bytes;	 /* bytes given to or taken from the transport */
	uint64_t sendfile_bytes; /* file data that left by sendfile(2) or SSL_sendfile */
	uint64_t ktls_bytes;	 /* of those, encrypted by the kernel */
	uint64_t copy_bytes;	 /* file data that went through a user buffer */
};

struct tm_link_ops {
	/* Send one frame (buffered; may leave later). */
	int (*send)(struct tm_link *l, uint16_t type, const void *payload, uint32_t len);
	/*
	 * Send a DATA frame of @n bytes (1..TM_DATA_MAX) of @fd from @off, labelled with offset
	 * @label. A file that became shorter is padded with zeros and *@ret_short set. The caller
	 * sends the VERDICT. Returns 0 or -errno (a read error of the file is *@ret_read_err, the
	 * frame is zero-padded).
	 */
	int (*send_file)(struct tm_link *l, uint64_t label, int fd, uint64_t off, uint32_t n,
			 bool *ret_short, int *ret_read_err);
	/* Push out what is buffered. */
	int (*flush)(struct tm_link *l);
	/*
	 * Receive one frame; flushes first. *@ret_payload is borrowed until the next call.
	 * @timeout_ms -1: the link's default. Returns 0 or -errno.
	 */
	int (*recv)(struct tm_link *l, uint16_t *ret_type, const uint8_t **ret_payload,
		    uint32_t *ret_len, int timeout_ms);
	/* Is a frame (or its beginning) waiting? */
	bool (*pending)(struct tm_link *l);
};

struct tm_link {
	const struct tm_link_ops *ops;
	uint64_t features; /* TM_FEATURE_* that both ends named in HELLO */
	struct tm_link_counters counters;
};

static inline int tm_link_send(struct tm_link *l, uint16_t type, const void *p, uint32_t n)
{
	return l->ops->send(l, type, p, n);
}

/* Send a message built in @b; its sticky error is returned instead, if any. */
static inline int tm_link_send_buf(struct tm_link *l, uint16_t type, const struct tm_buf *b)
{
	int r = tm_buf_error(b);

	return r < 0 ? r : l->ops->send(l, type, b->data, (uint32_t)b->len);
}

static inline int tm_link_send_file(struct tm_link *l, uint64_t label, int fd, uint64_t off,
				    uint32_t n, bool *ret_short, int *ret_read_err)
{
	return l->ops->send_file(l, label, fd, off, n, ret_short, ret_read_err);
}

static inline int tm_link_flush(struct tm_link *l)
{
	return l->ops->flush(l);
}

static inline int tm_link_recv(struct tm_link *l, uint16_t *type, const uint8_t **p, uint32_t *n,
			       int timeout_ms)
{
	return l->ops->recv(l, type, p, n, timeout_ms);
}

static inline bool tm_link_pending(struct tm_link *l)
{
	return l->ops->pending(l);
}

#endif
