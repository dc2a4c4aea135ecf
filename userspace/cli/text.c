// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/text.c - bytes, counts and times as a person reads them; see text.h.
 */
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "lib/text.h"

static char *put_hex_byte(char *o, uint8_t b)
{
	return o + sprintf(o, "\\x%02x", b);
}

char *tm_text_escape(const char *s, size_t n, unsigned int flags)
{
	char *out, *o;

	if (n > (SIZE_MAX - 1) / 4)
		return NULL;
	/* A byte becomes at most 4; a code point of 2 to 4 bytes at most \u{e007f}, 10. */
	o = out = malloc(n * 5 + 1);
	if (!out)
		return NULL;
	while (n) {
		uint32_t c = 0;
		size_t len = tm_utf8_next(s, n, &c);

		if (!len) {
			o = put_hex_byte(o, (uint8_t)*s);
			len = 1;
		} else if ((flags & TM_TEXT_PROSE) && (c == '\n' || c == '\t')) {
			*o++ = ' ';
		} else if (c == '\\' && !(flags & TM_TEXT_PROSE)) {
			o = (flags & TM_TEXT_RAW) ? put_hex_byte(o, '\\') : stpcpy(o, "\\\\");
		} else if (len == 1 &&
			   (tm_text_hostile(c) || (c == ' ' && (flags & TM_TEXT_RAW)))) {
			o = put_hex_byte(o, (uint8_t)c);
		} else if (len > 1 && (tm_text_hostile(c) || (flags & TM_TEXT_ASCII))) {
			o += sprintf(o, "\\u{%" PRIx32 "}", c);
		} else {
			o = mempcpy(o, s, len);
		}
		s += len;
		n -= len;
	}
	*o = 0;
	return out;
}

char *tm_text_json(const char *json)
{
	size_t n = strlen(json);
	char *out, *o;

	if (n > (SIZE_MAX - 1) / 6)
		return NULL;
	/* DEL, one byte, becomes six; two bytes six, four bytes twelve. */
	o = out = malloc(n * 6 + 1);
	if (!out)
		return NULL;
	while (n) {
		uint32_t c = 0;
		size_t len = tm_utf8_next(json, n, &c);

		/* jansson escapes below 0x20 itself; what is left there is its own layout. */
		if (!len) {
			o = stpcpy(o, "\\ufffd"); /* it never writes such */
			len = 1;
		} else if (c < 0x7f || !tm_text_hostile(c)) {
			o = mempcpy(o, json, len);
		} else if (c < 0x10000) {
			o += sprintf(o, "\\u%04" PRIx32, c);
		} else {
			o += sprintf(o, "\\u%04" PRIx32 "\\u%04" PRIx32,
				     0xd800 + ((c - 0x10000) >> 10),
				     0xdc00 + ((c - 0x10000) & 0x3ff));
		}
		json += len;
		n -= len;
	}
	*o = 0;
	return out;
}

char *tm_text_count(int64_t n)
{
	char digits[24], out[40], *o = out;
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n < 0 ? -(uint64_t)n : (uint64_t)n);

	if (n < 0)
		*o++ = '-';
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*o++ = ',';
		*o++ = digits[i];
	}
	*o = 0;
	return strdup(out);
}

char *tm_text_duration(uint64_t ms)
{
	static const struct {
		uint64_t big_s, small_s;
		const char *big, *small;
	} steps[] = {
		{ 86400, 3600, "d", "h" },
		{ 3600, 60, "h", "min" },
		{ 60, 1, "min", "s" },
	};
	uint64_t s = ms / 1000;

	if (ms && ms < 1000)
		return tm_asprintf("%" PRIu64 " ms", ms);
	for (size_t i = 0; i < TM_ARRAY_SIZE(steps); i++) {
		uint64_t rest = s % steps[i].big_s / steps[i].small_s;

		if (s < steps[i].big_s)
			continue;
		if (!rest)
			return tm_asprintf("%" PRIu64 " %s", s / steps[i].big_s, steps[i].big);
		return tm_asprintf("%" PRIu64 " %s %" PRIu64 " %s", s / steps[i].big_s,
				   steps[i].big, rest, steps[i].small);
	}
	return tm_asprintf("%" PRIu64 " s", s);
}

int tm_text_parse_time(const char *s, int64_t *ret_ns)
{
	struct tm t = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &t);
	int64_t ns = 0, scale = 100000000;

	if (!end)
		return -EINVAL;
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9'; end++, scale /= 10)
			ns += (*end - '0') * scale;
	if (*end != 'Z' || end[1])
		return -EINVAL;
	*ret_ns = (int64_t)timegm(&t) * 1000000000 + ns;
	return 0;
}

static struct tm local(int64_t ns)
{
	time_t sec = (time_t)(ns / 1000000000);
	struct tm t = { 0 };

	localtime_r(&sec, &t);
	return t;
}

char *tm_text_time(int64_t ns, int64_t now_ns)
{
	struct tm t = local(ns), now = local(now_ns);
	bool today = t.tm_year == now.tm_year && t.tm_yday == now.tm_yday;
	char out[64];

	strftime(out, sizeof(out), today ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &t);
	return strdup(out);
}

char *tm_text_time_long(int64_t ns, int64_t now_ns)
{
	struct tm t = local(ns);
	_cleanup_free_ char *ago = NULL;
	char out[64];

	strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%S", &t);
	if (now_ns < ns)
		return strdup(out);
	ago = tm_text_duration((uint64_t)(now_ns - ns) / 1000000000 * 1000);
	return ago ? tm_asprintf("%s, %s ago", out, ago) : NULL;
}

/* Columns of the UTF-8 text up to @n bytes: help and messages have no wide characters. */
static unsigned int columns(const char *s, size_t n)
{
	unsigned int c = 0;

	for (size_t i = 0; i < n; i++)
		c += (s[i] & 0xc0) != 0x80;
	return c;
}

char *tm_text_wrap(const char *s, unsigned int indent, unsigned int width)
{
	unsigned int at = 0;
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		return NULL;
	while (*s) {
		size_t word = strcspn(s, " \n");
		unsigned int w = columns(s, word);

		if (at && at + 1 + w > width) {
			fputc('\n', f);
			at = 0;
		}
		if (word) {
			fprintf(f, "%*s%.*s", at ? 1 : (int)indent, "", (int)word, s);
			at = (at ? at + 1 : indent) + w;
		}
		s += word;
		if (*s == '\n') {
			fputc('\n', f);
			at = 0;
		}
		s += *s != 0;
	}
	if (fclose(f) != 0) {
		free(out);
		return NULL;
	}
	return out;
}

unsigned int tm_text_distance(const char *a, const char *b)
{
	unsigned int row[65];
	size_t nb = strlen(b);

	if (nb >= TM_ARRAY_SIZE(row) || strlen(a) >= TM_ARRAY_SIZE(row))
		return TM_ARRAY_SIZE(row);
	for (unsigned int j = 0; j <= nb; j++)
		row[j] = j;
	for (unsigned int i = 1; a[i - 1]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned int above = row[j], old = above;
			unsigned int edit = diagonal + (a[i - 1] != b[j - 1]);

			above = TM_MIN(above, row[j - 1]) + 1;
			row[j] = TM_MIN(edit, above);
			diagonal = old;
		}
	}
	return row[nb];
}
