// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_meta.c - operations on metadata: mode, owner, times, attributes, ACLs.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "gen.h"

/* chmod() follows links: go through a descriptor of the entry itself. */
static int change_mode(const struct gen_config *cfg, const struct gen_at *at, mode_t mode)
{
	int fd = openat(at->dir, at->name, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = 0;
	char proc[64];
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return gen_done(fd, -errno);
	if (S_ISLNK(st.st_mode))
		return gen_done(fd, -EOPNOTSUPP);
	if (!cfg->suid)
		mode &= ~(S_ISUID | S_ISGID);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (chmod(proc, mode) < 0)
		err = -errno;
	return gen_done(fd, err);
}

static int change_times(const struct gen_at *at, struct gen_rng *r)
{
	static const time_t odd[] = { 0, -1, 1, 0x7fffffff, 0x80000000ll, 1000000000, -86400 };
	struct timespec ts[2];

	for (int i = 0; i < 2; i++) {
		ts[i].tv_sec = gen_below(r, 2) ? odd[gen_below(r, 7)] : 1500000000 + gen_below(r, 1 << 28);
		ts[i].tv_nsec = gen_below(r, 4) ? gen_below(r, 1000000000) : 0;
	}
	return utimensat(at->dir, at->name, ts, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int gen_inode_meta(struct gen_thread *t, const struct gen_op *op)
{
	static const uint32_t ids[] = { 0, 1, 1000, 1001, 65534, 70000, 4000000000u };
	struct gen_rng r = { op->rng };
	struct gen_at at;
	int err = gen_at_open(t, op, &op->a, &at);

	if (err)
		return err;
	switch (op->kind) {
	case GEN_CHMOD:
		err = change_mode(t->cfg, &at, op->arg % 4 ? 0400 + op->arg / 4 % 0400
							     : op->arg / 4 % 010000);
		break;
	case GEN_CHOWN:
		if (fchownat(at.dir, at.name, op->arg & 1 ? ids[gen_below(&r, 7)] : (uid_t)-1,
			     op->arg & 2 ? ids[gen_below(&r, 7)] : (gid_t)-1,
			     AT_SYMLINK_NOFOLLOW) < 0)
			err = -errno;
		break;
	default:
		err = change_times(&at, &r);
	}
	gen_at_close(&at);
	return err;
}

static void attr_name(uint32_t pick, char ret[64])
{
	static const char *const names[] = {
		"user.a", "user.b", "user.tidemark", "user.\xc3\xa9", "user.with space",
		"user.new\nline", "user.\377", "user.aVeryLongNameOfAnAttributeThatGoesOnAndOn",
	};

	/* Two of them often, so that replacing and removing find something. */
	snprintf(ret, 64, "%s", names[pick & 8 ? pick % 2 : pick % 8]);
}

int gen_attr(struct gen_thread *t, const struct gen_op *op)
{
	static const uint32_t sizes[] = { 0, 1, 10, 100, 400, 1000, 3000 };
	struct gen_at at;
	char name[64];
	int err = gen_at_open(t, op, &op->a, &at);

	if (err)
		return err;
	attr_name(op->arg, name);
	if (op->kind == GEN_RMXATTR) {
		if (lremovexattr(at.proc, name) < 0)
			err = -errno;
	} else {
		uint32_t len = sizes[(op->arg >> 8) % 7];
		/* Now and then XATTR_CREATE or XATTR_REPLACE, which can fail. */
		int flags = op->arg >> 16 & 12 ? 0 : (op->arg >> 16) % 4 % 3;

		gen_fill(t->buf, len, 0, t->cfg, op);
		if (lsetxattr(at.proc, name, t->buf, len, flags) < 0)
			err = -errno;
	}
	gen_at_close(&at);
	return err;
}

struct acl {
	struct posix_acl_xattr_header head;
	struct posix_acl_xattr_entry entry[8];
};

static void acl_add(struct acl *acl, size_t *n, uint16_t tag, uint16_t perm, uint32_t id)
{
	acl->entry[*n].e_tag = htole16(tag);
	acl->entry[*n].e_perm = htole16(perm & 7);
	acl->entry[*n].e_id = htole32(id);
	++*n;
}

/* The encoding the kernel takes: sorted by tag and id, a mask after names. */
static size_t acl_build(struct acl *acl, struct gen_rng *r)
{
	uint32_t users = gen_below(r, 3);
	size_t n = 0;

	acl->head.a_version = htole32(POSIX_ACL_XATTR_VERSION);
	acl_add(acl, &n, 0x01, 6 | gen_next(r), -1);
	for (uint32_t i = 0; i < users; i++)
		acl_add(acl, &n, 0x02, gen_next(r), 1000 + 100 * i + gen_below(r, 100));
	acl_add(acl, &n, 0x04, gen_next(r), -1);
	acl_add(acl, &n, 0x08, gen_next(r), 2000 + gen_below(r, 10));
	acl_add(acl, &n, 0x10, gen_next(r), -1);
	acl_add(acl, &n, 0x20, gen_next(r), -1);
	return sizeof(acl->head) + n * sizeof(acl->entry[0]);
}

int gen_acl(struct gen_thread *t, const struct gen_op *op)
{
	static const char *const names[] = { "system.posix_acl_access", "system.posix_acl_default" };
	bool def = op->kind == GEN_ACL_DEFAULT || (op->kind == GEN_RMACL && op->arg & 1);
	struct gen_rng r = { op->rng };
	struct acl acl;
	struct gen_at at;
	int err = gen_at_open(t, op, &op->a, &at);

	if (err)
		return err;
	if (op->kind == GEN_RMACL)
		err = lremovexattr(at.proc, names[def]);
	else
		err = lsetxattr(at.proc, names[def], &acl, acl_build(&acl, &r), 0);
	if (err < 0)
		err = -errno;
	gen_at_close(&at);
	return err;
}
