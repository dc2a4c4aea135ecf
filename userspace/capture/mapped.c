/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/mapped.c - files on tmpfs that are mapped shared and writable: changed, for all that anybody can
 * tell.
 *
 * The kernel side keeps them in tm_mapped (bpf/tmpfs.bpf.c). They are delivered whole at every barrier, so
 * that a sync is one, and every MAPPED_MS.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "capture/bpf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/oid.h"

#define MAPPED_MS 30000

static int deliver_mapped(struct tm_kern *k, const struct tm_dirty_key *key, const struct tm_mapped *m)
{
	const struct tm_change c = {
		.kind = TM_CHANGE_INODE, .flags = TM_CF_DATA | TM_CF_WHOLE | TM_CF_MMAP,
		.obj = { .ino = key->id.ino, .gen = key->id.gen, .subvol = key->id.subvol },
		.dir = { .ino = m->parent.ino, .gen = m->parent.gen, .subvol = m->parent.subvol },
	};
	int r = tm_bpf_deliver(k, m->roots, &c);

	return r < 0 ? r : 0;
}

/* Unmapped by now, unless it was mapped again between the look and the taking. */
static void forget(struct tm_kern *k, const struct tm_dirty_key *key)
{
	int fd = k->map_fd[TM_MAP_MAPPED];
	struct tm_mapped m;

	if (!bpf_map_lookup_and_delete_elem(fd, key, &m) && !m.unmapped)
		(void)bpf_map_update_elem(fd, key, &m, BPF_NOEXIST);
}

int tm_bpf_mapped(struct tm_kern *k, bool barrier)
{
	struct tm_dirty_key key, next, *at = NULL;
	int fd = k->map_fd[TM_MAP_MAPPED];
	uint64_t now = tm_mono_ms();

	if (!barrier && now - k->mapped_ms < MAPPED_MS)
		return 0;
	while (!bpf_map_get_next_key(fd, at, &next)) {
		struct tm_mapped m;
		int r;

		/* The one before may be taken out now that its successor is known. */
		if (at && k->mapped_gone)
			forget(k, &key);
		key = next;
		at = &key;
		k->mapped_gone = false;
		if (bpf_map_lookup_elem(fd, &key, &m))
			continue;
		r = deliver_mapped(k, &key, &m);
		if (r)
			return r;
		k->mapped_gone = m.unmapped;
	}
	if (at && k->mapped_gone)
		forget(k, &key);
	k->mapped_gone = false;
	k->mapped_ms = now;
	return 0;
}

/* One line of a process's maps: a shared writable mapping of @dev goes in. */
static void take_line(struct tm_kern *k, const char *pid, const char *line, uint32_t dev, uint64_t roots)
{
	struct tm_mapped m = { .roots = roots }, have;
	_cleanup_close_ int fd = -EBADF;
	unsigned long start, end;
	unsigned int major, minor;
	struct tm_dirty_key key;
	struct tm_oid oid;
	char perm[5], path[400];

	if (sscanf(line, "%lx-%lx %4s %*x %x:%x", &start, &end, perm, &major, &minor) != 5 ||
	    (major << 20 | minor) != dev || perm[3] != 's')
		return;
	/* Writable by mprotect is enough, so the mode of the moment is not asked. */
	snprintf(path, sizeof(path), "/proc/%s/map_files/%lx-%lx", pid, start, end);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || tm_oid_at(fd, "", &oid))
		return;
	key = (struct tm_dirty_key){ .id = { .ino = oid.ino, .gen = oid.gen, .subvol = oid.subvol },
		.dev = dev };
	if (!bpf_map_lookup_elem(k->map_fd[TM_MAP_MAPPED], &key, &have)) {
		m.roots |= have.roots;
		m.parent = have.parent;
	}
	(void)bpf_map_update_elem(k->map_fd[TM_MAP_MAPPED], &key, &m, BPF_ANY);
}

void tm_bpf_mapped_before(struct tm_kern *k, uint32_t dev, uint64_t roots)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	char *line = NULL;
	size_t cap = 0;

	while (d && (e = readdir(d))) {
		char path[300];
		FILE *f;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/maps", e->d_name);
		f = fopen(path, "re");
		while (f && getline(&line, &cap, f) > 0)
			take_line(k, e->d_name, line, dev, roots);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	free(line);
}
