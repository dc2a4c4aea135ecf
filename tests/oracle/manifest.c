// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * manifest.c - making, writing, reading and comparing manifests.
 *
 * A line: "path" kind mode uid:gid size mtime rdev content xattrs links
 * [more], "-" where a column does not apply. The links column holds the first
 * name (in walking order) of the hard-link group.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attrs.h"
#include "content.h"
#include "inomap.h"
#include "manifest.h"
#include "tree.h"

#define MAGIC	"#oracle-manifest 1 "

struct making {
	struct oracle_manifest *m;
	struct oracle_inomap links;
	int err;		/* the first trouble */
};

static int trouble(const char *path, int err, void *arg)
{
	struct making *mk = arg;
	char *shown = oracle_escape(path, strlen(path));

	oracle_warn("\"%s\": %s", shown, err == -ESTALE ? "changed meanwhile" : strerror(-err));
	free(shown);
	if (!mk->err)
		mk->err = err;
	return 0;
}

static void hex(const unsigned char *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		sprintf(ret + 2 * i, "%02x", bytes[i]);
}

static EVP_MD_CTX *sha_begin(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		oracle_die("cannot start SHA-256");
	return ctx;
}

static void sha_end(EVP_MD_CTX *ctx, char ret[ORACLE_TREE_HASH])
{
	unsigned char sum[ORACLE_HASH_BYTES];

	if (!EVP_DigestFinal_ex(ctx, sum, NULL))
		oracle_die("cannot finish SHA-256");
	EVP_MD_CTX_free(ctx);
	hex(sum, sizeof(sum), ret);
}

/* Hash of a regular file or target of a symlink, as text. */
static int content_column(const struct oracle_entry *e, char **ret)
{
	unsigned char sum[ORACLE_HASH_BYTES];
	struct stat now;
	int fd, err;

	if (S_ISLNK(e->st.st_mode)) {
		char target[4097];
		ssize_t n = readlinkat(e->dirfd, e->name, target, sizeof(target));

		if (n < 0)
			return errno == ENOENT || errno == EINVAL ? -ESTALE : -errno;
		if (n == sizeof(target))
			return -ENAMETOOLONG;
		target[n] = '\0';
		*ret = oracle_escape(target, n);
		return 0;
	}
	if (!S_ISREG(e->st.st_mode)) {
		*ret = oracle_strdup("-");
		return 0;
	}
	fd = oracle_open_file(e->dirfd, e->name, &e->st);
	if (fd < 0)
		return fd;
	err = oracle_content_hash(fd, e->st.st_size, false, sum);
	if (!err && fstat(fd, &now) < 0)
		err = -errno;
	if (!err && oracle_stat_moved(&e->st, &now))
		err = -ESTALE;
	close(fd);
	if (err)
		return err;
	*ret = oracle_alloc(2 * sizeof(sum) + 1);
	hex(sum, sizeof(sum), *ret);
	return 0;
}

static int attrs_column(const struct oracle_entry *e, bool all, char ret[ORACLE_TREE_HASH])
{
	struct oracle_attrs attrs = { 0 };
	EVP_MD_CTX *ctx;
	int err = oracle_attrs_read(e->dirfd, e->name, all, &attrs);

	if (err)
		return err;
	strcpy(ret, "-");
	if (attrs.n) {
		ctx = sha_begin();
		for (size_t i = 0; i < attrs.n; i++) {
			uint64_t len = attrs.v[i].len;

			EVP_DigestUpdate(ctx, attrs.v[i].name, strlen(attrs.v[i].name) + 1);
			EVP_DigestUpdate(ctx, &len, sizeof(len));
			EVP_DigestUpdate(ctx, attrs.v[i].value, len);
		}
		sha_end(ctx, ret);
	}
	oracle_attrs_done(&attrs);
	return 0;
}

/* The quoted first name of the group this entry belongs to, or "-". */
static char *links_column(struct making *mk, const struct oracle_entry *e)
{
	struct oracle_ino *i;
	bool first;

	if (S_ISDIR(e->st.st_mode) || e->st.st_nlink < 2)
		return oracle_strdup("-");
	i = oracle_inomap_get(&mk->links, &e->st, e->path, &first);
	return first ? oracle_strdup("-") : oracle_escape(i->path, strlen(i->path));
}

static void format_time(char *buf, size_t size, const struct timespec *t, bool shown)
{
	if (shown)
		snprintf(buf, size, "%jd.%09ld", (intmax_t)t->tv_sec, t->tv_nsec);
	else
		snprintf(buf, size, "-");
}

static char *format_line(const struct oracle_entry *e, unsigned int flags, const char *content,
			 const char *attrs, const char *links)
{
	static const char kinds[16] = { [1] = 'p', [2] = 'c', [4] = 'd', [6] = 'b',
					[8] = 'f', [10] = 'l', [12] = 's' };
	const struct stat *st = &e->st;
	bool device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
	char mtime[48], ctime[48], atime[48], owner[32] = "-", more[96] = "";
	char *path = oracle_escape(e->path, strlen(e->path)), *line;
	char kind = kinds[(st->st_mode & S_IFMT) >> 12];

	format_time(mtime, sizeof(mtime), &st->st_mtim, !(flags & ORACLE_MF_NO_TIMES));
	format_time(ctime, sizeof(ctime), &st->st_ctim, flags & ORACLE_MF_CTIME);
	/* Reading a symlink's target moves its atime: only these two stay put. */
	format_time(atime, sizeof(atime), &st->st_atim,
		    (flags & ORACLE_MF_ATIME) && (kind == 'f' || kind == 'd'));
	if (!(flags & ORACLE_MF_NO_OWNER))
		snprintf(owner, sizeof(owner), "%u:%u", st->st_uid, st->st_gid);
	if (flags & ORACLE_MF_CTIME)
		snprintf(more, sizeof(more), " %jx:%ju:%ju", (uintmax_t)st->st_dev,
			 (uintmax_t)st->st_ino, (uintmax_t)st->st_nlink);
	if (asprintf(&line, "\"%s\" %c %04o %s %jd %s %u:%u \"%s\" %s \"%s\" %s %s%s", path,
		     kind ? kind : '?', st->st_mode & 07777, owner,
		     S_ISREG(st->st_mode) ? (intmax_t)st->st_size : 0, mtime,
		     device ? major(st->st_rdev) : 0, device ? minor(st->st_rdev) : 0,
		     content, attrs, links, ctime, atime, more) < 0)
		oracle_die("out of memory");
	free(path);
	return line;
}

