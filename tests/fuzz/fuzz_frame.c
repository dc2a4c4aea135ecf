/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_frame.c - a stream of frames: headers, and records inside ASSERT, NEED and FILE.
 */
#include "lib/beneath.h"
#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void assertions(struct tm_rd *r)
{
	struct tm_assert a;

	while (!tm_assert_get(r, &a)) {
		bool named = a.type == TM_ASSERT_ENTRY || a.type == TM_ASSERT_ABSENT;

		if (named && !tm_name_ok(a.name, a.name_len))
			abort();
		if (a.symlink_len && memchr(a.symlink, 0, a.symlink_len))
			abort();
	}
}

static void payload(uint16_t type, const uint8_t *p, uint32_t n)
{
	struct tm_rd r = tm_rd(p, n);
	struct tm_msg_file f;
	struct tm_need need;

	switch (type) {
	case TM_F_ASSERT:
		assertions(&r);
		break;
	case TM_F_NEED:
		while (!tm_need_get(&r, &need))
			;
		break;
	case TM_F_FILE:
		if (!tm_msg_file_get(&r, &f) && f.xattrs_len > TM_XATTRS_MAX)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t again[TM_FRAME_HEADER];
	uint16_t type;
	uint32_t len;

	while (n >= TM_FRAME_HEADER) {
		if (tm_frame_header_get(p, &type, &len) < 0)
			break;
		tm_frame_header_put(again, type, len);
		if (len > TM_FRAME_MAX || memcmp(again, p, TM_FRAME_HEADER))
			abort();
		p += TM_FRAME_HEADER;
		n -= TM_FRAME_HEADER;
		if (len > n)
			len = (uint32_t)n;
		payload(type, p, len);
		p += len;
		n -= len;
	}
	return 0;
}

#include "replay.h"
