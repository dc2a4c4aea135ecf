// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/revision.c - what a policy is, as one number.
 */
#include "daemon/revision.h"

#include <stdio.h>

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	/* Where one part ends belongs to what was said. */
	return (h ^ 0xff) * 0x100000001b3ULL;
}

const char *tm_policy_revision(const struct tm_policy *p, char buf[TM_REVISION_LEN])
{
	const struct tm_policy_rec *r = &p->rec;
	const uint8_t bits[] = { (uint8_t)r->role,	  (uint8_t)r->auth,    r->continuous, r->enabled,
				 (uint8_t)r->hold,	  r->allow_devices,    r->allow_suid,
				 (uint8_t)(r->port >> 8), (uint8_t)r->port };
	uint64_t h = 0xcbf29ce484222325ULL;
	struct tm_status_in in;
	uint8_t status;

	tm_policy_status_in(p, &in);
	status = (uint8_t)tm_status_derive(&in);
	h = mix(h, r->id, sizeof(r->id));
	h = mix(h, bits, sizeof(bits));
	h = mix(h, &status, 1);
	h = mix(h, r->name, strlen(r->name));
	h = mix(h, r->source_dir, strlen(r->source_dir));
	h = mix(h, r->target_dir, strlen(r->target_dir));
	h = mix(h, r->address, strlen(r->address));
	h = mix(h, r->peer_key, sizeof(r->peer_key));
	snprintf(buf, TM_REVISION_LEN, "%016llx", (unsigned long long)h);
	return buf;
}

bool tm_etag_lists(const char *header, const char *revision)
{
	size_t n = strlen(revision);

	for (const char *s = strchr(header, '"'); s; s = strchr(s + 1, '"')) {
		const char *end = strchr(s + 1, '"');

		if (!end)
			return false;
		if ((size_t)(end - s - 1) == n && memcmp(s + 1, revision, n) == 0)
			return true;
		s = end;
	}
	return false;
}
