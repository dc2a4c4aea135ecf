// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_stream.c - GET /v1/events as an answer without an end (text/event-stream).
 *
 * A stream holds its place in the ring of events and at most one event: whoever reads slowly costs no
 * memory and finds a gap. While there is nothing to send the connection is suspended; a new event or
 * the heartbeat resumes it.
 */
#include "daemon/events.h"
#include "daemon/rest_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>

#define STREAMS_MAX  256
#define HEARTBEAT_MS 15000
#define BLOCK	     4096

struct tm_stream {
	struct tm_bell bell;
	struct tm_stream *next, **prev;
	struct tm_call *c;
	struct tm_daemon *d;
	struct tm_rest *r;
	struct MHD_Connection *con;
	uint64_t at;	      /* the last event that was begun */
	struct tm_event *cur; /* being sent */
	char text[128];	      /* or this: greeting, heartbeat, gap */
	size_t off, text_len;
	bool suspended, dead;
	sd_event_source *hup;
};

static struct tm_stream *streams;
static unsigned int n_streams;
static sd_event_source *heartbeat;

static void stream_wake(struct tm_stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	MHD_resume_connection(s->con);
	tm_rest_wake(s->r);
}

static void on_ring(struct tm_bell *b)
{
	stream_wake((struct tm_stream *)b); /* its first member */
}

static void say(struct tm_stream *s, const char *fmt, ...) _printf_(2, 3);

static void say(struct tm_stream *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	s->text_len = (size_t)vsnprintf(s->text, sizeof(s->text), fmt, ap);
	va_end(ap);
	s->off = 0;
}

/* The next thing to send; false: nothing now. */
static bool stream_next(struct tm_stream *s)
{
	struct tm_event *e;
	bool gap;

	if (s->cur || s->text_len)
		return true;
	e = tm_events_after(s->d, s->at, &gap);
	if (gap) {
		s->at = tm_events_newest(s->d);
		say(s, "id: %llu\nevent: resync\ndata: {}\n\n", (unsigned long long)s->at);
		return true;
	}
	if (!e)
		return false;
	s->cur = tm_event_ref(e);
	s->at = e->id;
	s->off = 0;
	return true;
}

static ssize_t on_read(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct tm_stream *s = cls;
	const char *from;
	size_t n;

	(void)pos;
	if (s->dead)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!stream_next(s)) {
		s->suspended = true;
		MHD_suspend_connection(s->con);
		return 0;
	}
	from = s->cur ? s->cur->frame : s->text;
	n = TM_MIN((s->cur ? s->cur->len : s->text_len) - s->off, max);
	memcpy(buf, from + s->off, n);
	s->off += n;
	if (s->off == (s->cur ? s->cur->len : s->text_len)) {
		s->cur = tm_event_unref(s->cur);
		s->text_len = s->off = 0;
	}
	return (ssize_t)n;
}

static void on_free(void *cls)
{
	struct tm_stream *s = cls;

	tm_events_ignore(&s->bell);
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	n_streams--;
	sd_event_source_disable_unref(s->hup);
	tm_event_unref(s->cur);
	free(s);
	if (!streams)
		heartbeat = sd_event_source_disable_unref(heartbeat);
}

/* libmicrohttpd does not watch a suspended connection: its end would go unnoticed until the heartbeat. */
static int on_hup(sd_event_source *src, int fd, uint32_t revents, void *arg)
{
	struct tm_stream *s = arg;

	(void)fd;
	(void)revents;
	(void)sd_event_source_set_enabled(src, SD_EVENT_OFF);
	s->dead = true;
	stream_wake(s);
	return 0;
}

static int on_heartbeat(sd_event_source *src, uint64_t usec, void *arg)
{
	struct tm_daemon *d = arg;

	(void)src;
	(void)usec;
	for (struct tm_stream *s = streams; s; s = s->next)
		if (s->suspended) {
			say(s, ":\n\n");
			stream_wake(s);
		}
	(void)tm_timer_set(d, &heartbeat, HEARTBEAT_MS, on_heartbeat, d);
	return 0;
}

void tm_call_stream(struct tm_call *c, bool has_since, uint64_t since)
{
	struct tm_daemon *d = tm_call_daemon(c);
	struct tm_stream *s = n_streams < STREAMS_MAX ? calloc(1, sizeof(*s)) : NULL;

	if (!s) {
		tm_call_problem(c, 503, "busy", "%d streams are open, no more are served", STREAMS_MAX);
		return;
	}
	*s = (struct tm_stream){ .bell = { .ring = on_ring }, .d = d, .r = c->r, .con = c->con };
	s->at = has_since ? since : tm_events_newest(d);
	say(s, "retry: 2000\nid: %llu\n\n", (unsigned long long)s->at);
	s->next = streams;
	s->prev = &streams;
	if (s->next)
		s->next->prev = &s->next;
	streams = s;
	n_streams++;
	tm_events_listen(d, &s->bell);
	if (tm_call_fd(c) >= 0)
		(void)sd_event_add_io(d->ev, &s->hup, tm_call_fd(c), EPOLLRDHUP, on_hup, s);
	if (!heartbeat)
		(void)tm_timer_set(d, &heartbeat, HEARTBEAT_MS, on_heartbeat, d);
	c->stream = s;
	c->status = 200;
}

struct MHD_Response *tm_stream_response(struct tm_call *c)
{
	struct tm_stream *s = c->stream;
	struct MHD_Response *resp =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, s, on_free);

	c->stream = NULL;
	if (!resp)
		on_free(s);
	return resp;
}

void tm_streams_end(void)
{
	for (struct tm_stream *s = streams; s; s = s->next) {
		s->dead = true;
		stream_wake(s);
	}
}
