// SPDX-License-Identifier: GPL-2.0-or-later
/* link: daemon */
/*
 * tests/unit/test_daemon_events.c - the ring gives every event once, or says that some are gone.
 */
#include "daemon/events.h"

#include "tap.h"

static struct tm_daemon d;

static void begin(int64_t started_s)
{
	tm_events_free(&d);
	if (!d.ev)
		CHECK(sd_event_new(&d.ev) >= 0);
	d.started_ns = started_s * 1000000000;
	CHECK_EQ(tm_events_start(&d), 0);
}

static void publish(int n)
{
	json_t *o = json_object();

	json_object_set_new(o, "n", json_integer(n));
	tm_events_publish(&d, "policy", o);
}

TEST(events_come_in_order_once_and_framed)
{
	struct tm_event *e;
	uint64_t at;
	bool gap;

	begin(1800000000);
	at = tm_events_newest(&d);
	CHECK(tm_events_after(&d, at, &gap) == NULL && !gap);
	publish(1);
	publish(2);
	e = tm_events_after(&d, at, &gap);
	CHECK(e && !gap && e->id == at + 1);
	CHECK(strstr(e->frame, "\nevent: policy\ndata: {\"n\":1}\n\n"));
	CHECK_EQ(strlen(e->frame), e->len);
	CHECK(memcmp(e->frame + e->data_at, "{\"n\":1}", e->data_len) == 0);
	e = tm_events_after(&d, at + 1, &gap);
	CHECK(e && e->id == at + 2 && e->id == tm_events_newest(&d));
	CHECK(tm_events_after(&d, at + 2, &gap) == NULL && !gap);
}

TEST(who_comes_too_late_or_from_another_life_is_told)
{
	uint64_t at, old;
	bool gap;

	begin(1800000000);
	at = tm_events_newest(&d);
	for (int i = 0; i < TM_EVENTS_MAX; i++)
		publish(i);
	CHECK(tm_events_after(&d, at, &gap) != NULL && !gap);
	publish(-1);
	CHECK(tm_events_after(&d, at, &gap) == NULL && gap);
	CHECK(tm_events_after(&d, at + 1, &gap) != NULL && !gap);
	CHECK(tm_events_after(&d, tm_events_newest(&d) + 1, &gap) == NULL && gap);
	old = tm_events_newest(&d);
	begin(1800000001);
	CHECK(tm_events_newest(&d) > old);
	CHECK(tm_events_after(&d, old, &gap) == NULL && gap);
	CHECK(tm_events_newest(&d) < UINT64_C(1) << 53);
}

TEST(bytes_are_bounded_and_a_held_event_outlives_its_place)
{
	static char big[64 * 1024];
	struct tm_event *held;
	uint64_t at;
	bool gap;
	int n = 0;

	begin(1800000000);
	at = tm_events_newest(&d);
	publish(7);
	held = tm_event_ref(tm_events_after(&d, at, &gap));
	memset(big, 'x', sizeof(big) - 1);
	for (int i = 0; i < 200; i++)
		tm_events_publish(&d, "audit", json_pack("{s:s}", "x", big));
	CHECK(tm_events_after(&d, at, &gap) == NULL && gap);
	for (at = tm_events_newest(&d); tm_events_after(&d, at - 1, &gap); at--)
		n++;
	CHECK(n > 10 && n <= TM_EVENTS_BYTES_MAX / 65536);
	CHECK(strstr(held->frame, "{\"n\":7}"));
	tm_event_unref(held);
}

TEST(an_event_that_could_not_be_made_is_a_gap_for_everybody)
{
	uint64_t at;
	bool gap;

	begin(1800000000);
	publish(1);
	at = tm_events_newest(&d);
	tm_events_publish(&d, "policy", NULL);
	CHECK(tm_events_after(&d, at, &gap) == NULL && gap);
	publish(2);
	CHECK(tm_events_after(&d, at, &gap) == NULL && gap);
	CHECK(tm_events_after(&d, at + 1, &gap) != NULL && !gap);
}

static int rung;

static void on_ring(struct tm_bell *b)
{
	rung++;
	tm_events_ignore(b);
}

TEST(bells_ring_after_the_publisher_is_through_and_may_leave)
{
	struct tm_bell a = { .ring = on_ring }, b = { .ring = on_ring };

	begin(1800000000);
	tm_events_listen(&d, &a);
	tm_events_listen(&d, &b);
	publish(1);
	publish(2);
	CHECK_EQ(rung, 0);
	CHECK(sd_event_run(d.ev, 1000000) >= 0);
	CHECK_EQ(rung, 2);
	tm_events_ignore(&a);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
