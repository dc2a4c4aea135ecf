// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/status.c - one screen: am I safe, how far behind am I, what should I do.
 */
#include <inttypes.h>

#include "cli/advice.h"
#include "cli/commands.h"
#include "cli/health.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "cli/text.h"
#include "lib/clock.h"
#include "lib/text.h"

#define LABEL 12 /* columns of the labels about this node */

/* What the policies say together. */
struct sum {
	size_t sources, targets, unsafe, behind, attention;
	int64_t worst_lag_ms, pending;
	const json_t *worst; /* borrowed: the unsafe policy that is named */
};

static void count(const struct tm_cli *c, const json_t *policies, const json_t *checks,
		  struct sum *s)
{
	json_t *p;
	size_t i;

	json_array_foreach (policies, i, p) {
		_cleanup_(tm_advice_free) struct tm_advice a = { 0 };

		tm_advise(c, p, &a);
		/* What was muted calls for nobody. */
		s->attention += a.attention && !tm_health_muted(checks, tm_out_str(p, "id") ?: "");
		if (a.safety == TM_ELSEWHERE) {
			s->targets++;
			continue;
		}
		s->sources++;
		s->pending += tm_out_int(p, "pending");
		s->worst_lag_ms = TM_MAX(s->worst_lag_ms, tm_policy_lag_ms(p, tm_wall_ns()));
		s->behind += a.safety == TM_BEHIND;
		if (a.safety != TM_UNSAFE)
			continue;
		if (!s->unsafe++)
			s->worst = p;
	}
}

/* Errors of the node itself; its warnings are told, and judged by `tidemark health`. */
static size_t broken_node(const json_t *checks)
{
	json_t *node = tm_health_of(checks, NULL), *check;
	size_t i, n = 0;

	json_array_foreach (node, i, check)
		n += tm_out_is(check, "severity", "error");
	json_decref(node);
	return n;
}

static char *unsafe_words(const struct tm_cli *c, const struct sum *s)
{
	_cleanup_free_ char *name = tm_out_text(c, s->worst, "name"),
			    *status = tm_out_text(c, s->worst, "status");

	if (s->unsafe > 1)
		return tm_asprintf("%zu of %zu relationships need a hand", s->unsafe, s->sources);
	if (tm_streq(status, "Authorized"))
		return tm_asprintf("%s was never replicated", name);
	if (tm_out_is(s->worst, "status", "Finished") ||
	    tm_out_is(s->worst, "status", "Replicating"))
		return tm_asprintf("%s has files that could not be replicated", name);
	return tm_asprintf("%s is %s", name, status);
}

/* The answer, in one line. */
static void headline(const struct tm_cli *c, const struct sum *s)
{
	_cleanup_free_ char *word = NULL, *rest = NULL, *lag = NULL,
			    *pending = tm_text_count(s->pending);
	const char *sgr = TM_GREEN, *verdict = "Safe";

	if (s->worst_lag_ms > 0)
		lag = tm_text_duration((uint64_t)s->worst_lag_ms);
	if (!s->sources && !s->targets) {
		verdict = "Nothing is replicated yet", sgr = TM_YELLOW;
		rest = strdup("");
	} else if (!s->sources) {
		verdict = "Nothing of this cluster is replicated", sgr = "";
		rest = tm_asprintf("; it keeps copies for others (%zu)", s->targets);
	} else if (s->unsafe) {
		verdict = "Not safe", sgr = TM_RED;
		rest = unsafe_words(c, s);
		if (rest) {
			char *longer = tm_asprintf(": %s", rest);

			free(rest);
			rest = longer;
		}
	} else if (s->behind) {
		verdict = "Behind", sgr = TM_YELLOW;
		rest = tm_asprintf(": %s%s%s change%s not on the target%s yet", lag ? "by " : "",
				   lag ? lag : "", lag ? ", " : "", "s", s->sources > 1 ? "s" : "");
		if (rest && pending) {
			free(rest);
			rest = tm_asprintf("%s%s: %s change%s not durable on the target%s yet",
					   lag ? " by " : "", lag ? lag : "", pending,
					   s->pending == 1 ? "" : "s", s->sources > 1 ? "s" : "");
		}
	} else {
		rest = tm_asprintf(": everything written so far is durable on the target%s",
				   s->sources > 1 ? "s" : "");
	}
	word = tm_asprintf("%s%s", *sgr ? TM_BOLD : "", sgr);
	{
		_cleanup_free_ char *painted = word ? tm_out_paint(c->color, word, verdict) : NULL;

		fprintf(c->out, "%s%s.\n", painted ? painted : verdict, rest ? rest : "");
	}
}

