/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/target_role.c - the target's step machine: one connection, then the end.
 *
 * The state below the root is opened only after GO: an older worker of this policy may still be
 * writing there until then.
 */
#include <poll.h>
#include <stdio.h>

#include "lib/clock.h"
#include "target/target.h"
#include "worker/worker.h"

#define GO_TIMEOUT_MS 60000

static int refuse_peer(struct tm_worker *w, int err, const char *why, struct tm_msg_text *text)
{
	struct tm_buf b;

	*text = (struct tm_msg_text){ .code = TM_WERR_TARGET, .err = -err };
	snprintf(text->text, sizeof(text->text), "%s: %s", why, strerror(-err));
	tm_buf_init(&b, TM_FRAME_MAX);
	tm_msg_text_put(&b, text);
	if (!tm_link_send_buf(w->link, TM_F_ERROR, &b))
		tm_link_flush(w->link);
	tm_buf_free(&b);
	return err;
}

static int wait_for_conn(struct tm_worker *w)
{
	while (w->conn < 0)
		if (tm_worker_wait(w, -1, -1) < 0 || w->stop)
			return -ECANCELED;
	return 0;
}

/* The peer's SESSION may already be waiting: only a hang-up of the socket ends this early. */
static int wait_for_go(struct tm_worker *w)
{
	uint64_t give_up = tm_mono_ms() + GO_TIMEOUT_MS;

	while (!w->go) {
		struct pollfd hup = { .fd = tm_peer_fd(w->link), .events = 0 };
		uint64_t now = tm_mono_ms();

		if (now >= give_up)
			return -ETIMEDOUT;
		if (tm_worker_wait(w, -1, (int)TM_MIN(give_up - now, (uint64_t)500)) < 0 || w->stop)
			return -ECANCELED;
		if (poll(&hup, 1, 0) > 0)
			return -ECONNRESET;
	}
	return 0;
}

static int open_target(struct tm_worker *w, struct tm_target **ret_t)
{
	struct tm_target_opts o = {
		.sz = sizeof(o),
		.rootfd = w->rootfd,
		.allow_devices = w->start.flags & TM_START_ALLOW_DEVICES,
		.allow_suid = w->start.flags & TM_START_ALLOW_SUID,
		.brake_percent = w->start.brake_percent,
		.brake_objects = w->start.brake_objects,
		.ops = { .poll = tm_worker_between,
			 .progress = tm_worker_progress,
			 .file_failed = tm_worker_file_failed,
			 .arg = w },
	};
	int r = tm_target_open(&o, ret_t);

	if (r == -EUCLEAN) {
		tm_worker_log(
			w, TM_LOG_WARNING,
			"state of the target was damaged and is set aside: everything will be compared");
		r = tm_target_open(&o, ret_t);
	}
	return r;
}

static int serve(struct tm_worker *w, struct tm_msg_text *text)
{
	struct tm_target *t = NULL;
	int r = wait_for_go(w);

	if (r < 0)
		return r;
	r = open_target(w, &t);
	if (r < 0)
		return refuse_peer(w, r, "the target's state cannot be opened", text);
	r = tm_target_serve(t, w->link, text);
	/* What STOP wants the source to hear, if it could not be said while waiting. */
	if (r == -ECANCELED)
		tm_worker_tell_peer(w);
	tm_target_close(t);
	return r;
}

int tm_target_role(struct tm_worker *w)
{
	struct tm_msg_text text = { 0 };
	int r;

	tm_worker_say(w, TM_C_READY);
	if (wait_for_conn(w) < 0)
		return 0;
	if (tm_worker_connect(w) < 0)
		return 1;
	r = serve(w, &text);
	tm_worker_progress_flush(w);
	if (!r || r == -ECANCELED)
		tm_worker_disconnect(w, r == -ECANCELED, &text);
	else
		tm_worker_fail(w, r, &text);
	return 0;
}
