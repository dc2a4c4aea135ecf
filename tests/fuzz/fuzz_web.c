// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tests/fuzz/fuzz_web.c - what tidemark-web takes apart itself: Host, Cookie, targets, framing, and the
 * daemon's event stream. The first byte says which; nothing reads or writes too far, and what is
 * accepted is what the header says.
 */
/* link: web */
#include "web/guard.h"
#include "web/sse.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void fuzz_host(const char *s)
{
	char name[TM_HOST_MAX], again[TM_HOST_MAX], bracketed[TM_HOST_MAX + 2];
	static struct tm_hosts h;

	if (tm_host_parse(s, name) == 0) {
		/* What came out is a name itself, and the same one. */
		snprintf(bracketed, sizeof(bracketed), strchr(name, ':') ? "[%s]" : "%s", name);
		if (!name[0] || tm_host_parse(bracketed, again) < 0 || strcmp(name, again) != 0)
			abort();
		if (strpbrk(name, " \t\r\n/@,"))
			abort();
	}
	h.n = 0;
	(void)tm_hosts_add(&h, s);
	(void)tm_hosts_allow(&h, s, NULL);
	(void)tm_origin_may_change(s, NULL, s);
	if (tm_origin_may_change(s, "same-origin", "nas") && strcasecmp(s, "https://nas") != 0)
		abort();
}

static void fuzz_cookie(const char *s)
{
	char value[TM_COOKIE_VALUE_MAX];
	int r = tm_cookie_get(s, "__Host-tidemark", value);

	if (r == 0 && (strlen(value) >= sizeof(value) || strchr(value, ';') ||
		       !strstr(s, "__Host-tidemark=")))
		abort();
}

static void fuzz_target(const char *s)
{
	if (tm_target_good(s)) {
		if (s[0] != '/' || s[1] == '/' || strpbrk(s, " \r\n\t\"\\"))
			abort();
		/* A path that ends a segment with "..": only in the query. */
		const char *dots = strstr(s, "/../"), *query = strchr(s, '?');

		if (dots && (!query || dots < query))
			abort();
	}
	(void)tm_path_private(s);
	(void)tm_path_is_user(s, "alice");
	(void)tm_header_value_good(s, 100);
	if (tm_user_name_good(s) && strpbrk(s, "/%\"\r\n"))
		abort();
}

/* "name: value" lines. */
static void fuzz_framing(char *s)
{
	struct tm_framing f = { 0 };
	unsigned int lengths = 0;

	for (char *line = s, *next; line; line = next) {
		char *colon = strchr(line, ':');

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (!colon)
			continue;
		if (next && colon >= next)
			continue;
		*colon = 0;
		lengths += !strcasecmp(line, "content-length") ||
			   !strcasecmp(line, "transfer-encoding");
		tm_framing_header(&f, line, colon + 1);
	}
	if (!tm_framing_wrong(&f) && (lengths > 1 || f.hosts != 1))
		abort();
}

struct run {
	struct tm_ring *ring;
	uint64_t events;
};

static void on_event(void *arg, const char *type, const char *id, const char *data, size_t n)
{
	struct run *run = arg;

	if (strlen(type) >= TM_SSE_TYPE_MAX || strlen(id) >= TM_SSE_ID_MAX || n > TM_SSE_EVENT_MAX)
		abort();
	run->events += tm_ring_add(run->ring, type, data, n) == 0;
}

/* Taken apart whole or byte by byte, the ring holds the same. */
static void fuzz_stream(const uint8_t *p, size_t n)
{
	static char out[2][1 << 18];
	size_t len[2] = { 0 };

	for (int way = 0; way < 2; way++) {
		struct run run = { .ring = tm_ring_new(7) };
		struct tm_sse_parser parser;
		uint64_t pos = 1;
		size_t offset = 0, step = way ? 1 : n;
		ssize_t got;

		if (!run.ring)
			return;
		tm_sse_parser_init(&parser);
		for (size_t i = 0; i < n; i += step)
			(void)tm_sse_parse(&parser, p + i, step, on_event, &run);
		while (len[way] < sizeof(out[0]) &&
		       (got = tm_ring_read(run.ring, &pos, &offset, out[way] + len[way],
					   sizeof(out[0]) - len[way])) > 0)
			len[way] += (size_t)got;
		tm_sse_parser_free(&parser);
		tm_ring_free(run.ring);
	}
	if (len[0] != len[1] || memcmp(out[0], out[1], len[0]) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *s;

	if (n < 1)
		return 0;
	s = malloc(n);
	if (!s)
		return 0;
	memcpy(s, p + 1, n - 1);
	s[n - 1] = 0;
	switch (p[0] % 5) {
	case 0: fuzz_host(s); break;
	case 1: fuzz_cookie(s); break;
	case 2: fuzz_target(s); break;
	case 3: fuzz_framing(s); break;
	default: fuzz_stream(p + 1, n - 1);
	}
	free(s);
	return 0;
}

#include "replay.h"
