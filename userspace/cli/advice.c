// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/advice.c - is it safe, and what to do next; see advice.h.
 */
#include "cli/advice.h"

#include <stdarg.h>

#include "cli/policy.h"
#include "cli/text.h"
#include "lib/text.h"

static void say(struct tm_advice *a, const char *fmt, ...) _printf_(2, 3);
static void say(struct tm_advice *a, const char *fmt, ...)
{
	va_list ap;

	free(a->what);
	va_start(ap, fmt);
	if (vasprintf(&a->what, fmt, ap) < 0)
		a->what = NULL;
	va_end(ap);
}

static void run(struct tm_advice *a, const char *fmt, ...) _printf_(2, 3);
static void run(struct tm_advice *a, const char *fmt, ...)
{
	va_list ap;

	if (a->n_commands == TM_ADVICE_COMMANDS)
		return;
	va_start(ap, fmt);
	if (vasprintf(&a->commands[a->n_commands], fmt, ap) >= 0)
		a->n_commands++;
	va_end(ap);
}

static char *detail_of(const struct tm_cli *c, const json_t *p)
{
	bool has = json_is_string(json_object_get(p, "status_detail"));
	const char *text = tm_out_str(p, has ? "status_detail" : "last_error");

	return tm_safe(c, text ? text : "the log of tidemarkd says more");
}

static void asked(const struct tm_cli *c, const json_t *p, const char *name, struct tm_advice *a)
{
	_cleanup_free_ char *cluster = tm_out_text(c, p, "source.cluster"),
			    *source = tm_out_cell(c, p, "source.dir", TM_K_PATH),
			    *target = tm_out_cell(c, p, "target.dir", TM_K_PATH);
	bool missing = json_is_false(tm_out_at(p, "request.target_exists"));
	bool full = tm_out_int(p, "request.target_entries") > 0;

	a->attention = true;
	if (!tm_out_is(p, "role", "target")) {
		_cleanup_free_ char *to = tm_policy_target(c, p);

		say(a, "the admin of %s has not answered yet; there:", to);
		run(a, "tidemark policy accept %s", name);
		return;
	}
	say(a, "%s asks to replicate its %s into %s of this cluster", cluster, source, target);
	/* What would be lost is looked at before it is agreed to: accept asks then. */
	run(a, "tidemark policy %s %s", full ? "preview" : "show", name);
	run(a, "tidemark policy accept %s%s", name, missing ? " --create-dir" : "");
	run(a, "tidemark policy reject %s --reason TEXT", name);
}

static void hindered(const struct tm_cli *c, const json_t *p, const char *name, const char *status,
		     bool source, struct tm_advice *a)
{
	_cleanup_free_ char *detail = detail_of(c, p);

	a->attention = true;
	if (tm_streq(status, "Stopped")) {
		say(a, "stopped on suspicion: %s; look first, then go on", detail);
		run(a, "tidemark policy show %s", name);
		if (source)
			run(a, "tidemark policy replicate %s --yes", name);
	} else if (tm_streq(status, "Failed")) {
		say(a, "%s", detail);
		run(a, "tidemark policy failures %s", name);
		if (source)
			run(a, "tidemark policy replicate %s --wait", name);
	} else if (tm_streq(status, "Disabled")) {
		say(a, "disabled: changes are tracked and not sent");
		run(a, "tidemark policy enable %s", name);
	} else if (tm_streq(status, "Rejected")) {
		say(a, "the target's admin refused: %s", detail);
		run(a, "tidemark policy delete %s", name);
	} else if (tm_streq(status, "Disconnected")) {
		_cleanup_free_ char *address = tm_out_text(c, p, "target.address"),
				    *port = tm_out_text(c, p, "target.port");

		if (source)
			say(a, "%s port %s does not answer (%s); it is tried again by itself",
			    address, port, detail);
		else
			say(a, "the source does not call (%s)", detail);
		run(a, "tidemark policy show %s", name);
	} else {
		say(a, "%s: %s", status, detail);
		run(a, "tidemark policy show %s", name);
	}
}

