// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_dirs.c - what is in a directory: a target before it is accepted, names while they are typed.
 *
 * Both look at directories of the admin's choice with root's eyes, so only an admin may ask. The looking is
 * done beside the loop.
 */
#include "daemon/aside.h"
#include "daemon/rest.h"
#include "daemon/tree.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <dirent.h>
#include <fcntl.h>

#define PREVIEW_ENTRIES 20000
#define PREVIEW_MS	1000
#define SAMPLE_MAX	50
#define NAMES_SEEN_MAX	50000
#define NAMES_MS	1000
#define NAMES_MAX	100

/* The first member of every job here. */
struct job {
	struct tm_call *c; /* the loop's; NULL: nobody waits */
	char path[TM_REC_PATH_MAX + 1];
	int err;
};

static void job_gone(struct tm_call *c, void *arg)
{
	(void)c;
	((struct job *)arg)->c = NULL;
}

static void job_start(struct tm_rest_request *q, const struct tm_aside_ops *ops, struct job *j)
{
	int r = j ? tm_aside_run(tm_call_daemon(q->c), ops, j) : -ENOMEM;

	if (r < 0) {
		free(j);
		tm_call_problem(q->c, 503, "busy", "too many directories are being looked at: %s",
				strerror(-r));
		return;
	}
	j->c = q->c;
	tm_call_defer(q->c, job_gone, j);
}

/* ---- preview */

struct preview {
	struct job j;
	bool exists;
	struct tm_tree_sum sum;
	unsigned int n;
	struct {
		char name[256];
		mode_t mode;
		uint64_t size;
		int64_t mtime_ns;
	} sample[SAMPLE_MAX];
};

static void sample_one(void *arg, const char *name, const struct stat *st)
{
	struct preview *p = arg;

	if (p->n == SAMPLE_MAX)
		return;
	strcpy(p->sample[p->n].name, name); /* a directory entry: at most 255 bytes */
	p->sample[p->n].mode = st->st_mode;
	p->sample[p->n].size = (uint64_t)st->st_size;
	p->sample[p->n].mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	p->n++;
}

static void preview_work(void *job)
{
	struct preview *p = job;
	_cleanup_close_ int fd = tm_open_admin_dir(p->j.path);

	p->exists = fd >= 0;
	p->j.err = fd < 0 ? (fd == -ENOENT ? 0 : fd)
			  : tm_tree_sum(fd, PREVIEW_ENTRIES, PREVIEW_MS, sample_one, p, &p->sum);
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "directory";
	case S_IFLNK: return "symlink";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	default: return "device";
	}
}

