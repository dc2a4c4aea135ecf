// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/http.c - see http.h.
 */
#include "web/http.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PRIORITIES                                                                                 \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:"  \
	"+AES-128-GCM:-RSA:-DHE-RSA:%SERVER_PRECEDENCE"

enum phase { HEAD, BODY, WORK, SEND, STREAM, IDLE };

struct tm_conn {
	struct tm_conn *next, **prev;
	int fd;
	enum phase phase;
	uint64_t since_ms;
};

struct tm_http {
	struct tm_web *w;
	struct MHD_Daemon *mhd;
	sd_event_source *io, *timer, *kick, *tick;
	struct tm_conn *conns;
	size_t n_conns;
	struct tm_req *waiting; /* deferred, unanswered */
};

/* ---- libmicrohttpd in the loop */

static int on_run(sd_event_source *s, uint64_t usec, void *arg);

static void timer_at(struct tm_http *h, sd_event_source **s, uint64_t ms)
{
	if (!*s) {
		(void)sd_event_add_time_relative(h->w->ev, s, CLOCK_MONOTONIC, ms * 1000, 1000,
						 on_run, h);
		return;
	}
	(void)sd_event_source_set_time_relative(*s, ms * 1000);
	(void)sd_event_source_set_enabled(*s, SD_EVENT_ONESHOT);
}

static void run(struct tm_http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	(void)MHD_run(h->mhd);
	if (MHD_get_timeout(h->mhd, &ms) == MHD_YES)
		timer_at(h, &h->timer, ms);
	else if (h->timer)
		(void)sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
}

static int on_run(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	run(arg);
	return 0;
}

static int on_epoll(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	(void)s;
	(void)fd;
	(void)revents;
	run(arg);
	return 0;
}

void tm_http_kick(struct tm_web *w)
{
	/* Never from here: we may be deep inside libmicrohttpd or libcurl. */
	if (w->http)
		timer_at(w->http, &w->http->kick, 0);
}

/* ---- connections and their deadlines */

static void enter(struct tm_conn *c, enum phase phase)
{
	if (c && c->phase != phase) {
		c->phase = phase;
		c->since_ms = tm_mono_ms();
	}
}

static void on_connection(void *cls, struct MHD_Connection *con, void **ctx,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *i;
	struct tm_http *h = cls;
	struct tm_conn *c = *ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		i = MHD_get_connection_info(con, MHD_CONNECTION_INFO_CONNECTION_FD);
		c = i ? calloc(1, sizeof(*c)) : NULL;
		if (!c)
			return;
		c->fd = i->connect_fd;
		c->since_ms = tm_mono_ms();
		c->next = h->conns;
		c->prev = &h->conns;
		if (c->next)
			c->next->prev = &c->next;
		h->conns = c;
		h->n_conns++;
		*ctx = c;
	} else if (c) {
		*c->prev = c->next;
		if (c->next)
			c->next->prev = c->prev;
		h->n_conns--;
		free(c);
		*ctx = NULL;
	}
}

static bool overdue(const struct tm_conn *c, uint64_t now_ms)
{
	uint64_t age = now_ms - c->since_ms;

	switch (c->phase) {
	case HEAD: return age > TM_HTTP_HEAD_MS;
	case BODY: return age > TM_HTTP_BODY_MS;
	case SEND: return age > TM_HTTP_SEND_MS;
	case IDLE: return age > TM_HTTP_IDLE_S * 1000 + TM_HTTP_HEAD_MS;
	default: return false;
	}
}

static int on_tick(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_http *h = arg;
	uint64_t now_ms = tm_mono_ms();

	(void)usec;
	/* libmicrohttpd sees the end, and closes. */
	for (struct tm_conn *c = h->conns; c; c = c->next)
		if (overdue(c, now_ms))
			(void)shutdown(c->fd, SHUT_RDWR);
	if (tm_sessions_expire(h->w->sessions, now_ms))
		tm_events_check_sessions(h->w);
	tm_events_tick(h->w, now_ms);
	tm_accounts_tick(h->w, now_ms);
	(void)sd_event_source_set_time_relative(s, 1000000);
	(void)sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	return 0;
}

/* ---- the answer */

static void unlist(struct tm_req *r)
{
	if (!r->prev)
		return;
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->prev = NULL;
}

static void resume(struct tm_req *r)
{
	r->hup = sd_event_source_disable_unref(r->hup);
	unlist(r);
	if (r->deferred) {
		MHD_resume_connection(r->con);
		tm_http_kick(r->w);
	}
}

