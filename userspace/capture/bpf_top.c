/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_top.c - who writes, from tm_writers.
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "lib/clock.h"
#include "lib/fd.h"

static int most_first(const void *pa, const void *pb)
{
	const struct tm_capture_writer *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return (a->operations < b->operations) - (a->operations > b->operations);
}

/* The current window and the one before it; false: nothing in them. */
static bool writer_of(const struct tm_writer_key *key, const struct tm_writer *w, uint64_t window,
		      struct tm_capture_writer *ret)
{
	*ret = (struct tm_capture_writer){
		.pid = key->pid, .uid = w->uid, .cgroup = w->cgroup, .last_ms = w->last_ns / 1000000,
	};
	memcpy(ret->comm, w->comm, sizeof(ret->comm) - 1);
	for (int i = 0; i < 2; i++)
		if (w->sum[i].window + 1 >= window) {
			ret->operations += w->sum[i].operations;
			ret->bytes += w->sum[i].bytes;
		}
	return ret->operations;
}

/* Nested roots make several entries of one process. */
static void writer_add(struct tm_capture_writer *all, size_t *n, const struct tm_capture_writer *w)
{
	for (size_t i = 0; i < *n; i++)
		if (all[i].pid == w->pid) {
			all[i].operations += w->operations;
			all[i].bytes += w->bytes;
			all[i].last_ms = TM_MAX(all[i].last_ms, w->last_ms);
			return;
		}
	all[(*n)++] = *w;
}

int tm_bpf_top(const void *b, unsigned int slot, struct tm_capture_writer *ret, size_t max)
{
	const struct tm_kern *k = b;
	_cleanup_free_ struct tm_capture_writer *all = calloc(TM_WRITERS, sizeof(*all));
	uint64_t window = tm_mono_ns() >> TM_WINDOW_SHIFT;
	struct tm_writer_key key, *before = NULL, next;
	struct tm_capture_writer one;
	struct tm_writer w;
	size_t n = 0;

	if (!all)
		return -ENOMEM;
	/* Entries that go meanwhile start the walk anew: the bound is what ends it. */
	for (int i = 0; i < 2 * TM_WRITERS && n < TM_WRITERS; i++) {
		if (bpf_map_get_next_key(k->map_fd[TM_MAP_WRITERS], before, &next))
			break;
		key = next;
		before = &key;
		if (key.roots >> slot & 1 && !bpf_map_lookup_elem(k->map_fd[TM_MAP_WRITERS], &key, &w) &&
		    writer_of(&key, &w, window, &one))
			writer_add(all, &n, &one);
	}
	qsort(all, n, sizeof(*all), most_first);
	n = TM_MIN(n, max);
	memcpy(ret, all, n * sizeof(*ret));
	return (int)n;
}

char *tm_capture_cgroup(uint64_t id)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} u = { .h = { .handle_bytes = sizeof(uint64_t), .handle_type = 0xfe /* FILEID_KERNFS */ } };
	_cleanup_close_ int top = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	char link[64], path[4096];
	ssize_t n;

	memcpy(u.h.f_handle, &id, sizeof(id));
	fd = top < 0 ? -1 : open_by_handle_at(top, &u.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	if (strncmp(path, "/sys/fs/cgroup", 14))
		return NULL;
	return strdup(path[14] ? path + 14 : "/");
}
