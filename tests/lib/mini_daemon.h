/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/mini_daemon.h - the least daemon that real workers can live under, for tests.
 *
 * Starts the built tidemark-worker with a control socket, signs for it with keys made for the
 * test, hands it connections, and remembers what it said. It decides nothing by itself.
 */
#ifndef TM_TESTS_MINI_DAEMON_H
#define TM_TESTS_MINI_DAEMON_H

#include <stdio.h>

#include "peer/peer.h"
#include "wire/ctl.h"

struct mini_worker {
	pid_t pid;
	int ctl;
	struct tm_ctl_start start;
	const struct tm_node_key *key;
	/* what it said, newest of each kind */
	unsigned int seen[256]; /* by message type */
	struct tm_msg_text failed, closed, noticed;
	struct tm_ctl_authed authed;
	struct tm_msg_ready idle;
	struct tm_ctl_progress progress;
	struct tm_ctl_done done;
	struct tm_msg_stop stopped;
	struct tm_msg_pair_request requested;
	struct tm_msg_pair_state stated;
	uint64_t requeue_bytes;
	unsigned int files_failed;
	bool ended;
	int status; /* of waitpid(2), once ended */
};

/* The built worker: $TM_WORKER, or three directories above this program; NULL: not there. */
const char *mini_worker_path(void);
/* A key of its own in a directory that is gone afterwards. */
int mini_key(struct tm_node_key **ret_k);
/* Two connected TCP sockets over loopback. */
int mini_tcp_pair(int ret[2]);

/* A START with sane values; the caller fills what matters. */
struct tm_ctl_start mini_start(enum tm_role role, const char *root, const struct tm_node_key *own,
			       const struct tm_node_key *peer);
int mini_worker_start(struct mini_worker *w, const struct tm_ctl_start *start,
		      const struct tm_node_key *key);
/* Close its control socket, kill it if it does not end by itself within a moment. */
void mini_worker_end(struct mini_worker *w);

/* @payload may be NULL; @fd -1: none. */
int mini_send(struct mini_worker *w, uint16_t type, const struct tm_buf *payload, int fd);
int mini_send_text(struct mini_worker *w, uint16_t type, uint32_t code, const char *text);
int mini_send_conn(struct mini_worker *w, int sock, uint64_t fence);
int mini_send_all(struct mini_worker *w, uint64_t set_id);

/*
 * Serve all @n workers until @w has said @type @count times in all, or ended. 0; -ETIMEDOUT;
 * -ECHILD it ended without saying so.
 */
int mini_until(struct mini_worker *const *all, size_t n, struct mini_worker *w, uint16_t type,
	       unsigned int count, int timeout_ms);
/* The same until @w has ended. */
int mini_until_ended(struct mini_worker *const *all, size_t n, struct mini_worker *w,
		     int timeout_ms);

#endif
