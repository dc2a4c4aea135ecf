/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/backlog.h - what one source policy still owes its target.
 *
 * Four sets, every record of which is in the journal:
 *
 *	pending	  captured, not handed out
 *	inflight  handed to the worker as set number set_id; at most one at a time
 *	torn	  given back by the worker during this set (REQUEUE); counts only once the set is done
 *	retry	  given back by earlier sets: still dirty, tried again with a delay
 *
 *	take()	inflight = pending (+ retry)
 *	done()	inflight is forgotten, torn joins retry
 *	fail()	inflight goes back to pending, torn is forgotten (it is part of inflight)
 *
 * Nothing leaves except by done(). Knows no sockets and no clock.
 */
#ifndef TM_DAEMON_BACKLOG_H
#define TM_DAEMON_BACKLOG_H

#include "daemon/journal.h"

struct tm_backlog {
	struct tm_journal j;
	struct tm_change_set *pending, *inflight, *torn, *retry;
	uint64_t set_id; /* the set in flight, or the last one that was */
	bool out;	 /* a set is in flight */
};

/*
 * @dirfd: the policy's runtime directory, taken over. Everything found in the journal becomes
 * pending. *@ret_kept: see tm_journal_open(). @max_entries 0: the set's default. 0 or -errno.
 */
int tm_backlog_open(struct tm_backlog *b, int dirfd, const uint8_t token[TM_JOURNAL_TOKEN_LEN],
		    uint32_t max_entries, bool *ret_kept);
void tm_backlog_close(struct tm_backlog *b);

/* Add one captured record, durable against a crash of this process when it returns 0. */
int tm_backlog_add(struct tm_backlog *b, const struct tm_change *c);
/* Add ALL with @flags (TM_CF_SUSPECT or 0). */
int tm_backlog_add_all(struct tm_backlog *b, uint32_t flags);

/* Begin a new set of everything pending, and with @with_retry of what is to be tried again. */
int tm_backlog_take(struct tm_backlog *b, bool with_retry);
/* Begin a set that has nothing of what is owed: what it is about is somebody else's. */
int tm_backlog_take_nothing(struct tm_backlog *b);
int tm_backlog_torn(struct tm_backlog *b, const struct tm_change *c);
/* Returns 0 or -errno; the set is over in any case and nothing is lost. */
int tm_backlog_done(struct tm_backlog *b);
int tm_backlog_fail(struct tm_backlog *b);

/* Records not yet acknowledged. */
uint64_t tm_backlog_count(const struct tm_backlog *b);
bool tm_backlog_clean(const struct tm_backlog *b);
/* Does anything that is not yet acknowledged say ALL or SUBTREE? */
bool tm_backlog_heals(const struct tm_backlog *b);

#endif
