// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/output.c - values, fields and JSON; tables are in table_out.c.
 */
#include "cli/output.h"

#include <inttypes.h>

#include "api/json.h"
#include "cli/columns.h"
#include "cli/text.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "lib/units.h"

void tm_out_json(const struct tm_cli *c, const json_t *j)
{
	bool indent = !c->lines && (c->pretty || c->width);
	size_t ascii = c->text_flags & TM_TEXT_ASCII ? JSON_ENSURE_ASCII : 0;
	_cleanup_free_ char *text =
		json_dumps(j, (indent ? JSON_INDENT(2) : JSON_COMPACT) | JSON_ENCODE_ANY | ascii);
	_cleanup_free_ char *safe = text ? tm_text_json(text) : NULL;

	if (safe)
		fprintf(c->out, "%s\n", safe);
}

json_t *tm_out_at(const json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	_cleanup_free_ char *head = NULL;

	if (!dot)
		return json_object_get(object, path);
	head = strndup(path, (size_t)(dot - path));
	return head ? tm_out_at(json_object_get(object, head), dot + 1) : NULL;
}

int64_t tm_out_int(const json_t *object, const char *path)
{
	return json_integer_value(tm_out_at(object, path));
}

uint64_t tm_out_u64(const json_t *object, const char *path)
{
	const json_t *v = tm_out_at(object, path);
	uint64_t n;

	if (json_is_string(v))
		return tm_parse_u64(json_string_value(v), &n) == 0 ? n : 0;
	return json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

const char *tm_out_str(const json_t *object, const char *path)
{
	return json_string_value(tm_out_at(object, path));
}

bool tm_out_is(const json_t *object, const char *path, const char *text)
{
	const char *s = tm_out_str(object, path);

	return s && tm_streq(s, text);
}

static unsigned int flags_of(const struct tm_cli *c)
{
	return c->text_flags | (c->raw ? TM_TEXT_RAW : 0);
}

/* A path that is not UTF-8 has its exact bytes beside it, in base64. */
static char *exact_path(const struct tm_cli *c, const json_t *row, const char *key)
{
	_cleanup_free_ char *key64 = tm_asprintf("%s_b64", key);
	const char *b64 = key64 ? tm_out_str(row, key64) : NULL;
	_cleanup_free_ char *bytes = b64 ? malloc(strlen(b64) + 1) : NULL;
	ssize_t n = bytes ? tm_api_unbase64(b64, bytes, strlen(b64)) : -1;

	return n < 0 ? NULL : tm_text_escape(bytes, (size_t)n, flags_of(c));
}

static char *text_cell(const struct tm_cli *c, const json_t *v)
{
	if (json_is_string(v))
		return tm_text_escape(json_string_value(v), json_string_length(v), flags_of(c));
	if (json_is_integer(v))
		return tm_asprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	if (json_is_boolean(v))
		return strdup(json_is_true(v) ? "yes" : "no");
	if (json_is_object(v) || json_is_array(v)) {
		_cleanup_free_ char *text = json_dumps(v, JSON_COMPACT);

		return text ? tm_text_escape(text, strlen(text), flags_of(c)) : NULL;
	}
	return strdup("-");
}

static char *time_cell(const json_t *v, bool with_age)
{
	int64_t ns;

	if (tm_text_parse_time(json_string_value(v), &ns) < 0)
		return NULL;
	return with_age ? tm_text_time_long(ns, tm_wall_ns()) : tm_text_time(ns, tm_wall_ns());
}

/* For people; NULL: as it is. */
static char *human_cell(const json_t *v, enum tm_kind kind)
{
	char human[TM_HUMAN_LEN];
	int64_t n = json_integer_value(v);

	if (json_is_string(v) && (kind == TM_K_TIME || kind == TM_K_TIME_LONG))
		return time_cell(v, kind == TM_K_TIME_LONG);
	if (!json_is_integer(v) || n < 0)
		return NULL;
	switch (kind) {
	case TM_K_COUNT: return tm_text_count(n);
	case TM_K_BYTES: return strdup(tm_human_bytes((uint64_t)n, human));
	case TM_K_RATE: return tm_asprintf("%s/s", tm_human_bytes((uint64_t)n, human));
	case TM_K_MS: return tm_text_duration((uint64_t)n);
	case TM_K_SECONDS: return tm_text_duration((uint64_t)n * 1000);
	case TM_K_PERCENT: return tm_asprintf("%" PRId64 "%%", n);
	default: return NULL;
	}
}

char *tm_out_cell(const struct tm_cli *c, const json_t *row, const char *key, enum tm_kind kind)
{
	const json_t *v = tm_out_at(row, key);
	char *s = NULL;

	if (kind == TM_K_PATH)
		s = exact_path(c, row, key);
	else if (!c->bytes && !c->raw)
		s = human_cell(v, kind);
	if (!s)
		s = text_cell(c, v);
	if (s && *s)
		return s;
	free(s);
	s = strdup(s ? "-" : "?");
	if (!s)
		abort();
	return s;
}

const char *tm_out_style(const char *word)
{
	static const struct {
		const char *word, *sgr;
	} styles[] = {
		{ "Finished", TM_GREEN },      { "finished", TM_GREEN },
		{ "safe", TM_GREEN },	       { "ok", TM_GREEN },
		{ "Replicating", TM_CYAN },    { "running", TM_CYAN },
		{ "Authorized", TM_CYAN },     { "in-flight", TM_CYAN },
		{ "Awaiting", TM_YELLOW },     { "Incomplete", TM_YELLOW },
		{ "Disconnected", TM_YELLOW }, { "warning", TM_YELLOW },
		{ "pending", TM_YELLOW },      { "incomplete", TM_YELLOW },
		{ "unknown", TM_YELLOW },      { "aborted", TM_YELLOW },
		{ "Failed", TM_RED },	       { "failed", TM_RED },
		{ "Stopped", TM_RED },	       { "stopped", TM_RED },
		{ "Rejected", TM_RED },	       { "error", TM_RED },
		{ "Disabled", TM_DIM },
	};
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");

	for (size_t i = 0; i < TM_ARRAY_SIZE(styles); i++)
		if (strlen(styles[i].word) == n && memcmp(styles[i].word, word, n) == 0)
			return styles[i].sgr;
	return "";
}

char *tm_out_paint(bool color, const char *sgr, const char *text)
{
	return color && *sgr ? tm_asprintf("%s%s" TM_RESET, sgr, text) : strdup(text);
}

static char *field_value(const struct tm_cli *c, const json_t *object, const struct tm_column *col)
{
	char *s;

	if (!col->cell)
		return tm_out_cell(c, object, col->key, col->kind);
	s = col->cell(c, object);
	return s ? s : strdup("-");
}

static unsigned int text_width(const struct tm_cli *c)
{
	return c->width && c->width < 100 ? c->width : 100;
}

void tm_out_paragraph(const struct tm_cli *c, unsigned int indent, const char *text)
{
	_cleanup_free_ char *body = tm_text_wrap(text, indent, text_width(c));

	fprintf(c->out, "%s\n", body ? body : text);
}

void tm_out_labelled(const struct tm_cli *c, const char *label, int width, const char *text)
{
	_cleanup_free_ char *body = tm_text_wrap(text, (unsigned int)width + 2, text_width(c));

	/* The first line's indent is where the label goes. */
	fprintf(c->out, "%*s: %s\n", width, label, body && *text ? body + width + 2 : text);
}

static void print_field(const struct tm_cli *c, const struct tm_column *col, int width,
			const char *text)
{
	_cleanup_free_ char *shown = NULL;

	if (c->color && col->kind == TM_K_WORD && *tm_out_style(text))
		shown = tm_out_paint(true, tm_out_style(text), text);
	if (c->noheadings)
		fprintf(c->out, "%s\n", shown ? shown : text);
	else if (shown || c->raw || !c->width)
		fprintf(c->out, "%*s: %s\n", width, col->title, shown ? shown : text);
	else
		tm_out_labelled(c, col->title, width, text);
}

int tm_out_fields(const struct tm_cli *c, const json_t *object, const struct tm_column *columns)
{
	struct tm_column_list list = { 0 };
	const char *section = NULL;
	int width = 0;

	if (tm_columns_pick(c, columns, object, &list) < 0)
		return TM_EXIT_USAGE;
	for (size_t i = 0; i < list.n; i++)
		if (list.col[i].kind != TM_K_SECTION)
			width = TM_MAX(width, (int)strlen(list.col[i].title));
	for (size_t i = 0; i < list.n; i++) {
		_cleanup_free_ char *text = NULL, *head = NULL;

		if (list.col[i].kind == TM_K_SECTION) {
			section = list.col[i].title;
			continue;
		}
		text = field_value(c, object, &list.col[i]);
		/* What is not there is not worth a line, unless it was asked for. */
		if (!text || (!c->columns && tm_streq(text, "-")))
			continue;
		if (section && !c->noheadings) {
			head = tm_out_paint(c->color, TM_BOLD, section);
			fprintf(c->out, "\n%s\n", head ? head : section);
		}
		section = NULL;
		print_field(c, &list.col[i], width, text);
	}
	tm_columns_free(&list);
	return TM_EXIT_OK;
}

int tm_out_list(const struct tm_cli *c, const json_t *rows, const struct tm_column *columns,
		const char *empty)
{
	if (c->json) {
		tm_out_json(c, rows);
		return TM_EXIT_OK;
	}
	if (!json_array_size(rows)) {
		tm_hint(c, "%s\n", empty);
		return TM_EXIT_OK;
	}
	return tm_out_table(c, rows, columns);
}
