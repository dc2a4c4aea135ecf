/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/frame.c - the 8-byte header of every frame; see frame.h. Pure.
 */
#include "wire/frame.h"

static const char *const frame_names[] = {
	[TM_F_PROOF] = "PROOF",
	[TM_F_HELLO] = "HELLO",
	[TM_F_PING] = "PING",
	[TM_F_PONG] = "PONG",
	[TM_F_BYE] = "BYE",
	[TM_F_ERROR] = "ERROR",
	[TM_F_NOTICE] = "NOTICE",
	[TM_F_PAIR_REQUEST] = "PAIR_REQUEST",
	[TM_F_PAIR_STATE] = "PAIR_STATE",
	[TM_F_SESSION] = "SESSION",
	[TM_F_BATCH] = "BATCH",
	[TM_F_ASSERT] = "ASSERT",
	[TM_F_ASSERT_END] = "ASSERT_END",
	[TM_F_FILE] = "FILE",
	[TM_F_DATA] = "DATA",
	[TM_F_VERDICT] = "VERDICT",
	[TM_F_HOLE] = "HOLE",
	[TM_F_FILE_END] = "FILE_END",
	[TM_F_BATCH_END] = "BATCH_END",
	[TM_F_BATCH_ABORT] = "BATCH_ABORT",
	[TM_F_BARRIER] = "BARRIER",
	[TM_F_ALIVE] = "ALIVE",
	[TM_F_READY] = "READY",
	[TM_F_NEED] = "NEED",
	[TM_F_NEED_END] = "NEED_END",
	[TM_F_ACK] = "ACK",
	[TM_F_STOP] = "STOP",
	[TM_F_HASHES] = "HASHES",
	[TM_F_FOUND] = "FOUND",
};

int tm_frame_header_get(const uint8_t h[TM_FRAME_HEADER], uint16_t *ret_type, uint32_t *ret_len)
{
	struct tm_rd r = tm_rd(h, TM_FRAME_HEADER);
	uint32_t len = tm_get_u32(&r);
	uint16_t type = tm_get_u16(&r);
	uint16_t flags = tm_get_u16(&r);

	if (flags)
		return -EBADMSG;
	if (len > TM_FRAME_MAX)
		return -EMSGSIZE;
	*ret_type = type;
	*ret_len = len;
	return 0;
}

void tm_frame_header_put(uint8_t h[TM_FRAME_HEADER], uint16_t type, uint32_t len)
{
	for (int i = 0; i < 4; i++)
		h[i] = (uint8_t)(len >> (8 * i));
	h[4] = (uint8_t)type;
	h[5] = (uint8_t)(type >> 8);
	h[6] = 0;
	h[7] = 0;
}

const char *tm_frame_name(uint16_t type)
{
	if (type >= TM_ARRAY_SIZE(frame_names) || !frame_names[type])
		return "?";
	return frame_names[type];
}
