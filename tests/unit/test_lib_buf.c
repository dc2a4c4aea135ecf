/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_lib_buf.c - the encoder and decoder keep their bounds.
 */
#include "lib/buf.h"

#include "tap.h"

TEST(integers_come_back_and_are_little_endian)
{
	static const uint8_t want[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0xef,
					0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01 };
	struct tm_buf b;
	struct tm_rd r;

	tm_buf_init(&b, 0);
	tm_put_u8(&b, 1);
	tm_put_u16(&b, 0x0203);
	tm_put_u32(&b, 0x04050607);
	tm_put_u64(&b, 0x0123456789abcdefULL);
	CHECK_EQ(tm_buf_error(&b), 0);
	CHECK_EQ(b.len, sizeof(want));
	CHECK(!memcmp(b.data, want, sizeof(want)));
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_get_u8(&r), 1);
	CHECK_EQ(tm_get_u16(&r), 0x0203);
	CHECK_EQ(tm_get_u32(&r), 0x04050607);
	CHECK(tm_get_u64(&r) == 0x0123456789abcdefULL);
	CHECK_EQ(tm_rd_end(&r), 0);
	tm_buf_free(&b);
}

TEST(the_limit_is_exact_and_the_error_sticks)
{
	struct tm_buf b;

	tm_buf_init(&b, 10);
	tm_put_u64(&b, 1);
	tm_put_u16(&b, 2);
	CHECK_EQ(tm_buf_error(&b), 0);
	CHECK_EQ(b.len, 10);
	tm_put_u8(&b, 3);
	CHECK_EQ(tm_buf_error(&b), -EMSGSIZE);
	CHECK_EQ(b.len, 10);
	tm_buf_consume(&b, 10);
	tm_put_u8(&b, 3); /* there would be room now, but the error stays */
	CHECK_EQ(b.len, 0);
	tm_buf_reset(&b);
	tm_put_u8(&b, 3);
	CHECK_EQ(tm_buf_error(&b), 0);
	CHECK_EQ(b.len, 1);
	tm_buf_free(&b);
}

TEST(a_string_that_does_not_fit_leaves_nothing_behind)
{
	struct tm_buf b;

	tm_buf_init(&b, 8);
	tm_put_bytes(&b, "12345", 5); /* 4 + 5 > 8 */
	CHECK_EQ(tm_buf_error(&b), -EMSGSIZE);
	CHECK_EQ(b.len, 0);
	tm_buf_free(&b);
	tm_buf_init(&b, 15);
	tm_put_oid(&b, (struct tm_oid){ 1, 2, 3 });
	CHECK_EQ(tm_buf_error(&b), -EMSGSIZE);
	CHECK_EQ(b.len, 0);
	tm_buf_free(&b);
}

TEST(a_huge_reservation_is_refused_without_overflow)
{
	struct tm_buf b;

	tm_buf_init(&b, 0);
	tm_put_u8(&b, 1);
	CHECK(!tm_buf_reserve(&b, SIZE_MAX));
	CHECK_EQ(tm_buf_error(&b), -EMSGSIZE);
	tm_buf_free(&b);
	tm_buf_init(&b, SIZE_MAX);
	tm_put_u8(&b, 1);
	CHECK(!tm_buf_reserve(&b, SIZE_MAX));
	CHECK_EQ(b.len, 1);
	tm_buf_free(&b);
}

TEST(a_patched_length_lands_where_it_was_left_open)
{
	struct tm_buf b;
	struct tm_rd r;

	tm_buf_init(&b, 0);
	tm_put_u8(&b, 9);
	tm_put_u32(&b, 0);
	tm_put_u8(&b, 8);
	tm_buf_patch_u32(&b, 1, 0xa1b2c3d4);
	r = tm_rd(b.data, b.len);
	CHECK_EQ(tm_get_u8(&r), 9);
	CHECK(tm_get_u32(&r) == 0xa1b2c3d4);
	CHECK_EQ(tm_get_u8(&r), 8);
	tm_buf_patch_u32(&b, 3, 1); /* its last byte would be outside */
	CHECK(tm_buf_error(&b) < 0);
	tm_buf_free(&b);
}

