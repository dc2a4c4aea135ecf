// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/progress.c - how far a run is; see progress.h.
 */
#include "cli/progress.h"

#include <inttypes.h>

#include "cli/policy.h"
#include "cli/style.h"
#include "lib/clock.h"
#include "lib/text.h"

#define EVERY_MS 10000
#define BAR	 20

static char *bar(int64_t percent)
{
	char line[BAR + 1];
	int64_t full = percent * BAR / 100;

	for (int i = 0; i < BAR; i++)
		line[i] = i < full ? '=' : i == full ? '>' : ' ';
	line[BAR] = 0;
	return tm_asprintf("[%s]", line);
}

/* Appends @part if it fits behind two blanks. Takes @part. */
static void add(char **line, char *part, unsigned int width)
{
	_cleanup_free_ char *p = part;
	char *longer;

	if (!*line || !p || (width && strlen(*line) + 2 + strlen(p) > width))
		return;
	longer = tm_asprintf("%s  %s", *line, p);
	if (!longer)
		return;
	free(*line);
	*line = longer;
}

static char *pair(const struct tm_cli *c, const json_t *p, const char *done, const char *total,
		  enum tm_kind kind, const char *unit)
{
	_cleanup_free_ char *d = tm_out_cell(c, p, done, kind), *t = tm_out_cell(c, p, total, kind);

	return tm_asprintf("%s of %s%s", d, t, unit);
}

char *tm_progress_text(const struct tm_cli *c, const json_t *p, unsigned int width)
{
	bool known = json_is_integer(tm_out_at(p, "progress.percent"));
	int64_t percent = tm_out_int(p, "progress.percent");
	char *line = tm_out_text(c, p, "name");

	percent = percent < 0 ? 0 : TM_MIN(percent, (int64_t)100);
	if (!known) {
		add(&line, tm_policy_status(c, p), width);
		return line;
	}
	/* The most wanted first; what does not fit is left out. The bar only where there is room for all. */
	if (!width || width >= 110)
		add(&line, bar(percent), width);
	add(&line, tm_asprintf("%3" PRId64 "%%", percent), width);
	add(&line, pair(c, p, "progress.bytes_done", "progress.bytes_total", TM_K_BYTES, ""),
	    width);
	add(&line, tm_out_cell(c, p, "progress.rate_now", TM_K_RATE), width);
	if (json_is_integer(tm_out_at(p, "progress.seconds_left"))) {
		_cleanup_free_ char *left =
			tm_out_cell(c, p, "progress.seconds_left", TM_K_SECONDS);

		add(&line, tm_asprintf("%s left", left), width);
	}
	add(&line, pair(c, p, "progress.files_done", "progress.files_total", TM_K_COUNT, " files"),
	    width);
	return line;
}

void tm_progress_show(const struct tm_cli *c, struct tm_progress *pr, const json_t *policy)
{
	unsigned int width = tm_style_err_width();
	uint64_t now = tm_mono_ms();
	_cleanup_free_ char *text = NULL;

	if (c->quiet || c->json)
		return;
	if (!width && now < pr->next_ms)
		return;
	text = tm_progress_text(c, policy, width ? width - 1 : 0);
	if (!text)
		return;
	if (width) {
		fprintf(c->talk, "\r\033[K%s", text);
		pr->drawn = true;
	} else if (pr->next_ms) {
		fprintf(c->talk, "%s\n", text);
	}
	/* Short runs are not worth a line in a log: the first one comes after the first interval. */
	pr->next_ms = now + EVERY_MS;
	fflush(c->talk);
}

void tm_progress_end(const struct tm_cli *c, struct tm_progress *pr)
{
	if (pr->drawn)
		fprintf(c->talk, "\r\033[K");
	pr->drawn = false;
}
