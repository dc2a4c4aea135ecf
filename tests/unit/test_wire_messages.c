/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_wire_messages.c - every message: round trip, truncation, flipped bytes, refusals.
 */
#include "../fuzz/wire_codecs.h"
#include "lib/beneath.h"
#include "tap.h"

static uint64_t rng = 0x7469646d61726b31ULL;

static uint64_t rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static void rnd_bytes(void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)rnd();
}

static void put_rnd(struct tm_buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tm_put_u8(b, (uint8_t)rnd());
}

/* A byte string of up to @max bytes that holds no NUL and no '/', and is no "." or "..". */
static void put_rnd_str(struct tm_buf *b, size_t max, size_t min)
{
	char s[4096];
	size_t n = min + rnd() % (max - min + 1);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)(1 + rnd() % 46);
	if (n && s[0] == '.')
		s[0] = 'x';
	tm_put_bytes(b, s, n);
}

static void put_rnd_oid(struct tm_buf *b)
{
	tm_put_u64(b, rnd() | 1);
	put_rnd(b, 8);
}

static void put_rnd_attrs(struct tm_buf *b, uint8_t kind)
{
	tm_put_u8(b, kind);
	tm_put_u32(b, rnd() & 07777);
	put_rnd(b, 12);
	tm_put_u64(b, rnd() >> 1);
	put_rnd(b, 16);
	tm_put_u32(b, rnd() % 1000000000);
	put_rnd(b, 8);
	tm_put_u32(b, rnd() % 1000000000);
	put_rnd(b, 8);
}

static void put_rnd_object(struct tm_buf *b)
{
	uint8_t kind = 1 + rnd() % 7;

	tm_put_u32(b, rnd() & 15);
	put_rnd_oid(b);
	put_rnd_attrs(b, kind);
	if (kind == TM_KIND_LNK)
		put_rnd_str(b, 300, 1);
}

static void put_rnd_assert(struct tm_buf *b)
{
	uint8_t type = 1 + rnd() % 4;

	tm_put_u8(b, type);
	if (type == TM_ASSERT_ENTRY || type == TM_ASSERT_ABSENT) {
		put_rnd_oid(b);
		put_rnd_str(b, 255, 1);
	}
	if (type == TM_ASSERT_ENTRY || type == TM_ASSERT_OBJECT)
		put_rnd_object(b);
	if (type == TM_ASSERT_LISTED)
		put_rnd_oid(b);
}

static void put_rnd_file(struct tm_buf *b)
{
	size_t at;

	put_rnd_oid(b);
	tm_put_u32(b, rnd() % 3);
	put_rnd_attrs(b, TM_KIND_REG);
	at = b->len;
	tm_put_u32(b, 0);
	for (uint64_t n = rnd() % 4; n; n--) {
		put_rnd_str(b, 40, 1);
		put_rnd_str(b, 200, 0);
	}
	tm_buf_patch_u32(b, at, (uint32_t)(b->len - at - 4));
}

static void put_rnd_start(struct tm_buf *b)
{
	tm_put_u8(b, 1 + rnd() % 4);
	tm_put_u8(b, (uint8_t)rnd());
	tm_put_u32(b, rnd() & 15);
	put_rnd(b, 80);
	put_rnd_str(b, 64, 0);
	put_rnd_str(b, 64, 0);
	put_rnd_str(b, 300, 0);
	put_rnd(b, 8 + 8 + 4 + 4 + 4 + 8 + 4 + 4 + 4 + 8);
}

static void put_rnd_hashes(struct tm_buf *b)
{
	uint32_t block = 4096u << (rnd() % 13), n = (uint32_t)(rnd() % 5), before = (uint32_t)(rnd() % 9);

	put_rnd_oid(b);
	tm_put_u32(b, rnd() & 1);
	/* The last of the blocks named may be a part of one. */
	tm_put_u64(b, n ? (uint64_t)(before + n) * block - rnd() % block : 0);
	tm_put_u32(b, block);
	tm_put_u64(b, n ? before : 0);
	tm_put_u32(b, n * 32);
	put_rnd(b, (size_t)n * 32);
}

static void put_rnd_found(struct tm_buf *b)
{
	bool foreign = rnd() & 1;

	tm_put_u8(b, foreign ? 8 : 1 + rnd() % 7);
	put_rnd_oid(b);
	if (foreign)
		put_rnd_str(b, 255, 1);
}

/*
 * The encoding of a random valid message, written from PROTOCOL's point of view, not by the codec.
 */
