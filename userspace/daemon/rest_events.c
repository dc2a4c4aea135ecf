// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_events.c - GET /v1/events: a stream for those who ask for one, else what is new.
 */
#include "daemon/events.h"
#include "daemon/rest.h"
#include "lib/units.h"

#include <stdio.h>

#define POLLERS_MAX   256
#define ANSWER_EVENTS 256
#define ANSWER_BYTES  (1024 * 1024)

struct poller {
	struct tm_bell bell;
	struct poller *next, **prev;
	struct tm_call *c;
	struct tm_daemon *d;
	uint64_t since;
	sd_event_source *timer;
};

static struct poller *pollers;
static unsigned int n_pollers;

static void poller_free(struct poller *p)
{
	tm_events_ignore(&p->bell);
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	n_pollers--;
	sd_event_source_disable_unref(p->timer);
	free(p);
}

/* Events are JSON already: put together as text. NULL: no memory. */
static char *answer_text(struct tm_daemon *d, uint64_t since)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct tm_event *e;
	unsigned int n = 0;
	bool gap;

	if (!f)
		return NULL;
	fputs("{\"events\":[", f);
	while ((e = tm_events_after(d, since, &gap)) && n < ANSWER_EVENTS &&
	       (size_t)ftell(f) + e->len < ANSWER_BYTES) {
		fprintf(f, "%s{\"id\":\"%llu\",\"type\":\"%.*s\",\"data\":%.*s}", n++ ? "," : "",
			(unsigned long long)e->id, (int)e->type_len, e->frame + e->type_at,
			(int)e->data_len, e->frame + e->data_at);
		since = e->id;
	}
	if (gap)
		since = tm_events_newest(d);
	fprintf(f, "],\"next\":\"%llu\",\"resync\":%s}", (unsigned long long)since,
		gap ? "true" : "false");
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void poller_answer(struct poller *p)
{
	struct tm_call *c = p->c;
	char *text = answer_text(p->d, p->since);

	poller_free(p);
	tm_call_reply_text(c, 200, text);
}

static void on_ring(struct tm_bell *b)
{
	poller_answer((struct poller *)b); /* its first member */
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	poller_answer(arg);
	return 0;
}

static void on_gone(struct tm_call *c, void *arg)
{
	(void)c;
	poller_free(arg);
}

static void poll_events(struct tm_call *c, uint64_t since, uint64_t timeout_ms)
{
	struct tm_daemon *d = tm_call_daemon(c);
	struct poller *p;
	bool gap;

	if (timeout_ms == 0 || tm_events_after(d, since, &gap) || gap) {
		tm_call_reply_text(c, 200, answer_text(d, since));
		return;
	}
	p = n_pollers < POLLERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		tm_call_problem(c, 503, "busy", "%d callers wait for events already", POLLERS_MAX);
		return;
	}
	*p = (struct poller){ .bell = { .ring = on_ring }, .next = pollers, .prev = &pollers,
			      .c = c, .d = d, .since = since };
	if (p->next)
		p->next->prev = &p->next;
	pollers = p;
	n_pollers++;
	tm_events_listen(d, &p->bell);
	(void)tm_timer_set(d, &p->timer, timeout_ms, on_timeout, p);
	tm_call_defer(c, on_gone, p);
}

void tm_rest_events(struct tm_rest_request *q)
{
	const char *accept = tm_call_header(q->c, "Accept");
	const char *last = tm_call_header(q->c, "Last-Event-ID");
	uint64_t since = 0, timeout_ms = 30000;
	bool given;

	if (!tm_call_query_u64(q->c, "since", 0, INT64_MAX, &since) ||
	    !tm_call_query_u64(q->c, "timeout_ms", 0, 300000, &timeout_ms))
		return;
	given = tm_call_query(q->c, "since");
	/* A browser that connects again says in the header how far it came; the address is its first one. */
	if (last && tm_parse_u64(last, &since) == 0)
		given = true;
	if (accept && strstr(accept, "text/event-stream")) {
		tm_call_stream(q->c, given, since);
		return;
	}
	/* Who has nothing to go on from is told where to begin. */
	poll_events(q->c, given ? since : tm_events_newest(tm_call_daemon(q->c)),
		    given ? timeout_ms : 0);
}

void tm_pollers_end(void)
{
	while (pollers)
		poller_answer(pollers);
}
