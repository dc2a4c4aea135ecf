/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/journal.h - the changes of one policy that the target has not acknowledged, in the
 * runtime directory.
 *
 * A file of records behind a header: appended record by record (one write, so a killed daemon leaves at most
 * a torn tail, which was never confirmed to the kernel), rewritten smaller when a set is done. It lives on
 * tmpfs and is never synced: a reboot ends the epoch anyway. The token in its header names the state
 * it belongs to: a journal with another one, or none, means that changes are lost.
 *
 *	header	"TMJRNL1\n", 16 bytes token
 *	record	u32 length, encoded change record (changes/change.h)
 */
#ifndef TM_DAEMON_JOURNAL_H
#define TM_DAEMON_JOURNAL_H

#include "changes/set.h"

#define TM_JOURNAL_TOKEN_LEN 16

struct tm_journal {
	int dirfd;	    /* of the policy's runtime directory, owned */
	int fd;		    /* append position is the end */
	uint64_t bytes;	    /* length of the file */
	uint64_t rewritten; /* its length after the last rewrite */
	uint8_t token[TM_JOURNAL_TOKEN_LEN];
};

/*
 * Open the journal in @dirfd (taken over, also on failure) and give every whole record to @fn.
 * *@ret_kept: it existed and has this @token; otherwise a new empty one was made. A torn or
 * damaged tail is cut off. 0 or -errno.
 */
int tm_journal_open(struct tm_journal *j, int dirfd, const uint8_t token[TM_JOURNAL_TOKEN_LEN],
		    int (*fn)(const struct tm_change *c, void *arg), void *arg, bool *ret_kept);
/* Is there a journal with this token in @dirfd (borrowed)? Changes nothing. */
bool tm_journal_valid(int dirfd, const uint8_t token[TM_JOURNAL_TOKEN_LEN]);
void tm_journal_close(struct tm_journal *j);

/* Append one record with one write. 0 or -errno (a partial one is cut off again). */
int tm_journal_append(struct tm_journal *j, const struct tm_change *c);

/*
 * Replace the contents by those of @sets[0..n-1] (NULLs allowed), atomically. 0 or -errno: the
 * old one stays.
 */
int tm_journal_rewrite(struct tm_journal *j, const struct tm_change_set *const *sets,
		       unsigned int n);

/* Has it grown so much since the last rewrite that a rewrite pays, whatever it costs? */
bool tm_journal_bloated(const struct tm_journal *j);

#endif
