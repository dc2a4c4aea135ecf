/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/daemon.h - the one object everything in tidemarkd hangs on, and the live state of a policy.
 *
 * One event loop; threads only where a system call may block for long: one opens the capture
 * (capture_glue.c), a few look through directories (aside.c). Everything here is used from the loop only.
 * Files and what they own:
 *
 *	supervisor, spawn	worker processes
 *	dial, accept		TCP up to the preamble
 *	pairing_*		requests and their answers
 *	source_end, target_end	one policy's connection, at either end
 *	peer_state		how the policy stands on the other side
 *	schedule, tracking	sets, runs and healing of a source; waiters: sync and wait
 *	verify			runs that compare all contents
 *	backlog, journal	what is owed
 *	capture_glue		the capture and its slots
 *	roots			directories and their watch
 *	policies, runs		the list, its store, its accounts
 *	rest_*, view*		what the outside asks and sees
 *	aside, tree, estimate	work beside the loop: looking through directories
 *	tune			settings that change while it runs
 *	where			is this very file safe
 *	health, series		what is wrong, and how it went lately
 *	events, watch		what the outside is told without asking
 */
#ifndef TM_DAEMON_DAEMON_H
#define TM_DAEMON_DAEMON_H

#include "daemon/backlog.h"
#include "daemon/config.h"
#include "lib/clock.h"
#include "peer/peer.h"
#include "policy/status.h"
#include "policy/store.h"
#include "wire/ctl.h"

#include <systemd/sd-event.h>

_Static_assert(TM_REC_ID_LEN == TM_POLICY_ID_LEN && TM_REC_KEY_LEN == TM_KEY_LEN &&
		       TM_REC_SECRET_LEN == TM_SECRET_LEN &&
		       TM_REC_NAME_MAX == TM_POLICY_NAME_MAX &&
		       TM_REC_PATH_MAX == TM_PATH_LEN_MAX &&
		       TM_REC_CLUSTER_MAX == TM_CLUSTER_LEN_MAX &&
		       TM_REC_TOKEN_LEN == TM_JOURNAL_TOKEN_LEN,
	       "the stored record holds what the wire carries");

struct tm_policy;
struct tm_worker;
struct tm_dial;
struct tm_call;
struct tm_capture_glue;
struct tm_listener;
struct tm_rest;
struct tm_root_watch;
struct tm_pair_in;
struct tm_target_conn;
struct tm_verify;
struct tm_asides;
struct tm_estimate;
struct tm_events;
struct tm_health;
struct tm_series;
struct tm_watch;

struct tm_daemon {
	sd_event *ev;
	struct tm_config cfg;
	const char *const *sets; /* --set arguments */
	unsigned int n_sets;
	char *state_dir, *runtime_dir; /* absolute */
	char instance[33];	       /* names the pins */
	int statefd, runfd, polfd;     /* state, runtime, runtime/policies */
	int lockfd, runlockfd;	       /* one daemon to a state directory, and to a runtime directory */
	struct tm_node_key *key;
	struct tm_store *store;
	struct tm_worker *workers;  /* every process alive */
	struct tm_policy *policies; /* oldest first; embryos too */
	struct tm_capture_glue *glue;
	struct tm_listener *listener;
	char listen_error[256]; /* "": it listens */
	struct tm_rest *rest, *rest_web; /* web: NULL without a user for it */
	struct tm_asides *asides;
	struct tm_events *events;
	struct tm_health *health;
	struct tm_watch *watch;
	struct tm_root_watch *roots;
	struct tm_pair_in *pair_ins; /* requests of others being served */
	unsigned int n_workers;	     /* of them */
	char boot_id[TM_BOOT_ID_LEN];
	bool new_boot;	 /* the store was last used in another boot */
	bool clean_boot; /* ... and that one ended with everything synced */
	int64_t started_ns;
	bool stopping;
};

/* Waits for a set of a source policy (policy sync) or for the end of a run (wait). */
struct tm_waiter {
	struct tm_waiter *next;
	struct tm_policy *p;
	struct tm_call *call;
	bool is_sync;
	uint64_t need_set; /* sync: this set must be done with nothing torn */
	int64_t run_id;	   /* wait: this run must be over; 0: the current one */
	uint64_t start_ms;
	sd_event_source *timer;
};

