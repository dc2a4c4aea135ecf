/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy/store.h - where policies, runs, peers and the audit log are kept.
 *
 * One small interface, so that a cluster-wide store can be a second implementation. Every call that
 * changes something is durable when it returns 0. Calls block for a disk
 * write at most. Not thread-safe.
 */
#ifndef TM_POLICY_STORE_H
#define TM_POLICY_STORE_H

#include "policy/record.h"

struct tm_store;

/* Kept at most; older ones go. */
#define TM_STORE_RUNS_MAX   100 /* per policy */
#define TM_STORE_AUDIT_MAX  10000
#define TM_STORE_GRAVES_MAX 4096
#define TM_STORE_PEERS_MAX  1024
#define TM_STORE_ACCOUNTS_MAX 256

struct tm_store_ops {
	void (*close)(struct tm_store *s);
	/* Insert or replace one policy; the whole record. */
	int (*policy_put)(struct tm_store *s, const struct tm_policy_rec *p);
	/*
	 * Remove a policy with its runs. @grave: remember (id, key), so that the peer can still be
	 * told that it was deleted.
	 */
	int (*policy_del)(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], bool grave);
	/* All policies, oldest first; *@p is valid during the call. Stops at non-zero and returns it. */
	int (*policy_each)(struct tm_store *s, int (*fn)(const struct tm_policy_rec *p, void *arg),
			   void *arg);
	/* 1 when (id, key) was deleted here once, 0 when not. */
	int (*grave_find)(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN],
			  const uint8_t key[TM_REC_KEY_LEN]);
	/* id 0: a new one, its id is stored in @r; else replaced. */
	int (*run_put)(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], struct tm_run_rec *r);
	/* Newest first, at most @limit, only those with an id below @before (0: all). */
	int (*run_each)(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], unsigned int limit,
			int64_t before, int (*fn)(const struct tm_run_rec *r, void *arg),
			void *arg);
	/* Seen now: first_ns of an older record stays. Empty cluster or address: the older one stays. */
	int (*peer_put)(struct tm_store *s, const struct tm_peer_rec *p);
	int (*peer_each)(struct tm_store *s, int (*fn)(const struct tm_peer_rec *p, void *arg),
			 void *arg);
	/* Its number is stored in @a. */
	int (*audit_add)(struct tm_store *s, struct tm_audit_rec *a);
	/* As run_each. */
	int (*audit_each)(struct tm_store *s, unsigned int limit, int64_t before,
			  int (*fn)(const struct tm_audit_rec *a, void *arg), void *arg);
	/* Insert or replace one account. -ENOSPC: there are TM_STORE_ACCOUNTS_MAX. */
	int (*account_put)(struct tm_store *s, const struct tm_account_rec *a);
	/* 0, -ENOENT. */
	int (*account_get)(struct tm_store *s, const char *name, struct tm_account_rec *ret);
	int (*account_del)(struct tm_store *s, const char *name);
	/* By name. */
	int (*account_each)(struct tm_store *s,
			    int (*fn)(const struct tm_account_rec *a, void *arg), void *arg);
	/* Small named texts (boot id, clean stop). get: 0, -ENOENT, -ENOSPC when it does not fit. */
	int (*meta_get)(struct tm_store *s, const char *key, char *ret, size_t cap);
	int (*meta_put)(struct tm_store *s, const char *key, const char *value);
};

struct tm_store {
	const struct tm_store_ops *ops;
};

/*
 * SQLite in the file @path (0600), WAL, synchronous=FULL. Newer schema than this program:
 * -EPROTONOSUPPORT; damaged: -EUCLEAN. *@ret_why (may be NULL): new string for people on failure.
 */
int tm_store_sqlite_open(const char *path, struct tm_store **ret_s, char **ret_why);

static inline void tm_store_close(struct tm_store *s)
{
	if (s)
		s->ops->close(s);
}

#endif
