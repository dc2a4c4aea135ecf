/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/events.h - what happened lately, for whoever watches: a ring, and a bell for those who wait.
 *
 * Ids grow by one within a life of the daemon and never repeat across lives (the first one comes from the
 * wall clock). Readers keep the id they have seen; the ring keeps the last TM_EVENTS_MAX events and at most
 * TM_EVENTS_BYTES_MAX bytes. Who asks for what is gone is told of the gap and loads everything anew.
 */
#ifndef TM_DAEMON_EVENTS_H
#define TM_DAEMON_EVENTS_H

#include "daemon/daemon.h"

#include <jansson.h>

#define TM_EVENTS_MAX	    1000
#define TM_EVENTS_BYTES_MAX (4 * 1024 * 1024)

struct tm_event {
	uint64_t id;
	unsigned int refs;
	size_t len;		 /* of the frame */
	size_t type_at, type_len; /* the event's type in it */
	size_t data_at, data_len; /* and its JSON */
	char frame[];		 /* as SSE sends it: "id: N\nevent: TYPE\ndata: JSON\n\n" */
};

int tm_events_start(struct tm_daemon *d);
void tm_events_free(struct tm_daemon *d);

/* @data is taken over; NULL (no memory) becomes a gap for everybody. */
void tm_events_publish(struct tm_daemon *d, const char *type, json_t *data);

/* The id of the latest event. */
uint64_t tm_events_newest(const struct tm_daemon *d);
/*
 * The first event after @id, or NULL. *@ret_gap: events between were dropped, or @id is of another life:
 * then go on after tm_events_newest().
 */
struct tm_event *tm_events_after(const struct tm_daemon *d, uint64_t id, bool *ret_gap);
struct tm_event *tm_event_ref(struct tm_event *e);
struct tm_event *tm_event_unref(struct tm_event *e); /* NULL */

/* Called soon after each publish, from the loop; embedded in whoever waits. */
struct tm_bell {
	struct tm_bell *next, **prev; /* prev NULL: not in the list */
	void (*ring)(struct tm_bell *b);
};
void tm_events_listen(struct tm_daemon *d, struct tm_bell *b);
void tm_events_ignore(struct tm_bell *b);

#endif
