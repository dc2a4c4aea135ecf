/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_pin.c - the pin directory.
 *
 *	PIN_DIR/tm_ctl ...		the maps
 *	PIN_DIR/links-CODE/vfs-tm_unlink ...	the links of one build of the programs
 *
 * tm_ctl is pinned last: without it the rest is the debris of a start that died. A layout that is not ours is
 * taken down whole (a new epoch); other programs over the same layout are attached beside the old ones,
 * which go afterwards, so an upgrade misses nothing.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "lib/fault.h"
#include "lib/fd.h"
#include "lib/text.h"

#define BPFFS "/sys/fs/bpf"

char *tm_bpf_linkdir(const struct tm_kern *k)
{
	return tm_asprintf("%s/links-%016llx", k->opts->pin_dir, (unsigned long long)k->code_id);
}

static int mkdir_path(const char *path)
{
	_cleanup_free_ char *p = strdup(path);

	if (!p)
		return -ENOMEM;
	for (char *s = p + 1; *s; s++) {
		if (*s != '/')
			continue;
		*s = '\0';
		if (mkdir(p, 0700) && errno != EEXIST)
			return -errno;
		*s = '/';
	}
	if (mkdir(p, 0700) && errno != EEXIST)
		return -errno;
	return 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && st.f_type == BPF_FS_MAGIC;
}

static int pin_dir_make(const char *path)
{
	int r;

	/* systemd mounts it; a bare machine may not have. */
	if (!strncmp(path, BPFFS "/", strlen(BPFFS "/")) && !is_bpffs(BPFFS) &&
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700")) {
		r = -errno;
		tm_backend_why("bpf: %s is not mounted and cannot be: %s", BPFFS, strerror(-r));
		return r;
	}
	r = mkdir_path(path);
	if (!r && !is_bpffs(path)) {
		tm_backend_why("bpf: %s is not on a bpf file system", path);
		return -EOPNOTSUPP;
	}
	if (r)
		tm_backend_why("bpf: %s cannot be made: %s", path, strerror(-r));
	return r;
}

/* Remove a directory of pins; @keep: a name below it to leave alone, or NULL. */
static void remove_pins(const char *path, const char *keep)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		_cleanup_free_ char *p = NULL;

		if (tm_streq(e->d_name, ".") || tm_streq(e->d_name, "..") ||
		    (keep && tm_streq(e->d_name, keep)))
			continue;
		p = tm_asprintf("%s/%s", path, e->d_name);
		if (!p)
			break;
		if (!strncmp(e->d_name, "links-", 6))
			remove_pins(p, NULL);
		if (unlink(p))
			(void)rmdir(p);
	}
	closedir(d);
}

void tm_capture_unpin(const char *pin_dir)
{
	_cleanup_free_ char *ctl = tm_asprintf("%s/%s", pin_dir, tm_map_names[TM_MAP_CTL]);

	/* First what makes the rest count. */
	if (ctl)
		(void)unlink(ctl);
	remove_pins(pin_dir, NULL);
	(void)rmdir(pin_dir);
}

/* Call @fn for each directory of links that is not @linkdir. */
static void each_other_links(struct tm_kern *k, const char *linkdir, void (*fn)(const char *path, void *arg),
			     void *arg)
{
	DIR *d = opendir(k->opts->pin_dir);
	const char *ours = strrchr(linkdir, '/') + 1;
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		_cleanup_free_ char *p = NULL;

		if (strncmp(e->d_name, "links-", 6) || tm_streq(e->d_name, ours))
			continue;
		p = tm_asprintf("%s/%s", k->opts->pin_dir, e->d_name);
		if (p)
			fn(p, arg);
	}
	closedir(d);
}

static void remove_links(const char *path, _unused_ void *arg)
{
	remove_pins(path, NULL);
	(void)rmdir(path);
}

/* What the other builds have attached. */
struct others {
	unsigned int links;
	uint64_t fs;		/* bit i: tm_fs_table[i] */
};

