// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/events.c - one stream of events from the daemon, any number of browsers.
 *
 * While somebody is logged in, one stream is open to the daemon, in this process's own name
 * (everybody who may log in may see everything there). What comes goes into the ring; each
 * browser stands somewhere in the ring and has no queue of its own. A browser that waits is
 * suspended in libmicrohttpd; it is woken at most every FLUSH_MS, so a burst of events becomes
 * few records. When the daemon was away, whatever happened meanwhile is a gap: everybody gets
 * `resync`.
 *
 * Beside the daemon's own events there are: `hello`, first in every stream, and `daemon`
 * {"connected": bool}.
 */
#include "web/http.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "web/tls.h"

#include <stdio.h>
#include <sys/epoll.h>

#define STREAMS_MAX	 384
#define PER_SESSION	 16
#define FLUSH_MS	 40
#define COMMENT_MS	 15000
#define UPSTREAM_DEAD_MS 45000 /* the daemon says something every 15 s */
#define RETRY_MS	 1000
#define BLOCK		 (16 * 1024)

struct client {
	struct client *next, **prev;
	struct tm_web *w;
	struct MHD_Connection *con;
	uint64_t session, pos, sent_ms;
	size_t offset;
	char head[192]; /* what comes before the ring */
	size_t head_len, head_done;
	bool waiting, end, comment;
	sd_event_source *hup;
};

struct tm_events {
	struct tm_ring *ring;
	struct tm_sse_parser parser;
	struct tm_up_call *up;
	bool live; /* something came from the daemon on this connection */
	bool told; /* that it is away */
	uint64_t heard_ms, retry_ms;
	struct client *clients;
	size_t n;
	sd_event_source *flush;
};

/* ---- browsers */

static void wake(struct client *c)
{
	if (!c->waiting)
		return;
	c->waiting = false;
	MHD_resume_connection(c->con);
	tm_http_kick(c->w);
}

static int on_flush(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_events *e = arg;

	(void)s;
	(void)usec;
	for (struct client *c = e->clients; c; c = c->next)
		wake(c);
	return 0;
}

static void flush_soon(struct tm_web *w)
{
	struct tm_events *e = w->events;
	int enabled = SD_EVENT_OFF;

	if (!e->flush) {
		(void)sd_event_add_time_relative(w->ev, &e->flush, CLOCK_MONOTONIC, FLUSH_MS * 1000,
						 1000, on_flush, e);
		return;
	}
	(void)sd_event_source_get_enabled(e->flush, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	(void)sd_event_source_set_time_relative(e->flush, FLUSH_MS * 1000);
	(void)sd_event_source_set_enabled(e->flush, SD_EVENT_ONESHOT);
}

static size_t copy(struct client *c, const char *p, size_t n, char *buf, size_t cap)
{
	c->sent_ms = tm_mono_ms();
	n = TM_MIN(n, cap);
	memcpy(buf, p, n);
	return n;
}

static ssize_t on_read(void *cls, uint64_t at, char *buf, size_t cap)
{
	static const char comment[] = ":\n\n";
	struct client *c = cls;
	ssize_t n;

	(void)at;
	if (c->end)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (c->head_done < c->head_len) {
		n = (ssize_t)copy(c, c->head + c->head_done, c->head_len - c->head_done, buf, cap);
		c->head_done += (size_t)n;
		return n;
	}
	n = tm_ring_read(c->w->events->ring, &c->pos, &c->offset, buf, cap);
	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n > 0) {
		c->sent_ms = tm_mono_ms();
		c->comment = false;
		return n;
	}
	if (c->comment && c->offset == 0 && cap >= sizeof(comment) - 1) {
		c->comment = false;
		return (ssize_t)copy(c, comment, sizeof(comment) - 1, buf, cap);
	}
	c->waiting = true;
	MHD_suspend_connection(c->con);
	return 0;
}

static void on_free(void *cls)
{
	struct client *c = cls;
	struct tm_session *s = tm_session_by_serial(c->w->sessions, c->session);

	if (s)
		s->streams--;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->w->events->n--;
	sd_event_source_disable_unref(c->hup);
	free(c);
}

static void end(struct client *c)
{
	c->end = true;
	wake(c);
}

static int on_hup(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	(void)s;
	(void)fd;
	(void)revents;
	end(arg);
	return 0;
}

void tm_events_check_sessions(struct tm_web *w)
{
	for (struct client *c = w->events->clients; c; c = c->next)
		if (!tm_session_by_serial(w->sessions, c->session))
			end(c);
}

/* ---- the daemon's stream */

static void publish(struct tm_web *w, const char *type, const char *data, size_t n)
{
	int r = tm_ring_add(w->events->ring, type, data, n);

	if (r < 0)
		tm_warn("an event of type %s is lost: %s", type, strerror(-r));
	flush_soon(w);
}

static void gap(struct tm_web *w)
{
	tm_ring_cut(w->events->ring);
	flush_soon(w);
}

static void on_event(void *arg, const char *type, const char *id, const char *data, size_t n)
{
	struct tm_web *w = arg;

	(void)id;
	if (tm_streq(type, "resync"))
		gap(w);
	else
		publish(w, type, data, n);
	if (tm_streq(type, "audit"))
		tm_accounts_stale(w);
}

