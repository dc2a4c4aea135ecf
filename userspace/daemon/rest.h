/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/rest.h - HTTP on the unix socket: connections, bodies, routes, answers now or later.
 */
#ifndef TM_DAEMON_REST_H
#define TM_DAEMON_REST_H

#include "api/object.h"
#include "api/request.h"
#include "daemon/daemon.h"

/* Bind RUNTIME/api.sock (0660, group tidemark if there is one) and serve it from the loop. */
int tm_rest_start(struct tm_daemon *d);
void tm_rest_free(struct tm_daemon *d);

/* One request. */
struct tm_call;

/*
 * Answer; the object is taken over, NULL is "out of memory". Exactly once per call, now or after
 * tm_call_defer().
 */
void tm_call_reply(struct tm_call *c, unsigned int status, json_t *o);
void tm_call_problem(struct tm_call *c, unsigned int status, const char *code, const char *fmt, ...)
	_printf_(4, 5);
/* The same with more members: @extra is taken over. */
void tm_call_problem_with(struct tm_call *c, unsigned int status, const char *code, json_t *extra,
			  const char *fmt, ...) _printf_(5, 6);
/*
 * The answer comes later. If the client goes away before, the call must not be touched again: waiters of
 * @p are told by tm_schedule_forget(), a create in progress by clearing p->create_call.
 */
void tm_call_defer(struct tm_call *c, struct tm_policy *p);

/* "root (uid 0, pid 77)" */
const char *tm_call_who(const struct tm_call *c);
struct tm_daemon *tm_call_daemon(const struct tm_call *c);
/* Query argument or NULL. */
const char *tm_call_query(const struct tm_call *c, const char *key);

/* ---- routes (rest_routes.c, rest_policies.c) */

/* @path is decoded except for %2F; called once per request with the whole body. */
void tm_rest_route(struct tm_call *c, const char *method, const char *path, const void *body,
		   size_t len);

struct tm_rest_request {
	struct tm_call *c;
	struct tm_policy *p;
	json_t *body;
};

void tm_rest_create(struct tm_call *c, const json_t *body);
void tm_rest_delete(struct tm_rest_request *q);
void tm_rest_accept(struct tm_rest_request *q);
void tm_rest_reject(struct tm_rest_request *q);
void tm_rest_replicate(struct tm_rest_request *q);
void tm_rest_abort(struct tm_rest_request *q);
void tm_rest_enable(struct tm_rest_request *q);
void tm_rest_disable(struct tm_rest_request *q);
void tm_rest_sync(struct tm_rest_request *q);
void tm_rest_wait(struct tm_rest_request *q);

#endif
