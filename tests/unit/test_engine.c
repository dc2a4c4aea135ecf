/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both halves of the engine over a socket pair, in two processes: random changes with exact records on the
 * source, equal trees after each round, kills of the target in mid-batch.
 */
#include "engine_rig.h"

static int settle(struct rig *r)
{
	for (int i = 0; i < 12; i++) {
		int e = rig_replicate(r);

		if (e < 0) {
			printf("# %s %s%s\n", strerror(-e), r->stop.text, r->text.text);
			return e;
		}
		if (!rig_take_again(r))
			return 0;
	}
	return -EBUSY;
}

static void some_ops(uint32_t most)
{
	for (uint32_t k = 1 + ops_rand(&ops, most); k; k--)
		ops_one(&ops);
}

TEST(random_rounds_end_in_equal_trees)
{
	struct rig *r = engine_new();

	for (int i = 0; i < ops_rounds(); i++) {
		some_ops(40);
		if (ops_rand(&ops, 10) == 0)
			chg_all(r);
		CHECK_EQ(settle(r), 0);
		CHECK(equal(r));
		CHECK_EQ(r->n_failed, 0);
	}
	engine_free(r);
}

static struct tm_change_set *later;

static void change_now_and_then(struct rig *r)
{
	struct tm_change_set *now = r->set;

	if (ops_rand(&ops, 3))
		return;
	r->set = later;
	ops_one(&ops);
	r->set = now;
}

TEST(changes_during_replication_are_caught_up_with)
{
	struct rig *r = engine_new();

	later = tm_change_set_new(0);
	leave(r);
	tm_source_close(r->s);
	r->opts.batch_objects = 16;
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(join(r), 0);
	for (int i = 0; i < ops_rounds(); i++) {
		some_ops(20);
		for (int k = 0; k < 3; k++) {
			r->on_poll = change_now_and_then;
			CHECK_EQ(rig_replicate(r), 0);
			rig_take_again(r);
			tm_change_set_merge(r->set, later);
			tm_change_set_clear(later);
		}
		r->on_poll = NULL;
		CHECK_EQ(settle(r), 0);
		CHECK(equal(r));
	}
	tm_change_set_free(later);
	engine_free(r);
}

static int kill_in;

static void kill_target(struct rig *r)
{
	(void)r;
	if (kill_in > 0 && !--kill_in)
		kill(dst.pid, SIGKILL);
}

TEST(a_target_killed_in_mid_batch_gets_the_set_again)
{
	struct rig *r = engine_new();
	int kills = 0;

	leave(r);
	tm_source_close(r->s);
	r->opts.batch_objects = 12;
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(join(r), 0);
	for (int i = 0; i < ops_rounds(); i++) {
		int e;

		some_ops(60);
		kill_in = 1 + (int)ops_rand(&ops, 40);
		r->on_poll = kill_target;
		e = rig_replicate(r);
		r->on_poll = NULL;
		if (e < 0) {
			kills++;
			leave(r);
			if (ops_rand(&ops, 3) == 0) {
				/* The source too: its index is of now, the set of before. */
				tm_source_close(r->s);
				CHECK_EQ(rig_open(r), 0);
			}
			CHECK_EQ(join(r), 0);
		}
		rig_take_again(r);
		e = settle(r);
		if (e == -ECONNRESET) {
			/* Killed after the last frame of the set was on its way. */
			leave(r);
			CHECK_EQ(join(r), 0);
			e = settle(r);
		}
		CHECK_EQ(e, 0);
		CHECK(equal(r));
	}
	printf("# %d of %d rounds were cut by a kill\n", kills, ops_rounds());
	CHECK(kills > ops_rounds() / 8);
	engine_free(r);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
