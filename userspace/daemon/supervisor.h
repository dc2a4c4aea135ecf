/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/supervisor.h - worker processes: started, spoken to, never trusted, always reaped.
 *
 * A worker's messages reach its owner through ops->message with the payload still encoded; a
 * worker that sends what cannot be decoded is killed by the owner with tm_worker_break().
 * ops->gone comes exactly once, after the process has ended and everything it had sent was
 * delivered; the worker is freed after it. tm_worker_let_go() makes both callbacks stop at once;
 * the process is still ended and reaped.
 */
#ifndef TM_DAEMON_SUPERVISOR_H
#define TM_DAEMON_SUPERVISOR_H

#include "daemon/daemon.h"

struct tm_worker_ops {
	/* Everything but SIGN and LOG, which are answered here. May let go of, stop or kill @w. */
	void (*message)(void *arg, struct tm_worker *w, uint16_t type, struct tm_rd *r);
	/* @why: "ended", "killed by signal 9", ... */
	void (*gone)(void *arg, struct tm_worker *w, const char *why);
};

struct tm_worker_spec {
	enum tm_role role;
	struct tm_policy *policy; /* NULL for a pairing worker of a stranger */
	const struct tm_worker_ops *ops;
	void *arg;
};

/*
 * Start a worker and send it START (root, identity and flags from the policy's record). With a source
 * the version map of the capture goes along where there is one. 0 or -errno.
 */
int tm_worker_start(struct tm_daemon *d, const struct tm_worker_spec *spec,
		    struct tm_worker **ret_w);

/*
 * Queue one message; @payload may be NULL. @fd (-1: none) is duplicated. 0 or -errno (the worker
 * is being killed).
 */
int tm_worker_send(struct tm_worker *w, uint16_t type, const struct tm_buf *payload, int fd);
int tm_worker_send_text(struct tm_worker *w, uint16_t type, uint32_t code, const char *text);
/* Pass a connection: closes @sock in any case. @fence: source only. */
int tm_worker_send_conn(struct tm_worker *w, int sock, uint64_t fence);
/* Bytes not yet taken by the worker. */
size_t tm_worker_queued(const struct tm_worker *w);

/* STOP with @code and @text (told to the peer); killed if it has not ended in time. */
void tm_worker_stop(struct tm_worker *w, uint32_t code, const char *text);
void tm_worker_kill(struct tm_worker *w);
/* It broke the protocol with message @type: log and kill. */
void tm_worker_break(struct tm_worker *w, uint16_t type);
void tm_worker_let_go(struct tm_worker *w);
/* End everything now, for the daemon's own end: waits for at most @timeout_ms. */
void tm_workers_shutdown(struct tm_daemon *d, unsigned int timeout_ms);

enum tm_role tm_worker_role(const struct tm_worker *w);
bool tm_worker_stopping(const struct tm_worker *w);
/* The next one in d->workers, or NULL. */
struct tm_worker *tm_worker_next(const struct tm_worker *w);
pid_t tm_worker_pid(const struct tm_worker *w);

#endif
