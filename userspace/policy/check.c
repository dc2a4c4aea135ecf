// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy/check.c - names, paths, addresses and overlap of roots.
 */
#include "policy/check.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool ascii_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool looks_like_id(const char *s, size_t len)
{
	if (len != 2 * TM_REC_ID_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f') ||
		      (s[i] >= 'A' && s[i] <= 'F')))
			return false;
	return true;
}

/* "the policy name "a\x1bb" WHAT" */
static int refuse_name(const char *name, size_t len, const char *what, char **ret_why)
{
	_cleanup_free_ char *shown = tm_escape(name, TM_MIN(len, (size_t)128));

	*ret_why = tm_asprintf("the policy name \"%s\"%s %s", shown ?: "", len > 128 ? "..." : "",
			       what);
	return -EINVAL;
}

int tm_check_name(const char *name, size_t len, char **ret_why)
{
	if (len == 0)
		return refuse_name(name, len, "is empty", ret_why);
	if (len > TM_REC_NAME_MAX)
		return refuse_name(name, len, "is longer than 64 bytes", ret_why);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (!ascii_alnum(c) && c != '.' && c != '_' && c != '-')
			return refuse_name(
				name, len,
				"has other characters than letters, digits, '.', '_' and '-'",
				ret_why);
	}
	if (!ascii_alnum((unsigned char)name[0]))
		return refuse_name(name, len, "does not begin with a letter or digit", ret_why);
	if (looks_like_id(name, len))
		return refuse_name(name, len, "looks like a policy id", ret_why);
	return 0;
}

static int refuse_path(const char *path, size_t len, const char *what, char **ret_why)
{
	_cleanup_free_ char *shown = tm_escape(path, TM_MIN(len, (size_t)256));

	*ret_why =
		tm_asprintf("the directory \"%s\"%s %s", shown ?: "", len > 256 ? "..." : "", what);
	return -EINVAL;
}

int tm_check_path(const char *path, size_t len, char out[TM_REC_PATH_MAX], char **ret_why)
{
	char norm[TM_REC_PATH_MAX];
	size_t n = 0, i = 0;

	if (len == 0 || path[0] != '/')
		return refuse_path(path, len, "is not an absolute path", ret_why);
	if (len >= TM_REC_PATH_MAX)
		return refuse_path(path, len, "is too long", ret_why);
	if (memchr(path, 0, len))
		return refuse_path(path, len, "has a NUL byte", ret_why);
	while (i < len) {
		size_t start, clen;

		while (i < len && path[i] == '/')
			i++;
		start = i;
		while (i < len && path[i] != '/')
			i++;
		clen = i - start;
		if (clen == 0 || (clen == 1 && path[start] == '.'))
			continue;
		if (clen == 2 && path[start] == '.' && path[start + 1] == '.')
			return refuse_path(path, len, "has a \"..\" in it", ret_why);
		if (clen > 255)
			return refuse_path(path, len, "has a component of more than 255 bytes",
					   ret_why);
		norm[n++] = '/';
		memcpy(norm + n, path + start, clen);
		n += clen;
	}
	if (n == 0)
		norm[n++] = '/';
	norm[n] = 0;
	memcpy(out, norm, n + 1);
	return 0;
}

int tm_check_address(const char *address, size_t len, char **ret_why)
{
	_cleanup_free_ char *shown = NULL;
	bool good = len > 0 && len < 254;

	for (size_t i = 0; good && i < len; i++)
		good = ascii_alnum((unsigned char)address[i]) ||
		       (address[i] && strchr(".:_-%", address[i]));
	if (good && address[0] != '-')
		return 0;
	shown = tm_escape(address, TM_MIN(len, (size_t)256));
	*ret_why = tm_asprintf("\"%s\" is neither an address nor a host name", shown ?: "");
	return -EINVAL;
}

static bool path_contains(const char *outer, const char *inner)
{
	size_t n = strlen(outer);

	if (tm_streq(outer, "/"))
		return true;
	return strncmp(outer, inner, n) == 0 && (inner[n] == 0 || inner[n] == '/');
}

bool tm_paths_overlap(const char *a, const char *b)
{
	return path_contains(a, b) || path_contains(b, a);
}

int tm_dir_identify(const char *path, struct tm_dir_chain *ret, int *ret_fd)
{
	_cleanup_close_ int fd = tm_open_admin_dir(path);
	_cleanup_close_ int cur = -EBADF;
	struct tm_dir_chain c = { .n = 0 };
	uint64_t last_mnt = 0;

	if (fd < 0)
		return fd;
	cur = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (cur < 0)
		return -errno;
	for (;;) {
		struct tm_dir_id id;
		struct statx st;
		int up;

		if (statx(cur, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st) < 0)
			return -errno;
		id = (struct tm_dir_id){ .dev = makedev(st.stx_dev_major, st.stx_dev_minor),
					 .ino = st.stx_ino };
		/* ".." of the topmost is itself; a directory bound into itself only looks like that. */
		if (c.n > 0 && c.id[c.n - 1].dev == id.dev && c.id[c.n - 1].ino == id.ino &&
		    last_mnt == st.stx_mnt_id)
			break;
		if (c.n == TM_DIR_DEPTH_MAX)
			return -ELOOP;
		c.id[c.n++] = id;
		last_mnt = st.stx_mnt_id;
		/* ".." of a held directory: what it is inside of now, whatever path led here. */
		up = openat(cur, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return -errno;
		tm_close(cur);
		cur = up;
	}
	*ret = c;
	if (ret_fd)
		*ret_fd = tm_take_fd(fd);
	return 0;
}

static bool chain_has(const struct tm_dir_chain *c, const struct tm_dir_id *id)
{
	for (unsigned int i = 0; i < c->n; i++)
		if (c->id[i].dev == id->dev && c->id[i].ino == id->ino)
			return true;
	return false;
}

bool tm_dirs_overlap(const struct tm_dir_chain *a, const struct tm_dir_chain *b)
{
	if (a->n == 0 || b->n == 0)
		return false;
	return chain_has(a, &b->id[0]) || chain_has(b, &a->id[0]);
}

bool tm_roles_may_overlap(enum tm_rec_role ra, enum tm_rec_role rb)
{
	return ra == TM_REC_SOURCE && rb == TM_REC_SOURCE;
}
