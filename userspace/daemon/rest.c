// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest.c - libmicrohttpd in the event loop: its epoll descriptor, suspended calls, answers.
 */
#include "daemon/rest_int.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECTIONS_MAX	  512
#define CONNECTION_MEMORY (32 * 1024)
#define CONNECTION_IDLE_S 120

static int on_run(sd_event_source *s, uint64_t usec, void *arg);

/* After anything that may have changed what libmicrohttpd waits for. */
static void rest_run(struct tm_rest *r)
{
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(r->mhd);
	if (MHD_get_timeout(r->mhd, &ms) == MHD_YES)
		(void)tm_timer_set(r->d, &r->timer, (uint64_t)ms, on_run, r);
	else
		tm_timer_off(&r->timer);
}

static int on_run(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	rest_run(arg);
	return 0;
}

static int on_epoll(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	(void)s;
	(void)fd;
	(void)revents;
	rest_run(arg);
	return 0;
}

void tm_rest_wake(struct tm_rest *r)
{
	(void)tm_timer_set(r->d, &r->resume, 0, on_run, r);
}

int tm_call_fd(const struct tm_call *c)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(c->con, MHD_CONNECTION_INFO_CONNECTION_FD);

	return i ? i->connect_fd : -1;
}

/* ---- answers */

/* @text is taken over; NULL is "out of memory". */
static void finish_text(struct tm_call *c, unsigned int status, char *text, bool problem)
{
	if (c->done) {
		free(text);
		return;
	}
	c->done = true;
	c->status = text ? status : 500;
	c->problem = problem;
	c->answer = text;
	c->hup = sd_event_source_disable_unref(c->hup);
	c->gone = NULL;
	if (c->deferred) {
		MHD_resume_connection(c->con);
		/* Not from here: we may be deep inside a worker's message. */
		tm_rest_wake(c->r);
	}
}

static void finish(struct tm_call *c, unsigned int status, json_t *o, bool problem)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	finish_text(c, status, text, problem);
}

void tm_call_reply_text(struct tm_call *c, unsigned int status, char *json)
{
	finish_text(c, status, json, false);
}

void tm_call_etag(struct tm_call *c, const char *revision)
{
	snprintf(c->etag, sizeof(c->etag), "\"%s\"", revision);
}

void tm_call_reply(struct tm_call *c, unsigned int status, json_t *o)
{
	finish(c, status, o, false);
}

static void problem_va(struct tm_call *c, unsigned int status, const char *code, json_t *extra,
		       const char *fmt, va_list ap)
{
	char text[8192];
	json_t *o;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	o = tm_api_problem_json(status, code, text);
	if (o && extra)
		(void)json_object_update_missing(o, extra);
	json_decref(extra);
	finish(c, status, o, true);
}

void tm_call_problem(struct tm_call *c, unsigned int status, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_va(c, status, code, NULL, fmt, ap);
	va_end(ap);
}

void tm_call_problem_with(struct tm_call *c, unsigned int status, const char *code, json_t *extra,
			  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_va(c, status, code, extra, fmt, ap);
	va_end(ap);
}

/* Nobody waits any longer: whoever was to answer is told, once. */
static void call_gone(struct tm_call *c)
{
	void (*gone)(struct tm_call *c, void *arg) = c->gone;

	c->gone = NULL;
	if (gone)
		gone(c, c->gone_arg);
}

static int on_hup(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_call *c = arg;

	(void)s;
	(void)fd;
	(void)revents;
	call_gone(c);
	tm_call_problem(c, 500, "internal", "the caller went away");
	return 0;
}

void tm_call_defer(struct tm_call *c, void (*gone)(struct tm_call *c, void *arg), void *arg)
{
	int fd = tm_call_fd(c);

	c->deferred = true;
	c->gone = gone;
	c->gone_arg = arg;
	MHD_suspend_connection(c->con);
	/*
	 * A suspended connection is not watched by libmicrohttpd: its end would go unnoticed
	 * until the answer.
	 */
	if (fd >= 0)
		(void)sd_event_add_io(c->r->d->ev, &c->hup, fd, EPOLLRDHUP, on_hup, c);
}

struct tm_daemon *tm_call_daemon(const struct tm_call *c)
{
	return c->r->d;
}

const char *tm_call_query(const struct tm_call *c, const char *key)
{
	return MHD_lookup_connection_value(c->con, MHD_GET_ARGUMENT_KIND, key);
}

const char *tm_call_header(const struct tm_call *c, const char *key)
{
	return MHD_lookup_connection_value(c->con, MHD_HEADER_KIND, key);
}

/* ---- requests */

static enum MHD_Result queue_answer(struct tm_call *c)
{
	static char oom[] =
		"{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
		"\"detail\":\"out of memory\",\"code\":\"internal\"}";
	struct MHD_Response *resp;
	bool streaming = c->stream;
	enum MHD_Result ret;

	if (c->stream) {
		resp = tm_stream_response(c);
	} else if (c->answer) {
		resp = MHD_create_response_from_buffer(strlen(c->answer), c->answer,
						       MHD_RESPMEM_MUST_FREE);
		c->answer = NULL;
	} else {
		resp = MHD_create_response_from_buffer(sizeof(oom) - 1, oom,
						       MHD_RESPMEM_PERSISTENT);
		c->problem = true;
	}
	if (!resp)
		return MHD_NO;
	(void)MHD_add_response_header(resp, "Content-Type",
				      streaming	   ? "text/event-stream"
				      : c->problem ? "application/problem+json"
						   : "application/json");
	(void)MHD_add_response_header(resp, "Cache-Control", "no-store");
	if (c->etag[0] && !c->problem)
		(void)MHD_add_response_header(resp, "ETag", c->etag);
	ret = MHD_queue_response(c->con, c->status, resp);
	MHD_destroy_response(resp);
	return ret;
}

