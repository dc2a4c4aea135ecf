/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/sse.h - server-sent events: taking a stream apart, and the ring that replays. Pure.
 *
 * The daemon's stream comes once and goes to every browser. Its ids mean nothing after a restart
 * of either process, so browsers get ids of this process: "EPOCH-N", EPOCH random per process. An
 * id of another epoch, or one that has left the ring, is a gap, and a gap is told as the event
 * `resync`.
 */
#ifndef TM_WEB_SSE_H
#define TM_WEB_SSE_H

#include "lib/buf.h"

#define TM_SSE_EVENT_MAX (256 * 1024) /* one event's data */
#define TM_SSE_ID_MAX	 64
#define TM_SSE_TYPE_MAX	 32

/* ---- parser: bytes in, events out */

struct tm_sse_parser {
	struct tm_buf line, data;
	char type[TM_SSE_TYPE_MAX], id[TM_SSE_ID_MAX];
	bool skip; /* this event is too large or malformed */
	bool cr;   /* the last byte was a CR */
	bool has_data;
	uint64_t skipped; /* events that were dropped for that */
};

/* @type: "message" if none was given. @id: the last one seen, "" if none. @data is no string. */
typedef void (*tm_sse_event_fn)(void *arg, const char *type, const char *id, const char *data,
				size_t n);

void tm_sse_parser_init(struct tm_sse_parser *p);
void tm_sse_parser_free(struct tm_sse_parser *p);
/* For the next connection: half an event is forgotten, the last id is not. */
void tm_sse_parser_reset(struct tm_sse_parser *p);
/* Returns 0 or -ENOMEM. */
int tm_sse_parse(struct tm_sse_parser *p, const void *bytes, size_t n, tm_sse_event_fn fn,
		 void *arg);

/* ---- ring */

#define TM_RING_EVENTS 1000
#define TM_RING_BYTES  ((size_t)16 << 20)

struct tm_ring;

struct tm_ring *tm_ring_new(uint32_t epoch);
void tm_ring_free(struct tm_ring *r);
/*
 * Append; what is older leaves when the ring is full. @data must hold no line end (JSON without
 * indentation has none), otherwise -EINVAL. Returns 0, -ENOMEM (then there is a gap, and readers
 * are told).
 */
int tm_ring_add(struct tm_ring *r, const char *type, const char *data, size_t n);
/* From here on nobody is given what came before: it ends with a `resync` for those who miss it. */
void tm_ring_cut(struct tm_ring *r);
/* Where a new reader begins: after the newest event. */
uint64_t tm_ring_end(const struct tm_ring *r);
/*
 * Where a reader that has seen @id goes on; UINT64_MAX: a gap (tm_ring_read() then tells
 * `resync`).
 */
uint64_t tm_ring_find(const struct tm_ring *r, const char *id);
/*
 * Copy what fits into @dst, from byte *@offset of event *@pos on, and move both. Returns bytes
 * copied; 0: there is nothing new (or no room); -EPIPE: an event left the ring that was only half
 * sent, so the stream must end here (its reader drops the half, comes again, and is told of the
 * gap).
 */
ssize_t tm_ring_read(const struct tm_ring *r, uint64_t *pos, size_t *offset, char *dst, size_t cap);
/* "EPOCH-N": what a reader at @pos has seen. */
void tm_ring_id(const struct tm_ring *r, uint64_t pos, char ret[TM_SSE_ID_MAX]);

#endif
