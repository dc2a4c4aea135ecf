/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/web.h - the one object everything in tidemark-web hangs on.
 *
 * One event loop; the only threads are those of passwords.h, which touch nothing of this. Files:
 *
 *	main, listen, tls, confine	starting, in that order, and stopping
 *	http, answer			libmicrohttpd in the loop: a request's life, answers, deadlines
 *	route				what may come in, and where it goes
 *	login, account			who is who
 *	upstream, relay			the daemon
 *	events, sse_*			one stream in, many out
 *	assets				the page
 *	guard, session, limit, sse_*	pure
 */
#ifndef TM_WEB_WEB_H
#define TM_WEB_WEB_H

#include "web/guard.h"
#include "web/limit.h"
#include "web/passwords.h"
#include "web/session.h"
#include "web/sse.h"
#include "web/upstream.h"

struct tm_http;
struct tm_events;
struct tm_accounts;

struct tm_web {
	sd_event *ev;
	struct tm_hosts hosts; /* names by which this server may be called */
	struct tm_sessions *sessions;
	struct tm_limit *limit;
	struct tm_passwords *passwords;
	struct tm_up *up;
	struct tm_events *events;
	struct tm_accounts *accounts;
	struct tm_http *http;
	int assets_fd; /* development: a directory instead of what is embedded; else -EBADF */
};

/* ---- account.c: what the daemon knows of accounts, asked again while somebody is logged in */

int tm_accounts_new(struct tm_web *w);
void tm_accounts_free(struct tm_web *w);
/* Every second, from the loop. */
void tm_accounts_tick(struct tm_web *w, uint64_t now_ms);
/* Something about accounts may have changed: ask at the next tick. */
void tm_accounts_stale(struct tm_web *w);

/* ---- events.c: the stream */

int tm_events_new(struct tm_web *w);
/*
 * Every stream ends at libmicrohttpd's next turn; then it may stop, and then comes
 * tm_events_free().
 */
void tm_events_stop(struct tm_web *w);
void tm_events_free(struct tm_web *w);
void tm_events_tick(struct tm_web *w, uint64_t now_ms);

struct tm_req;
/* Answer with the stream, from the event after @last_id (NULL: from now). */
void tm_events_serve(struct tm_req *r, const char *last_id);
/* Sessions ended: their streams end. */
void tm_events_check_sessions(struct tm_web *w);

#endif
