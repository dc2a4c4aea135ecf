/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/ctl.h - messages between tidemarkd and one tidemark-worker. Pure.
 *
 * A SOCK_SEQPACKET pair; one message per packet: u16 type, u16 zero, payload. At most
 * TM_CTL_MAX bytes. The daemon trusts nothing a worker says beyond its own policy: every field is
 * bounded and checked here, descriptors are accepted only with the types that name them.
 *
 * Life of a worker:
 *	daemon  START                 what it is; the root's path is opened, then the worker confines itself
 *	worker  READY | FAILED
 *	daemon  CONN (descriptor)     an accepted or connected TCP socket whose preamble is done
 *	worker  SIGN -> daemon SIGNED   identity proof
 *	worker  AUTHED                peer's key and cluster name; the target's worker waits for GO
 *	daemon  GO                    older workers of this policy are gone: start the session
 *	...     by role, below
 *	worker  CLOSED                the connection is over; a source worker may get another CONN
 *	daemon  STOP                  end; so does the end of this socket
 */
#ifndef TM_WIRE_CTL_H
#define TM_WIRE_CTL_H

#include "lib/buf.h"
#include "wire/msg.h"

#define TM_CTL_MAX 65536
#define TM_CTL_FD  3 /* the worker's end of the pair */

enum tm_ctl_type {
	/* daemon -> worker */
	TM_C_START = 1,	 /* struct tm_ctl_start; descriptor: version map, optional */
	TM_C_CONN = 2,	 /* descriptor: the socket; payload: u64 fence (source) */
	TM_C_SIGNED = 3, /* key, sig: struct tm_msg_proof */
	TM_C_GO = 4,
	TM_C_STOP = 5,	      /* struct tm_msg_text: told to the peer as NOTICE, then exit */
	TM_C_CHANGES = 6,     /* encoded change records (changes/change.h), any number */
	TM_C_CHANGES_END = 7, /* struct tm_ctl_set: end of this change set: replicate it */
	TM_C_ABORT = 8,	 /* give the current set up (REQUEUE nothing: the daemon still has it) */
	TM_C_NOTICE = 9, /* struct tm_msg_text: pass on to the peer */
	TM_C_PAIR_STATE = 10,	/* struct tm_msg_pair_state: to the peer (target side) */
	TM_C_PAIR_REQUEST = 11, /* struct tm_msg_pair_request: to the peer (source side) */
	/* worker -> daemon */
	TM_C_READY = 64,
	TM_C_FAILED =
		65, /* struct tm_msg_text: cannot work at all (root missing, confinement refused) */
	TM_C_SIGN = 66,	  /* struct tm_ctl_sign */
	TM_C_AUTHED = 67, /* struct tm_ctl_authed */
	/* struct tm_msg_ready: source: session is up, no set in work: CHANGES may come. fresh: the target
	 * knows nothing; the worker makes the next set one that says ALL */
	TM_C_IDLE = 68,
	TM_C_PROGRESS =
		69, /* struct tm_ctl_progress, at most 4 a second and at the end of each batch */
	TM_C_REQUEUE =
		/* encoded change records that stay dirty although the set is done (torn files) */
		70,
	TM_C_DONE = 71,	       /* struct tm_ctl_done: the set is acknowledged */
	TM_C_FILE_FAILED = 72, /* struct tm_ctl_file_failed */
	TM_C_STOPPED = 73, /* struct tm_msg_stop: suspicion on either side; the set is given back */
	TM_C_CLOSED =
		74, /* struct tm_msg_text: why the connection ended; code = tm_wire_error or 0 */
	TM_C_NOTICED = 75,	  /* struct tm_msg_text: a NOTICE of the peer */
	TM_C_PAIR_REQUESTED = 76, /* struct tm_msg_pair_request of the peer */
	TM_C_PAIR_STATED = 77,	  /* struct tm_msg_pair_state of the peer */
	TM_C_LOG = 78,		  /* struct tm_msg_text: code = level; for the daemon's log */
};

enum tm_role {
	TM_ROLE_SOURCE = 1,
	TM_ROLE_TARGET = 2,
	TM_ROLE_PAIR_SOURCE = 3,
	TM_ROLE_PAIR_TARGET = 4
};

enum tm_start_flags {
	TM_START_ALLOW_DEVICES = 1 << 0,
	TM_START_ALLOW_SUID = 1 << 1,
	TM_START_HAVE_VERSIONS = 1 << 2, /* the descriptor is the version map */
	TM_START_CONTINUOUS = 1 << 3,
};

