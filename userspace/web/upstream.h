/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/upstream.h - requests to the daemon on RUNTIME/web.sock; libcurl in the event loop.
 *
 * Nothing blocks. A call ends with exactly one @done, unless it is cancelled; that is never from
 * within tm_up_call(). The daemon's own problems are answers like others; an error is told only
 * when there was no answer. Of a browser's headers nothing is passed on but what a field of
 * struct tm_up_ask names.
 */
#ifndef TM_WEB_UPSTREAM_H
#define TM_WEB_UPSTREAM_H

#include "lib/base.h"

#include <systemd/sd-event.h>

#define TM_UP_CALLS_MAX	 64
#define TM_UP_ANSWER_MAX ((size_t)8 << 20)
#define TM_UP_TOTAL_MAX	 ((size_t)64 << 20) /* of all answers being collected */

struct tm_up;
struct tm_up_call;

struct tm_up_ask {
	const char *method, *path;	   /* path with query, as checked by tm_target_good() */
	const char *user, *role, *address; /* user NULL: on behalf of nobody */
	bool reauthenticated;		   /* the user has just given the own password again */
	const char *if_match, *if_none_match, *accept, *last_event_id; /* or NULL */
	const void *body;					       /* JSON, or NULL */
	size_t len;
	uint64_t timeout_ms; /* 0: none (streams) */
};

struct tm_up_answer {
	/*
	 * 0; -ECONNREFUSED: the daemon is not there; -ETIMEDOUT; -EMSGSIZE: too large; -EIO;
	 * -ENOMEM
	 */
	int error;
	unsigned int status;
	char type[64], etag[160]; /* "": not sent */
	char *body;		  /* NUL added; the callee may take it (set it to NULL) */
	size_t len;
};

typedef void (*tm_up_done_fn)(void *arg, struct tm_up_answer *a);
/* A stream's bytes as they come; 0, or negative to end it. Must not call anything here. */
typedef int (*tm_up_data_fn)(void *arg, const void *p, size_t n);

int tm_up_new(sd_event *ev, const char *socket_path, struct tm_up **ret);
void tm_up_free(struct tm_up *u); /* calls under way end without a word */

/*
 * Start a call. With @data the answer is streamed (only where its status is 200) and @done is its
 * end. Returns 0; -EBUSY: too many are under way; -ENOMEM. *@ret_call (may be NULL) is good until
 * @done or tm_up_cancel().
 */
int tm_up_call(struct tm_up *u, const struct tm_up_ask *ask, tm_up_data_fn data, tm_up_done_fn done,
	       void *arg, struct tm_up_call **ret_call);
void tm_up_cancel(struct tm_up_call *c);

#endif