void tm_req_respond(struct tm_req *r, unsigned int status, struct MHD_Response *resp)
{
	static char oom[] =
		"{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
		"\"detail\":\"out of memory\",\"code\":\"internal\"}";

	if (r->done) {
		if (resp)
			MHD_destroy_response(resp);
		return;
	}
	if (!resp) {
		resp = tm_resp_bytes(oom, sizeof(oom) - 1, false, "application/problem+json");
		status = 500;
	}
	if (resp)
		tm_resp_security(resp);
	r->done = true;
	r->resp = resp;
	r->status = status;
	r->gone = NULL;
	r->call = NULL;
	resume(r);
}

/* ---- deferring */

static void give_up(struct tm_req *r)
{
	if (r->gone)
		r->gone(r);
	r->gone = NULL;
	tm_up_cancel(tm_take_ptr(r->call));
}

static int on_hup(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_req *r = arg;

	(void)s;
	(void)fd;
	(void)revents;
	give_up(r);
	tm_req_problem(r, 500, "internal", "the browser went away");
	return 0;
}

void tm_req_defer(struct tm_req *r, void (*gone)(struct tm_req *r))
{
	r->deferred = true;
	r->gone = gone;
	r->next = r->w->http->waiting;
	r->prev = &r->w->http->waiting;
	if (r->next)
		r->next->prev = &r->next;
	r->w->http->waiting = r;
	MHD_suspend_connection(r->con);
	/* A suspended connection is not watched by libmicrohttpd: its end would go unnoticed. */
	if (r->c)
		(void)sd_event_add_io(r->w->ev, &r->hup, r->c->fd, EPOLLRDHUP, on_hup, r);
}

void *tm_req_state(struct tm_req *r, size_t n)
{
	r->state = calloc(1, n);
	r->state_len = r->state ? n : 0;
	return r->state;
}

const char *tm_req_header(const struct tm_req *r, const char *name)
{
	return MHD_lookup_connection_value(r->con, MHD_HEADER_KIND, name);
}

/* ---- requests */

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	(void)kind;
	tm_framing_header(cls, name, value);
	return MHD_YES;
}

static enum MHD_Result queue(struct tm_req *r)
{
	enum MHD_Result ret;

	if (!r->resp)
		return MHD_NO;
	enter(r->c, r->status == 200 && MHD_get_response_header(r->resp, "X-Accel-Buffering")
			    ? STREAM
			    : SEND);
	ret = MHD_queue_response(r->con, r->status, r->resp);
	MHD_destroy_response(r->resp);
	r->resp = NULL;
	return ret;
}

static bool begin(struct tm_req *r, const char *method)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(r->con, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in6 *v6;
	struct tm_framing f = { 0 };

	r->started = true;
	enter(r->c, BODY);
	snprintf(r->method, sizeof(r->method), "%s", method);
	if (i && i->client_addr->sa_family == AF_INET) {
		memcpy(&r->peer, i->client_addr, sizeof(struct sockaddr_in));
		(void)inet_ntop(AF_INET, &((struct sockaddr_in *)&r->peer)->sin_addr, r->address,
				sizeof(r->address));
	} else if (i && i->client_addr->sa_family == AF_INET6) {
		memcpy(&r->peer, i->client_addr, sizeof(struct sockaddr_in6));
		v6 = (struct sockaddr_in6 *)&r->peer;
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
			(void)inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], r->address,
					sizeof(r->address));
		else
			(void)inet_ntop(AF_INET6, &v6->sin6_addr, r->address, sizeof(r->address));
	}
	(void)MHD_get_connection_values(r->con, MHD_HEADER_KIND, on_header, &f);
	return tm_route_head(r, &f);
}

