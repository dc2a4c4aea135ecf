/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source engine against the model: random changes with exact records, before and during replication.
 */
#include "source_ops.h"

static struct ops ops;

/* Replicate until nothing is left to do. */
static int settle(struct rig *r)
{
	int e = 0;

	for (int i = 0; i < 12; i++) {
		e = rig_replicate(r);
		if (e < 0)
			return e;
		if (!rig_take_again(r))
			return 0;
	}
	printf("# still requeued after 12 sets\n");
	return -EBUSY;
}

static struct rig *random_rig(uint64_t seed)
{
	struct rig *r = rig_ready(NULL);

	ops = (struct ops){ .r = r, .seed = seed };
	return r;
}

TEST(random_changes_between_sets_leave_equal_trees)
{
	uint64_t seed = ops_seed();
	struct rig *r = random_rig(seed);

	for (int i = 0; i < ops_rounds(); i++) {
		for (uint32_t k = 1 + ops_rand(&ops, 40); k; k--)
			ops_one(&ops);
		CHECK_EQ(settle(r), 0);
		CHECK(rig_equal(r));
		CHECK_EQ(r->n_failed, 0);
	}
	CHECK_EQ(rig_free(r), 0);
}

TEST(random_changes_with_small_batches_and_restarts_leave_equal_trees)
{
	uint64_t seed = ops_seed();
	struct rig *r = random_rig(seed);

	rig_disconnect(r);
	r->opts.batch_objects = 4;
	r->opts.batch_bytes = 20000;
	tm_source_close(r->s);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	for (int i = 0; i < ops_rounds(); i++) {
		for (uint32_t k = 1 + ops_rand(&ops, 40); k; k--)
			ops_one(&ops);
		if (ops_rand(&ops, 4) == 0) {
			rig_disconnect(r);
			tm_source_close(r->s);
			CHECK_EQ(rig_open(r), 0);
			CHECK_EQ(rig_connect(r), 0);
		}
		if (ops_rand(&ops, 8) == 0)
			chg_all(r);
		CHECK_EQ(settle(r), 0);
		CHECK(rig_equal(r));
	}
	CHECK_EQ(rig_free(r), 0);
}

/* Changes while a set is in work belong to the next set. */
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

TEST(random_changes_during_replication_are_all_caught_up_with)
{
	uint64_t seed = ops_seed();
	struct rig *r = random_rig(seed);

	r->opts.batch_objects = 16;
	later = tm_change_set_new(0);
	rig_disconnect(r);
	tm_source_close(r->s);
	CHECK_EQ(rig_open(r), 0);
	CHECK_EQ(rig_connect(r), 0);
	for (int i = 0; i < ops_rounds(); i++) {
		for (uint32_t k = 1 + ops_rand(&ops, 20); k; k--)
			ops_one(&ops);
		if (ops_rand(&ops, 10) == 0)
			chg_all(r);
		for (int k = 0; k < 3; k++) {
			r->on_poll = change_now_and_then;
			CHECK_EQ(rig_replicate(r), 0);
			rig_take_again(r);
			tm_change_set_merge(r->set, later);
			tm_change_set_clear(later);
		}
		r->on_poll = NULL;
		CHECK_EQ(settle(r), 0);
		CHECK(rig_equal(r));
	}
	tm_change_set_free(later);
	CHECK_EQ(rig_free(r), 0);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
