/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_changes_change.c - the bytes of a change record.
 */
#include "changes/change.h"

#include "tap.h"

static struct tm_range room[TM_CHANGE_RANGES_MAX];

static const struct tm_oid D = { 2, 1, 0 }, O = { 0x123456789aULL, 0xffffffff, 256 };

/* One of each kind, full and bare. */
static const struct tm_range three[] = { { 0, 4096 }, { 8192, 12288 }, { 1 << 20, TM_RANGE_EOF } };
static const struct tm_change samples[] = {
	{ .kind = TM_CHANGE_NAME, .dir = { 2, 1, 0 }, .name = "a", .name_len = 1 },
	{ .kind = TM_CHANGE_NAME,
	  .flags = TM_CF_GONE,
	  .dir = { 2, 1, 0 },
	  .obj = { 9, 9, 9 },
	  .name = "\xff \n",
	  .name_len = 3 },
	{ .kind = TM_CHANGE_INODE, .flags = TM_CF_ATTR, .obj = { 5, 0, 0 } },
	{ .kind = TM_CHANGE_INODE,
	  .flags = TM_CF_DATA | TM_CF_MMAP,
	  .dir = { 2, 1, 0 },
	  .obj = { 5, 6, 7 },
	  .name = "file",
	  .name_len = 4,
	  .ranges = three,
	  .n_ranges = 3 },
	{ .kind = TM_CHANGE_DIR, .dir = { 2, 1, 0 } },
	{ .kind = TM_CHANGE_SUBTREE, .dir = { 2, 1, 0 } },
	{ .kind = TM_CHANGE_ALL, .flags = TM_CF_SUSPECT },
};

static bool same(const struct tm_change *a, const struct tm_change *b)
{
	return a->kind == b->kind && a->flags == b->flags && tm_oid_eq(a->dir, b->dir) &&
	       tm_oid_eq(a->obj, b->obj) && a->name_len == b->name_len &&
	       (!a->name_len || !memcmp(a->name, b->name, a->name_len)) &&
	       a->n_ranges == b->n_ranges &&
	       (!a->n_ranges || !memcmp(a->ranges, b->ranges, a->n_ranges * sizeof(a->ranges[0])));
}

TEST(every_kind_comes_back_as_it_went)
{
	struct tm_buf b;
	struct tm_rd r;

	tm_buf_init(&b, 0);
	for (size_t i = 0; i < TM_ARRAY_SIZE(samples); i++)
		tm_change_put(&b, &samples[i]);
	CHECK_EQ(tm_buf_error(&b), 0);
	r = tm_rd(b.data, b.len);
	for (size_t i = 0; i < TM_ARRAY_SIZE(samples); i++) {
		struct tm_change c;

		CHECK_EQ(tm_change_get(&r, &c, room), 0);
		CHECK(same(&c, &samples[i]));
	}
	CHECK_EQ(tm_rd_end(&r), 0);
	tm_buf_free(&b);
}

TEST(every_truncation_is_refused)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(samples); i++) {
		struct tm_buf b;

		tm_buf_init(&b, 0);
		tm_change_put(&b, &samples[i]);
		for (size_t len = 0; len < b.len; len++) {
			/* An exact heap block, so that a sanitizer sees a read too many. */
			uint8_t *cut = malloc(len ? len : 1);
			struct tm_change c = { .kind = 77 };
			struct tm_rd r = tm_rd(cut, len);

			memcpy(cut, b.data, len);
			CHECK_EQ(tm_change_get(&r, &c, room), -EBADMSG);
			CHECK_EQ(c.kind, 77);
			CHECK_EQ(r.error, -EBADMSG);
			free(cut);
		}
		tm_buf_free(&b);
	}
}

TEST(a_random_record_comes_back)
{
	static struct tm_range v[TM_CHANGE_RANGES_MAX];
	unsigned int seed = 5;

	for (int i = 0; i < 3000; i++) {
		char name[TM_NAME_MAX];
		struct tm_change c = { .kind = TM_CHANGE_INODE, .dir = D, .obj = O, .ranges = v },
				 got;
		struct tm_buf b;
		struct tm_rd r;

		c.flags = (uint32_t)rand_r(&seed) & TM_CF_KNOWN;
		c.name_len = (uint32_t)rand_r(&seed) % (TM_NAME_MAX + 1);
		for (uint32_t k = 0; k < c.name_len; k++)
			name[k] = (char)('0' + rand_r(&seed) % 200);
		c.name = name;
		c.n_ranges = (uint32_t)rand_r(&seed) % (TM_CHANGE_RANGES_MAX + 1);
		for (uint32_t k = 0; k < c.n_ranges; k++) {
			v[k].start = (uint64_t)rand_r(&seed);
			v[k].end = v[k].start + 1 + (uint64_t)rand_r(&seed);
		}
		tm_buf_init(&b, 0);
		tm_change_put(&b, &c);
		CHECK_EQ(tm_buf_error(&b), 0);
		r = tm_rd(b.data, b.len);
		CHECK_EQ(tm_change_get(&r, &got, room), 0);
		CHECK(same(&c, &got));
		CHECK_EQ(tm_rd_end(&r), 0);
		tm_buf_free(&b);
	}
}