static void put_rnd_message(struct tm_buf *b, const char *name)
{
	if (tm_streq(name, "tm_msg_proof"))
		put_rnd(b, 96);
	else if (tm_streq(name, "tm_msg_hello")) {
		tm_put_u16(b, rnd() % 5);
		tm_put_u16(b, 5 + rnd() % 5);
		put_rnd(b, 8);
		put_rnd_str(b, 64, 0);
		put_rnd_str(b, 31, 0);
	} else if (tm_streq(name, "tm_msg_text")) {
		put_rnd(b, 8);
		put_rnd_str(b, 1024, 0);
	} else if (tm_streq(name, "tm_msg_pair_request")) {
		put_rnd(b, 48);
		put_rnd_str(b, 64, 0);
		put_rnd_str(b, 400, 0);
		put_rnd_str(b, 400, 0);
		tm_put_u8(b, rnd() & 1);
		put_rnd(b, 16);
	} else if (tm_streq(name, "tm_msg_pair_state")) {
		tm_put_u8(b, 1 + rnd() % 5);
		put_rnd_str(b, 1024, 0);
	} else if (tm_streq(name, "tm_msg_session")) {
		put_rnd(b, 16);
		put_rnd_oid(b);
	} else if (tm_streq(name, "tm_msg_ready")) {
		put_rnd(b, 16);
		tm_put_u8(b, rnd() & 1);
	} else if (tm_streq(name, "tm_msg_batch")) {
		put_rnd(b, 16);
		tm_put_u32(b, rnd() & 31);
		put_rnd(b, 8);
	} else if (tm_streq(name, "tm_msg_file"))
		put_rnd_file(b);
	else if (tm_streq(name, "tm_msg_file_end")) {
		tm_put_u8(b, 1 + rnd() % 4);
		put_rnd(b, 4);
	} else if (tm_streq(name, "tm_msg_ack"))
		put_rnd(b, 56);
	else if (tm_streq(name, "tm_msg_stop")) {
		put_rnd(b, 16);
		put_rnd_str(b, 1024, 0);
	} else if (tm_streq(name, "tm_assert"))
		put_rnd_assert(b);
	else if (tm_streq(name, "tm_need")) {
		tm_put_u8(b, 1 + rnd() % 4);
		put_rnd_oid(b);
	} else if (tm_streq(name, "tm_attrs"))
		put_rnd_attrs(b, 1 + rnd() % 7);
	else if (tm_streq(name, "tm_ctl_start"))
		put_rnd_start(b);
	else if (tm_streq(name, "tm_ctl_sign")) {
		tm_put_u8(b, 1 + rnd() % 2);
		put_rnd(b, 96);
	} else if (tm_streq(name, "tm_ctl_authed")) {
		put_rnd(b, 32);
		put_rnd_str(b, 64, 0);
		put_rnd_str(b, 31, 0);
		put_rnd(b, 8);
		tm_put_u8(b, rnd() & 1);
	} else if (tm_streq(name, "tm_ctl_set")) {
		put_rnd(b, 8);
		tm_put_u32(b, rnd() & 3);
		put_rnd(b, 8);
	} else if (tm_streq(name, "tm_ctl_progress")) {
		put_rnd(b, 21 * 8);
		tm_put_u8(b, rnd() % 4);
	} else if (tm_streq(name, "tm_ctl_done"))
		put_rnd(b, 24);
	else if (tm_streq(name, "tm_ctl_file_failed")) {
		put_rnd(b, 4);
		tm_put_u32(b, 1 + rnd() % 6);
		put_rnd_str(b, 3000, 0);
	} else if (tm_streq(name, "tm_hashes"))
		put_rnd_hashes(b);
	else if (tm_streq(name, "tm_found"))
		put_rnd_found(b);
}

TEST(a_valid_message_survives_the_round_trip)
{
	for (size_t c = 0; c < WIRE_CODECS; c++)
		for (int i = 0; i < 300; i++) {
			struct tm_buf b;
			int got;

			tm_buf_init(&b, 0);
			put_rnd_message(&b, wire_codecs[c].name);
			got = b.len ? wire_codec_try(&wire_codecs[c], b.data, b.len) : -2;
			tm_buf_free(&b);
			if (got != 1)
				printf("# %s: %d\n", wire_codecs[c].name, got);
			CHECK_EQ(got, 1);
		}
}

/* Exact-size heap copies, so that the address sanitizer sees one byte too many. */
static int try_copy(const struct wire_codec *c, const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	int got;

	if (!copy)
		return -1;
	memcpy(copy, p, n);
	got = wire_codec_try(c, copy, n);
	free(copy);
	return got;
}