static void look_at_links(const char *path, void *arg)
{
	struct others *o = arg;
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		o->links++;
		for (unsigned int i = 0; tm_fs_table[i].name; i++) {
			size_t n = strlen(tm_fs_table[i].name);

			if (!strncmp(e->d_name, tm_fs_table[i].name, n) && e->d_name[n] == '-')
				o->fs |= 1ULL << i;
		}
	}
	closedir(d);
}

/* ---- maps */

int tm_bpf_map_all(struct tm_kern *k)
{
	void *p;
	int r;

	p = mmap(NULL, sizeof(struct tm_ctl), PROT_READ | PROT_WRITE, MAP_SHARED, k->map_fd[TM_MAP_CTL], 0);
	if (p == MAP_FAILED)
		return -errno;
	k->ctl = p;
	p = mmap(NULL, sizeof(struct tm_version) * TM_VERSIONS, PROT_READ | PROT_WRITE, MAP_SHARED,
		 k->map_fd[TM_MAP_VERSIONS], 0);
	if (p == MAP_FAILED) {
		r = -errno;
		tm_bpf_unmap_all(k);
		return r;
	}
	k->versions = p;
	p = mmap(NULL, sizeof(struct tm_hot), PROT_READ | PROT_WRITE, MAP_SHARED, k->map_fd[TM_MAP_HOT], 0);
	if (p == MAP_FAILED) {
		r = -errno;
		tm_bpf_unmap_all(k);
		return r;
	}
	k->hot = p;
	r = tm_ring_open(&k->ring, k->map_fd[TM_MAP_EVENTS]);
	if (r)
		tm_bpf_unmap_all(k);
	return r;
}

void tm_bpf_unmap_all(struct tm_kern *k)
{
	tm_ring_close(&k->ring);
	if (k->hot)
		munmap(k->hot, sizeof(struct tm_hot));
	if (k->versions)
		munmap(k->versions, sizeof(struct tm_version) * TM_VERSIONS);
	if (k->ctl)
		munmap(k->ctl, sizeof(struct tm_ctl));
	k->hot = NULL;
	k->versions = NULL;
	k->ctl = NULL;
}

static void maps_close(struct tm_kern *k)
{
	tm_bpf_unmap_all(k);
	for (int i = 0; i < TM_MAPS; i++)
		k->map_fd[i] = tm_close(k->map_fd[i]);
}

static bool map_fits(int fd, uint32_t value_size)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) && info.value_size == value_size;
}

/* Open what is pinned. -ENOENT: nothing, or nothing of ours. */
static int maps_reopen(struct tm_kern *k)
{
	int r;

	for (int i = 0; i < TM_MAPS; i++) {
		_cleanup_free_ char *path = tm_asprintf("%s/%s", k->opts->pin_dir, tm_map_names[i]);

		k->map_fd[i] = path ? bpf_obj_get(path) : -ENOENT;
		if (k->map_fd[i] < 0) {
			maps_close(k);
			return -ENOENT;
		}
	}
	if (tm_fault("other-layout") || !map_fits(k->map_fd[TM_MAP_CTL], sizeof(struct tm_ctl)) ||
	    !map_fits(k->map_fd[TM_MAP_DIRTY_A], sizeof(struct tm_dirty)) ||
	    !map_fits(k->map_fd[TM_MAP_DIRTY_B], sizeof(struct tm_dirty)) ||
	    !map_fits(k->map_fd[TM_MAP_ROOTS], sizeof(struct tm_root_val)) ||
	    !map_fits(k->map_fd[TM_MAP_VERSIONS], sizeof(struct tm_version) * TM_VERSIONS) ||
	    !map_fits(k->map_fd[TM_MAP_HOT], sizeof(struct tm_hot)) ||
	    !map_fits(k->map_fd[TM_MAP_SLOTS], sizeof(struct tm_slot))) {
		maps_close(k);
		return -ENOENT;
	}
	r = tm_bpf_map_all(k);
	if (!r && (k->ctl->magic != TM_ABI_MAGIC || k->ctl->version != TM_ABI_VERSION ||
		   k->ctl->size != sizeof(struct tm_ctl)))
		r = -ENOENT;
	if (r)
		maps_close(k);
	return r;
}

