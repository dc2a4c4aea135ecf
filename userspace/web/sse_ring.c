// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/sse_ring.c - the last events, ready to be sent, and where each reader stands.
 *
 * Event number N (from 1) lies at index N % TM_RING_EVENTS while first <= N < next. A reader's
 * position is the number of the event it wants next.
 */
#include "web/sse.h"

#include <stdio.h>

#define GAP UINT64_MAX

struct event {
	char *text; /* owned: the whole block, "id: ...\n\n" */
	size_t len;
};

struct tm_ring {
	uint32_t epoch;
	uint64_t first, next;
	uint64_t cut; /* the number after the latest cut */
	size_t bytes;
	struct event e[TM_RING_EVENTS];
};

struct tm_ring *tm_ring_new(uint32_t epoch)
{
	struct tm_ring *r = calloc(1, sizeof(*r));

	if (r) {
		r->epoch = epoch;
		r->first = r->next = 1;
	}
	return r;
}

static void drop_first(struct tm_ring *r)
{
	struct event *e = &r->e[r->first % TM_RING_EVENTS];

	r->bytes -= e->len;
	free(e->text);
	*e = (struct event){ 0 };
	r->first++;
}

void tm_ring_cut(struct tm_ring *r)
{
	while (r->first < r->next)
		drop_first(r);
	/* A number that nobody is given: whoever stood at the end has missed something, too. */
	r->cut = r->first = ++r->next;
}

void tm_ring_free(struct tm_ring *r)
{
	if (!r)
		return;
	while (r->first < r->next)
		drop_first(r);
	free(r);
}

int tm_ring_add(struct tm_ring *r, const char *type, const char *data, size_t n)
{
	struct event e;
	int head;

	if (memchr(data, '\n', n) || memchr(data, '\r', n))
		return -EINVAL;
	e.text = malloc(n + TM_SSE_TYPE_MAX + 96);
	if (!e.text) {
		tm_ring_cut(r);
		return -ENOMEM;
	}
	head = sprintf(e.text, "id: %08x-%llu\nevent: %.*s\ndata: ", r->epoch,
		       (unsigned long long)r->next, TM_SSE_TYPE_MAX, type);
	memcpy(e.text + head, data, n);
	memcpy(e.text + head + n, "\n\n", 2);
	e.len = (size_t)head + n + 2;
	while (r->first < r->next &&
	       (r->next - r->first >= TM_RING_EVENTS || r->bytes + e.len > TM_RING_BYTES))
		drop_first(r);
	r->e[r->next++ % TM_RING_EVENTS] = e;
	r->bytes += e.len;
	return 0;
}

uint64_t tm_ring_end(const struct tm_ring *r)
{
	return r->next;
}

uint64_t tm_ring_find(const struct tm_ring *r, const char *id)
{
	unsigned long long n;
	unsigned int epoch;
	char again[TM_SSE_ID_MAX];

	if (strlen(id) >= sizeof(again) || sscanf(id, "%8x-%20llu", &epoch, &n) != 2)
		return GAP;
	/* Exactly as it was given out. */
	snprintf(again, sizeof(again), "%08x-%llu", epoch, n);
	if (!tm_streq(again, id) || epoch != r->epoch || n >= r->next || n + 1 < r->first)
		return GAP;
	return n + 1;
}

void tm_ring_id(const struct tm_ring *r, uint64_t pos, char ret[TM_SSE_ID_MAX])
{
	snprintf(ret, TM_SSE_ID_MAX, "%08x-%llu", r->epoch, (unsigned long long)(pos - 1));
}

/*
 * The block for somebody who missed something. What came after a cut is not in what he loads for
 * sure (that the daemon is back), so he goes on right behind it; else at the end.
 */
static size_t resync(const struct tm_ring *r, uint64_t *pos, char *dst, size_t cap)
{
	char id[TM_SSE_ID_MAX], text[128];
	uint64_t on = *pos != GAP && r->cut == r->first ? r->cut : r->next;
	int n;

	tm_ring_id(r, on, id);
	n = snprintf(text, sizeof(text), "id: %s\nevent: resync\ndata: {}\n\n", id);
	if (n < 0 || (size_t)n > cap)
		return 0;
	memcpy(dst, text, (size_t)n);
	*pos = on;
	return (size_t)n;
}

ssize_t tm_ring_read(const struct tm_ring *r, uint64_t *pos, size_t *offset, char *dst, size_t cap)
{
	size_t done = 0;

	if (*pos < r->first || *pos == GAP) {
		if (*offset)
			return -EPIPE;
		return (ssize_t)resync(r, pos, dst, cap);
	}
	while (*pos < r->next && done < cap) {
		const struct event *e = &r->e[*pos % TM_RING_EVENTS];
		size_t n = TM_MIN(e->len - *offset, cap - done);

		memcpy(dst + done, e->text + *offset, n);
		done += n;
		*offset += n;
		if (*offset == e->len) {
			*offset = 0;
			(*pos)++;
		}
	}
	return (ssize_t)done;
}