TEST(every_truncation_is_refused)
{
	for (size_t c = 0; c < WIRE_CODECS; c++)
		for (int i = 0; i < 3; i++) {
			struct tm_buf b;
			int got = 0;

			tm_buf_init(&b, 0);
			put_rnd_message(&b, wire_codecs[c].name);
			for (size_t n = 0; n < b.len && !got; n++)
				got = try_copy(&wire_codecs[c], b.data, n);
			tm_buf_free(&b);
			CHECK_EQ(got, 0);
		}
}

TEST(bytes_left_over_are_refused)
{
	for (size_t c = 0; c < WIRE_CODECS; c++) {
		struct tm_buf b;
		int got;

		tm_buf_init(&b, 0);
		put_rnd_message(&b, wire_codecs[c].name);
		tm_put_u8(&b, 0);
		got = try_copy(&wire_codecs[c], b.data, b.len);
		tm_buf_free(&b);
		CHECK_EQ(got, wire_codecs[c].record ? 1 : 0);
	}
}

TEST(a_flipped_byte_is_refused_or_decodes_to_what_it_says)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff, 0x2f };

	for (size_t c = 0; c < WIRE_CODECS; c++)
		for (size_t f = 0; f < sizeof(flips); f++) {
			struct tm_buf b;
			int got = 0;

			tm_buf_init(&b, 0);
			put_rnd_message(&b, wire_codecs[c].name);
			for (size_t n = 0; n < b.len && got >= 0; n++) {
				b.data[n] ^= flips[f];
				got = try_copy(&wire_codecs[c], b.data, b.len);
				b.data[n] ^= flips[f];
			}
			tm_buf_free(&b);
			CHECK(got >= 0);
		}
}

TEST(random_bytes_never_break_a_decoder)
{
	uint8_t junk[512];

	for (int i = 0; i < 20000; i++) {
		size_t n = rnd() % sizeof(junk);

		rnd_bytes(junk, n);
		CHECK(try_copy(&wire_codecs[rnd() % WIRE_CODECS], junk, n) >= 0);
	}
}

static int get_entry_named(const char *name, size_t n)
{
	struct tm_assert a = {
		.type = TM_ASSERT_ABSENT,
		.parent = { 2, 0, 0 },
		.name = name,
		.name_len = (uint32_t)n,
	};
	struct tm_assert got;
	struct tm_buf b;
	struct tm_rd r;
	int err;

	tm_buf_init(&b, 0);
	tm_assert_put(&b, &a);
	r = tm_rd(b.data, b.len);
	err = tm_assert_get(&r, &got);
	tm_buf_free(&b);
	return err;
}

TEST(a_name_that_is_no_single_component_is_refused)
{
	char big[257];

	memset(big, 'n', sizeof(big));
	CHECK_EQ(get_entry_named("ok", 2), 0);
	CHECK_EQ(get_entry_named("...", 3), 0);
	CHECK_EQ(get_entry_named("\xff\n\x1b", 3), 0);
	CHECK_EQ(get_entry_named(big, 255), 0);
	CHECK_EQ(get_entry_named(big, 256), -EBADMSG);
	CHECK_EQ(get_entry_named("", 0), -EBADMSG);
	CHECK_EQ(get_entry_named(".", 1), -EBADMSG);
	CHECK_EQ(get_entry_named("..", 2), -EBADMSG);
	CHECK_EQ(get_entry_named("a/b", 3), -EBADMSG);
	CHECK_EQ(get_entry_named("/", 1), -EBADMSG);
	CHECK_EQ(get_entry_named("a\0b", 3), -EBADMSG);
}

TEST(records_follow_one_another_to_a_clean_end)
{
	struct tm_assert a = { .type = TM_ASSERT_LISTED, .oid = { 7, 1, 0 } }, got;
	struct tm_need n = { .what = TM_NEED_LIST, .oid = { 9, 0, 3 } }, need;
	const uint8_t *v = NULL;
	uint32_t len = 0;
	char name[256];
	struct tm_buf b;
	struct tm_rd r;

	tm_buf_init(&b, 0);
	tm_assert_put(&b, &a);
	tm_assert_put(&b, &a);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_assert_get(&r, &got), 0);
	CHECK(tm_oid_eq(got.oid, a.oid));
	CHECK_EQ(tm_assert_get(&r, &got), 0);
	CHECK_EQ(tm_assert_get(&r, &got), -ENODATA);

	tm_buf_reset(&b);
	tm_need_put(&b, &n);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_need_get(&r, &need), 0);
	CHECK(need.what == n.what && tm_oid_eq(need.oid, n.oid));
	CHECK_EQ(tm_need_get(&r, &need), -ENODATA);

	tm_buf_reset(&b);
	tm_xattr_put(&b, "user.a", "1", 1);
	tm_xattr_put(&b, "user.b", "", 0);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_xattr_get(&r, name, &v, &len), 0);
	CHECK_STR(name, "user.a");
	CHECK(len == 1 && v[0] == '1');
	CHECK_EQ(tm_xattr_get(&r, name, &v, &len), 0);
	CHECK_STR(name, "user.b");
	CHECK_EQ(len, 0);
	CHECK_EQ(tm_xattr_get(&r, name, &v, &len), -ENODATA);
	tm_buf_free(&b);
}