static void add_body(struct tm_call *c, const char *data, size_t n)
{
	char *grown;

	if (c->too_large || c->len + n > TM_API_BODY_MAX) {
		c->too_large = true;
		return;
	}
	grown = realloc(c->body, c->len + n);
	if (!grown) {
		c->too_large = true;
		return;
	}
	memcpy(grown + c->len, data, n);
	c->body = grown;
	c->len += n;
}

struct framing {
	unsigned int lengths, encodings;
};

static enum MHD_Result count_framing(void *cls, enum MHD_ValueKind kind, const char *key,
				     const char *value)
{
	struct framing *f = cls;

	(void)kind;
	(void)value;
	f->lengths += strcasecmp(key, "Content-Length") == 0;
	f->encodings += strcasecmp(key, "Transfer-Encoding") == 0;
	return MHD_YES;
}

/* Two opinions about where a body ends are how requests are smuggled past whoever relays them. */
static bool framing_good(struct tm_call *c)
{
	struct framing f = { 0, 0 };

	(void)MHD_get_connection_values(c->con, MHD_HEADER_KIND, count_framing, &f);
	return f.lengths + f.encodings <= 1;
}

static enum MHD_Result begin_call(struct tm_rest *r, struct MHD_Connection *con, void **con_cls)
{
	struct tm_call *c = calloc(1, sizeof(*c));

	if (!c)
		return MHD_NO;
	c->r = r;
	c->con = con;
	*con_cls = c;
	if (!framing_good(c))
		return MHD_NO;
	tm_call_identify(c);
	return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *con, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **con_cls)
{
	struct tm_call *c = *con_cls;

	(void)version;
	if (!c)
		return begin_call(cls, con, con_cls);
	if (*size) {
		add_body(c, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!c->routed) {
		c->routed = true;
		/* Nothing may begin to wait any more: libmicrohttpd must not end while somebody does. */
		if (c->r->d->stopping)
			tm_call_problem(c, 503, "busy", "the daemon ends");
		else if (c->too_large)
			tm_call_problem(c, 413, "too-large", "the body is larger than 64 KiB");
		else
			tm_rest_route(c, method, url, c->body, c->len);
		/*
		 * Suspended now: even if the answer is there already, it is queued when we are
		 * called again.
		 */
		if (c->deferred)
			return MHD_YES;
	}
	return c->done || c->stream ? queue_answer(c) : MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *con, void **con_cls,
			 enum MHD_RequestTerminationCode toe)
{
	struct tm_call *c = *con_cls;

	(void)cls;
	(void)con;
	(void)toe;
	if (!c)
		return;
	call_gone(c);
	sd_event_source_disable_unref(c->hup);
	free(c->body);
	free(c->answer);
	free(c);
	*con_cls = NULL;
}

/* Paths are taken apart before they are decoded: a %2F in a name is no slash. */
static size_t on_unescape(void *cls, struct MHD_Connection *con, char *s)
{
	(void)cls;
	(void)con;
	return strlen(s);
}

/* ---- the servers */

static void rest_free(struct tm_rest *r)
{
	if (!r)
		return;
	sd_event_source_disable_unref(r->io);
	if (r->mhd) {
		/* What was answered just now (waiters told that we stop) still goes out. */
		(void)MHD_run(r->mhd);
		(void)MHD_run(r->mhd);
		MHD_stop_daemon(r->mhd);
		tm_rest_socket_remove(r);
	}
	sd_event_source_disable_unref(r->timer);
	sd_event_source_disable_unref(r->resume);
	tm_close(r->listen_fd);
	free(r);
}

static int rest_new(struct tm_daemon *d, bool web, struct tm_rest **ret)
{
	struct tm_rest *r = calloc(1, sizeof(*r));
	const union MHD_DaemonInfo *info = NULL;
	int ret_code;

	if (!r)
		return -ENOMEM;
	*r = (struct tm_rest){ .d = d, .web = web, .listen_fd = -EBADF };
	ret_code = tm_rest_socket(r);
	if (ret_code < 0)
		goto fail;
	r->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL, on_request,
		r, MHD_OPTION_LISTEN_SOCKET, r->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, r, MHD_OPTION_UNESCAPE_CALLBACK,
		on_unescape, r, MHD_OPTION_END);
	ret_code = -EIO;
	if (!r->mhd)
		goto fail;
	r->listen_fd = -EBADF; /* libmicrohttpd's now */
	info = MHD_get_daemon_info(r->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (info)
		ret_code = sd_event_add_io(d->ev, &r->io, info->epoll_fd, EPOLLIN, on_epoll, r);
	if (ret_code < 0)
		goto fail;
	*ret = r;
	return 0;
fail:
	rest_free(r);
	return ret_code;
}

int tm_rest_start(struct tm_daemon *d)
{
	int r = rest_new(d, false, &d->rest);

	if (r < 0)
		return r;
	r = rest_new(d, true, &d->rest_web);
	/* The page is not what the daemon lives for. */
	if (r < 0 && r != -ENOENT)
		tm_err("%s/web.sock cannot be served: %s", d->runtime_dir, strerror(-r));
	return 0;
}

void tm_rest_free(struct tm_daemon *d)
{
	/* libmicrohttpd must not end while connections are suspended. */
	tm_streams_end();
	tm_pollers_end();
	rest_free(d->rest);
	rest_free(d->rest_web);
	d->rest = d->rest_web = NULL;
}