static void incomplete(const struct tm_cli *c, const json_t *p, const char *name,
		       struct tm_advice *a)
{
	_cleanup_free_ char *reason = tm_out_text(c, p, "capture.incomplete.reason");

	a->attention = true;
	say(a, "tracking was broken (%s): what may be missing is compared and sent%s", reason,
	    tm_out_is(p, "mode", "continuous") ? " by itself" : " by the next run");
	if (tm_out_is(p, "mode", "continuous"))
		run(a, "tidemark policy show %s -w", name);
	else
		run(a, "tidemark policy replicate %s --wait", name);
}

static void going_on(const struct tm_cli *c, const json_t *p, const char *name, const char *status,
		     struct tm_advice *a)
{
	bool manual = !tm_out_is(p, "mode", "continuous");
	_cleanup_free_ char *pending = tm_out_cell(c, p, "pending", TM_K_COUNT);

	if (tm_streq(status, "Authorized")) {
		a->attention = manual;
		a->safety = manual ? TM_UNSAFE : TM_BEHIND;
		if (!manual)
			return;
		say(a, "accepted, and nothing is replicated yet");
		run(a, "tidemark policy replicate %s --wait", name);
		return;
	}
	if (tm_streq(status, "Replicating")) {
		a->safety = TM_BEHIND;
		return;
	}
	a->safety = tm_out_int(p, "pending") ? TM_BEHIND : TM_SAFE;
	if (a->safety == TM_BEHIND && manual) {
		say(a, "%s changes since the last run", pending);
		run(a, "tidemark policy replicate %s --wait", name);
	}
}

void tm_advise(const struct tm_cli *c, const json_t *p, struct tm_advice *ret)
{
	_cleanup_free_ char *name = tm_out_text(c, p, "name");
	const char *status = tm_out_str(p, "status") ?: "?";
	bool source = tm_out_is(p, "role", "source");
	struct tm_advice a = { .safety = source ? TM_UNSAFE : TM_ELSEWHERE };
	int64_t failures = tm_out_int(p, "failures");

	if (tm_streq(status, "Awaiting Authorization"))
		asked(c, p, name, &a);
	else if (tm_streq(status, "Incomplete"))
		incomplete(c, p, name, &a);
	else if (tm_streq(status, "Authorized") || tm_streq(status, "Replicating") ||
		 tm_streq(status, "Finished")) {
		if (source)
			going_on(c, p, name, status, &a);
	} else {
		hindered(c, p, name, status, source, &a);
	}
	/* Whatever else: files that are not on the target are not safe. */
	if (failures > 0 && !a.attention) {
		_cleanup_free_ char *count = tm_text_count(failures);

		a.attention = true;
		a.safety = source ? TM_UNSAFE : TM_ELSEWHERE;
		say(&a, "%s file%s could not be replicated as %s", count, failures == 1 ? "" : "s",
		    failures == 1 ? "it is" : "they are");
		while (a.n_commands)
			free(a.commands[--a.n_commands]);
		run(&a, "tidemark policy failures %s", name);
	}
	*ret = a;
}

void tm_advice_free(struct tm_advice *a)
{
	free(a->what);
	a->what = NULL;
	while (a->n_commands)
		free(a->commands[--a->n_commands]);
}

/* "  name: what", wrapped, and the commands below it. */
void tm_advice_lines(const struct tm_cli *c, const struct tm_advice *a, const char *name)
{
	_cleanup_free_ char *head = NULL, *text = NULL, *body = NULL;

	if (!a->what)
		return;
	head = tm_out_paint(c->color, TM_BOLD, name);
	text = tm_asprintf("%s: %s", name, a->what);
	body = text ? tm_text_wrap(text, 2, c->width ? TM_MIN(c->width, 100u) : 100) : NULL;
	if (!head || !body)
		return;
	/* Wrapped without the colour's bytes, which have no width; the name comes first, and whole. */
	fprintf(c->out, "  %s%s\n", head, body + 2 + strlen(name));
	for (size_t i = 0; i < a->n_commands; i++) {
		_cleanup_free_ char *command = tm_out_paint(c->color, TM_CYAN, a->commands[i]);

		fprintf(c->out, "      %s\n", command ? command : a->commands[i]);
	}
}
