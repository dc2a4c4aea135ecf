/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_wire_frame.c - frame headers.
 */
#include "tap.h"
#include "wire/frame.h"

TEST(a_header_survives_the_round_trip)
{
	static const uint32_t lens[] = { 0, 1, 255, 256, 65536, TM_FRAME_MAX };
	uint8_t h[TM_FRAME_HEADER];

	for (size_t i = 0; i < TM_ARRAY_SIZE(lens); i++)
		for (uint32_t t = 0; t < 65536; t += 257) {
			uint16_t type = 0;
			uint32_t len = 77;

			tm_frame_header_put(h, (uint16_t)t, lens[i]);
			CHECK_EQ(tm_frame_header_get(h, &type, &len), 0);
			CHECK_EQ(type, t);
			CHECK_EQ(len, lens[i]);
		}
}

TEST(an_unknown_flag_is_refused)
{
	uint8_t h[TM_FRAME_HEADER];
	uint16_t type;
	uint32_t len;

	for (int bit = 0; bit < 16; bit++) {
		tm_frame_header_put(h, TM_F_PING, 0);
		h[6 + bit / 8] |= (uint8_t)(1 << (bit % 8));
		CHECK_EQ(tm_frame_header_get(h, &type, &len), -EBADMSG);
	}
}

TEST(a_frame_longer_than_the_limit_is_refused_and_nothing_is_returned)
{
	uint8_t h[TM_FRAME_HEADER];
	uint16_t type = 7;
	uint32_t len = 8;

	tm_frame_header_put(h, TM_F_ASSERT, TM_FRAME_MAX + 1);
	CHECK_EQ(tm_frame_header_get(h, &type, &len), -EMSGSIZE);
	tm_frame_header_put(h, TM_F_ASSERT, UINT32_MAX);
	CHECK_EQ(tm_frame_header_get(h, &type, &len), -EMSGSIZE);
	CHECK(type == 7 && len == 8);
}

TEST(the_bytes_are_little_endian_as_the_protocol_says)
{
	static const uint8_t want[TM_FRAME_HEADER] = { 0x03, 0x02, 0x01, 0x00, 37, 0, 0, 0 };
	uint8_t h[TM_FRAME_HEADER];

	tm_frame_header_put(h, TM_F_DATA, 0x010203);
	CHECK(!memcmp(h, want, sizeof(h)));
	CHECK_STR(tm_frame_name(TM_F_DATA), "DATA");
	CHECK_STR(tm_frame_name(0), "?");
	CHECK_STR(tm_frame_name(65535), "?");
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