static int maps_pin(struct tm_kern *k)
{
	/* Downwards: tm_ctl is 0 and comes last. */
	for (int i = TM_MAPS - 1; i >= 0; i--) {
		_cleanup_free_ char *path = tm_asprintf("%s/%s", k->opts->pin_dir, tm_map_names[i]);

		if (!path)
			return -ENOMEM;
		if (bpf_obj_pin(k->map_fd[i], path))
			return -errno;
	}
	return 0;
}

static int random_id(__u64 *ret)
{
	return getrandom(ret, sizeof(*ret), 0) == sizeof(*ret) ? 0 : -EIO;
}

static void ctl_init(struct tm_kern *k)
{
	k->ctl->magic = TM_ABI_MAGIC;
	k->ctl->version = TM_ABI_VERSION;
	k->ctl->size = sizeof(struct tm_ctl);
	k->ctl->code_id = k->code_id;
}

static int create(struct tm_kern *k, const char *linkdir)
{
	unsigned int n;
	int r;

	remove_pins(k->opts->pin_dir, NULL);
	r = mkdir_path(linkdir);
	if (r)
		return r;
	k->created = true;
	r = tm_bpf_links_ensure(k, linkdir, "vfs", tm_vfs_hooks, NULL, &n);
	if (r)
		return r;
	r = tm_bpf_map_all(k);
	if (r)
		return r;
	ctl_init(k);
	r = random_id(&k->ctl->attach_id);
	return r ?: maps_pin(k);
}

/*
 * Another build's programs have seen everything so far, if none was taken away. Ours are attached
 * beside them and only then they go: both mark for a moment, which changes nothing.
 */
static int upgrade(struct tm_kern *k, const char *linkdir)
{
	struct others o = { 0 };
	unsigned int n;
	int r = 0;

	each_other_links(k, linkdir, look_at_links, &o);
	for (unsigned int i = 0; !r && tm_fs_table[i].name; i++) {
		const struct tm_fs *fs = &tm_fs_table[i];

		if (o.fs >> i & 1)
			r = tm_bpf_links_ensure(k, linkdir, fs->name, fs->hooks, fs->module, &n);
	}
	if (r)
		return r;
	if (o.links < k->ctl->n_links)
		k->created = true;
	k->ctl->code_id = k->code_id;
	/* Misses are counted per program: the new ones begin at zero. */
	k->ctl->misses_told = 0;
	each_other_links(k, linkdir, remove_links, NULL);
	return 0;
}

/* The maps are ours. Links of this build that are gone mean that something was not seen. */
static int reopen(struct tm_kern *k, const char *linkdir)
{
	bool other = k->ctl->code_id != k->code_id;
	unsigned int n;
	int r;

	r = mkdir_path(linkdir);
	if (!r)
		r = tm_bpf_links_ensure(k, linkdir, "vfs", tm_vfs_hooks, NULL, &n);
	if (r)
		return r;
	if (other)
		r = upgrade(k, linkdir);
	else if (n)
		k->created = true;
	if (!r && k->created)
		r = random_id(&k->ctl->attach_id);
	return r;
}

int tm_bpf_pins_open(struct tm_kern *k)
{
	_cleanup_free_ char *linkdir = NULL;
	int r;

	k->code_id = tm_bpf_object_id();
	linkdir = tm_bpf_linkdir(k);
	if (!linkdir)
		return -ENOMEM;
	r = pin_dir_make(k->opts->pin_dir);
	if (r)
		return r;
	r = maps_reopen(k);
	if (!r)
		return reopen(k, linkdir);
	if (r != -ENOENT)
		return r;
	r = create(k, linkdir);
	if (r)
		remove_pins(k->opts->pin_dir, NULL);
	return r;
}
