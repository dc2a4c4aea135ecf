// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tests/unit/test_web_sse.c - the event stream: taking it apart, the ring that replays.
 */
/* link: web */
#include "web/sse.h"

#include "tap.h"

static char log_text[4096];

static void note(void *arg, const char *type, const char *id, const char *data, size_t n)
{
	size_t at = strlen(log_text);

	(void)arg;
	snprintf(log_text + at, sizeof(log_text) - at, "%s/%s/%.*s;", type, id, (int)n, data);
}

static const char *parse(struct tm_sse_parser *p, const char *text, size_t step)
{
	size_t n = strlen(text);

	log_text[0] = 0;
	for (size_t i = 0, part; i < n; i += part) {
		part = TM_MIN(step, n - i);
		CHECK_EQ(tm_sse_parse(p, text + i, part, note, NULL), 0);
	}
	return log_text;
}

TEST(events_are_the_same_however_they_are_cut)
{
	static const char text[] =
		":hello\n\nid: 5\nevent: policy\ndata: {\"a\":1}\n\n"
		"data:x\r\ndata: y\r\n\r\nid:6\r\rretry: 5\nevent:run\ndata\n\nevent: nothing\n\n"
		"unknown: field\ndata:  z\n\n";
	static const char want[] = "policy/5/{\"a\":1};message/5/x\ny;run/6/;message/6/ z;";

	for (size_t step = 1; step < sizeof(text); step++) {
		struct tm_sse_parser p;

		tm_sse_parser_init(&p);
		CHECK_STR(parse(&p, text, step), want);
		CHECK_EQ(p.skipped, 0);
		tm_sse_parser_free(&p);
	}
}

TEST(what_is_too_large_is_dropped_and_counted)
{
	struct tm_sse_parser p;
	char *big = malloc(TM_SSE_EVENT_MAX + 1000);

	tm_sse_parser_init(&p);
	sprintf(big, "data: ");
	memset(big + 6, 'x', TM_SSE_EVENT_MAX + 100);
	strcpy(big + 6 + TM_SSE_EVENT_MAX + 100, "\n\ndata: after\n\n");
	CHECK_STR(parse(&p, big, 4096), "message//after;");
	CHECK_EQ(p.skipped, 1);
	/* Many lines that are too large together. */
	for (size_t i = 0; i < TM_SSE_EVENT_MAX; i += 1024)
		memcpy(memset(big + i, 'x', 1024), "\ndata:", 6);
	strcpy(big + TM_SSE_EVENT_MAX, "\ndata:xxxxxxxxxxxxxxxxxx");
	(void)parse(&p, big, 4096);
	CHECK_STR(parse(&p, big, 4096), "");
	CHECK_STR(parse(&p, "\n\ndata: again\n\n", 4), "message//again;");
	CHECK_EQ(p.skipped, 2);
	CHECK_STR(
		parse(&p,
		      "event: a b\ndata: 1\n\nevent: 0123456789012345678901234567890123456789\ndata: 2\n\n",
		      9),
		"");
	CHECK_EQ(p.skipped, 4);
	free(big);
	tm_sse_parser_free(&p);
}

TEST(half_an_event_is_forgotten_with_its_connection)
{
	struct tm_sse_parser p;

	tm_sse_parser_init(&p);
	CHECK_STR(parse(&p, "id: 7\nevent: run\ndata: half", 100), "");
	tm_sse_parser_reset(&p);
	CHECK_STR(parse(&p, "data: whole\n\n", 100), "message/7/whole;");
	tm_sse_parser_free(&p);
}

static const char *read_all(struct tm_ring *r, uint64_t *pos, size_t step)
{
	static char got[65536];
	size_t offset = 0, at = 0;
	ssize_t n;

	while ((n = tm_ring_read(r, pos, &offset, got + at, step)) > 0)
		at += (size_t)n;
	CHECK_EQ(n, 0);
	CHECK_EQ(offset, 0);
	got[at] = 0;
	return got;
}

TEST(readers_get_what_came_after_them)
{
	struct tm_ring *r = tm_ring_new(0xabc);
	uint64_t pos = tm_ring_end(r), early = pos;

	CHECK_STR(read_all(r, &pos, 1000), "");
	CHECK_EQ(tm_ring_add(r, "policy", "{}", 2), 0);
	CHECK_EQ(tm_ring_add(r, "run", "{\"a\":1}", 7), 0);
	CHECK_STR(
		read_all(r, &pos, 1000),
		"id: 00000abc-1\nevent: policy\ndata: {}\n\nid: 00000abc-2\nevent: run\ndata: {\"a\":1}\n\n");
	CHECK_STR(read_all(r, &pos, 1000), "");
	/* Byte by byte the same. */
	CHECK_STR(
		read_all(r, &early, 1),
		"id: 00000abc-1\nevent: policy\ndata: {}\n\nid: 00000abc-2\nevent: run\ndata: {\"a\":1}\n\n");
	pos = tm_ring_find(r, "00000abc-1");
	CHECK_STR(read_all(r, &pos, 7), "id: 00000abc-2\nevent: run\ndata: {\"a\":1}\n\n");
	pos = tm_ring_find(r, "00000abc-2");
	CHECK_STR(read_all(r, &pos, 7), "");
	CHECK_EQ(tm_ring_add(r, "run", "a\nid: 9", 7), -EINVAL);
	tm_ring_free(r);
}

