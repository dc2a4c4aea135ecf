/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf/settings.c - the table, and values with their origin; see settings.h.
 */
#include "conf/internal.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/parse.h"
#include "lib/text.h"
#include "lib/units.h"

static const struct tm_setting_desc table[TM_SET_COUNT] = {
#define X(i, k, t, u, lo, hi, d, f, h)                                                             \
	[TM_SET_##i] = { .key = (k),                                                               \
			 .type = TM_ST_##t,                                                        \
			 .unit = (u),                                                              \
			 .min = (lo),                                                              \
			 .max = (hi),                                                              \
			 .def = (d),                                                               \
			 .flags = TM_SF_##f,                                                       \
			 .help = (h) },
	TM_SETTINGS(X)
#undef X
};

const struct tm_setting_desc *tm_setting_desc(enum tm_setting_id id)
{
	return (unsigned int)id < TM_SET_COUNT ? &table[id] : NULL;
}

const char *tm_setting_type_name(enum tm_setting_type t)
{
	static const char *const names[] = { "bytes", "duration", "bool", "int", "string", "enum" };

	return (unsigned int)t < TM_ARRAY_SIZE(names) ? names[t] : "?";
}

static bool key_eq(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '/' ? '.' : *a) != (*b == '/' ? '.' : *b))
			return false;
	return *a == *b;
}

int tm_setting_find(const char *key)
{
	for (int i = 0; i < TM_SET_COUNT; i++)
		if (key_eq(table[i].key, key))
			return i;
	return -ENOENT;
}

/* Levenshtein: single letters added, dropped or replaced. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[TM_CONF_KEY_MAX + 1];
	size_t n = strlen(b);

	if (n > TM_CONF_KEY_MAX || strlen(a) > TM_CONF_KEY_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned int diag = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned int best = diag + (a[i - 1] != b[j - 1]);

			diag = row[j];
			best = best < diag + 1 ? best : diag + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[n];
}

const char *tm_setting_nearest(const char *key)
{
	const char *best = NULL, *dot;
	unsigned int best_d = 4;

	for (int i = 0; i < TM_SET_COUNT; i++) {
		unsigned int d = distance(key, table[i].key);

		/* The last word alone is what people remember: "port" for "listen.port". */
		dot = strrchr(table[i].key, '.');
		if (dot && tm_streq(dot + 1, key))
			d = 1;
		if (d < best_d) {
			best_d = d;
			best = table[i].key;
		}
	}
	return best;
}