struct tm_ctl_start {
	uint8_t role; /* enum tm_role */
	uint8_t log_level;
	uint32_t flags; /* enum tm_start_flags */
	uint8_t id[TM_POLICY_ID_LEN];
	uint8_t own_key[TM_KEY_LEN];
	uint8_t peer_key[TM_KEY_LEN]; /* pinned; all zeros: any (pairing) */
	char name[TM_POLICY_NAME_MAX + 1];
	char cluster[TM_CLUSTER_LEN_MAX + 1]; /* own name, for HELLO */
	char root[TM_PATH_LEN_MAX];	      /* source or target directory; "" for pairing */
	uint64_t root_dev;		      /* expected identity; 0: not checked */
	uint64_t root_ino;
	uint32_t uid; /* to become */
	uint32_t n_versions;
	uint32_t batch_objects; /* assertions per batch, soft */
	uint64_t batch_bytes;	/* content per batch, soft */
	uint32_t handshake_timeout_ms;
	uint32_t barrier_interval_ms;
	uint32_t brake_percent;
	uint64_t brake_objects;
};

struct tm_ctl_sign {
	uint8_t kind; /* 1 replicate, 2 pair */
	uint8_t self_fp[32];
	uint8_t peer_fp[32];
	uint8_t exporter[32];
};

struct tm_ctl_authed {
	uint8_t key[TM_KEY_LEN];
	char cluster[TM_CLUSTER_LEN_MAX + 1];
	char version[32];
	uint64_t features; /* TM_FEATURE_* common to both */
	uint8_t ktls;	   /* sends are encrypted by the kernel */
};

enum tm_set_flags {
	TM_SET_CONFIRMED = 1 << 0, /* the admin confirmed: TM_BATCH_CONFIRMED */
	TM_SET_LOOK = 1 << 1,	   /* of COMPARE records only: compare and repair nothing */
};

struct tm_ctl_set {
	uint64_t set_id;
	uint32_t flags;
	int64_t taken_ns;
};

/* Counters since the worker's START; progress fields describe the current set. */
struct tm_ctl_progress {
	uint64_t batches;
	uint64_t files;
	uint64_t deleted;
	uint64_t renamed;
	uint64_t refused;
	uint64_t skipped;
	uint64_t payload_bytes;
	uint64_t wire_bytes;
	uint64_t read_bytes;
	uint64_t sendfile_bytes;
	uint64_t ktls_bytes;
	uint64_t copy_bytes;
	uint64_t verified_files; /* regular files compared in whole on request */
	uint64_t verified_bytes; /* of them */
	uint64_t mismatched;	 /* objects and names that should have been equal and were not */
	uint64_t files_done;  /* of this set */
	uint64_t files_total; /* known so far */
	uint64_t bytes_done;
	uint64_t bytes_total;
	uint64_t objects; /* on the target */
	uint64_t last_seq;
	uint8_t phase; /* 0 idle, 1 asserting, 2 sending, 3 committing (target: applying) */
};

struct tm_ctl_done {
	uint64_t set_id;
	int64_t taken_ns; /* recovery point reached */
	uint64_t
		requeued; /* records in REQUEUE before this: if not 0 the target is not equal yet */
};

struct tm_ctl_file_failed {
	int32_t err;
	uint32_t op;		    /* 1 read, 2 torn too often, 3 refused, 4 write, or: */
#define TM_FAIL_DIFFERS	 5 /* a comparison found it; err: EILSEQ content, ENOENT not there, */
#define TM_FAIL_REPAIRED 6 /* EEXIST only there, ESTALE attributes; the same, and repaired */
	char path[TM_PATH_LEN_MAX]; /* relative to the root, bytes */
};

/* Begin a message in an empty buffer / split a received packet. get: 0 or -EBADMSG. */
void tm_ctl_begin(struct tm_buf *b, uint16_t type);
int tm_ctl_open(const void *p, size_t n, uint16_t *ret_type, struct tm_rd *ret_payload);
const char *tm_ctl_name(uint16_t type);

void tm_ctl_start_put(struct tm_buf *b, const struct tm_ctl_start *m);
int tm_ctl_start_get(struct tm_rd *r, struct tm_ctl_start *m);
void tm_ctl_sign_put(struct tm_buf *b, const struct tm_ctl_sign *m);
int tm_ctl_sign_get(struct tm_rd *r, struct tm_ctl_sign *m);
void tm_ctl_authed_put(struct tm_buf *b, const struct tm_ctl_authed *m);
int tm_ctl_authed_get(struct tm_rd *r, struct tm_ctl_authed *m);
void tm_ctl_set_put(struct tm_buf *b, const struct tm_ctl_set *m);
int tm_ctl_set_get(struct tm_rd *r, struct tm_ctl_set *m);
void tm_ctl_progress_put(struct tm_buf *b, const struct tm_ctl_progress *m);
int tm_ctl_progress_get(struct tm_rd *r, struct tm_ctl_progress *m);
void tm_ctl_done_put(struct tm_buf *b, const struct tm_ctl_done *m);
int tm_ctl_done_get(struct tm_rd *r, struct tm_ctl_done *m);
void tm_ctl_file_failed_put(struct tm_buf *b, const struct tm_ctl_file_failed *m);
int tm_ctl_file_failed_get(struct tm_rd *r, struct tm_ctl_file_failed *m);

#endif
