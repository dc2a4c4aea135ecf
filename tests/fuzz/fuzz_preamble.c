/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_preamble.c - the only bytes of a peer that the daemon itself reads.
 */
#include "peer/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t secret[TM_SECRET_LEN] = "a secret that the fuzzer ignores";
	struct tm_preamble pre;

	if (n < TM_PREAMBLE_LEN || tm_preamble_get(p, &pre) < 0)
		return 0;
	if (memcmp(pre.raw, p, sizeof(pre.raw)) || memcmp(pre.mac, p + 48, sizeof(pre.mac)))
		abort();
	/* Finding a MAC by chance would be news. */
	if (tm_preamble_check(&pre, secret))
		abort();
	return 0;
}

#include "replay.h"
