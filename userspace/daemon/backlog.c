// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/backlog.c - moves change records between the four sets and keeps the journal a superset of them.
 */
#include "daemon/backlog.h"

static int add_pending(const struct tm_change *c, void *arg)
{
	struct tm_backlog *b = arg;
	int r = tm_change_set_add(b->pending, c);

	return r < 0 ? r : 0;
}

static void sets_free(struct tm_backlog *b)
{
	tm_change_set_free(b->pending);
	tm_change_set_free(b->inflight);
	tm_change_set_free(b->torn);
	tm_change_set_free(b->retry);
	b->pending = b->inflight = b->torn = b->retry = NULL;
}

int tm_backlog_open(struct tm_backlog *b, int dirfd, const uint8_t token[TM_JOURNAL_TOKEN_LEN],
		    uint32_t max_entries, bool *ret_kept)
{
	int r;

	*b = (struct tm_backlog){
		.j = { .dirfd = dirfd, .fd = -EBADF },
		.pending = tm_change_set_new(max_entries),
		.inflight = tm_change_set_new(max_entries),
		.torn = tm_change_set_new(max_entries),
		.retry = tm_change_set_new(max_entries),
	};
	if (!b->pending || !b->inflight || !b->torn || !b->retry) {
		tm_backlog_close(b);
		return -ENOMEM;
	}
	r = tm_journal_open(&b->j, dirfd, token, add_pending, b, ret_kept);
	if (r < 0)
		sets_free(b);
	return r;
}

void tm_backlog_close(struct tm_backlog *b)
{
	tm_journal_close(&b->j);
	sets_free(b);
}

static int compact(struct tm_backlog *b)
{
	const struct tm_change_set *sets[] = { b->pending, b->inflight, b->retry };

	return tm_journal_rewrite(&b->j, sets, TM_ARRAY_SIZE(sets));
}

int tm_backlog_add(struct tm_backlog *b, const struct tm_change *c)
{
	int r = tm_journal_append(&b->j, c);

	if (r < 0)
		return r;
	r = tm_change_set_add(b->pending, c);
	if (r < 0)
		return r;
	/* With the target away nothing is ever done: the journal must still stay as small as the sets. */
	if (tm_journal_bloated(&b->j))
		(void)compact(b);
	return 0;
}

int tm_backlog_add_all(struct tm_backlog *b, uint32_t flags)
{
	struct tm_change all = { .kind = TM_CHANGE_ALL, .flags = flags };

	return tm_backlog_add(b, &all);
}

int tm_backlog_take(struct tm_backlog *b, bool with_retry)
{
	struct tm_change_set *t;
	int r;

	if (b->out)
		return -EBUSY;
	if (with_retry) {
		r = tm_change_set_merge(b->pending, b->retry);
		if (r < 0)
			return r;
		tm_change_set_clear(b->retry);
	}
	t = b->inflight;
	b->inflight = b->pending;
	b->pending = t;
	tm_change_set_clear(b->torn);
	b->set_id++;
	b->out = true;
	return 0;
}

int tm_backlog_take_nothing(struct tm_backlog *b)
{
	if (b->out)
		return -EBUSY;
	tm_change_set_clear(b->torn);
	b->set_id++;
	b->out = true;
	return 0;
}

int tm_backlog_torn(struct tm_backlog *b, const struct tm_change *c)
{
	int r = tm_change_set_add(b->torn, c);

	return r < 0 ? r : 0;
}

int tm_backlog_done(struct tm_backlog *b)
{
	int r = tm_change_set_merge(b->retry, b->torn);

	if (r < 0) {
		/* No memory to remember what was torn: then all of it is still owed. */
		(void)tm_backlog_fail(b);
		return r;
	}
	tm_change_set_clear(b->torn);
	tm_change_set_clear(b->inflight);
	b->out = false;
	/*
	 * Stale records in the journal cost a second look after a crash; a rewrite of a large
	 * backlog for every set costs more.
	 */
	if (tm_backlog_count(b) < 1024 || tm_journal_bloated(&b->j))
		return compact(b);
	return 0;
}

int tm_backlog_fail(struct tm_backlog *b)
{
	int r = tm_change_set_merge(b->pending, b->inflight);

	if (r < 0) {
		/* ALL needs no memory: it covers whatever could not be merged. */
		struct tm_change all = { .kind = TM_CHANGE_ALL };

		tm_change_set_clear(b->inflight);
		(void)tm_change_set_add(b->pending, &all);
	}
	tm_change_set_clear(b->inflight);
	tm_change_set_clear(b->torn);
	b->out = false;
	return r < 0 ? r : 0;
}

uint64_t tm_backlog_count(const struct tm_backlog *b)
{
	return tm_change_set_count(b->pending) + tm_change_set_count(b->inflight) +
	       tm_change_set_count(b->retry);
}

bool tm_backlog_clean(const struct tm_backlog *b)
{
	return (!b->out || (tm_change_set_empty(b->inflight) && tm_change_set_empty(b->torn))) &&
	       tm_change_set_empty(b->pending) && tm_change_set_empty(b->retry);
}

static int is_healing(const struct tm_change *c, void *arg)
{
	(void)arg;
	return c->kind == TM_CHANGE_ALL || c->kind == TM_CHANGE_SUBTREE;
}

bool tm_backlog_heals(const struct tm_backlog *b)
{
	return tm_change_set_each(b->pending, is_healing, NULL) ||
	       tm_change_set_each(b->inflight, is_healing, NULL) ||
	       tm_change_set_each(b->retry, is_healing, NULL);
}
