// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/series.c - a ring of samples per policy.
 */
#include "daemon/series.h"
#include "daemon/view.h"

static sd_event_source *timer;

void tm_series_add(struct tm_series *r, uint64_t now_ms, int64_t now_ns, uint64_t bytes, int64_t lag_ms,
		   uint64_t pending)
{
	uint64_t span = now_ms - r->mark_ms;
	bool known = r->mark_ms && span && bytes >= r->mark_bytes;

	r->s[r->next] = (struct tm_sample){
		.time_ns = now_ns,
		.rate = known ? (bytes - r->mark_bytes) * 1000 / span : 0,
		.lag_ms = lag_ms,
		.pending = pending,
	};
	r->next = (r->next + 1) % TM_SERIES_MAX;
	r->n = TM_MIN(r->n + 1, (unsigned int)TM_SERIES_MAX);
	r->mark_bytes = bytes;
	r->mark_ms = now_ms;
}

const struct tm_sample *tm_series_at(const struct tm_series *r, unsigned int i)
{
	return &r->s[(r->next + TM_SERIES_MAX - r->n + i) % TM_SERIES_MAX];
}

static int on_sample(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_daemon *d = arg;

	(void)s;
	(void)usec;
	tm_policy_foreach(d, p)
	{
		if (p->embryo || p->doomed)
			continue;
		if (!p->series)
			p->series = calloc(1, sizeof(*p->series));
		if (p->series)
			tm_series_add(p->series, tm_mono_ms(), tm_wall_ns(),
				      p->rec.totals.payload_bytes, tm_view_lag_ms(p),
				      p->bl ? tm_backlog_count(p->bl) : 0);
	}
	(void)tm_timer_set(d, &timer, TM_SERIES_MS, on_sample, d);
	return 0;
}

int tm_series_start(struct tm_daemon *d)
{
	return tm_timer_set(d, &timer, TM_SERIES_MS, on_sample, d);
}

void tm_series_free(struct tm_daemon *d)
{
	(void)d;
	timer = sd_event_source_disable_unref(timer);
}

static json_t *sample_json(const struct tm_sample *s)
{
	json_t *o = json_object();

	if (tm_api_set_time(o, "time", s->time_ns) < 0 || tm_api_set_u64(o, "rate", s->rate) < 0 ||
	    json_object_set_new(o, "lag_ms", s->lag_ms < 0 ? json_null() : json_integer(s->lag_ms)) <
		    0 ||
	    tm_api_set_u64(o, "pending", s->pending) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *tm_series_json(const struct tm_policy *p)
{
	json_t *o = json_object(), *list = json_array();

	for (unsigned int i = 0; p->series && i < p->series->n; i++)
		if (json_array_append_new(list, sample_json(tm_series_at(p->series, i))) < 0) {
			json_decref(list);
			list = NULL;
			break;
		}
	if (tm_api_set_u64(o, "interval_ms", TM_SERIES_MS) < 0 ||
	    json_object_set_new(o, "samples", list) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}
