// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/watch.c - a command again and again; see watch.h.
 *
 * The daemon is asked to wait for the next event (a long poll), so that a change shows at once and an idle
 * terminal costs nothing; a daemon without events is asked every few seconds.
 */
#include "cli/watch.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/rest.h"
#include "cli/style.h"
#include "lib/clock.h"
#include "lib/text.h"

#define WATCH_MS  2000 /* if --watch says nothing */
#define SETTLE_MS 200  /* events come in flocks */

static void pause_ms(uint64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
			       .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

void tm_watch_wait(const struct tm_cli *c, uint64_t ms, uint64_t *cursor)
{
	uint64_t until = tm_mono_ms() + ms, now;
	_cleanup_answer_ struct tm_answer a = { 0 };
	/* Without a cursor the daemon says at once where it stands. */
	_cleanup_free_ char *path =
		*cursor ? tm_asprintf("/v1/events?since=%" PRIu64 "&timeout_ms=%" PRIu64, *cursor,
				      ms)
			: strdup("/v1/events?timeout_ms=1");

	pause_ms(TM_MIN(ms, (uint64_t)SETTLE_MS));
	if (path && tm_rest_quiet(c, "GET", path, NULL, ms + 30000, &a) == TM_EXIT_OK) {
		bool learnt = *cursor != 0;

		*cursor = tm_out_u64(a.body, "next");
		if (learnt && *cursor)
			return; /* an event, or the time is over */
	}
	now = tm_mono_ms();
	if (now < until)
		pause_ms(until - now);
}

/* The screen from its top left corner, without a flash: each line's rest is cleared, then what is below. */
static void redraw(const struct tm_cli *c, const char *text)
{
	unsigned int rows = tm_style_rows(), line = 1;

	fputs("\033[H", stdout);
	for (const char *end; *text; text = end + (*end == '\n')) {
		end = strchrnul(text, '\n');
		if (rows && line >= rows)
			break;
		if (line++ > 1)
			fputs("\r\n", stdout);
		printf("%.*s\033[K", (int)(end - text), text);
	}
	fputs("\r\n\033[J", stdout);
	fflush(stdout);
	(void)c;
}

static int run_once(struct tm_cli *c, bool screen, char **ret_text)
{
	size_t len = 0;
	FILE *out = c->out, *talk = c->talk;
	int code;

	c->out = open_memstream(ret_text, &len);
	if (!c->out) {
		c->out = out;
		return TM_EXIT_FAILED;
	}
	/* What is told belongs to the picture: the next one would wipe it off. */
	if (screen)
		c->talk = c->out;
	code = c->command->run(c);
	fclose(c->out);
	c->out = out;
	c->talk = talk;
	return code;
}

int tm_watch(struct tm_cli *c)
{
	uint64_t every = c->watch_ms ? c->watch_ms : WATCH_MS, cursor = 0;
	bool screen = c->width && !c->json;
	_cleanup_free_ char *last = NULL;

	if (!screen)
		c->json = c->lines = true;
	if (screen)
		fputs("\033[2J", stdout);
	for (;;) {
		_cleanup_free_ char *text = NULL;
		int code;

		tm_style_resize(c);
		code = run_once(c, screen, &text);
		if (screen)
			redraw(c, text ? text : "");
		else if (text && (!last || !tm_streq(last, text)))
			fputs(text, stdout);
		if (fflush(stdout) != 0)
			return TM_EXIT_FAILED;
		/* On a terminal a daemon that restarts is waited for; a script wants to know. */
		if (code != TM_EXIT_OK && code != TM_EXIT_UNHEALTHY &&
		    !(screen && code == TM_EXIT_NO_DAEMON))
			return code;
		free(last);
		last = tm_take_ptr(text);
		if (code == TM_EXIT_NO_DAEMON)
			pause_ms(every);
		else
			tm_watch_wait(c, every, &cursor);
	}
}
