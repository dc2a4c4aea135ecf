// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib/fault.c - see fault.h. Empty unless built with -DTM_FAULTS.
 */
#include "lib/fault.h"

#ifdef TM_FAULTS
#include "lib/base.h"

/* How often each name was asked for, by its place in $TM_FAULT (at most 8 of them). */
static unsigned long asked[8];

bool tm_fault(const char *name)
{
	const char *p = getenv("TM_FAULT");
	size_t len = strlen(name);

	for (size_t i = 0; p && *p && i < TM_ARRAY_SIZE(asked); i++) {
		size_t n = strcspn(p, ",");

		if (n >= len && !strncmp(p, name, len) && (n == len || p[len] == ':')) {
			asked[i]++;
			return n == len || asked[i] == strtoul(p + len + 1, NULL, 10);
		}
		p += n + (p[n] == ',');
	}
	return false;
}
#else
typedef int tm_fault_is_off;
#endif