/* @c is refused by both ends: never written, and as bytes never read. */
static void refused(struct tm_change c)
{
	struct tm_buf b;
	struct tm_rd r;
	struct tm_change got;

	tm_buf_init(&b, 0);
	CHECK(!tm_change_ok(&c));
	tm_change_put(&b, &c);
	CHECK_EQ(tm_buf_error(&b), -EINVAL);
	CHECK_EQ(b.len, 0);
	tm_buf_reset(&b);
	tm_put_u8(&b, (uint8_t)c.kind);
	tm_put_u32(&b, c.flags);
	tm_put_oid(&b, c.dir);
	tm_put_oid(&b, c.obj);
	tm_put_bytes(&b, c.name, c.name_len);
	tm_put_u32(&b, c.n_ranges);
	for (uint32_t i = 0; i < c.n_ranges; i++) {
		tm_put_u64(&b, c.ranges[i].start);
		tm_put_u64(&b, c.ranges[i].end);
	}
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_change_get(&r, &got, room), -EBADMSG);
	tm_buf_free(&b);
}

#define NAMED(s)                                                                                   \
	(struct tm_change)                                                                         \
	{                                                                                          \
		.kind = TM_CHANGE_NAME, .dir = D, .name = s, .name_len = sizeof(s) - 1             \
	}

TEST(nonsense_is_refused_by_both_ends)
{
	static const struct tm_range backwards = { 8, 8 };
	static struct tm_range many[TM_CHANGE_RANGES_MAX + 1];
	char big[256];

	memset(big, 'x', sizeof(big));
	for (size_t i = 0; i < TM_ARRAY_SIZE(many); i++)
		many[i] = (struct tm_range){ i * 10, i * 10 + 5 };
	refused((struct tm_change){ .kind = 0 });
	refused((struct tm_change){ .kind = 6 });
	refused((struct tm_change){ .kind = TM_CHANGE_ALL, .flags = 1u << 31 });
	refused((struct tm_change){ .kind = TM_CHANGE_ALL, .name = "x", .name_len = 1 });
	refused((struct tm_change){ .kind = TM_CHANGE_DIR });
	refused((struct tm_change){ .kind = TM_CHANGE_SUBTREE });
	refused((struct tm_change){ .kind = TM_CHANGE_INODE });
	refused((struct tm_change){ .kind = TM_CHANGE_NAME, .dir = D });
	refused((struct tm_change){ .kind = TM_CHANGE_NAME, .name = "x", .name_len = 1 });
	refused(NAMED("."));
	refused(NAMED(".."));
	refused(NAMED("a/b"));
	refused(NAMED("../x"));
	refused(NAMED("a\0b"));
	refused((struct tm_change){
		.kind = TM_CHANGE_NAME, .dir = D, .name = big, .name_len = 256 });
	refused((struct tm_change){
		.kind = TM_CHANGE_DIR, .dir = D, .ranges = many, .n_ranges = 1 });
	refused((struct tm_change){
		.kind = TM_CHANGE_INODE, .obj = O, .ranges = &backwards, .n_ranges = 1 });
	refused((struct tm_change){ .kind = TM_CHANGE_INODE,
				    .obj = O,
				    .ranges = many,
				    .n_ranges = TM_CHANGE_RANGES_MAX + 1 });
}

TEST(flipping_any_byte_never_yields_a_record_that_would_be_refused)
{
	for (size_t i = 0; i < TM_ARRAY_SIZE(samples); i++) {
		struct tm_buf b;

		tm_buf_init(&b, 0);
		tm_change_put(&b, &samples[i]);
		for (size_t at = 0; at < b.len; at++)
			for (int bit = 0; bit < 8; bit++) {
				struct tm_change c;
				struct tm_rd r = tm_rd(b.data, b.len);

				b.data[at] ^= (uint8_t)(1 << bit);
				if (tm_change_get(&r, &c, room) == 0)
					CHECK(tm_change_ok(&c));
				b.data[at] ^= (uint8_t)(1 << bit);
			}
		tm_buf_free(&b);
	}
}

TEST(a_record_that_does_not_fit_leaves_nothing_behind)
{
	struct tm_buf b;

	tm_buf_init(&b, 60);
	tm_change_put(&b, &samples[3]);
	CHECK_EQ(tm_buf_error(&b), -EMSGSIZE);
	CHECK_EQ(b.len, 0);
	tm_buf_free(&b);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
