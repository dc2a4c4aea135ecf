// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compare_entry.c - everything that must be equal about one name in two
 * trees: kind, metadata, attributes, link target, content, holes, and the
 * partition of names into hard-link groups.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attrs.h"
#include "compare.h"
#include "content.h"
#include "tree.h"

static const char *const side_name[2] = { "source", "target" };

const char *oracle_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "directory";
	case S_IFLNK: return "symlink";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	case S_IFCHR: return "character device";
	case S_IFBLK: return "block device";
	default: return "unknown kind";
	}
}

void oracle_compare_trouble(struct oracle_compare *c, const char *path, int side, int err)
{
	if (err == -ESTALE)
		oracle_report_add(&c->report, "race", path, "%s changed while it was compared",
				  side_name[side]);
	else
		oracle_report_add(&c->report, "error", path, "%s: %s", side_name[side],
				  strerror(-err));
}

static void compare_meta(struct oracle_compare *c, const struct oracle_pair *p)
{
	const struct stat *a = &p->st[0], *b = &p->st[1];
	struct oracle_report *r = &c->report;

	if ((a->st_mode & 07777) != (b->st_mode & 07777))
		oracle_report_add(r, "mode", p->path, "%04o, target %04o",
				  a->st_mode & 07777, b->st_mode & 07777);
	if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		oracle_report_add(r, "owner", p->path, "%u:%u, target %u:%u",
				  a->st_uid, a->st_gid, b->st_uid, b->st_gid);
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
		oracle_report_add(r, "mtime", p->path, "%jd.%09ld, target %jd.%09ld",
				  (intmax_t)a->st_mtim.tv_sec, a->st_mtim.tv_nsec,
				  (intmax_t)b->st_mtim.tv_sec, b->st_mtim.tv_nsec);
	if ((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) && a->st_rdev != b->st_rdev)
		oracle_report_add(r, "rdev", p->path, "%u:%u, target %u:%u",
				  major(a->st_rdev), minor(a->st_rdev),
				  major(b->st_rdev), minor(b->st_rdev));
}

