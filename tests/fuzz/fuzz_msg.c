/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_msg.c - decoders of wire/msg.h: the first byte picks one, the rest is the message.
 */
#include "wire_codecs.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct wire_codec *c;

	if (!n)
		return 0;
	c = &wire_codecs[p[0] % WIRE_CODECS];
	if (!c->ctl && wire_codec_try(c, p + 1, n - 1) < 0)
		abort();
	return 0;
}

#include "replay.h"