TEST(a_file_with_a_damaged_attribute_list_is_refused_at_once)
{
	struct tm_msg_file f = { .oid = { 5, 0, 0 }, .attrs = { .kind = TM_KIND_REG } }, got;
	struct tm_buf b, x;
	struct tm_rd r;

	tm_buf_init(&b, 0);
	tm_buf_init(&x, 0);
	tm_xattr_put(&x, "user.a", "value", 5);
	f.xattrs = x.data;
	f.xattrs_len = (uint32_t)x.len;
	tm_msg_file_put(&b, &f);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_msg_file_get(&r, &got), 0);
	f.xattrs_len--;
	tm_buf_reset(&b);
	tm_msg_file_put(&b, &f);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_msg_file_get(&r, &got), -EBADMSG);
	f.xattrs_len = 0;
	f.flags = TM_FF_WHOLE | TM_FF_ATTR_ONLY;
	tm_buf_reset(&b);
	tm_msg_file_put(&b, &f);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_msg_file_get(&r, &got), -EBADMSG);
	tm_buf_free(&x);
	tm_buf_free(&b);
}

TEST(a_size_that_is_no_offset_is_refused)
{
	struct tm_attrs a = { .kind = TM_KIND_REG, .size = INT64_MAX }, got;
	struct tm_buf b;
	struct tm_rd r;

	tm_buf_init(&b, 0);
	tm_attrs_put(&b, &a);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_attrs_get(&r, &got), 0);
	a.size++;
	tm_buf_reset(&b);
	tm_attrs_put(&b, &a);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_attrs_get(&r, &got), -EBADMSG);
	tm_buf_free(&b);
}

TEST(a_text_array_without_its_nul_is_cut_not_overrun)
{
	struct tm_msg_pair_state s = { .state = TM_PAIR_REJECTED }, got;
	struct tm_buf b;
	struct tm_rd r;

	memset(s.text, 'x', sizeof(s.text));
	tm_buf_init(&b, 0);
	tm_msg_pair_state_put(&b, &s);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_msg_pair_state_get(&r, &got), 0);
	CHECK_EQ(strlen(got.text), TM_TEXT_LEN_MAX);
	tm_buf_free(&b);
}

TEST(a_control_packet_has_a_known_type_and_a_bounded_length)
{
	struct tm_buf b;
	struct tm_rd r;
	uint16_t type = 0;

	tm_buf_init(&b, 0);
	tm_ctl_begin(&b, TM_C_IDLE);
	CHECK_EQ(tm_ctl_open(b.data, b.len, &type, &r), 0);
	CHECK_EQ(type, TM_C_IDLE);
	CHECK_EQ(r.len, 0);
	CHECK_EQ(tm_ctl_open(b.data, 3, &type, &r), -EBADMSG);
	b.data[2] = 1;
	CHECK_EQ(tm_ctl_open(b.data, b.len, &type, &r), -EBADMSG);
	b.data[2] = 0;
	b.data[0] = 63;
	CHECK_EQ(tm_ctl_open(b.data, b.len, &type, &r), -EBADMSG);
	b.data[0] = 0;
	CHECK_EQ(tm_ctl_open(b.data, b.len, &type, &r), -EBADMSG);
	b.data[0] = TM_C_IDLE;
	CHECK(tm_buf_reserve(&b, TM_CTL_MAX));
	memset(b.data + 4, 0, TM_CTL_MAX);
	CHECK_EQ(tm_ctl_open(b.data, TM_CTL_MAX, &type, &r), 0);
	CHECK_EQ(tm_ctl_open(b.data, TM_CTL_MAX + 1, &type, &r), -EBADMSG);
	CHECK_STR(tm_ctl_name(TM_C_PAIR_STATED), "PAIR_STATED");
	CHECK_STR(tm_ctl_name(9999), "?");
	tm_buf_free(&b);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
