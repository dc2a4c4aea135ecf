/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_changes_range.c - range sets against a bitmap that cannot be wrong.
 */
#include "changes/range.h"

#include "tap.h"

static uint64_t bits_of(const struct tm_ranges *r, uint64_t i)
{
	for (uint32_t k = 0; k < r->n; k++)
		if (r->v[k].start <= i && i < r->v[k].end)
			return 1;
	return 0;
}

/* Sorted, disjoint, never adjacent, never empty, bounded. */
static bool sane(const struct tm_ranges *r)
{
	if (r->n > TM_RANGES_MAX)
		return false;
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->v[i].start >= r->v[i].end)
			return false;
		if (i && r->v[i].start <= r->v[i - 1].end)
			return false;
	}
	return true;
}

#define SPACE 400

TEST(a_random_history_covers_exactly_what_was_put_in)
{
	unsigned int seed = 7;

	for (int round = 0; round < 300; round++) {
		struct tm_ranges r = { 0 };
		uint8_t model[SPACE] = { 0 };
		uint64_t bytes = 0, half = 0;

		for (int i = 0; i < 60; i++) {
			uint64_t a = (uint64_t)rand_r(&seed) % SPACE;
			uint64_t b = a + (uint64_t)rand_r(&seed) % 12;

			b = TM_MIN(b, (uint64_t)SPACE);
			CHECK_EQ(tm_ranges_add(&r, a, b), 0);
			for (uint64_t k = a; k < b; k++)
				model[k] = 1;
			CHECK(sane(&r));
		}
		for (uint64_t k = 0; k < SPACE; k++) {
			CHECK(bits_of(&r, k) == model[k]);
			bytes += model[k];
			half += k < SPACE / 2 ? model[k] : 0;
		}
		CHECK_EQ(tm_ranges_bytes(&r, SPACE), bytes);
		CHECK_EQ(tm_ranges_bytes(&r, SPACE / 2), half);
		for (int i = 0; i < 50; i++) {
			uint64_t a = (uint64_t)rand_r(&seed) % SPACE;
			uint64_t b = TM_MIN(a + (uint64_t)rand_r(&seed) % 20, (uint64_t)SPACE);
			bool all = true;

			for (uint64_t k = a; k < b; k++)
				all = all && model[k];
			CHECK(tm_ranges_cover(&r, a, b) == all);
		}
		tm_ranges_free(&r);
	}
}

TEST(the_order_of_adding_does_not_matter)
{
	unsigned int seed = 11;

	for (int round = 0; round < 200; round++) {
		struct tm_ranges a = { 0 }, b = { 0 };
		struct tm_range in[40];

		for (int i = 0; i < 40; i++) {
			in[i].start = (uint64_t)rand_r(&seed) % 5000;
			in[i].end = in[i].start + 1 + (uint64_t)rand_r(&seed) % 100;
		}
		CHECK_EQ(tm_ranges_add_all(&a, in, 40), 0);
		for (int i = 39; i >= 0; i--)
			CHECK_EQ(tm_ranges_add(&b, in[i].start, in[i].end), 0);
		CHECK_EQ(a.n, b.n);
		CHECK(!memcmp(a.v, b.v, a.n * sizeof(a.v[0])));
		tm_ranges_free(&a);
		tm_ranges_free(&b);
	}
}

TEST(beyond_the_limit_it_covers_more_but_never_less)
{
	unsigned int seed = 23;
	struct tm_ranges r = { 0 };
	static struct tm_range in[3000];

	for (int i = 0; i < 3000; i++) {
		in[i].start = ((uint64_t)rand_r(&seed) << 10) ^ (uint64_t)rand_r(&seed);
		in[i].end = in[i].start + 1 + (uint64_t)rand_r(&seed) % 4096;
		CHECK_EQ(tm_ranges_add(&r, in[i].start, in[i].end), 0);
		CHECK(sane(&r));
	}
	CHECK_EQ(r.n, TM_RANGES_MAX);
	for (int i = 0; i < 3000; i++)
		CHECK(tm_ranges_cover(&r, in[i].start, in[i].end));
	tm_ranges_free(&r);
}

TEST(the_closest_two_are_joined)
{
	struct tm_ranges r = { 0 };

	for (uint64_t i = 0; i < TM_RANGES_MAX; i++)
		tm_ranges_add(&r, i * 1000, i * 1000 + 10);
	CHECK_EQ(r.n, TM_RANGES_MAX);
	tm_ranges_add(&r, 5015, 5020); /* 5 behind [5000, 5010) */
	CHECK_EQ(r.n, TM_RANGES_MAX);
	CHECK(tm_ranges_cover(&r, 5000, 5020));
	CHECK(!tm_ranges_cover(&r, 4000, 4011));
	CHECK_EQ(tm_ranges_bytes(&r, TM_RANGE_EOF), TM_RANGES_MAX * 10 + 10);
	tm_ranges_free(&r);
}

TEST(neighbours_become_one)
{
	struct tm_ranges r = { 0 };

	tm_ranges_add(&r, 10, 20);
	tm_ranges_add(&r, 30, 40);
	tm_ranges_add(&r, 20, 30);
	CHECK_EQ(r.n, 1);
	CHECK(r.v[0].start == 10 && r.v[0].end == 40);
	tm_ranges_free(&r);
}

TEST(empty_ranges_are_ignored)
{
	struct tm_ranges r = { 0 };

	CHECK_EQ(tm_ranges_add(&r, 5, 5), 0);
	CHECK_EQ(tm_ranges_add(&r, 6, 5), 0);
	CHECK_EQ(tm_ranges_add(&r, UINT64_MAX, 0), 0);
	CHECK_EQ(r.n, 0);
	CHECK(tm_ranges_cover(&r, 5, 5));
	CHECK(!tm_ranges_cover(&r, 5, 6));
	CHECK_EQ(tm_ranges_bytes(&r, 100), 0);
}

TEST(the_end_of_file_is_just_the_largest_end)
{
	struct tm_ranges r = { 0 };

	tm_ranges_add(&r, 100, TM_RANGE_EOF);
	tm_ranges_add(&r, 50, 60);
	CHECK_EQ(tm_ranges_bytes(&r, 120), 30);
	CHECK_EQ(tm_ranges_bytes(&r, 55), 5);
	CHECK(tm_ranges_cover(&r, 1000, TM_RANGE_EOF));
	tm_ranges_add(&r, 0, TM_RANGE_EOF);
	CHECK_EQ(r.n, 1);
	tm_ranges_clear(&r);
	CHECK_EQ(r.n, 0);
	tm_ranges_free(&r);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