static void heading(const struct tm_cli *c, const char *text)
{
	_cleanup_free_ char *head = tm_out_paint(c->color, TM_BOLD, text);

	fprintf(c->out, "\n%s\n", head ? head : text);
}

/* A check that the policy's status does not tell by itself. */
static bool says_more(const struct tm_advice *a, const json_t *check)
{
	return !a->what || tm_out_is(check, "code", "TARGET_FULL");
}

static void about_policy(const struct tm_cli *c, const json_t *p, const json_t *checks, bool *any)
{
	_cleanup_(tm_advice_free) struct tm_advice a = { 0 };
	_cleanup_free_ char *name = tm_out_text(c, p, "name");
	json_t *mine = tm_health_of(checks, tm_out_str(p, "id") ?: ""), *more = json_array(),
	       *check;
	size_t i;

	tm_advise(c, p, &a);
	json_array_foreach (mine, i, check)
		if (says_more(&a, check))
			json_array_append(more, check);
	if (!*any && (a.what || json_array_size(more))) {
		heading(c, "What to do");
		*any = true;
	}
	tm_advice_lines(c, &a, name);
	tm_health_lines(c, more, true);
	json_decref(mine);
	json_decref(more);
}

static void what_to_do(const struct tm_cli *c, const json_t *policies, const json_t *checks)
{
	json_t *errors = json_array(), *warnings = json_array(), *node = tm_health_of(checks, NULL),
	       *v;
	bool any = false;
	size_t i;

	json_array_foreach (policies, i, v)
		about_policy(c, v, checks, &any);
	json_array_foreach (node, i, v)
		json_array_append(tm_out_is(v, "severity", "error") ? errors : warnings, v);
	if (!any && (json_array_size(errors) || !json_array_size(policies)))
		heading(c, "What to do");
	tm_health_lines(c, errors, true);
	if (!json_array_size(policies))
		fprintf(c->out,
			"  tidemark policy create NAME --source-dir DIR --target-dir DIR --target-address ADDRESS\n"
			"  tidemark policy create --help\n");
	if (json_array_size(warnings))
		heading(c, "Worth knowing (tidemark health --detail)");
	tm_health_lines(c, warnings, false);
	json_decref(errors);
	json_decref(warnings);
	json_decref(node);
}

static void line(const struct tm_cli *c, const char *label, const json_t *o, const char *key)
{
	_cleanup_free_ char *text = tm_out_text(c, o, key);

	if (!tm_streq(text, "-"))
		tm_out_labelled(c, label, LABEL, text);
}

static void about_node(const struct tm_cli *c, const json_t *s)
{
	_cleanup_free_ char *cluster = tm_out_text(c, s, "cluster"), *address = NULL, *port = NULL;

	heading(c, "This cluster");
	fprintf(c->out, "%*s: %s\n", LABEL, "Name", cluster);
	line(c, "Key", s, "fingerprint");
	if (json_is_object(json_object_get(s, "listening"))) {
		address = tm_out_text(c, s, "listening.address");
		port = tm_out_text(c, s, "listening.port");
		fprintf(c->out, "%*s: %s port %s\n", LABEL, "Listens on", address, port);
	}
	line(c, "Capture", s, "capture.backend");
	line(c, "Because", s, "capture.why");
	line(c, "Cannot see", s, "capture.blind_spots");
}

int cmd_status(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer s = { 0 }, l = { 0 };
	json_t *checks;
	struct sum sum = { 0 };
	int code = tm_rest(c, "GET", "/v1/status", NULL, 0, &s);

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(c, s.body);
		return code;
	}
	code = tm_rest(c, "GET", "/v1/policies", NULL, 0, &l);
	if (code != TM_EXIT_OK)
		return code;
	checks = tm_health_checks(c);
	count(c, l.body, checks, &sum);
	sum.attention += broken_node(checks);
	if (!c->columns && !c->quiet)
		headline(c, &sum);
	if (json_array_size(l.body)) {
		if (!c->quiet && !c->columns)
			fputc('\n', c->out);
		code = tm_out_table(c, l.body, tm_list_columns);
	}
	if (code == TM_EXIT_OK && !c->columns && !c->quiet) {
		what_to_do(c, l.body, checks);
		about_node(c, s.body);
	}
	json_decref(checks);
	return code != TM_EXIT_OK ? code : !sum.attention ? TM_EXIT_OK : TM_EXIT_UNHEALTHY;
}
