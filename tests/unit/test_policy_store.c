// SPDX-License-Identifier: GPL-2.0-or-later
/* tests/unit/test_policy_store.c - what the SQLite store gives back is what it was given. */
#include "policy/store.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char db_path[64], db_dir[32];

static struct tm_store *open_store(void)
{
	struct tm_store *s = NULL;

	if (!db_dir[0]) {
		strcpy(db_dir, "/tmp/tm-store-XXXXXX");
		CHECK(mkdtemp(db_dir) != NULL);
		snprintf(db_path, sizeof(db_path), "%s/policies.db", db_dir);
	}
	CHECK_EQ(tm_store_sqlite_open(db_path, &s, NULL), 0);
	return s;
}

static void fill(struct tm_policy_rec *p, uint8_t n)
{
	memset(p, 0, sizeof(*p));
	memset(p->id, n, sizeof(p->id));
	snprintf(p->name, sizeof(p->name), "policy-%u", n);
	p->role = TM_REC_SOURCE;
	p->auth = TM_REC_AUTHORIZED;
	p->continuous = p->enabled = p->allow_suid = p->first_done = p->run_confirmed = true;
	strcpy(p->source_dir, "/bytes \xff\xfe\n");
	strcpy(p->target_dir, "/b");
	strcpy(p->peer_cluster, "berlin");
	strcpy(p->address, "192.0.2.7");
	p->port = 65535;
	memset(p->peer_key, 7, sizeof(p->peer_key));
	memset(p->secret, 9, sizeof(p->secret));
	memset(p->journal_token, 3, sizeof(p->journal_token));
	p->created_ns = n;
	p->root_dev = 0xfe01;
	p->root_ino = UINT64_MAX - 1;
	p->root_key = UINT64_C(0x8000000000000001);
	p->slot = 63;
	p->fence = UINT64_MAX - 5;
	p->hold = TM_REC_HOLD_STOPPED;
	strcpy(p->hold_text, "would delete 3 of 4");
	p->incomplete_ns = 5;
	strcpy(p->incomplete_reason, "ring-full");
	strcpy(p->incomplete_scope, "root");
	p->totals.copy_bytes = UINT64_C(1) << 60;
	p->totals.rescans = 4;
}

static struct tm_policy_rec seen[4];
static int n_seen;

static int collect(const struct tm_policy_rec *p, void *arg)
{
	(void)arg;
	if (n_seen < 4)
		seen[n_seen] = *p;
	n_seen++;
	return 0;
}

TEST(a_policy_comes_back_byte_for_byte_after_reopening)
{
	struct tm_store *s = open_store();
	struct tm_policy_rec a, b;
	struct stat st;

	fill(&a, 2);
	fill(&b, 1);
	CHECK_EQ(s->ops->policy_put(s, &a), 0);
	CHECK_EQ(s->ops->policy_put(s, &b), 0);
	a.fence--;
	CHECK_EQ(s->ops->policy_put(s, &a), 0);
	tm_store_close(s);
	CHECK(stat(db_path, &st) == 0 && (st.st_mode & 077) == 0);
	s = open_store();
	n_seen = 0;
	CHECK_EQ(s->ops->policy_each(s, collect, NULL), 0);
	CHECK_EQ(n_seen, 2);
	CHECK(memcmp(&seen[0], &b, sizeof(b)) == 0);
	CHECK(memcmp(&seen[1], &a, sizeof(a)) == 0);
	tm_store_close(s);
}

static int64_t newest_run;
static int n_runs;

static int count_run(const struct tm_run_rec *r, void *arg)
{
	(void)arg;
	if (n_runs++ == 0)
		newest_run = r->id;
	return 0;
}

TEST(runs_are_replaced_by_id_and_only_the_newest_hundred_stay)
{
	struct tm_store *s = open_store();
	uint8_t id[TM_REC_ID_LEN];
	struct tm_run_rec r = { .kind = TM_RUN_MANUAL, .started_ns = 1, .error = "x" };

	memset(id, 2, sizeof(id));
	for (int i = 0; i < 130; i++) {
		r.id = 0;
		CHECK_EQ(s->ops->run_put(s, id, &r), 0);
		r.result = TM_RUN_FINISHED;
		CHECK_EQ(s->ops->run_put(s, id, &r), 0);
	}
	n_runs = 0;
	CHECK_EQ(s->ops->run_each(s, id, 1000, 0, count_run, NULL), 0);
	CHECK_EQ(n_runs, TM_STORE_RUNS_MAX);
	CHECK_EQ(newest_run, r.id);
	/* Writing the policy again must not lose its history. */
	struct tm_policy_rec p;

	fill(&p, 2);
	CHECK_EQ(s->ops->policy_put(s, &p), 0);
	n_runs = 0;
	CHECK_EQ(s->ops->run_each(s, id, 5, 0, count_run, NULL), 0);
	CHECK_EQ(n_runs, 5);
	tm_store_close(s);
}

