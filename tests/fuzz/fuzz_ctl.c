/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_ctl.c - decoders of wire/ctl.h: the first byte picks one, the rest is the message.
 */
#include "wire_codecs.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct wire_codec *c;
	struct tm_rd r;
	uint16_t type;

	if (!n)
		return 0;
	/* Twice: as a packet with its head, and as the payload of a chosen kind. */
	if (!tm_ctl_open(p + 1, n - 1, &type, &r) && (r.len != n - 5 || tm_streq(tm_ctl_name(type), "?")))
		abort();
	c = &wire_codecs[p[0] % WIRE_CODECS];
	if (c->ctl && wire_codec_try(c, p + 1, n - 1) < 0)
		abort();
	return 0;
}

#include "replay.h"
