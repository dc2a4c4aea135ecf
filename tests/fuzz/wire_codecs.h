/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/wire_codecs.h - every message codec of wire/ in one table, for round trips and fuzzing.
 *
 * A codec is judged by one law: what decodes must encode to the same bytes again.
 */
#ifndef TM_TESTS_WIRE_CODECS_H
#define TM_TESTS_WIRE_CODECS_H

#include "wire/ctl.h"
#include "wire/msg.h"

struct wire_codec {
	const char *name;
	bool ctl;		/* of wire/ctl.h, not wire/msg.h */
	bool record;		/* stops at its own end: bytes may follow */
	size_t size;
	void (*put)(struct tm_buf *b, const void *m);
	int (*get)(struct tm_rd *r, void *m);
};

#define WIRE_CODEC(fn, type)							\
	static inline void wire_put_##fn(struct tm_buf *b, const void *m)	\
	{									\
		fn##_put(b, (const type *)m);					\
	}									\
	static inline int wire_get_##fn(struct tm_rd *r, void *m)		\
	{									\
		return fn##_get(r, (type *)m);					\
	}

WIRE_CODEC(tm_msg_proof, struct tm_msg_proof)
WIRE_CODEC(tm_msg_hello, struct tm_msg_hello)
WIRE_CODEC(tm_msg_text, struct tm_msg_text)
WIRE_CODEC(tm_msg_pair_request, struct tm_msg_pair_request)
WIRE_CODEC(tm_msg_pair_state, struct tm_msg_pair_state)
WIRE_CODEC(tm_msg_session, struct tm_msg_session)
WIRE_CODEC(tm_msg_ready, struct tm_msg_ready)
WIRE_CODEC(tm_msg_batch, struct tm_msg_batch)
WIRE_CODEC(tm_msg_file, struct tm_msg_file)
WIRE_CODEC(tm_msg_file_end, struct tm_msg_file_end)
WIRE_CODEC(tm_msg_ack, struct tm_msg_ack)
WIRE_CODEC(tm_msg_stop, struct tm_msg_stop)
WIRE_CODEC(tm_assert, struct tm_assert)
WIRE_CODEC(tm_need, struct tm_need)
WIRE_CODEC(tm_attrs, struct tm_attrs)
WIRE_CODEC(tm_ctl_start, struct tm_ctl_start)
WIRE_CODEC(tm_ctl_sign, struct tm_ctl_sign)
WIRE_CODEC(tm_ctl_authed, struct tm_ctl_authed)
WIRE_CODEC(tm_ctl_set, struct tm_ctl_set)
WIRE_CODEC(tm_ctl_progress, struct tm_ctl_progress)
WIRE_CODEC(tm_ctl_done, struct tm_ctl_done)
WIRE_CODEC(tm_ctl_file_failed, struct tm_ctl_file_failed)
WIRE_CODEC(tm_hashes, struct tm_hashes)
WIRE_CODEC(tm_found, struct tm_found)

#define WIRE_ROW(fn, type, is_ctl, is_record) \
	{ #fn, is_ctl, is_record, sizeof(type), wire_put_##fn, wire_get_##fn }

static const struct wire_codec wire_codecs[] = {
	WIRE_ROW(tm_msg_proof, struct tm_msg_proof, false, false),
	WIRE_ROW(tm_msg_hello, struct tm_msg_hello, false, false),
	WIRE_ROW(tm_msg_text, struct tm_msg_text, false, false),
	WIRE_ROW(tm_msg_pair_request, struct tm_msg_pair_request, false, false),
	WIRE_ROW(tm_msg_pair_state, struct tm_msg_pair_state, false, false),
	WIRE_ROW(tm_msg_session, struct tm_msg_session, false, false),
	WIRE_ROW(tm_msg_ready, struct tm_msg_ready, false, false),
	WIRE_ROW(tm_msg_batch, struct tm_msg_batch, false, false),
	WIRE_ROW(tm_msg_file, struct tm_msg_file, false, false),
	WIRE_ROW(tm_msg_file_end, struct tm_msg_file_end, false, false),
	WIRE_ROW(tm_msg_ack, struct tm_msg_ack, false, false),
	WIRE_ROW(tm_msg_stop, struct tm_msg_stop, false, false),
	WIRE_ROW(tm_assert, struct tm_assert, false, true),
	WIRE_ROW(tm_need, struct tm_need, false, true),
	WIRE_ROW(tm_attrs, struct tm_attrs, false, true),
	WIRE_ROW(tm_ctl_start, struct tm_ctl_start, true, false),
	WIRE_ROW(tm_ctl_sign, struct tm_ctl_sign, true, false),
	WIRE_ROW(tm_ctl_authed, struct tm_ctl_authed, true, false),
	WIRE_ROW(tm_ctl_set, struct tm_ctl_set, true, false),
	WIRE_ROW(tm_ctl_progress, struct tm_ctl_progress, true, false),
	WIRE_ROW(tm_ctl_done, struct tm_ctl_done, true, false),
	WIRE_ROW(tm_ctl_file_failed, struct tm_ctl_file_failed, true, false),
	WIRE_ROW(tm_hashes, struct tm_hashes, false, true),
	WIRE_ROW(tm_found, struct tm_found, false, true),
};

#define WIRE_CODECS TM_ARRAY_SIZE(wire_codecs)

/*
 * Decode with one codec. Returns 1: accepted, and it encodes to the same bytes; 0: refused;
 * -1: the law is broken.
 */
static inline int wire_codec_try(const struct wire_codec *c, const uint8_t *p, size_t n)
{
	void *m = calloc(1, c->size);
	struct tm_rd r = tm_rd(p, n);
	struct tm_buf b;
	int ret;

	tm_buf_init(&b, 0);
	if (!m)
		return -1;
	if (c->get(&r, m) < 0) {
		free(m);
		return 0;
	}
	c->put(&b, m);
	ret = !tm_buf_error(&b) && b.len == n - r.len && !memcmp(b.data, p, b.len) ? 1 : -1;
	tm_buf_free(&b);
	free(m);
	return ret;
}

#endif