/* What one side says of the policy to the other (peer_state.c). */
struct tm_peer_state {
	bool known;
	enum tm_status status;
	bool continuous;
	int64_t recovery_ns, finished_ns; /* wall clock of the source; 0: none */
	char why[512];			  /* why it stopped or failed; "" */
};

#define TM_FAILURES_MAX 1000
struct tm_failure {
	int64_t seq; /* grows; renewed when the same fails again */
	int64_t time_ns;
	uint32_t op;
	int32_t err;
	uint32_t path_len;
	char *path;
};

/* What was last published of a policy (watch.c). */
struct tm_watch_seen {
	char revision[17];
	uint64_t numbers, told_ms;
	int64_t run_id;
	int run_result;
};

enum tm_conn_state {
	TM_CONN_NONE,	  /* no worker */
	TM_CONN_STARTING, /* worker started, not READY */
	TM_CONN_READY,	  /* worker waits for a connection */
	TM_CONN_DIALING,
	TM_CONN_HANDSHAKE, /* descriptor handed over */
	TM_CONN_AUTHED,	   /* the peer is who it should be; session being set up */
	TM_CONN_SESSION,   /* source: IDLE was seen; target: GO was given */
};

struct tm_policy {
	struct tm_policy *next;
	struct tm_daemon *d;
	struct tm_policy_rec rec;
	char id_hex[2 * TM_POLICY_ID_LEN + 1];
	bool embryo; /* being created: not stored, not shown */
	bool doomed; /* deleted: only waits for its worker to end */
	bool save_due;
	sd_event_source *save_timer;
	bool run_save_due;

	/* connection */
	struct tm_worker *w; /* source: the worker; target: the one that owns the session */
	struct tm_target_conn *conns; /* target: all connections */
	enum tm_conn_state conn;
	bool lost;			  /* see struct tm_status_in */
	char broken[TM_TEXT_LEN_MAX + 1]; /* why the worker cannot work; "": it can */
	struct tm_dial *dial;
	sd_event_source *retry_timer; /* source: dial or start again */
	unsigned int crashes;	      /* in a row, for the back-off */
	unsigned int refusals;	      /* connections in a row that ended before AUTHED */
	unsigned int fruitless;	      /* sessions in a row that ended before a batch was acked */
	uint64_t batches_then;	      /* totals.batches when the last one ended */
	bool ktls;

	/* pairing, source side (also to ask what became of the relationship) */
	struct tm_worker *pair_w;
	struct tm_dial *pair_dial;
	sd_event_source *pair_timer;
	bool pair_query;	     /* only asks */
	struct tm_call *create_call; /* who waits for the answer of an embryo */
	uint8_t want_fp[32];	     /* create: fingerprint asked for */
	bool has_want_fp;
	int pair_sock;	/* connected, until its worker is READY */
	bool pair_seen; /* this attempt got as far as AUTHED */
	struct tm_estimate *estimate; /* create: what is in the source is being counted */
	bool request_due;	      /* ... and then the request goes out */

	/* work of a source */
	struct tm_backlog *bl; /* NULL: not authorized, or the journal cannot be opened */
	struct tm_policy *next_in_slot;
	bool in_slot, tracked;
	bool root_bad; /* missing, or another one: its policy is held */
	char untracked_why[256];
	bool session_idle; /* the worker waits for a set */
	struct tm_verify *verify; /* a comparison that was asked for and is not through, or NULL */
	bool verify_repair;	  /* the latest one repairs */
	bool verify_flying;	  /* the set in flight is part of one, also of one that was dropped */
	uint64_t features;	  /* TM_FEATURE_* of the session */
	bool aborting;
	uint64_t taken_ms; /* monotonic: when the set in flight was handed out */
	int64_t taken_ns;
	bool set_confirmed;
	uint64_t heal_set; /* the set that heals what is incomplete; 0: not handed yet */
	uint64_t all_set;  /* the set that completes the first sync; 0: not handed yet */
	bool rescan_counted;
	sd_event_source *pace_timer; /* source: next look at the backlog; target: is it quiet? */
	uint64_t last_hand_ms;
	uint64_t retry_at_ms; /* when torn records are tried again */
	unsigned int retries;
	unsigned int run_retries;
	struct tm_waiter *waiters;

