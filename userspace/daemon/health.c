// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/health.c - since when something is wrong, what is muted, and telling when it changes.
 */
#include "daemon/health.h"
#include "api/json.h"
#include "daemon/events.h"
#include "lib/text.h"

#include <inttypes.h>
#include <stdio.h>

#define MEMORY_MAX 1024
#define MUTES_MAX  128
#define MUTES_TEXT (MUTES_MAX * 96)

static const uint8_t nobody[TM_POLICY_ID_LEN];

/* When something was seen first; gone once it is not seen any more. */
struct memory {
	enum tm_health_code code;
	uint8_t id[TM_POLICY_ID_LEN];
	int64_t since_ns;
	bool seen;
};

struct mute {
	enum tm_health_code code;
	uint8_t id[TM_POLICY_ID_LEN]; /* zeros: of everything */
	int64_t until_ns;
};

struct tm_health {
	struct memory *memory;
	unsigned int n_memory;
	struct mute mutes[MUTES_MAX];
	unsigned int n_mutes;
	uint64_t told;
};

/* ---- mutes */

static int mutes_store(struct tm_daemon *d)
{
	_cleanup_free_ char *text = calloc(1, MUTES_TEXT);
	struct tm_health *h = d->health;
	size_t at = 0;

	if (!text)
		return -ENOMEM;
	for (unsigned int i = 0; i < h->n_mutes; i++) {
		char id[2 * TM_POLICY_ID_LEN + 1];

		tm_hex(h->mutes[i].id, TM_POLICY_ID_LEN, id);
		at += (size_t)snprintf(text + at, MUTES_TEXT - at, "%s %s %" PRId64 "\n",
				       tm_health_code_name(h->mutes[i].code), id,
				       h->mutes[i].until_ns);
	}
	return d->store->ops->meta_put(d->store, "mutes", text);
}

static void mutes_load(struct tm_daemon *d)
{
	_cleanup_free_ char *text = calloc(1, MUTES_TEXT);
	struct tm_health *h = d->health;
	char *save = NULL;

	if (!text || d->store->ops->meta_get(d->store, "mutes", text, MUTES_TEXT) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line && h->n_mutes < MUTES_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		struct mute *m = &h->mutes[h->n_mutes];
		char name[40], id[2 * TM_POLICY_ID_LEN + 1];
		int code;

		if (sscanf(line, "%39s %32s %" SCNd64, name, id, &m->until_ns) != 3 ||
		    tm_unhex(id, m->id, sizeof(m->id)) < 0)
			continue;
		code = tm_health_code_parse(name);
		if (code < 0)
			continue;
		m->code = (enum tm_health_code)code;
		h->n_mutes++;
	}
}

static int64_t muted_until(const struct tm_health *h, const struct tm_check *c)
{
	const uint8_t *id = c->p ? c->p->rec.id : nobody;
	int64_t until = 0;

	for (unsigned int i = 0; i < h->n_mutes; i++)
		if (h->mutes[i].code == c->code &&
		    (memcmp(h->mutes[i].id, nobody, sizeof(nobody)) == 0 ||
		     memcmp(h->mutes[i].id, id, sizeof(nobody)) == 0))
			until = TM_MAX(until, h->mutes[i].until_ns);
	return until > tm_wall_ns() ? until : 0;
}

int tm_health_mute(struct tm_daemon *d, enum tm_health_code code, const struct tm_policy *p,
		   uint64_t seconds)
{
	const uint8_t *id = p ? p->rec.id : nobody;
	struct tm_health *h = d->health;
	int64_t now = tm_wall_ns();
	unsigned int kept = 0;

	/* Those that are over, and the one that is replaced, make room. */
	for (unsigned int i = 0; i < h->n_mutes; i++) {
		const struct mute *m = &h->mutes[i];

		if (m->until_ns > now &&
		    (m->code != code || memcmp(m->id, id, sizeof(nobody)) != 0))
			h->mutes[kept++] = *m;
	}
	h->n_mutes = kept;
	if (seconds && kept == MUTES_MAX)
		return -ENOSPC;
	if (seconds) {
		struct mute *m = &h->mutes[h->n_mutes++];

		m->code = code;
		memcpy(m->id, id, sizeof(m->id));
		m->until_ns = now + (int64_t)seconds * 1000000000;
	}
	return mutes_store(d);
}

/* ---- since when */

