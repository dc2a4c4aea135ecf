// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/tracking.c - what is owed when nobody watched: journals opened, new boots, gaps of the capture.
 *
 * Part of the schedule. The order of writes is what makes it crash-safe: first the record says incomplete
 * and names a new journal, then the journal is made, then ALL goes into it; at every point between
 * a restart comes to the same conclusion again.
 */
#include "daemon/capture_glue.h"
#include "daemon/schedule.h"
#include "daemon/verify.h"
#include "daemon/waiters.h"
#include "lib/beneath.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int journal_dir(struct tm_policy *p)
{
	if (mkdirat(p->d->polfd, p->id_hex, 0700) < 0 && errno != EEXIST)
		return -errno;
	return tm_open_name(p->d->polfd, p->id_hex, O_RDONLY | O_DIRECTORY, 0);
}

static void mark_incomplete(struct tm_policy *p, const char *reason, const char *scope)
{
	if (!p->rec.incomplete_ns) {
		p->rec.incomplete_ns = tm_wall_ns();
		tm_text_set(p->rec.incomplete_reason, sizeof(p->rec.incomplete_reason), "%s",
			    reason);
		tm_text_set(p->rec.incomplete_scope, sizeof(p->rec.incomplete_scope), "%s", scope);
	}
	/* A set handed out before this cannot heal it. */
	p->heal_set = 0;
	p->rescan_counted = false;
	tm_warn("%s: tracking is incomplete (%s, %s) and will be reconciled", p->rec.name, reason,
		scope);
}

/* The journal that goes with the record is lost, or belongs to a boot that is over: start a new one. */
static int journal_renew(struct tm_policy *p, bool had_one)
{
	if (had_one) {
		const char *reason = !p->d->new_boot	? "journal-lost"
				     : p->d->clean_boot ? "reboot"
							: "unclean-boot";

		if (p->d->new_boot && !p->d->clean_boot)
			p->rec.heal_suspect = true;
		if (p->rec.first_done)
			mark_incomplete(p, reason, "root");
	}
	if (tm_random(p->rec.journal_token, sizeof(p->rec.journal_token)) < 0)
		return -EIO;
	return tm_policy_save(p);
}

static bool token_empty(const struct tm_policy *p)
{
	static const uint8_t zero[TM_REC_TOKEN_LEN];

	return memcmp(p->rec.journal_token, zero, sizeof(zero)) == 0;
}

/* Whatever else is known: a first sync or a healing that is not under way must be queued. */
static int queue_missing(struct tm_policy *p)
{
	bool needed = !p->rec.first_done || p->rec.incomplete_ns;

	if (!needed || tm_backlog_heals(p->bl))
		return 0;
	return tm_backlog_add_all(p->bl, p->rec.heal_suspect ? TM_CF_SUSPECT : 0);
}

int tm_schedule_open(struct tm_policy *p)
{
	struct tm_backlog *b;
	bool kept = false;
	int fd, r;

	if (p->bl)
		return 0;
	fd = journal_dir(p);
	r = fd < 0 ? fd : 0;
	if (r == 0 && (p->d->new_boot || !tm_journal_valid(fd, p->rec.journal_token)))
		r = journal_renew(p, !token_empty(p));
	b = r < 0 ? NULL : calloc(1, sizeof(*b));
	if (!b) {
		tm_close(fd);
		r = r < 0 ? r : -ENOMEM;
	} else {
		r = tm_backlog_open(b, fd, p->rec.journal_token, 0, &kept);
	}
	if (r < 0) {
		free(b);
		tm_policy_error(p, "the journal of changes cannot be opened: %s", strerror(-r));
		return r;
	}
	p->bl = b;
	r = queue_missing(p);
	if (r < 0) {
		tm_policy_error(p, "the journal of changes cannot be written: %s", strerror(-r));
		tm_schedule_close(p);
	}
	return r;
}

void tm_schedule_close(struct tm_policy *p)
{
	tm_waiters_fail(p, "failed", "the daemon stops, or the policy is gone");
	tm_verify_drop(p);
	sd_event_source_disable_unref(p->pace_timer);
	p->pace_timer = NULL;
	if (!p->bl)
		return;
	tm_backlog_close(p->bl);
	free(p->bl);
	p->bl = NULL;
}

void tm_schedule_wipe(struct tm_policy *p)
{
	_cleanup_close_ int fd = tm_open_name(p->d->polfd, p->id_hex, O_RDONLY | O_DIRECTORY, 0);

	tm_glue_untrack(p);
	tm_schedule_close(p);
	if (fd < 0)
		return;
	(void)unlinkat(fd, "changes", 0);
	(void)unlinkat(fd, "changes.new", 0);
	(void)unlinkat(p->d->polfd, p->id_hex, AT_REMOVEDIR);
}

void tm_schedule_incomplete(struct tm_policy *p, const char *reason, const char *scope)
{
	/* Before the first sync is through there is nothing to be incomplete about: its ALL covers it. */
	if (!p->bl || !p->rec.first_done)
		return;
	mark_incomplete(p, reason, scope);
	(void)tm_policy_save(p);
}

void tm_schedule_tracked(struct tm_policy *p, bool resumed)
{
	int r = 0;

	if (!resumed && p->rec.first_done &&
	    !(p->rec.incomplete_ns && tm_change_set_all(p->bl->pending, NULL))) {
		mark_incomplete(p, "tracking-restarted", "root");
		(void)tm_policy_save(p);
		r = tm_backlog_add_all(p->bl, p->rec.heal_suspect ? TM_CF_SUSPECT : 0);
	} else if (!resumed && !tm_change_set_all(p->bl->pending, NULL)) {
		r = tm_backlog_add_all(p->bl, p->rec.heal_suspect ? TM_CF_SUSPECT : 0);
	}
	if (r < 0) {
		/* Without the record the gap would be forgotten: do not count as tracked. */
		tm_policy_error(p, "the journal of changes cannot be written: %s", strerror(-r));
		tm_glue_untrack(p);
		return;
	}
	tm_waiters_tracked(p);
}

void tm_schedule_target_fresh(struct tm_policy *p)
{
	if (!p->rec.first_done || tm_change_set_all(p->bl->pending, NULL))
		return;
	/*
	 * The target directory was replaced or its state was damaged: the worker says so before
	 * anything is called in sync.
	 */
	if (!p->rec.incomplete_ns || !tm_backlog_heals(p->bl)) {
		mark_incomplete(p, "target-empty", "root");
		(void)tm_policy_save(p);
	}
	(void)tm_backlog_add_all(p->bl, 0);
}