TEST(a_deleted_policy_leaves_a_grave_for_its_peer_only)
{
	struct tm_store *s = open_store();
	struct tm_policy_rec a;
	uint8_t other[TM_REC_KEY_LEN] = { 1 };

	fill(&a, 2);
	CHECK_EQ(s->ops->grave_find(s, a.id, a.peer_key), 0);
	CHECK_EQ(s->ops->policy_del(s, a.id, true), 0);
	CHECK_EQ(s->ops->grave_find(s, a.id, a.peer_key), 1);
	CHECK_EQ(s->ops->grave_find(s, a.id, other), 0);
	n_runs = 0;
	CHECK_EQ(s->ops->run_each(s, a.id, 5, 0, count_run, NULL), 0);
	CHECK_EQ(n_runs, 0);
	n_seen = 0;
	CHECK_EQ(s->ops->policy_each(s, collect, NULL), 0);
	CHECK_EQ(n_seen, 1);
	tm_store_close(s);
}

static int stop_at_first(const struct tm_audit_rec *a, void *arg)
{
	*(struct tm_audit_rec *)arg = *a;
	return 1;
}

TEST(meta_and_audit_give_back_the_latest)
{
	struct tm_store *s = open_store();
	struct tm_audit_rec a = { .time_ns = 5,
				  .who = "root (uid 0)",
				  .action = "accept",
				  .detail = "yes \xff" },
			    b;
	char v[8];

	CHECK_EQ(s->ops->meta_get(s, "boot", v, sizeof(v)), -ENOENT);
	CHECK_EQ(s->ops->meta_put(s, "boot", "one"), 0);
	CHECK_EQ(s->ops->meta_put(s, "boot", "two"), 0);
	CHECK_EQ(s->ops->meta_get(s, "boot", v, sizeof(v)), 0);
	CHECK_STR(v, "two");
	CHECK_EQ(s->ops->meta_put(s, "boot", "too long for v"), 0);
	CHECK_EQ(s->ops->meta_get(s, "boot", v, sizeof(v)), -ENOSPC);
	CHECK_EQ(s->ops->audit_add(s, &a), 0);
	strcpy(a.action, "delete");
	CHECK_EQ(s->ops->audit_add(s, &a), 0);
	CHECK_EQ(s->ops->audit_each(s, 10, 0, stop_at_first, &b), 1);
	CHECK_STR(b.action, "delete");
	CHECK_STR(b.detail, "yes \xff");
	tm_store_close(s);
}

static int64_t audit_ids[8];
static int n_audit;

static int collect_audit(const struct tm_audit_rec *a, void *arg)
{
	(void)arg;
	if (n_audit < 8)
		audit_ids[n_audit++] = a->seq;
	return 0;
}

TEST(lists_go_on_below_the_last_row_seen)
{
	struct tm_store *s = open_store();
	struct tm_audit_rec a = { .time_ns = 6, .who = "root", .action = "x" };
	struct tm_run_rec r = { .kind = TM_RUN_MANUAL, .started_ns = 1 };
	uint8_t id[TM_REC_ID_LEN] = { 77 };

	for (int i = 0; i < 5; i++) {
		r.id = 0;
		CHECK_EQ(s->ops->audit_add(s, &a), 0);
		CHECK_EQ(s->ops->run_put(s, id, &r), 0);
	}
	n_audit = 0;
	CHECK_EQ(s->ops->audit_each(s, 3, 0, collect_audit, NULL), 0);
	CHECK_EQ(n_audit, 3);
	CHECK_EQ(audit_ids[0], a.seq);
	CHECK_EQ(s->ops->audit_each(s, 1, audit_ids[2], collect_audit, NULL), 0);
	CHECK_EQ(audit_ids[3], audit_ids[2] - 1);
	n_runs = 0;
	CHECK_EQ(s->ops->run_each(s, id, 10, r.id - 1, count_run, NULL), 0);
	CHECK_EQ(n_runs, 3);
	CHECK_EQ(newest_run, r.id - 2);
	tm_store_close(s);
}

static int count_account(const struct tm_account_rec *a, void *arg)
{
	(void)a;
	(*(int *)arg)++;
	return 0;
}

