// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compare.c - oracle-compare: are two trees equal?
 *
 * Walks both trees side by side by name. What one pair of entries must have
 * in common is in compare_entry.c. A change of either tree between the start
 * and the end is found by a second look at every entry's inode and ctime and
 * reported as a race: a verdict about trees that move is worth nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "tree.h"

/* What one tree looked like at the start, entry by entry in walking order. */
struct snapshot {
	struct oracle_compare *c;
	int side;
	bool again;		/* second look: compare instead of remember */
	struct stat *v;
	size_t n, cap;
	size_t at;
};

static int snapshot_visit(const struct oracle_entry *e, void *arg)
{
	struct snapshot *s = arg;

	if (s->again) {
		if (s->at < s->n && !oracle_stat_moved(&s->v[s->at], &e->st)) {
			s->at++;
			return 0;
		}
		oracle_compare_trouble(s->c, e->path, s->side, -ESTALE);
		return 1;
	}
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 1024;
		s->v = oracle_realloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n++] = e->st;
	return 0;
}

/* What cannot be read is reported once, by the comparison. */
static int snapshot_trouble(const char *path, int err, void *arg)
{
	struct snapshot *s = arg;

	if (err != -ESTALE)
		return 0;
	oracle_compare_trouble(s->c, path, s->side, err);
	return s->again;
}

static void snapshot_take(struct snapshot *s)
{
	unsigned int flags = s->c->reserved ? ORACLE_WALK_RESERVED : 0;
	int stopped;

	s->at = 0;
	stopped = oracle_walk(s->c->root[s->side], flags, snapshot_visit, snapshot_trouble, s);
	if (s->again && !stopped && s->at != s->n)
		oracle_compare_trouble(s->c, ".", s->side, -ESTALE);
}

static void compare_dir(struct oracle_compare *c, const int fd[2], struct oracle_path *path);

static void compare_both(struct oracle_compare *c, struct oracle_pair *p, struct oracle_path *path)
{
	int fd[2] = { -1, -1 };

	oracle_compare_pair(c, p);
	if (!S_ISDIR(p->st[0].st_mode) || !S_ISDIR(p->st[1].st_mode))
		return;
	for (int s = 0; s < 2; s++) {
		fd[s] = oracle_open_dir(p->dirfd[s], p->name, &p->st[s]);
		if (fd[s] < 0) {
			oracle_compare_trouble(c, p->path, s, fd[s]);
			goto done;
		}
	}
	compare_dir(c, fd, path);
done:
	for (int s = 0; s < 2; s++)
		if (fd[s] >= 0)
			close(fd[s]);
}

/* Returns 1 when @name is there and counts, 0 when not, -errno after a report. */
static int look(struct oracle_compare *c, int side, int dirfd, const char *name,
		const char *path, struct stat *ret)
{
	if (fstatat(dirfd, name, ret, AT_SYMLINK_NOFOLLOW) < 0) {
		int err = errno == ENOENT ? -ESTALE : -errno;

		oracle_compare_trouble(c, path, side, err);
		return err;
	}
	return c->reserved || dirfd != c->root[side] || !oracle_reserved(dirfd, name, ret);
}

/* One name: present on both sides where name[s] is set. */
static void compare_name(struct oracle_compare *c, const int fd[2], const char *const name[2],
			 struct oracle_path *path)
{
	struct oracle_pair p = { .name = name[0] ? name[0] : name[1], .dirfd = { fd[0], fd[1] } };
	size_t len = oracle_path_push(path, p.name);
	int there[2] = { 0, 0 };

	p.path = oracle_path_str(path);
	for (int s = 0; s < 2; s++) {
		if (name[s])
			there[s] = look(c, s, fd[s], name[s], p.path, &p.st[s]);
		if (there[s] < 0)
			goto done;
	}
	if (there[0] && there[1]) {
		compare_both(c, &p, path);
	} else if (there[0]) {
		c->report.entries++;
		oracle_report_add(&c->report, "missing", p.path, "%s is not on target",
				  oracle_kind(p.st[0].st_mode));
	} else if (there[1]) {
		c->report.entries++;
		oracle_report_add(&c->report, "extra", p.path, "%s is only on target",
				  oracle_kind(p.st[1].st_mode));
	}
done:
	oracle_path_pop(path, len);
}

