/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/recover.c - after a crash: roll the committed batch forward.
 *
 * File systems with a journal bring changes of names to the disk in their order, so the disk holds
 * the effects of the first steps on names and of no later one. How many? An entry gets an object by
 * at most one step of a plan. So: the last step whose object stands where that step put it was
 * carried out, and with it all before. Where that is, is looked up in the state that the table
 * would have after that step, with every directory on the way being the right one by inode number
 * (a path of the right names can lie when directories changed places). The rest is repeated; of it
 * only removals can have been done, and those see that for themselves. Data of patches has no such
 * order: patches, contents and attributes come after all steps on names, and each is always
 * repeated.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"
#include "target/failpoint.h"
#include "target/target_int.h"

static bool relocates(const struct tm_step *s)
{
	return (s->flags & TM_SF_DIR) && (s->type == TM_STEP_MOVE || s->type == TM_STEP_EXCHANGE);
}

static bool stands_at(struct tm_target *t, struct tm_place at, uint64_t tino)
{
	struct stat st;
	int dir = tm_dirs_get(&t->dirs, at.dir);

	return dir >= 0 && tm_stat_name(dir, at.name, &st) == 0 && st.st_ino == tino;
}

static bool was_done(struct tm_target *t, const struct tm_step *s)
{
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place at;

	switch (s->type) {
	case TM_STEP_MOVE:
	case TM_STEP_EXCHANGE:
	case TM_STEP_LINK: return stands_at(t, s->to, s->tino);
	case TM_STEP_CONTENT:
		return tm_table_place(t->table, s->oid, name, &at) == 0 &&
		       stands_at(t, at, s->tino);
	default: return false;
	}
}

/*
 * How many steps were surely carried out? The table's transaction is only looked through, not kept.
 */
static int find_done(struct tm_target *t, const struct tm_step *steps, size_t n, size_t *ret)
{
	size_t done = 0, names = 0;
	int r = tm_table_begin(t->table);

	for (size_t i = 0; i < n && r == 0; i++) {
		if (steps[i].type < TM_STEP_CONTENT)
			names = i + 1;
		r = tm_step_record(t->table, &steps[i]);
		/* Descriptors of another state would find directories where they are not yet. */
		if (relocates(&steps[i]))
			tm_dirs_reset(&t->dirs);
		/*
		 * New content has taken a name from the inode that the steps on names knew: they
		 * are all done.
		 */
		if (r == 0 && was_done(t, &steps[i]))
			done = names;
	}
	tm_table_rollback(t->table);
	tm_dirs_reset(&t->dirs);
	*ret = done;
	return r;
}

/* What no table row stands for: leftovers of interrupted displacements. */
static int clean_park(struct tm_target *t)
{
	int fd = openat(t->parkfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *de;
	struct tm_oid oid;
	int r = 0;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		tm_close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (errno = 0, de = readdir(dir))) {
		struct tm_place at = { TM_OID_PARK, de->d_name, (uint32_t)strlen(de->d_name) };

		if (!tm_name_ok(at.name, at.len))
			continue;
		r = tm_table_name(t->table, at, &oid);
		if (r == -ENOENT)
			r = tm_remove_tree(t->parkfd, at.name);
	}
	closedir(dir);
	return r;
}

int tm_recover(struct tm_target *t)
{
	struct tm_clog_batch b;
	size_t done = 0;
	int r = tm_clog_load(t->log, &b);

	if (r == -EBADMSG)
		r = -EUCLEAN;
	if (r == 0 && b.trailer.seq > tm_table_meta(t->table, TM_META_APPLIED)) {
		t->replaying = true;
		t->seq = b.trailer.seq;
		r = find_done(t, b.steps, b.n, &done);
		if (r == 0)
			r = tm_commit_apply(t, b.steps, b.n, done, b.trailer.seq, b.trailer.flags);
		t->replaying = false;
	}
	tm_clog_batch_free(&b);
	if (r < 0 && r != -ENODATA)
		return r;
	r = tm_stage_clean(t);
	return r == 0 ? clean_park(t) : r;
}
