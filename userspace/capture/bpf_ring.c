/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_ring.c - the consumer of tm_events.
 *
 * libbpf's own consumer takes a record out even when its callback fails. Here a record leaves the
 * ring only after it was taken over, so that an error or a kill -9 delivers it again. The
 * consumer position is in the pinned map and so outlives us.
 */
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "capture/bpf.h"

int tm_ring_open(struct tm_ring *r, int map_fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &len))
		return -errno;
	r->size = info.max_entries;
	r->consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (r->consumer == MAP_FAILED) {
		r->consumer = NULL;
		return -errno;
	}
	/* The kernel maps the data area twice, one behind the other. */
	r->map_bytes = page + 2 * r->size;
	p = mmap(NULL, r->map_bytes, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (p == MAP_FAILED) {
		int e = -errno;

		tm_ring_close(r);
		return e;
	}
	r->producer = (const uint64_t *)p;
	r->data = p + page;
	return 0;
}

void tm_ring_close(struct tm_ring *r)
{
	if (r->consumer)
		munmap(r->consumer, (size_t)sysconf(_SC_PAGESIZE));
	if (r->producer)
		munmap((void *)(uintptr_t)r->producer, r->map_bytes);
	*r = (struct tm_ring){ 0 };
}

static size_t record_size(uint32_t len)
{
	len &= ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	return (len + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
}

int tm_ring_consume(struct tm_ring *r, tm_ring_fn fn, void *arg)
{
	uint64_t at = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	uint64_t end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	int n = 0;

	/* Up to where it was filled on arrival: endless writers must not keep us here. */
	while (at < end) {
		const uint8_t *rec = r->data + (at & (r->size - 1));
		uint32_t len = __atomic_load_n((const uint32_t *)(const void *)rec, __ATOMIC_ACQUIRE);
		int e;

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			e = fn(arg, rec + BPF_RINGBUF_HDR_SZ, len, at);
			if (e)
				return e;
			n++;
		}
		at += record_size(len);
		__atomic_store_n(r->consumer, at, __ATOMIC_RELEASE);
	}
	return n;
}

void tm_ring_peek(const struct tm_ring *r, tm_ring_fn fn, void *arg)
{
	uint64_t at = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	uint64_t end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);

	while (at < end) {
		const uint8_t *rec = r->data + (at & (r->size - 1));
		uint32_t len = __atomic_load_n((const uint32_t *)(const void *)rec, __ATOMIC_ACQUIRE);

		if (len & BPF_RINGBUF_BUSY_BIT)
			return;
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			(void)fn(arg, rec + BPF_RINGBUF_HDR_SZ, len, at);
		at += record_size(len);
	}
}

const void *tm_ring_at(const struct tm_ring *r, uint64_t at, size_t *ret_len)
{
	const uint8_t *rec = r->data + (at & (r->size - 1));

	*ret_len = *(const uint32_t *)(const void *)rec & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	return rec + BPF_RINGBUF_HDR_SZ;
}

bool tm_ring_empty(const struct tm_ring *r)
{
	/* A record under way counts: its producer may have looked at "armed" already. */
	return __atomic_load_n(r->consumer, __ATOMIC_SEQ_CST) ==
	       __atomic_load_n(r->producer, __ATOMIC_SEQ_CST);
}