TEST(accounts_are_kept_up_to_their_number)
{
	struct tm_store *s = open_store();
	struct tm_account_rec a = { .role = TM_ACCESS_OPERATOR,
				    .verifier = "$y$j9T$abc",
				    .created_ns = 5 },
			      b;
	int n = 0;

	strcpy(a.name, "alice");
	CHECK_EQ(s->ops->account_get(s, "alice", &b), -ENOENT);
	CHECK_EQ(s->ops->account_put(s, &a), 0);
	a.disabled = true;
	a.last_login_ns = 9;
	CHECK_EQ(s->ops->account_put(s, &a), 0);
	CHECK_EQ(s->ops->account_get(s, "alice", &b), 0);
	CHECK(memcmp(&a, &b, sizeof(a)) == 0);
	for (int i = 1; i < TM_STORE_ACCOUNTS_MAX; i++) {
		snprintf(b.name, sizeof(b.name), "user-%d", i);
		CHECK_EQ(s->ops->account_put(s, &b), 0);
	}
	strcpy(b.name, "one-too-many");
	CHECK_EQ(s->ops->account_put(s, &b), -ENOSPC);
	CHECK_EQ(s->ops->account_put(s, &a), 0);
	CHECK_EQ(s->ops->account_del(s, "alice"), 0);
	CHECK_EQ(s->ops->account_del(s, "alice"), -ENOENT);
	CHECK_EQ(s->ops->account_each(s, count_account, &n), 0);
	CHECK_EQ(n, TM_STORE_ACCOUNTS_MAX - 1);
	tm_store_close(s);
}

static int last_run(const struct tm_run_rec *r, void *arg)
{
	*(struct tm_run_rec *)arg = *r;
	return 1;
}

TEST(a_database_of_the_first_schema_is_taken_over_with_all_it_holds)
{
	struct tm_run_rec run = { .kind = TM_RUN_MANUAL, .started_ns = 1, .files = 5, .mismatched = 9 };
	struct tm_store *s = open_store();
	struct tm_policy_rec a;
	struct tm_account_rec b;
	sqlite3 *db;

	fill(&a, 9);
	CHECK_EQ(s->ops->policy_put(s, &a), 0);
	CHECK_EQ(s->ops->run_put(s, a.id, &run), 0);
	tm_store_close(s);
	CHECK(sqlite3_open(db_path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db,
			   "DROP TABLE accounts; ALTER TABLE runs DROP COLUMN verified_files;"
			   "ALTER TABLE runs DROP COLUMN verified_bytes; ALTER TABLE runs DROP COLUMN mismatched;"
			   "PRAGMA user_version=1",
			   NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
	s = open_store();
	CHECK_EQ(s->ops->run_each(s, a.id, 1, 0, last_run, &run), 1);
	CHECK(run.files == 5 && run.mismatched == 0);
	run.verified_files = 7;
	run.verified_bytes = 8;
	run.mismatched = 9;
	CHECK_EQ(s->ops->run_put(s, a.id, &run), 0);
	memset(&run, 0, sizeof(run));
	CHECK_EQ(s->ops->run_each(s, a.id, 1, 0, last_run, &run), 1);
	CHECK(run.verified_files == 7 && run.verified_bytes == 8 && run.mismatched == 9);
	CHECK_EQ(s->ops->account_get(s, "alice", &b), -ENOENT);
	n_seen = 0;
	CHECK_EQ(s->ops->policy_each(s, collect, NULL), 0);
	CHECK_EQ(n_seen, 2);
	CHECK(memcmp(&seen[1], &a, sizeof(a)) == 0);
	CHECK_EQ(s->ops->policy_del(s, a.id, false), 0);
	tm_store_close(s);
}

TEST(a_newer_schema_and_a_broken_file_are_refused_with_words)
{
	struct tm_store *s = NULL;
	char *why = NULL;
	sqlite3 *db;
	FILE *f;

	CHECK(sqlite3_open(db_path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
	CHECK_EQ(tm_store_sqlite_open(db_path, &s, &why), -EPROTONOSUPPORT);
	CHECK(why && strstr(why, "newer"));
	free(why);
	why = NULL;
	f = fopen(db_path, "w");
	CHECK(f != NULL);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database ", f);
	fclose(f);
	CHECK_EQ(tm_store_sqlite_open(db_path, &s, &why), -EUCLEAN);
	CHECK(why != NULL && s == NULL);
	free(why);
	unlink(db_path);
	rmdir(db_dir);
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
