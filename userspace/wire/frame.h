/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire/frame.h - the frame that everything between two nodes travels in. Pure.
 *
 * Inside the TLS channel: an 8-byte header and a payload.
 *
 *	u32 len	 payload bytes, 0..TM_FRAME_MAX
 *	u16 type enum tm_frame_type
 *	u16 flags 0 in this version; a frame with an unknown flag is refused
 *
 * A DATA frame's payload is a 16-byte head (u64 offset, u32 bytes, u32 zero) and the raw bytes, which
 * leave the source by sendfile and are never in memory as a whole. See PROTOCOL.md.
 */
#ifndef TM_WIRE_FRAME_H
#define TM_WIRE_FRAME_H

#include "lib/buf.h"

#define TM_FRAME_HEADER 8
#define TM_FRAME_MAX ((uint32_t)1 << 20)	/* of any payload */
#define TM_DATA_HEAD 16
#define TM_DATA_MAX (TM_FRAME_MAX - TM_DATA_HEAD)	/* raw bytes in one DATA frame */

#define TM_PROTO_VERSION 1

enum tm_frame_type {
	/* connection */
	TM_F_PROOF = 1,		/* struct tm_msg_proof; first frame of either side */
	TM_F_HELLO = 2,		/* struct tm_msg_hello */
	TM_F_PING = 3,		/* empty */
	TM_F_PONG = 4,		/* empty */
	TM_F_BYE = 5,		/* struct tm_msg_text: orderly end, sender sends nothing after it */
	TM_F_ERROR = 6,		/* struct tm_msg_text: refusal, connection ends */
	TM_F_NOTICE = 7,	/* struct tm_msg_text: news of the relationship (code TM_NOTICE_*) */
	/* pairing (policy id zero in the preamble) */
	TM_F_PAIR_REQUEST = 16,
	TM_F_PAIR_STATE = 17,
	/* replication, source -> target */
	TM_F_SESSION = 32,	/* struct tm_msg_session */
	TM_F_BATCH = 33,	/* struct tm_msg_batch */
	TM_F_ASSERT = 34,	/* any number of assertion records */
	TM_F_ASSERT_END = 35,	/* empty */
	TM_F_FILE = 36,		/* struct tm_msg_file: content or attributes of one object follow */
	TM_F_DATA = 37,		/* u64 offset, u32 n, u32 0, raw bytes */
	TM_F_VERDICT = 38,	/* u8 enum tm_verdict, about the DATA frame just before it */
	TM_F_HOLE = 39,		/* u64 offset, u64 length: reads as zeros, deallocate */
	TM_F_FILE_END = 40,	/* struct tm_msg_file_end */
	TM_F_BATCH_END = 41,	/* empty: commit now */
	TM_F_BATCH_ABORT = 42,	/* struct tm_msg_text: forget this batch */
	TM_F_BARRIER = 43,	/* u64 seq: what was sent up to this batch is on the source's disk */
	TM_F_ALIVE = 44,	/* empty, in the target's turn: still comparing what it sent */
	/* replication, target -> source */
	TM_F_READY = 64,	/* struct tm_msg_ready, answers SESSION */
	TM_F_NEED = 65,		/* any number of need records */
	TM_F_NEED_END = 66,	/* u8: 1 if there were LIST needs, else 0 */
	TM_F_ACK = 67,		/* struct tm_msg_ack: this batch is durable */
	TM_F_STOP = 68,		/* struct tm_msg_stop: suspicion; the batch is abandoned */
	TM_F_HASHES = 69,	/* any number of tm_hashes records: content to be compared */
	TM_F_FOUND = 70,	/* any number of tm_found records, before ACK */
};

/* Decode a header. Returns 0; -EBADMSG: unknown flags; -EMSGSIZE: longer than TM_FRAME_MAX. */
int tm_frame_header_get(const uint8_t h[TM_FRAME_HEADER], uint16_t *ret_type, uint32_t *ret_len);
void tm_frame_header_put(uint8_t h[TM_FRAME_HEADER], uint16_t type, uint32_t len);
/* A name for messages: "ASSERT"; "?" for unknown ones. */
const char *tm_frame_name(uint16_t type);

#endif