static void add_line(struct oracle_manifest *m, char *line)
{
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 256;
		m->line = oracle_realloc(m->line, m->cap * sizeof(*m->line));
	}
	m->line[m->n++] = line;
}

static int visit(const struct oracle_entry *e, void *arg)
{
	struct making *mk = arg;
	char attrs[ORACLE_TREE_HASH], *content, *links;
	int err = content_column(e, &content);

	if (err)
		return trouble(e->path, err, mk);
	err = attrs_column(e, mk->m->flags & ORACLE_MF_ALL_XATTRS, attrs);
	if (err) {
		free(content);
		return trouble(e->path, err, mk);
	}
	links = links_column(mk, e);
	add_line(mk->m, format_line(e, mk->m->flags, content, attrs, links));
	free(content);
	free(links);
	return 0;
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void tree_hash(const struct oracle_manifest *m, char ret[ORACLE_TREE_HASH])
{
	EVP_MD_CTX *ctx = sha_begin();

	for (size_t i = 0; i < m->n; i++) {
		EVP_DigestUpdate(ctx, m->line[i], strlen(m->line[i]));
		EVP_DigestUpdate(ctx, "\n", 1);
	}
	sha_end(ctx, ret);
}

int oracle_manifest_make(const char *dir, unsigned int flags, struct oracle_manifest *ret)
{
	struct oracle_manifest m = { .flags = flags };
	struct making mk = { .m = &m };
	struct stat st;
	int fd = oracle_open_root(dir, &st);

	if (fd < 0)
		return fd;
	oracle_walk(fd, flags & ORACLE_MF_RESERVED ? ORACLE_WALK_RESERVED : 0, visit, trouble, &mk);
	close(fd);
	oracle_inomap_done(&mk.links);
	if (mk.err) {
		oracle_manifest_done(&m);
		return mk.err;
	}
	qsort(m.line, m.n, sizeof(*m.line), by_line);
	tree_hash(&m, m.tree);
	*ret = m;
	return 0;
}

void oracle_manifest_write(const struct oracle_manifest *m, FILE *f, const char *name)
{
	fprintf(f, MAGIC "%x\n", m->flags);
	for (size_t i = 0; i < m->n; i++)
		fprintf(f, "%s\n", m->line[i]);
	fprintf(f, "#tree %s %zu\n", m->tree, m->n);
	if (fflush(f) || ferror(f))
		oracle_die("%s: cannot write: %s", name, strerror(errno));
}

void oracle_manifest_read(const char *file, struct oracle_manifest *ret)
{
	struct oracle_manifest m = { 0 };
	FILE *f = fopen(file, "re");
	char *line = NULL, want[ORACLE_TREE_HASH] = "";
	size_t cap = 0, entries = 0;
	bool headed = false;
	ssize_t n;

	if (!f)
		oracle_die("%s: %s", file, strerror(errno));
	while ((n = getline(&line, &cap, f)) > 0) {
		if (line[n - 1] != '\n' || want[0])
			oracle_die("%s: cut short or with a tail", file);
		line[n - 1] = '\0';
		if (!headed) {
			headed = sscanf(line, MAGIC "%x", &m.flags) == 1 &&
				 !(m.flags & ~ORACLE_MF_KNOWN);
			if (!headed)
				oracle_die("%s: not a manifest", file);
		} else if (line[0] == '#') {
			if (sscanf(line, "#tree %64s %zu", want, &entries) != 2)
				oracle_die("%s: not a manifest", file);
		} else {
			add_line(&m, oracle_strdup(line));
		}
	}
	if (ferror(f))
		oracle_die("%s: cannot read", file);
	fclose(f);
	free(line);
	tree_hash(&m, m.tree);
	if (entries != m.n || strcmp(want, m.tree))
		oracle_die("%s: damaged: it does not have the hash it says", file);
	*ret = m;
}

size_t oracle_manifest_diff(const struct oracle_manifest *old_m,
			    const struct oracle_manifest *new_m, size_t max)
{
	size_t i = 0, j = 0, count = 0;

	while (i < old_m->n || j < new_m->n) {
		const char *a = i < old_m->n ? old_m->line[i] : NULL;
		const char *b = j < new_m->n ? new_m->line[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a, b);

		if (order && count++ < max)
			printf("%c %s\n", order < 0 ? '-' : '+', order < 0 ? a : b);
		i += order <= 0;
		j += order >= 0;
	}
	return count;
}

void oracle_manifest_done(struct oracle_manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->line[i]);
	free(m->line);
	memset(m, 0, sizeof(*m));
}
