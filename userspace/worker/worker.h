/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/worker.h - what the files of tidemark-worker share: one worker's state, and its talk with
 * the daemon.
 *
 *	main.c		START, confinement, then one of the roles
 *	inbox.c		packets from the daemon -> fields of struct tm_worker; packets to it
 *	conn.c		a connection: handshake, callbacks, notices, the end
 *	source_role.c, target_role.c, pair_role.c	the step machines
 *
 * Single-threaded. Whatever waits for the peer calls back into tm_worker_pump(), so the daemon is
 * always heard; what it wants is noted there and done by the role when it is its turn.
 */
#ifndef TM_WORKER_WORKER_H
#define TM_WORKER_WORKER_H

#include "changes/set.h"
#include "lib/log.h"
#include "lib/version.h"
#include "peer/peer.h"
#include "wire/ctl.h"

#define TM_WORKER_STOP_GRACE_MS 3000 /* after STOP: to end in order before the link is cut */
#define TM_WORKER_PROGRESS_MS	250
#define TM_WORKER_QUEUE		8 /* notices and pairing frames that wait to be sent */

struct tm_worker {
	int ctl;
	struct tm_ctl_start start;
	int rootfd;			   /* -EBADF for pairing */
	const struct tm_version *versions; /* mapped, or NULL */
	struct tm_tls *tls;

	/* the daemon's wishes, noted by tm_worker_pump() */
	bool gone; /* its end is closed: stop at once */
	bool stop;
	uint64_t stop_ms;
	struct tm_msg_text stop_text;
	bool abort; /* the current set is to be given up */
	bool go;
	int conn;	/* a socket to serve next, or -EBADF */
	uint64_t fence; /* of that socket, then of the connection */
	bool have_signed;
	struct tm_msg_proof signed_proof;
	struct tm_msg_text notices[TM_WORKER_QUEUE];
	unsigned int n_notices;
	bool have_request; /* pairing, source side */
	struct tm_msg_pair_request request;
	bool have_state; /* pairing, target side: the newest one counts */
	struct tm_msg_pair_state state;
	struct tm_change_set *set; /* collected from CHANGES */
	bool set_ready;
	struct tm_ctl_set set_head;

	/* the connection */
	struct tm_link *link;
	struct tm_link_counters past; /* of earlier connections */
	bool shaking;		      /* in the handshake: any wish ends it */
	bool stop_told;

	/* progress */
	struct tm_ctl_progress progress;
	uint64_t progress_ms;  /* when it was last told */
	bool progress_new;     /* something was not told yet */
	uint64_t requeued;     /* records in REQUEUE for this set */
	struct tm_buf requeue; /* a REQUEUE packet being filled */
};

/* ---- inbox.c ---- */

/*
 * Take every packet that is there. 0; -ECANCELED: the daemon is gone (or talks nonsense). Never
 * blocks.
 */
int tm_worker_pump(struct tm_worker *w);
/*
 * Wait until the daemon or (if @fd >= 0) that descriptor is readable, then pump. As above; timeout
 * is 0.
 */
int tm_worker_wait(struct tm_worker *w, int fd, int timeout_ms);
/* Blocks while the daemon does not read. Its end being closed is noted in w->gone. */
void tm_worker_send(struct tm_worker *w, const struct tm_buf *b);
void tm_worker_say(struct tm_worker *w, uint16_t type);
void tm_worker_text(struct tm_worker *w, uint16_t type, uint32_t code, int err, const char *fmt,
		    ...) _printf_(5, 6);
void tm_worker_forward(struct tm_worker *w, uint16_t type, const struct tm_msg_text *text);
#define tm_worker_log(w, level, ...) tm_worker_text(w, TM_C_LOG, level, 0, __VA_ARGS__)

/* ---- conn.c ---- */

/* Handshake on w->conn. 0: AUTHED was sent, w->link is up; -errno: CLOSED was sent, no link. */
int tm_worker_connect(struct tm_worker *w);
/* End the connection, tell the daemon CLOSED. @bye: say BYE to the peer first. */
void tm_worker_disconnect(struct tm_worker *w, bool bye, const struct tm_msg_text *text);
/*
 * The same after an error @r of the engine; @text may be empty: then the peer's last words, or
 * errno.
 */
void tm_worker_fail(struct tm_worker *w, int r, struct tm_msg_text *text);
/*
 * Send the notices that wait, and what STOP wants to be told. For moments when it is our turn. 0 or
 * -errno.
 */
int tm_worker_tell_peer(struct tm_worker *w);
/* Should whatever runs now be given up? Between frames: 0 or -ECANCELED. */
int tm_worker_between(void *arg);
/*
 * One frame while idle: 0 taken care of; -EAGAIN none is there; -EREMOTEIO the peer ended
 * (*ret_text); 1: a frame that is the caller's business; -errno.
 */
int tm_worker_idle_frame(struct tm_worker *w, uint16_t *ret_type, const uint8_t **ret_p,
			 uint32_t *ret_n, struct tm_msg_text *ret_text);
/* For the engine's ops: throttled PROGRESS, FILE_FAILED. */
void tm_worker_progress(void *arg, const struct tm_ctl_progress *p);
void tm_worker_progress_flush(struct tm_worker *w);
void tm_worker_file_failed(void *arg, const char *path, size_t path_len, int op, int err);

/* ---- roles: run until the daemon stops us; the exit status ---- */

int tm_source_role(struct tm_worker *w);
int tm_target_role(struct tm_worker *w);
int tm_pair_role(struct tm_worker *w);

/* selftest.c: `tidemark-worker --self-test ROLE ROOT`; TAP on stdout; exit status. */
int tm_worker_selftest(int argc, char **argv);

static inline bool tm_worker_ending(const struct tm_worker *w)
{
	return w->gone || w->stop;
}

#endif