static void compare_dir(struct oracle_compare *c, const int fd[2], struct oracle_path *path)
{
	struct oracle_names names[2] = { { 0 } };
	size_t i = 0, j = 0;

	for (int s = 0; s < 2; s++) {
		int err = oracle_names_read(fd[s], &names[s]);

		if (err) {
			oracle_compare_trouble(c, oracle_path_str(path), s, err);
			goto done;
		}
	}
	while (i < names[0].n || j < names[1].n) {
		const char *a = i < names[0].n ? names[0].v[i] : NULL;
		const char *b = j < names[1].n ? names[1].v[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a, b);
		const char *const name[2] = { order <= 0 ? a : NULL, order >= 0 ? b : NULL };

		compare_name(c, fd, name, path);
		i += order <= 0;
		j += order >= 0;
	}
done:
	oracle_names_done(&names[0]);
	oracle_names_done(&names[1]);
}

static void compare_trees(struct oracle_compare *c)
{
	struct snapshot seen[2] = { { .c = c, .side = 0 }, { .c = c, .side = 1 } };
	struct oracle_pair root = { .path = ".", .name = "",
				    .dirfd = { c->root[0], c->root[1] } };
	struct oracle_path path = { 0 };

	for (int s = 0; s < 2; s++) {
		snapshot_take(&seen[s]);
		if (fstat(c->root[s], &root.st[s]) < 0)
			oracle_die("cannot look at a root: %s", strerror(errno));
	}
	oracle_compare_pair(c, &root);
	compare_dir(c, c->root, &path);
	for (int s = 0; s < 2; s++) {
		seen[s].again = true;
		snapshot_take(&seen[s]);
		free(seen[s].v);
		oracle_inomap_done(&c->links[s]);
	}
	oracle_path_done(&path);
}

static const char usage[] =
"usage: oracle-compare [OPTION]... SOURCE TARGET\n"
"Exit status: 0 equal, 1 different, 2 could not tell.\n"
"  --json               one JSON object instead of lines\n"
"  --quick              everything but file contents and holes\n"
"  --exclude-reserved   leave out .tidemark and lost+found (the default)\n"
"  --include-reserved   compare those too\n"
"  --all-xattrs         all attributes, not only user.* and ACLs\n"
"  --read-holes         read holes too instead of trusting SEEK_DATA\n"
"  --hole-slack BYTES   bytes per file the target may store in holes (64K)\n"
"  --max N              print at most N differences (100)\n";

int main(int argc, char **argv)
{
	enum { JSON = 1, QUICK, EXCLUDE, INCLUDE, ALL, READ, SLACK, MAX, HELP };
	static const struct option options[] = {
		{ "json", no_argument, NULL, JSON },
		{ "quick", no_argument, NULL, QUICK },
		{ "exclude-reserved", no_argument, NULL, EXCLUDE },
		{ "include-reserved", no_argument, NULL, INCLUDE },
		{ "all-xattrs", no_argument, NULL, ALL },
		{ "read-holes", no_argument, NULL, READ },
		{ "hole-slack", required_argument, NULL, SLACK },
		{ "max", required_argument, NULL, MAX },
		{ "help", no_argument, NULL, HELP },
		{ 0 }
	};
	static struct oracle_compare c = { .slack = 65536, .report = { .max = 100 } };
	struct stat st[2];
	int o;

	oracle_init("oracle-compare");
	while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (o) {
		case JSON: c.report.json = true; break;
		case QUICK: c.quick = true; break;
		case EXCLUDE: c.reserved = false; break;
		case INCLUDE: c.reserved = true; break;
		case ALL: c.all_xattrs = true; break;
		case READ: c.read_holes = true; break;
		case SLACK: c.slack = oracle_number("--hole-slack", optarg); break;
		case MAX: c.report.max = oracle_number("--max", optarg); break;
		case HELP:
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return ORACLE_ERROR;
		}
	}
	if (argc - optind != 2) {
		fputs(usage, stderr);
		return ORACLE_ERROR;
	}
	for (int s = 0; s < 2; s++) {
		c.root[s] = oracle_open_root(argv[optind + s], &st[s]);
		if (c.root[s] < 0)
			oracle_die("%s: %s", argv[optind + s], strerror(-c.root[s]));
	}
	if (st[0].st_dev == st[1].st_dev && st[0].st_ino == st[1].st_ino)
		oracle_die("source and target are the same directory");
	oracle_report_begin(&c.report);
	compare_trees(&c);
	return oracle_report_end(&c.report);
}