static int on_data(void *arg, const void *p, size_t n)
{
	static const char up[] = "{\"connected\":true}";
	struct tm_web *w = arg;
	struct tm_events *e = w->events;
	uint64_t skipped = e->parser.skipped;
	int r;

	if (!e->live) {
		e->live = true;
		e->told = false;
		/* What happened before is not known. */
		gap(w);
		publish(w, "daemon", up, sizeof(up) - 1);
	}
	e->heard_ms = tm_mono_ms();
	r = tm_sse_parse(&e->parser, p, n, on_event, w);
	if (r == 0 && e->parser.skipped != skipped) {
		tm_warn("an event of tidemarkd was not understood, or is too large");
		gap(w);
	}
	return r;
}

static void away(struct tm_web *w)
{
	static const char down[] = "{\"connected\":false}";
	struct tm_events *e = w->events;

	if (!e->told) {
		e->told = true;
		publish(w, "daemon", down, sizeof(down) - 1);
	}
	if (e->live)
		tm_notice("the stream of events from tidemarkd ended; trying again");
	e->live = false;
	e->up = NULL;
	e->retry_ms = tm_mono_ms() + RETRY_MS;
	tm_sse_parser_reset(&e->parser);
}

static void on_end(void *arg, struct tm_up_answer *a)
{
	if (!a->error && a->status != 200)
		tm_debug("tidemarkd gives no events: status %u", a->status);
	away(arg);
}

static void connect_upstream(struct tm_web *w)
{
	const struct tm_up_ask ask = { .method = "GET",
				       .path = "/v1/events",
				       .accept = "text/event-stream" };
	struct tm_events *e = w->events;

	if (e->up || !tm_sessions_count(w->sessions) || tm_mono_ms() < e->retry_ms)
		return;
	e->heard_ms = tm_mono_ms();
	if (tm_up_call(w->up, &ask, on_data, on_end, w, &e->up) < 0)
		away(w);
}

void tm_events_tick(struct tm_web *w, uint64_t now_ms)
{
	struct tm_events *e = w->events;

	for (struct client *c = e->clients; c; c = c->next) {
		if (now_ms - c->sent_ms >= COMMENT_MS) {
			c->comment = true;
			wake(c);
		}
	}
	if (e->up && (now_ms - e->heard_ms > UPSTREAM_DEAD_MS || !tm_sessions_count(w->sessions))) {
		tm_up_cancel(e->up);
		away(w);
	}
	connect_upstream(w);
}

/* ---- a new browser */

static struct client *client_new(struct tm_req *r, const char *last_id)
{
	struct tm_events *e = r->w->events;
	struct client *c = calloc(1, sizeof(*c));
	char id[TM_SSE_ID_MAX];

	if (!c)
		return NULL;
	c->w = r->w;
	c->con = r->con;
	c->session = r->session;
	c->sent_ms = tm_mono_ms();
	c->pos = last_id ? tm_ring_find(e->ring, last_id) : tm_ring_end(e->ring);
	/*
	 * Where it stands, so that it can come again before anything happened; not where it
	 * missed something.
	 */
	tm_ring_id(e->ring, last_id && c->pos == UINT64_MAX ? 1 : c->pos, id);
	c->head_len =
		(size_t)snprintf(c->head, sizeof(c->head),
				 "retry: 2000\nid: %s\nevent: hello\ndata: {\"daemon\":%s}\n\n", id,
				 e->live ? "true" : "false");
	c->next = e->clients;
	c->prev = &e->clients;
	if (c->next)
		c->next->prev = &c->next;
	e->clients = c;
	e->n++;
	return c;
}

void tm_events_serve(struct tm_req *r, const char *last_id)
{
	struct tm_session *s = tm_session_by_serial(r->w->sessions, r->session);
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(r->con, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct MHD_Response *resp;
	struct client *c;

	if (!s) {
		tm_req_problem(r, 401, "login-required", "log in first");
		return;
	}
	if (s->streams >= PER_SESSION || r->w->events->n >= STREAMS_MAX) {
		tm_req_problem_with(r, 429, "too-many", json_pack("{s:i}", "retry_after", 5),
				    "too many event streams are open");
		return;
	}
	c = client_new(r, last_id);
	if (!c) {
		tm_req_respond(r, 500, NULL);
		return;
	}
	s->streams++;
	resp = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, c, on_free);
	if (!resp) {
		on_free(c);
		tm_req_respond(r, 500, NULL);
		return;
	}
	if (i)
		(void)sd_event_add_io(r->w->ev, &c->hup, i->connect_fd, EPOLLRDHUP, on_hup, c);
	if (c->hup)
		(void)sd_event_source_set_enabled(c->hup, SD_EVENT_ONESHOT);
	tm_resp_header(resp, "Content-Type", "text/event-stream");
	/* For proxies in between: pass it on as it comes. */
	tm_resp_header(resp, "X-Accel-Buffering", "no");
	tm_req_respond(r, 200, resp);
	connect_upstream(r->w);
}

/* ---- life */

int tm_events_new(struct tm_web *w)
{
	struct tm_events *e = calloc(1, sizeof(*e));
	uint32_t epoch;

	if (!e)
		return -ENOMEM;
	tm_random(&epoch, sizeof(epoch));
	tm_sse_parser_init(&e->parser);
	e->told = true;
	e->ring = tm_ring_new(epoch);
	w->events = e;
	return e->ring ? 0 : -ENOMEM;
}

void tm_events_stop(struct tm_web *w)
{
	if (!w->events)
		return;
	for (struct client *c = w->events->clients; c; c = c->next)
		end(c);
}

void tm_events_free(struct tm_web *w)
{
	struct tm_events *e = w->events;

	if (!e)
		return;
	tm_up_cancel(e->up);
	sd_event_source_disable_unref(e->flush);
	tm_sse_parser_free(&e->parser);
	tm_ring_free(e->ring);
	free(e);
	w->events = NULL;
}