static void compare_attrs(struct oracle_compare *c, const struct oracle_pair *p)
{
	struct oracle_attrs x[2] = { { 0 } };
	size_t i = 0, j = 0;

	for (int s = 0; s < 2; s++) {
		int err = oracle_attrs_read(p->dirfd[s], p->name, c->all_xattrs, &x[s]);

		if (err) {
			oracle_compare_trouble(c, p->path, s, err);
			goto done;
		}
	}
	while (i < x[0].n || j < x[1].n) {
		const struct oracle_attr *a = i < x[0].n ? &x[0].v[i] : NULL;
		const struct oracle_attr *b = j < x[1].n ? &x[1].v[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
		const char *name = order <= 0 ? a->name : b->name;
		const char *kind = oracle_attr_is_acl(name) ? "acl" : "xattr";
		char *shown = oracle_escape(name, strlen(name));

		if (order < 0)
			oracle_report_add(&c->report, kind, p->path, "%s missing on target", shown);
		else if (order > 0)
			oracle_report_add(&c->report, kind, p->path, "%s only on target", shown);
		else if (a->len != b->len || memcmp(a->value, b->value, a->len))
			oracle_report_add(&c->report, kind, p->path,
					  "value of %s (%zu bytes) differs on target (%zu bytes)",
					  shown, a->len, b->len);
		free(shown);
		i += order <= 0;
		j += order >= 0;
	}
done:
	oracle_attrs_done(&x[0]);
	oracle_attrs_done(&x[1]);
}

/* Returns a new string or NULL after reporting. Never cut short: a symlink
 * target that fills the buffer is read again with a larger one.
 */
static char *read_target(struct oracle_compare *c, const struct oracle_pair *p, int s)
{
	for (size_t size = 512;; size *= 2) {
		char *buf = oracle_alloc(size);
		ssize_t n = readlinkat(p->dirfd[s], p->name, buf, size);

		if (n < 0) {
			free(buf);
			oracle_compare_trouble(c, p->path, s,
					       errno == ENOENT || errno == EINVAL ? -ESTALE : -errno);
			return NULL;
		}
		if ((size_t)n < size) {
			buf[n] = '\0';
			return buf;
		}
		free(buf);
	}
}

static void compare_symlink(struct oracle_compare *c, const struct oracle_pair *p)
{
	char *a = read_target(c, p, 0);
	char *b = a ? read_target(c, p, 1) : NULL;

	if (b && strcmp(a, b)) {
		char *sa = oracle_escape(a, strlen(a)), *sb = oracle_escape(b, strlen(b));

		oracle_report_add(&c->report, "symlink", p->path, "\"%s\", target \"%s\"", sa, sb);
		free(sa);
		free(sb);
	}
	free(a);
	free(b);
}

static void compare_bytes(struct oracle_compare *c, const struct oracle_pair *p, const int fd[2])
{
	struct oracle_content_diff d;
	uint64_t filled;
	off_t size = p->st[0].st_size;
	int err = oracle_content_compare(fd[0], fd[1], size, c->read_holes, &d);

	c->report.bytes += d.read;
	if (err)
		oracle_compare_trouble(c, p->path, d.side, err);
	else if (d.bytes)
		oracle_report_add(&c->report, "content", p->path,
				  "%" PRIu64 " of %jd bytes differ, first at offset %jd",
				  d.bytes, (intmax_t)size, (intmax_t)d.first);
	if ((uint64_t)size <= c->slack)
		return;
	err = oracle_content_filled(fd[0], fd[1], size, &filled);
	if (err)
		oracle_compare_trouble(c, p->path, 1, err);
	else if (filled > c->slack)
		oracle_report_add(&c->report, "holes", p->path,
				  "target stores %" PRIu64 " bytes where the source has holes",
				  filled);
}

static void compare_file(struct oracle_compare *c, const struct oracle_pair *p)
{
	int fd[2] = { -1, -1 };

	if (p->st[0].st_size != p->st[1].st_size) {
		oracle_report_add(&c->report, "size", p->path, "%jd, target %jd",
				  (intmax_t)p->st[0].st_size, (intmax_t)p->st[1].st_size);
		return;
	}
	/* An empty file is opened too: that it can be is part of the verdict. */
	if (c->quick)
		return;
	for (int s = 0; s < 2; s++) {
		fd[s] = oracle_open_file(p->dirfd[s], p->name, &p->st[s]);
		if (fd[s] < 0) {
			oracle_compare_trouble(c, p->path, s, fd[s]);
			goto done;
		}
	}
	compare_bytes(c, p, fd);
	for (int s = 0; s < 2; s++) {
		struct stat now;

		if (fstat(fd[s], &now) < 0)
			oracle_compare_trouble(c, p->path, s, -errno);
		else if (oracle_stat_moved(&p->st[s], &now))
			oracle_compare_trouble(c, p->path, s, -ESTALE);
	}
done:
	for (int s = 0; s < 2; s++)
		if (fd[s] >= 0)
			close(fd[s]);
}

/*
 * The names that share an inode must be the same groups on both sides: each
 * group of the source is tied to one group of the target at the first name
 * the two have in common, and every later name must agree with the tie.
 */
static void compare_links(struct oracle_compare *c, const struct oracle_pair *p)
{
	struct oracle_ino *a, *b;
	bool new_a, new_b;

	if (S_ISDIR(p->st[0].st_mode) || (p->st[0].st_nlink < 2 && p->st[1].st_nlink < 2))
		return;
	a = oracle_inomap_get(&c->links[0], &p->st[0], p->path, &new_a);
	b = oracle_inomap_get(&c->links[1], &p->st[1], p->path, &new_b);
	if (new_a && new_b) {
		a->peer = b->id;
		b->peer = a->id;
		return;
	}
	if (!new_a && a->peer != b->id) {
		char *first = oracle_escape(a->path, strlen(a->path));

		oracle_report_add(&c->report, "links", p->path,
				  "same file as \"%s\", not so on target", first);
		free(first);
	}
	if (!new_b && b->peer != a->id) {
		char *first = oracle_escape(b->path, strlen(b->path));

		oracle_report_add(&c->report, "links", p->path,
				  "on target the same file as \"%s\", not so on source", first);
		free(first);
	}
}

void oracle_compare_pair(struct oracle_compare *c, const struct oracle_pair *p)
{
	mode_t kind = p->st[0].st_mode & S_IFMT;

	c->report.entries++;
	if (kind != (p->st[1].st_mode & S_IFMT)) {
		oracle_report_add(&c->report, "kind", p->path, "%s, target %s",
				  oracle_kind(p->st[0].st_mode), oracle_kind(p->st[1].st_mode));
		return;
	}
	compare_meta(c, p);
	compare_attrs(c, p);
	compare_links(c, p);
	if (kind == S_IFLNK)
		compare_symlink(c, p);
	else if (kind == S_IFREG)
		compare_file(c, p);
}
