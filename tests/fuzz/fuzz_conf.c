/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_conf.c - settings files: every line yields at most one call, in order, and no
 * value reaches the table that its row does not allow.
 */
#include "conf/parse.h"
#include "conf/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct run {
	struct tm_settings *s;
	unsigned int line;
};

static void next_line(struct run *run, unsigned int line)
{
	if (line <= run->line)
		abort();
	run->line = line;
}

static void on_assign(void *arg, unsigned int line, const char *key, const char *value,
		      bool optional)
{
	struct run *run = arg;
	char why[TM_SETTING_WHY_LEN];
	int r;

	(void)optional;
	next_line(run, line);
	if (strlen(key) >= TM_CONF_KEY_MAX || strlen(value) >= TM_CONF_VALUE_MAX ||
	    strchr(key, '/'))
		abort();
	r = tm_settings_set(run->s, key, value, TM_BY_RUNTIME, why);
	if (r < 0 && strlen(why) >= sizeof(why))
		abort();
}

static void on_bad(void *arg, unsigned int line, const char *what)
{
	next_line(arg, line);
	if (!what[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct run run = { .s = tm_settings_new() };
	const struct tm_conf_handler h = { .assign = on_assign, .bad = on_bad, .arg = &run };

	if (!run.s)
		return 0;
	tm_conf_parse((const char *)p, n, &h);
	for (int i = 0; i < TM_SET_COUNT; i++) {
		const struct tm_setting_desc *d = tm_setting_desc(i);
		uint64_t v = tm_settings_u64(run.s, i);

		if (d->type != TM_ST_BOOL && (v < d->min || v > d->max))
			abort();
	}
	tm_settings_free(run.s);
	return 0;
}

#include "replay.h"
