/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf.c - the bpf backend: exact ranges from programs that outlive this process.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "capture/selftest.h"
#include "lib/fd.h"

static void kern_free(struct tm_kern *k)
{
	if (!k)
		return;
	tm_bpf_links_close(k);
	tm_bpf_unmap_all(k);
	for (int i = 0; i < TM_MAPS; i++)
		tm_close(k->map_fd[i]);
	tm_close(k->sync_fd);
	tm_close(k->sync_inner_fd);
	for (unsigned int i = 0; i < TM_ROOTS; i++)
		free(k->paths[i]);
	tm_map_free(k->hints, free);
	free(k->keys[0].v);
	free(k->keys[1].v);
	tm_bpf_health_close(k);
	tm_bpf_guard_close(k);
	free(k);
}

static void kern_freep(struct tm_kern **k)
{
	kern_free(*k);
}

/* The map of maps whose update waits for running programs. */
static int sync_open(struct tm_kern *k)
{
	LIBBPF_OPTS(bpf_map_create_opts, o);

	k->sync_inner_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tm_sync_in", 4, 8, 1, NULL);
	if (k->sync_inner_fd < 0)
		return -errno;
	o.inner_map_fd = (uint32_t)k->sync_inner_fd;
	k->sync_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "tm_sync", 4, 4, 1, &o);
	return k->sync_fd < 0 ? -errno : 0;
}

static int kern_open(const struct tm_capture_opts *opts, void **ret_b)
{
	_cleanup_(kern_freep) struct tm_kern *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	k->opts = opts;
	k->sync_fd = k->sync_inner_fd = -EBADF;
	k->blind = "";
	for (int i = 0; i < TM_MAPS; i++)
		k->map_fd[i] = -EBADF;
	if (!opts->pin_dir[0]) {
		tm_backend_why("bpf: no pin directory");
		return -EINVAL;
	}
	k->hints = tm_map_new();
	if (!k->hints)
		return -ENOMEM;
	r = tm_bpf_health_open(k);
	if (r)
		return r;
	r = sync_open(k);
	if (r) {
		tm_backend_why("this kernel refuses bpf() (%s)", strerror(-r));
		return r;
	}
	r = tm_bpf_pins_open(k);
	tm_btf_forget();
	if (r)
		return r == -EACCES ? -EOPNOTSUPP : r;
	r = tm_bpf_guard(k);
	if (r)
		return r;
	tm_bpf_scratch_off(k);
	/* Whatever a predecessor left: its old epoch first, then the live one. */
	k->old_left = k->old_grace = true;
	k->pending = true;
	*ret_b = tm_take_ptr(k);
	return 0;
}

static void kern_close(void *b)
{
	kern_free(b);
}

static int kern_fd(const void *b)
{
	const struct tm_kern *k = b;

	return k->map_fd[TM_MAP_EVENTS];
}

static void kern_stats(const void *b, unsigned int slot, struct tm_capture_stats *ret)
{
	const struct tm_kern *k = b;
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct tm_stat *v = NULL;
	uint32_t key = slot;

	if (cpus < 0)
		return;
	v = calloc((size_t)cpus, sizeof(*v));
	if (!v || bpf_map_lookup_elem(k->map_fd[TM_MAP_STATS], &key, v))
		return;
	for (int i = 0; i < cpus; i++) {
		ret->seen += v[i].seen;
		ret->queued += v[i].queued;
		ret->coalesced += v[i].coalesced;
		ret->dropped += v[i].dropped;
	}
}

static int kern_version_fd(const void *b, uint32_t *ret_n)
{
	const struct tm_kern *k = b;
	int fd = fcntl(k->map_fd[TM_MAP_VERSIONS], F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	*ret_n = TM_VERSIONS;
	return fd;
}

static const char *kern_blind_spots(const void *b)
{
	const struct tm_kern *k = b;

	if (k->tracing_off)
		return "kernel.ftrace_enabled is 0: nothing is seen until it is 1 again";
	return tm_selftest_blind(k)[0] ? tm_selftest_blind(k) : k->blind;
}

const struct tm_backend_ops tm_backend_bpf = {
	.id = TM_BACKEND_BPF,
	.open = kern_open,
	.close = kern_close,
	.add_root = tm_bpf_add_root,
	.del_root = tm_bpf_del_root,
	.fd = kern_fd,
	.timeout_ms = tm_bpf_timeout_ms,
	.drain = tm_bpf_drain,
	.stats = kern_stats,
	.top = tm_bpf_top,
	.version_fd = kern_version_fd,
	.report = tm_bpf_report,
	.probe = tm_bpf_probe,
	.blind_spots = kern_blind_spots,
};
