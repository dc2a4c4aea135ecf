/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/rest.h - HTTP on the unix sockets: connections, bodies, routes, answers now or later.
 */
#ifndef TM_DAEMON_REST_H
#define TM_DAEMON_REST_H

#include "api/object.h"
#include "api/request.h"
#include "daemon/daemon.h"

/*
 * Bind RUNTIME/api.sock (0660, group tidemark if there is one) and RUNTIME/web.sock (0600, the user of
 * web.user; without that user not at all) and serve them from the loop.
 */
int tm_rest_start(struct tm_daemon *d);
void tm_rest_free(struct tm_daemon *d);

/* One request. */
struct tm_call;

/* ---- answers: exactly one per call, now or after tm_call_defer() */

/* The object is taken over, NULL is "out of memory". */
void tm_call_reply(struct tm_call *c, unsigned int status, json_t *o);
/* The same for JSON that is text already (malloc'ed, taken over). */
void tm_call_reply_text(struct tm_call *c, unsigned int status, char *json);
void tm_call_problem(struct tm_call *c, unsigned int status, const char *code, const char *fmt, ...)
	_printf_(4, 5);
/* The same with more members: @extra is taken over. */
void tm_call_problem_with(struct tm_call *c, unsigned int status, const char *code, json_t *extra,
			  const char *fmt, ...) _printf_(5, 6);
/* 400 bad-request about one field. */
void tm_call_bad(struct tm_call *c, const char *field, const char *fmt, ...) _printf_(3, 4);
void tm_call_refused(struct tm_call *c, const struct tm_api_refusal *no);
/* The ETag of a good answer. */
void tm_call_etag(struct tm_call *c, const char *revision);

/*
 * The answer comes later. If the client goes away before, @gone is called once and the call must not be
 * touched again.
 */
void tm_call_defer(struct tm_call *c, void (*gone)(struct tm_call *c, void *arg), void *arg);

/* Instead of an answer: events for ever, after @since or from now on. */
void tm_call_stream(struct tm_call *c, bool has_since, uint64_t since);
/* The daemon ends: let go of those who wait for events. */
void tm_streams_end(void);
void tm_pollers_end(void);

/* ---- the request */

/* "root (uid 0, pid 77)", "alice (web, 192.0.2.9)" */
const char *tm_call_who(const struct tm_call *c);
bool tm_call_may(const struct tm_call *c, enum tm_access need);
/* uid 0 on api.sock. */
bool tm_call_is_root(const struct tm_call *c);
/* Through web.sock; and there without a user: the page's process itself. */
bool tm_call_is_web(const struct tm_call *c);
bool tm_call_is_nobody(const struct tm_call *c);
/* Who logged in at the page; "" elsewhere. */
const char *tm_call_user(const struct tm_call *c);
struct tm_daemon *tm_call_daemon(const struct tm_call *c);
/* Header or NULL. */
const char *tm_call_header(const struct tm_call *c, const char *key);
/* Query argument as it was sent (percent-encoded), or NULL. */
const char *tm_call_query(const struct tm_call *c, const char *key);
/* A number from @min to @max; absent: *@ret stays. False: answered. */
bool tm_call_query_u64(struct tm_call *c, const char *key, uint64_t min, uint64_t max,
		       uint64_t *ret);
/*
 * KEY (percent-decoded) or, base64 and percent-encoded, KEY_b64; exactly one. @ret gets a terminated
 * string without NULs. False: answered.
 */
bool tm_call_query_bytes(struct tm_call *c, const char *key, char ret[TM_API_PATH_MAX + 1]);

/* ---- routes (rest_routes.c) */

/* @path is still percent-encoded; called once per request with the whole body. */
void tm_rest_route(struct tm_call *c, const char *method, const char *path, const void *body,
		   size_t len);

struct tm_rest_request {
	struct tm_call *c;
	struct tm_policy *p; /* of {ref} */
	char arg[256];	     /* of another {parameter}, decoded */
	json_t *body;
};

/* By id, else by name. NULL: answered with a problem. */
struct tm_policy *tm_rest_find_policy(struct tm_call *c, const char *ref);

enum tm_route_flags {
	TM_ROUTE_ACCOUNTS = 1 << 0, /* not for the group tidemark: root, or an admin of the page */
	TM_ROUTE_LOGIN = 1 << 1,    /* for root and for the page's process itself only */
	TM_ROUTE_PROCESS = 1 << 2,  /* for the page's process itself too */
	TM_ROUTE_SELF = 1 << 3,	    /* for {name} too, who has just given the password again */
};

struct tm_route {
	const char *method;
	const char *path; /* one {parameter} at most; {ref} is a policy */
	void (*fn)(struct tm_rest_request *q);
	enum tm_access need;
	unsigned int flags; /* enum tm_route_flags */
};

extern const struct tm_route tm_routes[];
extern const size_t tm_n_routes;

/* rest_views.c */
void tm_rest_policies(struct tm_rest_request *q);
void tm_rest_policy(struct tm_rest_request *q);
void tm_rest_failures(struct tm_rest_request *q);
void tm_rest_runs(struct tm_rest_request *q);
void tm_rest_requests(struct tm_rest_request *q);
void tm_rest_status(struct tm_rest_request *q);
void tm_rest_openapi(struct tm_rest_request *q);
void tm_rest_probe(struct tm_rest_request *q);
void tm_rest_settings(struct tm_rest_request *q);
void tm_rest_peers(struct tm_rest_request *q);
void tm_rest_audit(struct tm_rest_request *q);
void tm_rest_series(struct tm_rest_request *q);
void tm_rest_capture(struct tm_rest_request *q);
/* rest_create.c */
void tm_rest_create(struct tm_rest_request *q);
void tm_rest_accept(struct tm_rest_request *q);
/* rest_policies.c */
void tm_rest_delete(struct tm_rest_request *q);
void tm_rest_top(struct tm_rest_request *q);
void tm_rest_reject(struct tm_rest_request *q);
void tm_rest_replicate(struct tm_rest_request *q);
void tm_rest_verify(struct tm_rest_request *q);
void tm_rest_abort(struct tm_rest_request *q);
void tm_rest_enable(struct tm_rest_request *q);
void tm_rest_disable(struct tm_rest_request *q);
void tm_rest_sync(struct tm_rest_request *q);
void tm_rest_wait(struct tm_rest_request *q);
/* rest_dirs.c */
void tm_rest_preview(struct tm_rest_request *q);
void tm_rest_directories(struct tm_rest_request *q);
/* rest_edit.c */
void tm_rest_edit(struct tm_rest_request *q);
/* rest_where.c */
void tm_rest_where(struct tm_rest_request *q);
/* rest_node.c */
void tm_rest_health(struct tm_rest_request *q);
void tm_rest_settings_patch(struct tm_rest_request *q);
void tm_rest_mute(struct tm_rest_request *q);
/* rest_events.c */
void tm_rest_events(struct tm_rest_request *q);
/* rest_accounts.c */
void tm_rest_users(struct tm_rest_request *q);
void tm_rest_user_put(struct tm_rest_request *q);
void tm_rest_user_patch(struct tm_rest_request *q);
void tm_rest_user_delete(struct tm_rest_request *q);
void tm_rest_verifier(struct tm_rest_request *q);
void tm_rest_login(struct tm_rest_request *q);

#endif
