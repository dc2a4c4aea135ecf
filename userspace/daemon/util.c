// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/util.c - timers, random bytes, texts.
 */
#include "daemon/daemon.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

int tm_timer_set(struct tm_daemon *d, sd_event_source **s, uint64_t after_ms,
		 sd_event_time_handler_t fn, void *arg)
{
	int r;

	if (!*s) {
		r = sd_event_add_time_relative(d->ev, s, CLOCK_MONOTONIC, after_ms * 1000, 1000, fn,
					       arg);
		return r < 0 ? r : 0;
	}
	r = sd_event_source_set_time_relative(*s, after_ms * 1000);
	if (r >= 0)
		r = sd_event_source_set_enabled(*s, SD_EVENT_ONESHOT);
	return r < 0 ? r : 0;
}

void tm_timer_off(sd_event_source **s)
{
	*s = sd_event_source_disable_unref(*s);
}

int tm_random(void *p, size_t n)
{
	/* At most 256 bytes are asked for: never short, never interrupted. */
	return getrandom(p, n, 0) == (ssize_t)n ? 0 : -EIO;
}

void tm_text_set(char *dst, size_t cap, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(dst, cap, fmt, ap);
	va_end(ap);
}
