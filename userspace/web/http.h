/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/http.h - a request's life, from libmicrohttpd's view to ours.
 *
 * The head is judged as soon as it is there (tm_route_head()), so that a body is never read for
 * nothing; then the body is collected, at most 64 KiB; then tm_route() answers at once, or takes
 * its time: tm_req_defer(), and later one of the answers. A browser that goes away meanwhile is
 * told to r->gone. Every answer carries the security headers. Nothing blocks.
 *
 * Bounds: connections in all and per address, memory per connection, and a deadline for every
 * phase, so that a client that dribbles bytes holds a place only for so long.
 */
#ifndef TM_WEB_HTTP_H
#define TM_WEB_HTTP_H

#include "web/web.h"

#include "api/object.h"

#include <microhttpd.h>
#include <netinet/in.h>

#define TM_HTTP_CONNECTIONS 512
#define TM_HTTP_PER_ADDRESS 128
#define TM_HTTP_MEMORY	    (32 * 1024) /* a head's bytes */
#define TM_HTTP_HEAD_MS	    15000 /* from connect, or the first byte, to the end of the head */
#define TM_HTTP_BODY_MS	    30000
#define TM_HTTP_SEND_MS	    120000
#define TM_HTTP_IDLE_S	    60 /* between requests, or bytes */

struct tm_conn;

struct tm_req {
	struct tm_web *w;
	struct MHD_Connection *con;
	struct tm_conn *c;
	char method[12];
	char *target; /* as in the request line: path and query */
	char *path;   /* without the query */
	char *body;
	size_t len;

	struct sockaddr_storage peer;
	char address[INET6_ADDRSTRLEN];
	uint64_t session; /* serial, 0: nobody */
	char user[TM_USER_MAX], role[TM_ROLE_TEXT_MAX];

	/* while it is deferred */
	struct tm_up_call *call;
	void (*gone)(struct tm_req *r); /* the browser went away: stop, and tell nothing any more */
	void *state;			/* owned; freed after @gone or the answer */
	size_t state_len;		/* wiped first */

	/* http.c's own */
	bool started, too_large, routed, deferred, done;
	struct MHD_Response *resp;
	unsigned int status;
	sd_event_source *hup;
	struct tm_req *next, **prev; /* of those that are deferred and unanswered */
};

int tm_http_start(struct tm_web *w, int listen_fd, const char *cert, const char *key);
void tm_http_free(struct tm_web *w);
/* Let libmicrohttpd run soon: after answers and resumed streams. */
void tm_http_kick(struct tm_web *w);

/* A request's header or NULL; borrowed until the request ends. */
const char *tm_req_header(const struct tm_req *r, const char *name);
/* A state of @n bytes, zeroed, or NULL. */
void *tm_req_state(struct tm_req *r, size_t n);
/* The answer comes later. From tm_route() only. */
void tm_req_defer(struct tm_req *r, void (*gone)(struct tm_req *r));

/* Exactly one of these ends a request. @o is stolen. */
void tm_req_json(struct tm_req *r, unsigned int status, json_t *o);
void tm_req_problem(struct tm_req *r, unsigned int status, const char *code, const char *fmt, ...)
	_printf_(4, 5);
void tm_req_problem_with(struct tm_req *r, unsigned int status, const char *code, json_t *extra,
			 const char *fmt, ...) _printf_(5, 6);
/* Any response; stolen. NULL: out of memory, 500. */
void tm_req_respond(struct tm_req *r, unsigned int status, struct MHD_Response *resp);

/* For tm_req_respond(): the security headers are added there. Bytes: stolen (free()) or static. */
struct MHD_Response *tm_resp_bytes(const void *p, size_t n, bool steal, const char *type);
void tm_resp_header(struct MHD_Response *resp, const char *name, const char *value);
/*
 * What every response carries: strict CSP, Trusted Types, no sniffing, no framing, no caching
 * unless said.
 */
void tm_resp_security(struct MHD_Response *resp);
/* A JSON answer that sets the session's cookie; NULL takes it away. */
void tm_req_json_cookie(struct tm_req *r, unsigned int status, json_t *o, const char *cookie);

/* ---- route.c */

/* May the request go on to its body? Otherwise it was answered. */
bool tm_route_head(struct tm_req *r, const struct tm_framing *f);
void tm_route(struct tm_req *r);

/* ---- login.c, relay.c */

void tm_login(struct tm_req *r);
void tm_logout(struct tm_req *r);
void tm_session_show(struct tm_req *r);
void tm_password_change(struct tm_req *r);
void tm_relay(struct tm_req *r);
/* No answer from the daemon: say so. */
void tm_req_no_daemon(struct tm_req *r, int error);

#endif
