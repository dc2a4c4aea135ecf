/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_fanotify.c - batches of fanotify events: whatever the bytes, every pointer of an
 * event leads into the batch, and the parser always advances.
 */
#include "capture/fanotify_event.h"
#include "lib/oid.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check(const struct tm_fan_id *id, const uint8_t *p, size_t n)
{
	struct tm_oid o;
	uint32_t sum = 0;

	if (!id->present)
		return;
	if (!id->handle_len || id->handle_len > 128 || id->handle < p ||
	    id->handle_len > n - (size_t)(id->handle - p))
		abort();
	/* Touch every byte: a sanitizer sees one too many. */
	for (uint32_t i = 0; i < id->handle_len; i++)
		sum += id->handle[i];
	if (id->name_len > 255 || (id->name && memchr(id->name, '/', id->name_len)))
		abort();
	for (uint32_t i = 0; i < id->name_len; i++)
		sum += (uint8_t)id->name[i];
	if (!tm_oid_from_handle(id->handle_type, id->handle, id->handle_len, &o) &&
	    tm_oid_is_none(o))
		abort();
	__asm__ volatile("" : : "r"(sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct tm_fan_event ev;
	size_t pos = 0, before = 0;

	while (tm_fan_event_next(p, n, &pos, &ev) > 0) {
		if (pos <= before || pos > n)
			abort();
		before = pos;
		check(&ev.obj, p, n);
		check(&ev.entry, p, n);
		check(&ev.old_entry, p, n);
		check(&ev.new_entry, p, n);
	}
	return 0;
}

#include "replay.h"
