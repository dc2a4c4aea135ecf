/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/units.c - sizes, durations and switches as people write them; see units.h. Pure.
 */
#include "lib/units.h"

#include <stdio.h>
#include <strings.h>

/* Decimal digits at the start of @s; *ret_end is where they stop. */
static int parse_digits(const char *s, uint64_t *ret, const char **ret_end)
{
	uint64_t v = 0;

	/* Not strtoull: it takes "-1", " 1" and a locale's ideas. */
	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		uint64_t d = (uint64_t)(*s - '0');

		if (v > (UINT64_MAX - d) / 10)
			return -ERANGE;
		v = v * 10 + d;
	}
	*ret = v;
	*ret_end = s;
	return 0;
}

int tm_parse_u64(const char *s, uint64_t *ret)
{
	const char *end;
	uint64_t v;
	int r = parse_digits(s, &v, &end);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret = v;
	return 0;
}

int tm_parse_bytes(const char *s, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *end, *u;
	unsigned int shift = 0;
	uint64_t v;
	int r = parse_digits(s, &v, &end);

	if (r < 0)
		return r;
	while (*end == ' ')
		end++;
	if (*end) {
		char c = *end >= 'a' && *end <= 'z' ? (char)(*end - 'a' + 'A') : *end;

		u = strchr(units, c);
		if (u) {
			shift = 10 * (unsigned int)(u - units + 1);
			end++;
			if (*end && strcasecmp(end, "iB") && strcasecmp(end, "B"))
				return -EINVAL;
		} else if (strcasecmp(end, "B")) {
			return -EINVAL;
		}
	}
	if (v > UINT64_MAX >> shift)
		return -ERANGE;
	*ret = v << shift;
	return 0;
}

int tm_parse_duration_ms(const char *s, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "", 1000 },	{ "ms", 1 },	  { "s", 1000 },    { "sec", 1000 },
		{ "m", 60000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	const char *end;
	uint64_t v;
	int r = parse_digits(s, &v, &end);

	if (r < 0)
		return r;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < TM_ARRAY_SIZE(units); i++) {
		if (!tm_streq(end, units[i].name))
			continue;
		if (v > UINT64_MAX / units[i].ms)
			return -ERANGE;
		*ret = v * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

int tm_parse_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < TM_ARRAY_SIZE(yes); i++) {
		if (!strcasecmp(s, yes[i])) {
			*ret = true;
			return 0;
		}
		if (!strcasecmp(s, no[i])) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

const char *tm_human_bytes(uint64_t n, char buf[TM_HUMAN_LEN])
{
	static const char units[] = "KMGTPE";
	unsigned int u = 0;
	uint64_t tenths;

	if (n < 1024) {
		snprintf(buf, TM_HUMAN_LEN, "%u B", (unsigned int)n);
		return buf;
	}
	/* Rounds down, so "1024.0 KiB" cannot appear and nothing looks larger than it is. */
	while (u + 1 < sizeof(units) - 1 && n >= (uint64_t)1 << (10 * (u + 2)))
		u++;
	tenths = (n >> (10 * u)) * 10 >> 10;
	snprintf(buf, TM_HUMAN_LEN, "%u.%u %ciB", (unsigned int)(tenths / 10),
		 (unsigned int)(tenths % 10), units[u]);
	return buf;
}