static void add_body(struct tm_req *r, const char *data, size_t n)
{
	char *grown;

	if (r->too_large || r->len + n > TM_API_BODY_MAX) {
		r->too_large = true;
		return;
	}
	/* All of it at once: a password is not left behind in a smaller block. */
	grown = r->body ? r->body : malloc(TM_API_BODY_MAX + 1);
	if (!grown) {
		r->too_large = true;
		return;
	}
	memcpy(grown + r->len, data, n);
	r->body = grown;
	r->len += n;
	grown[r->len] = 0;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *con, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **con_cls)
{
	struct tm_req *r = *con_cls;

	(void)cls;
	(void)con;
	(void)url;
	(void)version;
	if (!r || !r->target)
		return MHD_NO;
	if (!r->started)
		return begin(r, method) ? MHD_YES : queue(r);
	if (*size) {
		add_body(r, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!r->routed) {
		r->routed = true;
		enter(r->c, WORK);
		if (r->too_large)
			tm_req_problem(r, 413, "too-large", "the body is larger than 64 KiB");
		else
			tm_route(r);
		/*
		 * Suspended now: even if the answer is there already, it is queued when we are
		 * called again.
		 */
		if (r->deferred)
			return MHD_YES;
	}
	return r->done ? queue(r) : MHD_YES;
}

/* The request line is there: the request begins. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *con)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(con, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct tm_http *h = cls;
	struct tm_req *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->w = h->w;
	r->con = con;
	r->c = i ? i->socket_context : NULL;
	enter(r->c, HEAD);
	r->target = strndup(uri, TM_TARGET_MAX + 1);
	r->path = r->target ? strndup(r->target, strcspn(r->target, "?")) : NULL;
	if (!r->path) {
		free(r->target);
		r->target = NULL;
	}
	return r;
}

static void on_completed(void *cls, struct MHD_Connection *con, void **con_cls,
			 enum MHD_RequestTerminationCode toe)
{
	struct tm_req *r = *con_cls;

	(void)cls;
	(void)con;
	(void)toe;
	if (!r)
		return;
	*con_cls = NULL;
	enter(r->c, IDLE);
	give_up(r);
	unlist(r);
	sd_event_source_disable_unref(r->hup);
	if (r->resp)
		MHD_destroy_response(r->resp);
	if (r->body)
		explicit_bzero(r->body, r->len);
	if (r->state)
		explicit_bzero(r->state, r->state_len);
	free(r->state);
	free(r->body);
	free(r->path);
	free(r->target);
	free(r);
}

/* Paths are passed on as they are. */
static size_t on_unescape(void *cls, struct MHD_Connection *con, char *s)
{
	(void)cls;
	(void)con;
	return strlen(s);
}

/* What libmicrohttpd says for itself (a browser that does not trust the certificate ...). */
static void on_log(void *cls, const char *fmt, va_list ap)
{
	char text[512];

	(void)cls;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = 0;
	tm_debug("http: %s", text);
}

int tm_http_start(struct tm_web *w, int listen_fd, const char *cert, const char *key)
{
	struct tm_http *h = calloc(1, sizeof(*h));
	const union MHD_DaemonInfo *info;
	int r;

	if (!h)
		return -ENOMEM;
	h->w = w;
	w->http = h;
	h->mhd = MHD_start_daemon(MHD_USE_TLS | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
					  MHD_USE_ITC | MHD_USE_ERROR_LOG,
				  0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log,
				  h, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_HTTPS_MEM_CERT,
				  cert, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_PRIORITIES,
				  PRIORITIES, MHD_OPTION_CONNECTION_LIMIT, TM_HTTP_CONNECTIONS,
				  MHD_OPTION_PER_IP_CONNECTION_LIMIT, TM_HTTP_PER_ADDRESS,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)TM_HTTP_MEMORY,
				  MHD_OPTION_CONNECTION_TIMEOUT, TM_HTTP_IDLE_S,
				  MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
				  on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
				  MHD_OPTION_URI_LOG_CALLBACK, on_uri, h,
				  MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, h, MHD_OPTION_END);
	if (!h->mhd)
		return -EIO;
	info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	r = sd_event_add_io(w->ev, &h->io, info->epoll_fd, EPOLLIN, on_epoll, h);
	if (r >= 0)
		r = sd_event_add_time_relative(w->ev, &h->tick, CLOCK_MONOTONIC, 1000000, 250000,
					       on_tick, h);
	return r < 0 ? r : 0;
}

void tm_http_free(struct tm_web *w)
{
	struct tm_http *h = w->http;

	if (!h)
		return;
	sd_event_source_disable_unref(h->io);
	sd_event_source_disable_unref(h->tick);
	/* libmicrohttpd does not stop while a connection is suspended. */
	while (h->waiting) {
		struct tm_req *r = h->waiting;

		give_up(r);
		tm_req_problem(r, 503, "stopping", "tidemark-web stops");
	}
	if (h->mhd) {
		(void)MHD_run(h->mhd);
		(void)MHD_run(h->mhd);
		MHD_stop_daemon(h->mhd);
	}
	sd_event_source_disable_unref(h->timer);
	sd_event_source_disable_unref(h->kick);
	free(h);
	w->http = NULL;
}
