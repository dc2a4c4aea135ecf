/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf/load.c - settings from files, by the precedence of sysctl.d(5); see settings.h.
 *
 * Values are collected beside the ones in force and exchanged at the end, so that a
 * load that fails for want of memory changes nothing.
 */
#include "conf/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/parse.h"
#include "lib/fd.h"
#include "lib/map.h"
#include "lib/text.h"

const char *const tm_settings_dirs[3] = { "/usr/lib/tidemark.d", "/run/tidemark.d",
					  "/etc/tidemark.d" };

/* One load under way. */
struct load {
	struct tm_settings *s;
	struct tm_setting_value v[TM_SET_COUNT];
	bool bad[TM_SET_COUNT]; /* only bad values so far */
	const char *path;
	int error;
};

static void complain(struct load *l, unsigned int line, const char *text)
{
	struct tm_settings *s = l->s;
	_cleanup_free_ char *path = NULL;
	char *c;

	if (s->n_complaints == TM_COMPLAINTS_MAX) {
		s->more_complaints++;
		snprintf(s->more, sizeof(s->more), "... and %zu more", s->more_complaints);
		return;
	}
	path = tm_escape(l->path, strlen(l->path));
	if (line)
		c = tm_asprintf("%s:%u: %s", path ? path : "?", line, text);
	else
		c = tm_asprintf("%s: %s", path ? path : "?", text);
	if (c)
		s->complaints[s->n_complaints++] = c;
	else
		l->error = -ENOMEM;
}

static void on_bad(void *arg, unsigned int line, const char *what)
{
	complain(arg, line, what);
}

static void on_assign(void *arg, unsigned int line, const char *key, const char *value,
		      bool optional)
{
	struct load *l = arg;
	_cleanup_free_ char *origin = NULL;
	char why[TM_SETTING_WHY_LEN];
	struct tm_setting_value v;
	int id = tm_setting_find(key), r;

	if (id < 0) {
		tm_setting_unknown(key, why);
		if (!optional)
			complain(l, line, why);
		return;
	}
	origin = tm_asprintf("%s:%u", l->path, line);
	r = origin ? tm_setting_value_parse(id, value, origin, &v, why) : -ENOMEM;
	if (r == -ENOMEM) {
		l->error = r;
		return;
	}
	if (r < 0) {
		/* What an earlier line set stays; without one, what is in force. */
		if (!l->v[id].origin)
			l->bad[id] = true;
		if (!optional)
			complain(l, line, why);
		return;
	}
	tm_setting_value_free(&l->v[id]);
	l->v[id] = v;
	l->bad[id] = false;
}

static void load_file(struct load *l, const char *path)
{
	const struct tm_conf_handler h = { .assign = on_assign, .bad = on_bad, .arg = l };
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	l->path = path;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		complain(l, 0, strerror(errno));
		return;
	}
	/* A symlink to /dev/null masks the files of this name: that is its purpose, no fault. */
	if (S_ISCHR(st.st_mode))
		return;
	if (!S_ISREG(st.st_mode)) {
		complain(l, 0, "not a regular file");
		return;
	}
	if (st.st_size > TM_CONF_FILE_MAX) {
		complain(l, 0, "larger than 1 MiB");
		return;
	}
	text = malloc(TM_CONF_FILE_MAX);
	if (!text) {
		l->error = -ENOMEM;
		return;
	}
	n = tm_read_full(fd, text, TM_CONF_FILE_MAX);
	if (n < 0)
		complain(l, 0, strerror((int)-n));
	else
		tm_conf_parse(text, (size_t)n, &h);
}

static bool is_conf(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && tm_streq(name + n - 5, ".conf");
}

/* Base name -> path; a later directory replaces what an earlier one had. */
static int list_dir(struct tm_map *files, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int r = 0;

	if (!d)
		return 0; /* none there: nothing set */
	while (r >= 0 && (e = readdir(d))) {
		char *path;
		void *old = NULL;

		if (!is_conf(e->d_name))
			continue;
		path = tm_asprintf("%s/%s", dir, e->d_name);
		r = path ? tm_map_put(files, e->d_name, strlen(e->d_name), path, &old) : -ENOMEM;
		free(r < 0 ? path : old);
	}
	closedir(d);
	return r;
}

static int by_base_name(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	return strcmp(strrchr(x, '/'), strrchr(y, '/'));
}

static int load_files(struct load *l, struct tm_map *files)
{
	size_t n = tm_map_size(files), pos = 0, i = 0;
	_cleanup_free_ const char **paths = calloc(n + 1, sizeof(*paths));
	void *path;

	if (!paths)
		return -ENOMEM;
	while (tm_map_next(files, &pos, NULL, NULL, &path))
		paths[i++] = path;
	qsort(paths, n, sizeof(*paths), by_base_name);
	for (i = 0; i < n; i++)
		load_file(l, paths[i]);
	return l->error;
}

/* All or nothing, per key: by hand stays, only bad ones stay, the rest is exchanged. */
static void exchange(struct load *l)
{
	for (int i = 0; i < TM_SET_COUNT; i++) {
		struct tm_setting_value old = l->s->v[i];

		if (l->s->by_hand[i] || l->bad[i])
			continue;
		l->s->v[i] = l->v[i];
		l->v[i] = old;
	}
}

static void drop_complaints(struct tm_settings *s)
{
	while (s->n_complaints)
		free(s->complaints[--s->n_complaints]);
	s->more_complaints = 0;
}

int tm_settings_load(struct tm_settings *s, const char *const *dirs, size_t n_dirs)
{
	struct tm_map *files = tm_map_new();
	struct load l = { .s = s };
	int r = files ? 0 : -ENOMEM;

	if (!dirs) {
		dirs = tm_settings_dirs;
		n_dirs = TM_ARRAY_SIZE(tm_settings_dirs);
	}
	drop_complaints(s);
	for (int i = 0; !r && i < TM_SET_COUNT; i++)
		r = tm_setting_value_default(s, i, &l.v[i]);
	for (size_t i = 0; !r && i < n_dirs; i++)
		r = list_dir(files, dirs[i]);
	if (!r)
		r = load_files(&l, files);
	if (!r)
		exchange(&l);
	for (int i = 0; i < TM_SET_COUNT; i++)
		tm_setting_value_free(&l.v[i]);
	tm_map_free(files, free);
	return r;
}