TEST(ids_that_are_not_ours_are_a_gap)
{
	static const char *const bad[] = { "",
					   "1",
					   "00000abd-1",
					   "00000abc-9",
					   "00000abc-",
					   "00000abc-01",
					   "00000ABC-1",
					   "00000abc-1 ",
					   "abc-1",
					   "00000abc--1",
					   "00000abc-18446744073709551615",
					   "00000abc-99999999999999999999999" };
	struct tm_ring *r = tm_ring_new(0xabc);

	CHECK_EQ(tm_ring_add(r, "run", "{}", 2), 0);
	for (size_t i = 0; i < TM_ARRAY_SIZE(bad); i++) {
		uint64_t pos = tm_ring_find(r, bad[i]);

		CHECK(pos == UINT64_MAX);
		CHECK_STR(read_all(r, &pos, 1000), "id: 00000abc-1\nevent: resync\ndata: {}\n\n");
		CHECK_STR(read_all(r, &pos, 1000), "");
	}
	tm_ring_free(r);
}

TEST(the_ring_keeps_a_thousand_and_tells_who_missed_some)
{
	struct tm_ring *r = tm_ring_new(1);
	uint64_t slow = tm_ring_end(r), pos;
	char id[TM_SSE_ID_MAX], buf[10];
	size_t offset = 0;

	for (int i = 0; i < TM_RING_EVENTS; i++)
		CHECK_EQ(tm_ring_add(r, "run", "{}", 2), 0);
	CHECK(tm_ring_find(r, "00000001-0") != UINT64_MAX);
	CHECK_EQ(tm_ring_read(r, &slow, &offset, buf, sizeof(buf)), 10);
	CHECK_EQ(tm_ring_add(r, "run", "{}", 2), 0);
	CHECK(tm_ring_find(r, "00000001-0") == UINT64_MAX);
	CHECK(tm_ring_find(r, "00000001-1") != UINT64_MAX);
	/* In the middle of an event that is gone: the stream has to end. */
	CHECK_EQ(tm_ring_read(r, &slow, &offset, buf, sizeof(buf)), -EPIPE);
	pos = 1;
	CHECK_STR(read_all(r, &pos, 100), "id: 00000001-1001\nevent: resync\ndata: {}\n\n");
	tm_ring_id(r, pos, id);
	CHECK_STR(id, "00000001-1001");
	tm_ring_free(r);
}

TEST(the_ring_is_bounded_in_bytes)
{
	struct tm_ring *r = tm_ring_new(1);
	char *big = calloc(1, TM_SSE_EVENT_MAX);
	int kept = 0;
	char id[TM_SSE_ID_MAX];

	memset(big, 'x', TM_SSE_EVENT_MAX);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(tm_ring_add(r, "run", big, TM_SSE_EVENT_MAX), 0);
	for (int i = 0; i < 200; i++) {
		sprintf(id, "00000001-%d", i);
		kept += tm_ring_find(r, id) != UINT64_MAX;
	}
	CHECK(kept >= 10);
	CHECK((size_t)kept * TM_SSE_EVENT_MAX <= TM_RING_BYTES);
	free(big);
	tm_ring_free(r);
}

TEST(a_cut_is_a_gap_for_everybody)
{
	struct tm_ring *r = tm_ring_new(1);
	uint64_t at_end, pos;
	char id[TM_SSE_ID_MAX];

	CHECK_EQ(tm_ring_add(r, "run", "{}", 2), 0);
	at_end = tm_ring_end(r);
	tm_ring_cut(r);
	CHECK(tm_ring_find(r, "00000001-1") == UINT64_MAX);
	CHECK_STR(read_all(r, &at_end, 100), "id: 00000001-2\nevent: resync\ndata: {}\n\n");
	/* Once: who has it goes on. */
	CHECK_STR(read_all(r, &at_end, 100), "");
	pos = tm_ring_find(r, "00000001-2");
	CHECK_STR(read_all(r, &pos, 100), "");
	CHECK_EQ(tm_ring_add(r, "run", "{}", 2), 0);
	CHECK_STR(read_all(r, &pos, 100), "id: 00000001-3\nevent: run\ndata: {}\n\n");
	tm_ring_id(r, tm_ring_end(r), id);
	CHECK_STR(id, "00000001-3");
	/* What came right behind a cut is not lost to those who have to be told of it. */
	pos = at_end = tm_ring_end(r);
	tm_ring_cut(r);
	CHECK_EQ(tm_ring_add(r, "daemon", "{}", 2), 0);
	CHECK_STR(
		read_all(r, &pos, 100),
		"id: 00000001-4\nevent: resync\ndata: {}\n\nid: 00000001-5\nevent: daemon\ndata: {}\n\n");
	tm_ring_free(r);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
