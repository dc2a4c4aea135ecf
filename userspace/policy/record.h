/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy/record.h - what is remembered about one policy, and about one run.
 *
 * Plain data: the store writes it, the daemon owns it. Everything that must survive a
 * crash is here; what describes only this moment (connections, sets in flight) is not.
 * Strings are NUL-terminated bytes; paths need not be UTF-8.
 */
#ifndef TM_POLICY_RECORD_H
#define TM_POLICY_RECORD_H

#include "lib/base.h"

#define TM_REC_ID_LEN	   16
#define TM_REC_KEY_LEN	   32
#define TM_REC_SECRET_LEN  32
#define TM_REC_TOKEN_LEN   16
#define TM_REC_NAME_MAX	   64
#define TM_REC_CLUSTER_MAX 64
#define TM_REC_PATH_MAX	   4096 /* with the NUL */
#define TM_REC_ADDRESS_MAX 256	/* with the NUL */
#define TM_REC_TEXT_MAX	   1025 /* with the NUL */
#define TM_REC_WORD_MAX	   64

enum tm_rec_role { TM_REC_SOURCE = 1, TM_REC_TARGET = 2 };

enum tm_rec_auth {
	TM_REC_AWAITING = 1,
	TM_REC_AUTHORIZED = 2,
	TM_REC_REJECTED = 3,
	TM_REC_DELETED = 4, /* the other side deleted it */
};

/* Why nothing is replicated although it could be; stays until somebody acts. */
enum tm_rec_hold {
	TM_REC_HOLD_NONE = 0,
	TM_REC_HOLD_STOPPED = 1, /* suspicion */
	TM_REC_HOLD_FAILED = 2,	 /* a manual run failed */
	TM_REC_HOLD_ABORTED = 3,
};

struct tm_rec_totals {
	uint64_t batches, rescans, files, payload_bytes, wire_bytes, read_bytes;
	uint64_t sendfile_bytes, ktls_bytes, copy_bytes;
};

struct tm_policy_rec {
	uint8_t id[TM_REC_ID_LEN];
	char name[TM_REC_NAME_MAX + 1];
	enum tm_rec_role role;
	enum tm_rec_auth auth;
	bool continuous;
	bool enabled;
	char source_dir[TM_REC_PATH_MAX];
	char target_dir[TM_REC_PATH_MAX];
	char peer_cluster[TM_REC_CLUSTER_MAX + 1];
	char address
		[TM_REC_ADDRESS_MAX]; /* source: what to dial; target: where the request came from */
	uint16_t port;
	uint8_t peer_key[TM_REC_KEY_LEN];
	uint8_t secret[TM_REC_SECRET_LEN];
	uint64_t est_files, est_bytes;
	int64_t created_ns;

	uint64_t root_dev, root_ino; /* own root's identity; 0: not known yet */
	uint64_t root_key;  /* source: with the capture's pins; shared by policies of one root */
	int slot;	    /* source: capture slot, or -1 */
	uint32_t uid_index; /* worker's uid above worker.uid_base */
	bool allow_devices, allow_suid;

	uint64_t fence; /* source: highest epoch ever used */
	uint8_t journal_token
		[TM_REC_TOKEN_LEN]; /* source: names the journal that belongs to this state */

	enum tm_rec_hold hold;
	char hold_text[TM_REC_TEXT_MAX];
	char last_error[TM_REC_TEXT_MAX];
	int64_t status_ns;     /* when hold, auth or enabled changed last */
	int64_t recovery_ns;   /* recovery point, 0: none */
	int64_t finished_ns;   /* 0: never */
	bool first_done;       /* the first sync is through */
	bool run_wanted;       /* source: a run was asked for and is not over */
	bool run_confirmed;    /* ... with --yes */
	int64_t incomplete_ns; /* since; 0: tracking is unbroken */
	char incomplete_reason[TM_REC_WORD_MAX];
	char incomplete_scope[TM_REC_PATH_MAX];
	bool heal_suspect; /* the healing set must say SUSPECT */
	struct tm_rec_totals totals;
};

enum tm_run_kind {
	TM_RUN_FIRST = 1,
	TM_RUN_MANUAL = 2,
	TM_RUN_CONTINUOUS = 3,
	TM_RUN_HEAL = 4,
	TM_RUN_VERIFY = 5,
};
enum tm_run_result {
	TM_RUN_RUNNING = 0,
	TM_RUN_FINISHED = 1,
	TM_RUN_FAILED = 2,
	TM_RUN_ABORTED = 3,
	TM_RUN_STOPPED = 4
};

struct tm_run_rec {
	int64_t id; /* 0: not stored yet */
	enum tm_run_kind kind;
	enum tm_run_result result;
	int64_t started_ns;
	int64_t finished_ns;
	char error[TM_REC_TEXT_MAX];
	uint64_t batches, files, deleted, renamed, payload_bytes, wire_bytes, read_bytes;
	uint64_t verified_files, verified_bytes, mismatched; /* of VERIFY */
};

struct tm_peer_rec {
	uint8_t key[TM_REC_KEY_LEN];
	char cluster[TM_REC_CLUSTER_MAX + 1];
	char address[TM_REC_ADDRESS_MAX];
	int64_t first_ns, last_ns;
};

struct tm_audit_rec {
	int64_t seq; /* grows; given by the store */
	int64_t time_ns;
	char who[128]; /* "root (uid 0, pid 77)", "alice (web, 192.0.2.9)", "peer" */
	char action[TM_REC_WORD_MAX];
	uint8_t id[TM_REC_ID_LEN]; /* zeros: no policy */
	char name[TM_REC_NAME_MAX + 1];
	char detail[TM_REC_TEXT_MAX];
};

/* What somebody may do: each includes the ones before it. */
enum tm_access { TM_ACCESS_NONE = 0, TM_ACCESS_VIEWER = 1, TM_ACCESS_OPERATOR = 2, TM_ACCESS_ADMIN = 3 };

#define TM_REC_VERIFIER_MAX 256 /* with the NUL */

/* Somebody who may log in to the page. */
struct tm_account_rec {
	char name[TM_REC_NAME_MAX + 1];
	enum tm_access role;
	bool disabled;
	char verifier[TM_REC_VERIFIER_MAX]; /* as of crypt(3) */
	int64_t created_ns, last_login_ns;  /* 0: never */
};

const char *tm_access_name(enum tm_access a);
/* "viewer", "operator", "admin"; else TM_ACCESS_NONE. */
enum tm_access tm_access_parse(const char *s);
const char *tm_rec_role_name(enum tm_rec_role r);
const char *tm_run_kind_name(enum tm_run_kind k);
const char *tm_run_result_name(enum tm_run_result r);

#endif