static int64_t remember(struct tm_health *h, const struct tm_check *c)
{
	const uint8_t *id = c->p ? c->p->rec.id : nobody;
	struct memory *m = NULL;

	for (unsigned int i = 0; i < h->n_memory && !m; i++)
		if (h->memory[i].code == c->code && memcmp(h->memory[i].id, id, sizeof(nobody)) == 0)
			m = &h->memory[i];
	if (!m && h->n_memory < MEMORY_MAX) {
		m = &h->memory[h->n_memory++];
		m->code = c->code;
		memcpy(m->id, id, sizeof(m->id));
		m->since_ns = tm_wall_ns();
	}
	if (!m)
		return tm_wall_ns();
	m->seen = true;
	return m->since_ns;
}

static void forget_unseen(struct tm_health *h)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < h->n_memory; i++) {
		if (!h->memory[i].seen)
			continue;
		h->memory[kept] = h->memory[i];
		h->memory[kept++].seen = false;
	}
	h->n_memory = kept;
}

/* ---- the object */

struct build {
	struct tm_health *h;
	json_t *list; /* NULL: only the sum is wanted */
	enum tm_severity worst;
	uint64_t sum;
	bool failed;
};

static json_t *check_json(const struct tm_check *c, int64_t since_ns, int64_t muted_ns)
{
	json_t *o = json_object();

	if (tm_api_set_str(o, "code", tm_health_code_name(c->code)) < 0 ||
	    tm_api_set_str(o, "severity", tm_severity_name(c->severity)) < 0 ||
	    tm_api_set_str(o, "summary", c->summary) < 0 ||
	    tm_api_set_bytes(o, "cause", c->cause, strlen(c->cause), true) < 0 ||
	    tm_api_set_str(o, "cure", tm_health_cure(c->code)) < 0 ||
	    tm_api_set_str(o, "policy", c->p ? c->p->id_hex : NULL) < 0 ||
	    tm_api_set_str(o, "name", c->p ? c->p->rec.name : NULL) < 0 ||
	    tm_api_set_time(o, "since", since_ns) < 0 ||
	    tm_api_set_time(o, "muted_until", muted_ns) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void add_check(void *arg, const struct tm_check *c)
{
	struct build *b = arg;
	int64_t seen_ns = remember(b->h, c), muted_ns = muted_until(b->h, c);
	const uint64_t parts[] = { (uint64_t)c->code, (uint64_t)c->severity, (uint64_t)muted_ns };

	if (!muted_ns)
		b->worst = TM_MAX(b->worst, c->severity);
	for (unsigned int i = 0; i < TM_ARRAY_SIZE(parts); i++)
		b->sum = (b->sum ^ parts[i]) * 0x100000001b3ULL;
	for (unsigned int i = 0; c->p && i < sizeof(c->p->rec.id); i++)
		b->sum = (b->sum ^ c->p->rec.id[i]) * 0x100000001b3ULL;
	if (b->list && json_array_append_new(b->list, check_json(c, c->since_ns ?: seen_ns, muted_ns)) <
			       0)
		b->failed = true;
}

json_t *tm_health_json(struct tm_daemon *d)
{
	struct build b = { .h = d->health, .list = json_array() };
	json_t *o = json_object();

	tm_health_checks(d, add_check, &b);
	forget_unseen(d->health);
	if (tm_api_set_str(o, "state", b.worst == TM_SEV_INFO ? "ok" : tm_severity_name(b.worst)) < 0 ||
	    b.failed || json_object_set(o, "checks", b.list) < 0) {
		json_decref(o);
		o = NULL;
	}
	json_decref(b.list);
	return o;
}

void tm_health_look(struct tm_daemon *d)
{
	struct build b = { .h = d->health, .sum = 0xcbf29ce484222325ULL };

	if (!d->health)
		return;
	tm_health_checks(d, add_check, &b);
	forget_unseen(d->health);
	if (b.sum == d->health->told)
		return;
	d->health->told = b.sum;
	tm_events_publish(d, "health", tm_health_json(d));
}

int tm_health_start(struct tm_daemon *d)
{
	d->health = calloc(1, sizeof(*d->health));
	if (d->health)
		d->health->memory = calloc(MEMORY_MAX, sizeof(struct memory));
	if (!d->health || !d->health->memory)
		return -ENOMEM;
	mutes_load(d);
	return 0;
}

void tm_health_free(struct tm_daemon *d)
{
	if (d->health)
		free(d->health->memory);
	free(d->health);
	d->health = NULL;
}