static json_t *sample_json(const struct preview *p)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < p->n; i++) {
		const char *name = p->sample[i].name;
		json_t *o = json_object();

		if (tm_api_set_bytes(o, "name", name, strlen(name), false) < 0 ||
		    tm_api_set_str(o, "type", type_name(p->sample[i].mode)) < 0 ||
		    tm_api_set_u64(o, "size", p->sample[i].size) < 0 ||
		    tm_api_set_time(o, "mtime", p->sample[i].mtime_ns) < 0) {
			json_decref(o);
			o = NULL;
		}
		if (json_array_append_new(list, o) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *preview_json(const struct preview *p)
{
	_cleanup_json_ json_t *o = json_object();

	if (tm_api_set_str(o, "dir", p->j.path) < 0 || tm_api_set_bool(o, "exists", p->exists) < 0 ||
	    tm_api_set_bool(o, "empty", p->exists && p->sum.entries == 0 && p->sum.whole) < 0 ||
	    tm_api_set_u64(o, "entries", p->sum.entries) < 0 ||
	    tm_api_set_u64(o, "files", p->sum.files) < 0 ||
	    tm_api_set_u64(o, "directories", p->sum.directories) < 0 ||
	    tm_api_set_u64(o, "bytes", p->sum.bytes) < 0 ||
	    tm_api_set_bool(o, "more", p->exists && !p->sum.whole) < 0 ||
	    tm_api_set_time(o, "oldest", p->sum.oldest_ns) < 0 ||
	    tm_api_set_time(o, "newest", p->sum.newest_ns) < 0 ||
	    json_object_set_new(o, "sample", sample_json(p)) < 0)
		return NULL;
	return json_incref(o);
}

static void preview_done(void *job, bool stuck)
{
	struct preview *p = job;
	_cleanup_free_ char *shown = tm_escape(p->j.path, strlen(p->j.path));

	if (p->j.c && stuck)
		tm_call_problem(p->j.c, 503, "busy", "the directory does not answer");
	else if (p->j.c && p->j.err == -ENOTDIR)
		tm_call_problem(p->j.c, 409, "not-a-directory", "%s is not a directory", shown ?: "");
	else if (p->j.c && p->j.err < 0)
		tm_call_problem(p->j.c, 409, "target-missing", "%s cannot be looked at: %s",
				shown ?: "", strerror(-p->j.err));
	else if (p->j.c)
		tm_call_reply(p->j.c, 200, preview_json(p));
	if (!stuck)
		free(p);
}

void tm_rest_preview(struct tm_rest_request *q)
{
	static const struct tm_aside_ops ops = { .work = preview_work, .done = preview_done };
	struct tm_policy *p = q->p;
	struct preview *w;

	if (p->rec.role != TM_REC_TARGET || p->rec.auth != TM_REC_AWAITING) {
		tm_call_problem(q->c, 409,
				p->rec.role == TM_REC_TARGET ? "wrong-state" : "wrong-role",
				"policy %s does not await authorization here", p->rec.name);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (w)
		strcpy(w->j.path, p->rec.target_dir);
	job_start(q, &ops, w ? &w->j : NULL);
}

/* ---- completion */

struct names {
	struct job j; /* path: the directory to look into, with its slash */
	char start[256];
	unsigned int limit, n;
	bool more;
	char *found[NAMES_MAX + 1];
};

static bool is_dir(int fd, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN && e->d_type != DT_LNK)
		return e->d_type == DT_DIR;
	/* An admin's path may lead through symlinks. */
	return fstatat(fd, e->d_name, &st, AT_NO_AUTOMOUNT) == 0 && S_ISDIR(st.st_mode);
}

/* The first @limit in the order of bytes stay. */
static void keep_name(struct names *w, const char *name)
{
	unsigned int i = w->n;
	char *copy = strdup(name);

	if (!copy)
		return;
	for (; i > 0 && strcmp(w->found[i - 1], copy) > 0; i--)
		w->found[i] = w->found[i - 1];
	w->found[i] = copy;
	if (w->n < w->limit) {
		w->n++;
		return;
	}
	w->more = true;
	free(w->found[w->n]);
}

static void names_work(void *job)
{
	struct names *w = job;
	int fd = tm_open_admin_dir(w->j.path);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint64_t until = tm_mono_ms() + NAMES_MS;
	size_t n = strlen(w->start);
	struct dirent *e;
	unsigned int seen = 0;

	if (!dir) {
		tm_close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		if (++seen > NAMES_SEEN_MAX || ((seen & 255) == 0 && tm_mono_ms() > until)) {
			w->more = true;
			break;
		}
		if (strncmp(e->d_name, w->start, n) || tm_streq(e->d_name, ".") ||
		    tm_streq(e->d_name, "..") || (e->d_name[0] == '.' && !n) ||
		    !tm_utf8_valid(e->d_name, strlen(e->d_name)) || !is_dir(fd, e))
			continue;
		keep_name(w, e->d_name);
	}
	closedir(dir);
}

static json_t *names_json(const struct names *w)
{
	json_t *o = json_object(), *list = json_array();

	for (unsigned int i = 0; i < w->n; i++)
		(void)json_array_append_new(
			list, json_sprintf("%s%s", w->j.path, w->found[i]));
	if (json_object_set_new(o, "directories", list) < 0 ||
	    tm_api_set_bool(o, "more", w->more) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void names_done(void *job, bool stuck)
{
	struct names *w = job;

	if (w->j.c && stuck)
		tm_call_problem(w->j.c, 503, "busy", "the directory does not answer");
	else if (w->j.c)
		tm_call_reply(w->j.c, 200, names_json(w));
	if (stuck)
		return;
	for (unsigned int i = 0; i < w->n; i++)
		free(w->found[i]);
	free(w);
}

void tm_rest_directories(struct tm_rest_request *q)
{
	static const struct tm_aside_ops ops = { .work = names_work, .done = names_done };
	char path[TM_API_PATH_MAX + 1];
	uint64_t limit = 20;
	struct names *w;
	char *slash;

	if (!tm_call_query_bytes(q->c, "path", path) ||
	    !tm_call_query_u64(q->c, "limit", 1, NAMES_MAX, &limit))
		return;
	slash = strrchr(path, '/');
	if (path[0] != '/' || strlen(slash + 1) > 255 || !tm_utf8_valid(path, strlen(path))) {
		tm_call_bad(q->c, "path", "path is not an absolute path in UTF-8");
		return;
	}
	w = calloc(1, sizeof(*w));
	if (w) {
		w->limit = (unsigned int)limit;
		strcpy(w->start, slash + 1);
		slash[1] = 0;
		tm_text_set(w->j.path, sizeof(w->j.path), "%s", path);
	}
	job_start(q, &ops, w ? &w->j : NULL);
}