	/* what the shown numbers come from */
	struct tm_run_rec run; /* latest run; run.started_ns 0: none */
	bool run_open;
	struct tm_ctl_progress prog;	/* last one of the current worker */
	struct tm_ctl_progress counted; /* what of it is in totals already */
	uint64_t rate_now, rate_mark_bytes, rate_mark_ms, rate_start_ms;

	struct tm_failure *failures; /* ring, TM_FAILURES_MAX */
	unsigned int n_failures, next_failure;
	int64_t failure_seq;
	bool worker_stale; /* settings changed since the worker was started: it ends when it is idle */
	struct tm_watch_seen seen;
	struct tm_peer_state peer, told; /* of the other side; told to it */
	uint64_t told_ms, refreshed_ms;
	struct tm_series *series;
	bool full; /* the last attempt ended because no room is left on the target */
};

#define tm_policy_foreach(d_, p_) for (struct tm_policy *p_ = (d_)->policies; p_; p_ = p_->next)

/* ---- policies.c: the list and its store ---- */

int tm_policies_load(struct tm_daemon *d);
void tm_policies_free(struct tm_daemon *d);
/* New, zeroed, at the end of the list; NULL: no memory. */
struct tm_policy *tm_policy_new(struct tm_daemon *d, const struct tm_policy_rec *rec);
/* Take it out of the list and free it; its workers must be gone or are let go. */
void tm_policy_free(struct tm_policy *p);
struct tm_policy *tm_policy_by_id(struct tm_daemon *d, const uint8_t id[TM_POLICY_ID_LEN]);
/* Write the record now. 0 or -errno (logged). */
int tm_policy_save(struct tm_policy *p);
/* Write it within two seconds: for counters. */
void tm_policy_save_later(struct tm_policy *p);
/* last_error, shown and stored; NULL or "" clears it. */
void tm_policy_error(struct tm_policy *p, const char *fmt, ...) _printf_(2, 3);
void tm_policy_hold(struct tm_policy *p, enum tm_rec_hold hold, const char *fmt, ...)
	_printf_(3, 4);
/* A uid index no other policy uses. */
uint32_t tm_policy_uid_index(struct tm_daemon *d);
void tm_policy_failure(struct tm_policy *p, const struct tm_ctl_file_failed *f);
/* Drop remembered failures older than @before_ns, except refusals by the target unless @all. */
void tm_policy_failures_expire(struct tm_policy *p, int64_t before_ns, bool all);
/* Drop what an earlier comparison found. */
void tm_policy_failures_verified(struct tm_policy *p);
void tm_policy_status_in(const struct tm_policy *p, struct tm_status_in *ret);
/* May it replicate at all: authorized, enabled, not held for a missing root, not on the way out? */
bool tm_policy_active(const struct tm_policy *p);
void tm_audit(struct tm_daemon *d, const char *who, const char *action, const struct tm_policy *p,
	      const char *fmt, ...) _printf_(5, 6);
/* The peer as the audit log and messages name it: cluster and short fingerprint. */
const char *tm_policy_peer_name(const struct tm_policy *p, char buf[96]);
/* Bring workers, connections and tracking in line with the record: called after every change of it. */
void tm_policy_update(struct tm_policy *p);
/* Remove it here: tells the peer where connected. *@ret_told. 0 or -errno. */
int tm_policy_delete(struct tm_policy *p, bool *ret_told);
/* The peer told that it deleted, disabled ... */
void tm_policy_noticed(struct tm_policy *p, const struct tm_msg_text *t);

/* ---- small things (util.c) ---- */

/* Create or re-arm a one-shot timer in *@s. 0 or -errno. */
int tm_timer_set(struct tm_daemon *d, sd_event_source **s, uint64_t after_ms,
		 sd_event_time_handler_t fn, void *arg);
void tm_timer_off(sd_event_source **s);
int tm_random(void *p, size_t n);
/* snprintf into a record's text field. */
void tm_text_set(char *dst, size_t cap, const char *fmt, ...) _printf_(3, 4);

#endif