TEST(consuming_keeps_the_rest)
{
	struct tm_buf b;

	tm_buf_init(&b, 0);
	tm_put_raw(&b, "abcdef", 6);
	tm_buf_consume(&b, 4);
	CHECK_EQ(b.len, 2);
	CHECK(!memcmp(b.data, "ef", 2));
	tm_buf_consume(&b, 0);
	CHECK_EQ(b.len, 2);
	tm_buf_free(&b);
}

TEST(a_read_past_the_end_sticks_and_yields_zeros)
{
	static const uint8_t in[] = { 1, 2, 3, 4, 5 };
	struct tm_rd r = tm_rd(in, sizeof(in));
	uint8_t raw[4] = { 7, 7, 7, 7 };
	size_t n = 42;

	CHECK_EQ(tm_get_u32(&r), 0x04030201);
	CHECK_EQ(tm_get_u16(&r), 0);
	CHECK_EQ(r.error, -EBADMSG);
	CHECK_EQ(tm_get_u8(&r), 0); /* the one byte left is not for a broken reader */
	CHECK(tm_oid_is_none(tm_get_oid(&r)));
	tm_get_raw(&r, raw, sizeof(raw));
	CHECK_EQ(raw[0] | raw[1] | raw[2] | raw[3], 0);
	CHECK(!tm_get_bytes(&r, 10, &n));
	CHECK_EQ(n, 42);
	CHECK_EQ(tm_rd_end(&r), -EBADMSG);
}

TEST(a_truncated_identity_is_none)
{
	static const uint8_t in[15] = { 1, 2, 3 };
	struct tm_rd r = tm_rd(in, sizeof(in));

	CHECK(tm_oid_is_none(tm_get_oid(&r)));
	CHECK_EQ(r.error, -EBADMSG);
}

TEST(the_first_error_wins)
{
	struct tm_rd r = tm_rd("", 0);

	tm_rd_fail(&r, -EPROTO);
	tm_rd_fail(&r, -EIO);
	tm_get_u8(&r);
	CHECK_EQ(tm_rd_end(&r), -EPROTO);
}

TEST(a_length_beyond_the_limit_or_the_bytes_is_refused)
{
	static const uint8_t lying[] = { 0xff, 0xff, 0xff, 0xff, 'x' };
	static const uint8_t five[] = { 5, 0, 0, 0, 'a', 'b', 'c', 'd', 'e' };
	struct tm_rd r = tm_rd(lying, sizeof(lying));
	size_t n;

	CHECK(!tm_get_bytes(&r, SIZE_MAX, &n));
	CHECK_EQ(r.error, -EBADMSG);
	r = tm_rd(five, sizeof(five));
	CHECK(!tm_get_bytes(&r, 4, &n));
	r = tm_rd(five, sizeof(five));
	CHECK(tm_get_bytes(&r, 5, &n));
	CHECK_EQ(n, 5);
	CHECK_EQ(tm_rd_end(&r), 0);
}

TEST(an_empty_string_is_not_an_error)
{
	static const uint8_t in[] = { 0, 0, 0, 0 };
	struct tm_rd r = tm_rd(in, sizeof(in));
	size_t n = 1;

	CHECK(tm_get_bytes(&r, 0, &n));
	CHECK_EQ(n, 0);
	CHECK_EQ(tm_rd_end(&r), 0);
}

TEST(a_text_with_an_embedded_nul_is_refused)
{
	static const uint8_t in[] = { 3, 0, 0, 0, 'a', 0, 'b' };
	struct tm_rd r = tm_rd(in, sizeof(in));
	char s[8] = "zzz";

	tm_get_str(&r, s, sizeof(s));
	CHECK_EQ(r.error, -EBADMSG);
	CHECK_STR(s, "");
}

TEST(a_text_fills_its_room_but_no_more)
{
	static const uint8_t in[] = { 3, 0, 0, 0, 'a', 'b', 'c' };
	struct tm_rd r = tm_rd(in, sizeof(in));
	char s[5] = "????";

	tm_get_str(&r, s, 4);
	CHECK_STR(s, "abc");
	CHECK_EQ(tm_rd_end(&r), 0);
	r = tm_rd(in, sizeof(in));
	tm_get_str(&r, s, 3);
	CHECK_EQ(r.error, -EBADMSG);
	CHECK_STR(s, "");
}

TEST(bytes_left_over_are_an_error)
{
	struct tm_rd r = tm_rd("ab", 2);

	tm_get_u8(&r);
	CHECK_EQ(tm_rd_end(&r), -EBADMSG);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