void tm_setting_unknown(const char *key, char why[TM_SETTING_WHY_LEN])
{
	const char *near = tm_setting_nearest(key);

	snprintf(why, TM_SETTING_WHY_LEN, "unknown setting '%.60s'%s%s%s", key,
		 near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* ---- values */

void tm_setting_value_free(struct tm_setting_value *v)
{
	free(v->text);
	free(v->origin);
	*v = (struct tm_setting_value){ 0 };
}

static int parse_word(const char *words, const char *text, uint64_t *ret)
{
	size_t len = strlen(text);
	uint64_t index = 0;

	for (const char *w = words;; index++) {
		const char *end = strchrnul(w, '|');

		if (len == (size_t)(end - w) && !memcmp(w, text, len)) {
			*ret = index;
			return 0;
		}
		if (!*end)
			return -EINVAL;
		w = end + 1;
	}
}

static int parse_string(const char *text, uint64_t *ret)
{
	size_t n = strlen(text);

	if (!tm_utf8_valid(text, n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return -EINVAL;
	*ret = n;
	return 0;
}

static int parse_typed(const struct tm_setting_desc *d, const char *text, uint64_t *ret)
{
	bool yes;
	int r;

	switch (d->type) {
	case TM_ST_BYTES: return tm_parse_bytes(text, ret);
	case TM_ST_DURATION: return tm_parse_duration_ms(text, ret);
	case TM_ST_INT: return tm_parse_u64(text, ret);
	case TM_ST_ENUM: return parse_word(d->unit, text, ret);
	case TM_ST_STRING: return parse_string(text, ret);
	case TM_ST_BOOL:
		r = tm_parse_bool(text, &yes);
		if (!r)
			*ret = yes;
		return r;
	}
	return -EINVAL;
}

/* What would have been right, in the row's own units. */
static void explain(const struct tm_setting_desc *d, const char *text, int error,
		    char why[TM_SETTING_WHY_LEN])
{
	static const char *const want[] = {
		[TM_ST_BYTES] = "a size like 64K or 50M",
		[TM_ST_DURATION] = "a time like 50ms or 30s",
		[TM_ST_BOOL] = "yes or no",
		[TM_ST_INT] = "a number",
		[TM_ST_STRING] = "printable text",
		[TM_ST_ENUM] = "one of ",
	};
	_cleanup_free_ char *shown = tm_escape(text, strnlen(text, 60));
	char lo[TM_HUMAN_LEN], hi[TM_HUMAN_LEN];

	if (error == -EINVAL) {
		snprintf(why, TM_SETTING_WHY_LEN, "%s: '%.100s' is not %s%s", d->key,
			 shown ? shown : "", want[d->type], d->type == TM_ST_ENUM ? d->unit : "");
	} else if (d->type == TM_ST_BYTES) {
		snprintf(why, TM_SETTING_WHY_LEN, "%s: '%.100s' is not between %s and %s%s", d->key,
			 shown ? shown : "", tm_human_bytes(d->min, lo), tm_human_bytes(d->max, hi),
			 d->flags & TM_SF_POW2 ? ", a power of two" : "");
	} else {
		snprintf(why, TM_SETTING_WHY_LEN, "%s: '%.100s' is not between %llu and %llu%s%s",
			 d->key, shown ? shown : "", (unsigned long long)d->min,
			 (unsigned long long)d->max,
			 d->type == TM_ST_STRING ? " bytes long"
			 : *d->unit		 ? " "
						 : "",
			 d->type == TM_ST_STRING ? "" : d->unit);
	}
}

int tm_setting_value_parse(enum tm_setting_id id, const char *text, const char *origin,
			   struct tm_setting_value *ret, char why[TM_SETTING_WHY_LEN])
{
	const struct tm_setting_desc *d = &table[id];
	struct tm_setting_value v = { 0 };
	int r = parse_typed(d, text, &v.u64);

	if (!r && (v.u64 < d->min || v.u64 > d->max) && d->type != TM_ST_BOOL)
		r = -ERANGE;
	if (!r && (d->flags & TM_SF_POW2) && (v.u64 & (v.u64 - 1)))
		r = -ERANGE;
	if (r < 0) {
		explain(d, text, r, why);
		return r;
	}
	v.text = strdup(text);
	v.origin = origin ? strdup(origin) : NULL;
	if (!v.text || (origin && !v.origin)) {
		tm_setting_value_free(&v);
		snprintf(why, TM_SETTING_WHY_LEN, "out of memory");
		return -ENOMEM;
	}
	*ret = v;
	return 0;
}

const char *tm_settings_default(const struct tm_settings *s, enum tm_setting_id id)
{
	return id == TM_SET_CLUSTER_NAME ? s->hostname : table[id].def;
}

int tm_setting_value_default(const struct tm_settings *s, enum tm_setting_id id,
			     struct tm_setting_value *ret)
{
	char why[TM_SETTING_WHY_LEN];

	return tm_setting_value_parse(id, tm_settings_default(s, id), NULL, ret, why);
}

struct tm_settings *tm_settings_new(void)
{
	struct tm_settings *s = calloc(1, sizeof(*s));
	char host[65] = "";

	if (!s)
		return NULL;
	/* As long as a cluster's name may be; an odd one is replaced, never refused. */
	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0] ||
	    !tm_utf8_valid(host, strlen(host)))
		strcpy(host, "localhost");
	s->hostname = strdup(host);
	for (int i = 0; s->hostname && i < TM_SET_COUNT; i++) {
		if (tm_setting_value_default(s, i, &s->v[i]) < 0) {
			tm_settings_free(s);
			return NULL;
		}
	}
	if (!s->hostname) {
		tm_settings_free(s);
		return NULL;
	}
	return s;
}

void tm_settings_free(struct tm_settings *s)
{
	if (!s)
		return;
	for (int i = 0; i < TM_SET_COUNT; i++)
		tm_setting_value_free(&s->v[i]);
	for (size_t i = 0; i < s->n_complaints; i++)
		free(s->complaints[i]);
	free(s->hostname);
	free(s);
}

uint64_t tm_settings_u64(const struct tm_settings *s, enum tm_setting_id id)
{
	return s->v[id].u64;
}

bool tm_settings_bool(const struct tm_settings *s, enum tm_setting_id id)
{
	return s->v[id].u64;
}

const char *tm_settings_text(const struct tm_settings *s, enum tm_setting_id id)
{
	return s->v[id].text;
}

const char *tm_settings_origin(const struct tm_settings *s, enum tm_setting_id id)
{
	return s->v[id].origin ? s->v[id].origin : "default";
}

int tm_settings_set(struct tm_settings *s, const char *key, const char *value,
		    enum tm_setting_hand by, char why[TM_SETTING_WHY_LEN])
{
	char unused[TM_SETTING_WHY_LEN];
	struct tm_setting_value v;
	int id = tm_setting_find(key), r;

	if (!why)
		why = unused;
	if (id < 0) {
		tm_setting_unknown(key, why);
		return id;
	}
	r = tm_setting_value_parse(id, value, by == TM_BY_RUNTIME ? "runtime" : "command line", &v,
				   why);
	if (r < 0)
		return r;
	tm_setting_value_free(&s->v[id]);
	s->v[id] = v;
	s->by_hand[id] = true;
	return 0;
}

int tm_settings_set_arg(struct tm_settings *s, const char *arg, char why[TM_SETTING_WHY_LEN])
{
	char key[TM_CONF_KEY_MAX], value[TM_CONF_VALUE_MAX];
	const char *wrong;
	bool optional = false;
	int r;

	wrong = tm_conf_split(arg, strlen(arg), key, value, &optional);
	if (wrong) {
		if (why)
			snprintf(why, TM_SETTING_WHY_LEN, "'%.60s': %s; KEY=VALUE is expected", arg,
				 wrong);
		return -EINVAL;
	}
	r = tm_settings_set(s, key, value, TM_BY_COMMAND_LINE, why);
	return optional && r != -ENOMEM ? 0 : r;
}

size_t tm_settings_complaints(const struct tm_settings *s)
{
	return s->n_complaints + (s->more_complaints ? 1 : 0);
}

const char *tm_settings_complaint(const struct tm_settings *s, size_t i)
{
	if (i < s->n_complaints)
		return s->complaints[i];
	return i == s->n_complaints && s->more_complaints ? s->more : NULL;
}
