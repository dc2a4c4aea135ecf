// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/handover.c - packs change records into packets for the worker.
 */
#include "daemon/handover.h"
#include "daemon/supervisor.h"

/* A record is at most a few KiB (256 ranges): packets stay below TM_CTL_MAX. */
#define PACKET_FULL (TM_CTL_MAX - 8192)

struct handover {
	struct tm_policy *p;
	struct tm_buf b;
};

static int handover_flush(struct handover *h)
{
	int r;

	if (h->b.len == 0)
		return tm_buf_error(&h->b);
	r = tm_worker_send(h->p->w, TM_C_CHANGES, &h->b, -1);
	tm_buf_reset(&h->b);
	return r;
}

static int handover_one(const struct tm_change *c, void *arg)
{
	struct handover *h = arg;

	tm_change_put(&h->b, c);
	return h->b.len >= PACKET_FULL || tm_buf_error(&h->b) ? handover_flush(h) : 0;
}

static int handover(struct tm_policy *p, const struct tm_change_set *changes, uint32_t flags)
{
	struct tm_ctl_set set = { .set_id = p->bl->set_id,
				  .flags = flags,
				  .taken_ns = p->taken_ns };
	struct handover h = { .p = p };
	int r;

	tm_buf_init(&h.b, TM_CTL_MAX - 16);
	r = tm_change_set_each(changes, handover_one, &h);
	if (r == 0)
		r = handover_flush(&h);
	if (r == 0) {
		tm_buf_reset(&h.b);
		tm_ctl_set_put(&h.b, &set);
		r = tm_worker_send(p->w, TM_C_CHANGES_END, &h.b, -1);
	}
	tm_buf_free(&h.b);
	return r;
}

int tm_handover_set(struct tm_policy *p)
{
	return handover(p, p->bl->inflight, p->set_confirmed ? TM_SET_CONFIRMED : 0);
}

int tm_handover_compare(struct tm_policy *p, const struct tm_change_set *set, bool look)
{
	return handover(p, set, look ? TM_SET_LOOK : 0);
}
