/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify_record.h - from one event to the change records of the roots it concerns.
 */
#ifndef TM_CAPTURE_FANOTIFY_RECORD_H
#define TM_CAPTURE_FANOTIFY_RECORD_H

#include "capture/fanotify_event.h"
#include "capture/fanotify_roots.h"
#include "changes/change.h"

/* What is asked of the kernel. Not OPEN or ACCESS: reads are nobody's business. */
#define TM_FAN_MASK                                                                                \
	(FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE |        \
	 FAN_ONDIR)

struct tm_fan_sink {
	/* @slots is never 0; @c and what it points to are valid during the call. */
	void (*emit)(void *arg, uint64_t slots, const struct tm_change *c);
	void *arg;
};

/* Convert @ev. Objects that are gone yield what is still known about them. */
void tm_fan_record(struct tm_fan_roots *r, const struct tm_fan_event *ev,
		   const struct tm_fan_sink *sink);

#endif
