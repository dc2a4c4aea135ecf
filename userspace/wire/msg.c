/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/msg.c - connection, pairing, session and batch messages; see msg.h. Pure.
 *
 * What a batch is filled with (assertions, needs, files) is in record.c. A decoder of a whole
 * message refuses bytes that are left over, so a message has exactly one encoding.
 */
#include "wire/msg.h"

/* A text in a fixed array: never read past the array, whatever is in it. */
static void put_text(struct tm_buf *b, const char *s, size_t cap)
{
	tm_put_bytes(b, s, strnlen(s, cap - 1));
}

static uint8_t get_bool(struct tm_rd *r)
{
	uint8_t v = tm_get_u8(r);

	if (v > 1)
		tm_rd_fail(r, -EBADMSG);
	return v;
}

void tm_msg_proof_put(struct tm_buf *b, const struct tm_msg_proof *m)
{
	tm_put_raw(b, m->key, TM_KEY_LEN);
	tm_put_raw(b, m->sig, TM_SIG_LEN);
}

int tm_msg_proof_get(struct tm_rd *r, struct tm_msg_proof *m)
{
	tm_get_raw(r, m->key, TM_KEY_LEN);
	tm_get_raw(r, m->sig, TM_SIG_LEN);
	return tm_rd_end(r);
}

void tm_msg_hello_put(struct tm_buf *b, const struct tm_msg_hello *m)
{
	tm_put_u16(b, m->proto_min);
	tm_put_u16(b, m->proto_max);
	tm_put_u64(b, m->features);
	put_text(b, m->cluster, sizeof(m->cluster));
	put_text(b, m->version, sizeof(m->version));
}

int tm_msg_hello_get(struct tm_rd *r, struct tm_msg_hello *m)
{
	m->proto_min = tm_get_u16(r);
	m->proto_max = tm_get_u16(r);
	m->features = tm_get_u64(r);
	tm_get_str(r, m->cluster, sizeof(m->cluster));
	tm_get_str(r, m->version, sizeof(m->version));
	if (m->proto_min > m->proto_max)
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

void tm_msg_text_put(struct tm_buf *b, const struct tm_msg_text *m)
{
	tm_put_u32(b, m->code);
	tm_put_u32(b, (uint32_t)m->err);
	put_text(b, m->text, sizeof(m->text));
}

int tm_msg_text_get(struct tm_rd *r, struct tm_msg_text *m)
{
	m->code = tm_get_u32(r);
	m->err = (int32_t)tm_get_u32(r);
	tm_get_str(r, m->text, sizeof(m->text));
	return tm_rd_end(r);
}

void tm_msg_pair_request_put(struct tm_buf *b, const struct tm_msg_pair_request *m)
{
	tm_put_raw(b, m->id, TM_POLICY_ID_LEN);
	tm_put_raw(b, m->secret, TM_SECRET_LEN);
	put_text(b, m->name, sizeof(m->name));
	put_text(b, m->source_dir, sizeof(m->source_dir));
	put_text(b, m->target_dir, sizeof(m->target_dir));
	tm_put_u8(b, m->continuous);
	tm_put_u64(b, m->est_files);
	tm_put_u64(b, m->est_bytes);
}

int tm_msg_pair_request_get(struct tm_rd *r, struct tm_msg_pair_request *m)
{
	tm_get_raw(r, m->id, TM_POLICY_ID_LEN);
	tm_get_raw(r, m->secret, TM_SECRET_LEN);
	tm_get_str(r, m->name, sizeof(m->name));
	tm_get_str(r, m->source_dir, sizeof(m->source_dir));
	tm_get_str(r, m->target_dir, sizeof(m->target_dir));
	m->continuous = get_bool(r);
	m->est_files = tm_get_u64(r);
	m->est_bytes = tm_get_u64(r);
	return tm_rd_end(r);
}

void tm_msg_pair_state_put(struct tm_buf *b, const struct tm_msg_pair_state *m)
{
	tm_put_u8(b, m->state);
	put_text(b, m->text, sizeof(m->text));
}

int tm_msg_pair_state_get(struct tm_rd *r, struct tm_msg_pair_state *m)
{
	m->state = tm_get_u8(r);
	tm_get_str(r, m->text, sizeof(m->text));
	if (m->state < TM_PAIR_AWAITING || m->state > TM_PAIR_REFUSED)
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

void tm_msg_session_put(struct tm_buf *b, const struct tm_msg_session *m)
{
	tm_put_u64(b, m->fence);
	tm_put_u64(b, m->source_dev);
	tm_put_oid(b, m->root);
}

int tm_msg_session_get(struct tm_rd *r, struct tm_msg_session *m)
{
	m->fence = tm_get_u64(r);
	m->source_dev = tm_get_u64(r);
	m->root = tm_get_oid(r);
	if (tm_oid_is_none(m->root))
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

void tm_msg_ready_put(struct tm_buf *b, const struct tm_msg_ready *m)
{
	tm_put_u64(b, m->last_seq);
	tm_put_u64(b, m->objects);
	tm_put_u8(b, m->fresh);
}

int tm_msg_ready_get(struct tm_rd *r, struct tm_msg_ready *m)
{
	m->last_seq = tm_get_u64(r);
	m->objects = tm_get_u64(r);
	m->fresh = get_bool(r);
	return tm_rd_end(r);
}

#define BATCH_FLAGS (TM_BATCH_RECONCILE | TM_BATCH_LAST | TM_BATCH_SUSPECT | TM_BATCH_CONFIRMED | \
		     TM_BATCH_LOOK)

void tm_msg_batch_put(struct tm_buf *b, const struct tm_msg_batch *m)
{
	tm_put_u64(b, m->seq);
	tm_put_u64(b, m->fence);
	tm_put_u32(b, m->flags);
	tm_put_u64(b, (uint64_t)m->taken_ns);
}

int tm_msg_batch_get(struct tm_rd *r, struct tm_msg_batch *m)
{
	m->seq = tm_get_u64(r);
	m->fence = tm_get_u64(r);
	m->flags = tm_get_u32(r);
	m->taken_ns = (int64_t)tm_get_u64(r);
	if (m->flags & ~(uint32_t)BATCH_FLAGS)
		tm_rd_fail(r, -EBADMSG);
	return tm_rd_end(r);
}

void tm_msg_ack_put(struct tm_buf *b, const struct tm_msg_ack *m)
{
	tm_put_u64(b, m->seq);
	tm_put_u64(b, m->files);
	tm_put_u64(b, m->deleted);
	tm_put_u64(b, m->renamed);
	tm_put_u64(b, m->refused);
	tm_put_u64(b, m->skipped);
	tm_put_u64(b, m->objects);
}

int tm_msg_ack_get(struct tm_rd *r, struct tm_msg_ack *m)
{
	m->seq = tm_get_u64(r);
	m->files = tm_get_u64(r);
	m->deleted = tm_get_u64(r);
	m->renamed = tm_get_u64(r);
	m->refused = tm_get_u64(r);
	m->skipped = tm_get_u64(r);
	m->objects = tm_get_u64(r);
	return tm_rd_end(r);
}

void tm_msg_stop_put(struct tm_buf *b, const struct tm_msg_stop *m)
{
	tm_put_u64(b, m->deletes);
	tm_put_u64(b, m->objects);
	put_text(b, m->text, sizeof(m->text));
}

int tm_msg_stop_get(struct tm_rd *r, struct tm_msg_stop *m)
{
	m->deletes = tm_get_u64(r);
	m->objects = tm_get_u64(r);
	tm_get_str(r, m->text, sizeof(m->text));
	return tm_rd_end(r);
}
