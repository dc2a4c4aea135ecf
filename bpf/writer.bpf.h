/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/writer.bpf.h - who writes: a statistic, cheap enough to be always on.
 *
 * Everything that makes something new dirty counts in full. What only widens a mark is counted by one in
 * TM_SAMPLE, that many times; what changes nothing (the same bytes again in one epoch) does not count.
 */
#ifndef TM_WRITER_BPF_H
#define TM_WRITER_BPF_H

#include "maps.bpf.h"

#define TM_SAMPLE 16

static __always_inline struct tm_writer *tm_writer_new(const struct tm_writer_key *key)
{
	static const struct tm_writer none;
	struct tm_writer *w;

	/* Not made on the stack: there is no room left at this depth. */
	bpf_map_update_elem(&tm_writers, key, &none, BPF_NOEXIST);
	w = bpf_map_lookup_elem(&tm_writers, key);
	if (!w)
		return NULL;
	bpf_get_current_comm(w->comm, sizeof(w->comm));
	w->uid = (__u32)bpf_get_current_uid_gid();
	w->cgroup = bpf_get_current_cgroup_id();
	return w;
}

static __always_inline void tm_wrote(__u64 roots, __u64 bytes, __u32 times)
{
	struct tm_writer_key key = { .roots = roots, .pid = bpf_get_current_pid_tgid() >> 32 };
	struct tm_writer *w = bpf_map_lookup_elem(&tm_writers, &key);
	__u64 now = bpf_ktime_get_ns(), window = now >> TM_WINDOW_SHIFT;
	struct tm_writer_sum *s;

	if (!w)
		w = tm_writer_new(&key);
	if (!w)
		return;
	s = &w->sum[window & 1];
	if (s->window != window) {
		s->window = window;
		s->operations = 0;
		s->bytes = 0;
	}
	w->last_ns = now;
	__sync_fetch_and_add(&s->operations, times);
	__sync_fetch_and_add(&s->bytes, bytes * times);
}

#endif
