// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/events.c - the ring of events.
 */
#include "daemon/events.h"

#include <stdio.h>

struct tm_events {
	struct tm_daemon *d;
	struct tm_event *ring[TM_EVENTS_MAX]; /* of id N at N % TM_EVENTS_MAX */
	uint64_t first, last;		      /* last < first: none */
	size_t bytes;
	struct tm_bell *bells;
	sd_event_source *timer;
};

struct tm_event *tm_event_ref(struct tm_event *e)
{
	e->refs++;
	return e;
}

struct tm_event *tm_event_unref(struct tm_event *e)
{
	if (e && --e->refs == 0)
		free(e);
	return NULL;
}

int tm_events_start(struct tm_daemon *d)
{
	struct tm_events *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->d = d;
	/* Seconds in the upper bits: later lives have higher ids, and all stay below 2^53. */
	v->last = (uint64_t)(d->started_ns / 1000000000) << 20;
	v->first = v->last + 1;
	d->events = v;
	return 0;
}

static void drop_first(struct tm_events *v)
{
	struct tm_event **e = &v->ring[v->first++ % TM_EVENTS_MAX];

	v->bytes -= (*e)->len;
	*e = tm_event_unref(*e);
}

void tm_events_free(struct tm_daemon *d)
{
	struct tm_events *v = d->events;

	if (!v)
		return;
	while (v->first <= v->last)
		drop_first(v);
	while (v->bells)
		tm_events_ignore(v->bells);
	sd_event_source_disable_unref(v->timer);
	free(v);
	d->events = NULL;
}

static struct tm_event *event_new(uint64_t id, const char *type, const char *json)
{
	size_t n = strlen(json), head;
	struct tm_event *e = malloc(sizeof(*e) + strlen(type) + n + 64);

	if (!e)
		return NULL;
	*e = (struct tm_event){ .id = id, .refs = 1, .type_len = strlen(type), .data_len = n };
	head = (size_t)sprintf(e->frame, "id: %llu\nevent: ", (unsigned long long)id);
	e->type_at = head;
	head += (size_t)sprintf(e->frame + head, "%s\ndata: ", type);
	e->data_at = head;
	memcpy(e->frame + head, json, n);
	memcpy(e->frame + head + n, "\n\n", 3);
	e->len = head + n + 2;
	return e;
}

static int on_bell(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_events *v = arg;
	struct tm_bell *next;

	(void)s;
	(void)usec;
	for (struct tm_bell *b = v->bells; b; b = next) {
		next = b->next;
		b->ring(b);
	}
	return 0;
}

void tm_events_publish(struct tm_daemon *d, const char *type, json_t *data)
{
	/* No line break is left in it: one data line. */
	char *json = data ? json_dumps(data, JSON_COMPACT) : NULL;
	struct tm_events *v = d->events;
	struct tm_event *e = NULL;

	json_decref(data);
	if (v && json)
		e = event_new(v->last + 1, type, json);
	free(json);
	if (!v)
		return;
	while (v->first <= v->last &&
	       (!e || v->last - v->first + 1 >= TM_EVENTS_MAX ||
		v->bytes + e->len > TM_EVENTS_BYTES_MAX))
		drop_first(v);
	v->last++;
	if (e) {
		v->ring[v->last % TM_EVENTS_MAX] = e;
		v->bytes += e->len;
	} else {
		v->first = v->last + 1;
	}
	/* Not from here: the publisher may be deep in its own work. */
	(void)tm_timer_set(d, &v->timer, 0, on_bell, v);
}

uint64_t tm_events_newest(const struct tm_daemon *d)
{
	return d->events ? d->events->last : 0;
}

struct tm_event *tm_events_after(const struct tm_daemon *d, uint64_t id, bool *ret_gap)
{
	const struct tm_events *v = d->events;

	*ret_gap = v && (id > v->last || id + 1 < v->first);
	if (!v || *ret_gap || id == v->last)
		return NULL;
	return v->ring[(id + 1) % TM_EVENTS_MAX];
}

void tm_events_listen(struct tm_daemon *d, struct tm_bell *b)
{
	struct tm_events *v = d->events;

	b->next = v->bells;
	b->prev = &v->bells;
	if (b->next)
		b->next->prev = &b->next;
	v->bells = b;
}

void tm_events_ignore(struct tm_bell *b)
{
	if (!b->prev)
		return;
	*b->prev = b->next;
	if (b->next)
		b->next->prev = b->prev;
	b->next = NULL;
	b->prev = NULL;
}
