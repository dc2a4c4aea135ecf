// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/output.c - how objects of the API look on a terminal.
 */
#include "cli/output.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/text.h"
#include "lib/units.h"

void tm_out_json(const json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

json_t *tm_out_at(const json_t *object, const char *path)
{
	const char *dot = strchr(path, '.');
	_cleanup_free_ char *head = NULL;

	if (!dot)
		return json_object_get(object, path);
	head = strndup(path, (size_t)(dot - path));
	return head ? tm_out_at(json_object_get(object, head), dot + 1) : NULL;
}

int64_t tm_out_int(const json_t *object, const char *path)
{
	return json_integer_value(tm_out_at(object, path));
}

char *tm_out_text(const json_t *object, const char *key)
{
	const json_t *v = tm_out_at(object, key);

	if (json_is_string(v))
		return tm_escape(json_string_value(v), json_string_length(v));
	if (json_is_integer(v))
		return tm_asprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	if (json_is_boolean(v))
		return strdup(json_is_true(v) ? "yes" : "no");
	return strdup("-");
}

int tm_out_table(const json_t *rows, const struct tm_column *cols, size_t n)
{
	struct libscols_table *t = scols_new_table();
	json_t *row;
	size_t i;

	if (!t)
		return TM_EXIT_FAILED;
	for (size_t c = 0; c < n; c++)
		scols_table_new_column(t, cols[c].title, 0, 0);
	json_array_foreach (rows, i, row) {
		struct libscols_line *line = scols_table_new_line(t, NULL);

		for (size_t c = 0; line && c < n; c++) {
			_cleanup_free_ char *text =
				cols[c].cell ? cols[c].cell(row) : tm_out_text(row, cols[c].key);

			scols_line_set_data(line, c, text ? text : "?");
		}
	}
	if (!isatty(STDOUT_FILENO))
		scols_table_set_termforce(t, SCOLS_TERMFORCE_NEVER);
	scols_print_table(t);
	scols_unref_table(t);
	return TM_EXIT_OK;
}

char *tm_out_status(const json_t *p)
{
	const char *status = json_string_value(json_object_get(p, "status"));
	const char *since = json_string_value(json_object_get(p, "status_since"));
	const json_t *d = json_object_get(p, "status_detail");
	_cleanup_free_ char *detail = json_is_string(d) ? tm_out_text(p, "status_detail") : NULL;
	const json_t *percent = tm_out_at(p, "progress.percent");

	if (!status)
		return strdup("?");
	if (tm_streq(status, "Replicating") && json_is_integer(percent))
		return tm_asprintf("Replicating... %" JSON_INTEGER_FORMAT "%%",
				   json_integer_value(percent));
	if (tm_streq(status, "Finished") && since)
		return tm_asprintf("Finished %s%s%s", since, detail ? ", " : "",
				   detail ? detail : "");
	return detail ? tm_asprintf("%s: %s", status, detail) : strdup(status);
}

char *tm_out_progress(const json_t *p)
{
	char done[TM_HUMAN_LEN], total[TM_HUMAN_LEN], rate[TM_HUMAN_LEN];
	_cleanup_free_ char *status = tm_out_status(p);
	_cleanup_free_ char *left = NULL;

	if (json_is_integer(tm_out_at(p, "progress.seconds_left")))
		left = tm_asprintf("  %" PRId64 " s left", tm_out_int(p, "progress.seconds_left"));
	return tm_asprintf("%s  %" PRId64 "/%" PRId64 " files  %s of %s  %s/s%s",
			   status ? status : "?", tm_out_int(p, "progress.files_done"),
			   tm_out_int(p, "progress.files_total"),
			   tm_human_bytes((uint64_t)tm_out_int(p, "progress.bytes_done"), done),
			   tm_human_bytes((uint64_t)tm_out_int(p, "progress.bytes_total"), total),
			   tm_human_bytes((uint64_t)tm_out_int(p, "progress.rate_now"), rate),
			   left ? left : "");
}

static void print_line(const char *label, const json_t *p, const char *key)
{
	_cleanup_free_ char *text = tm_out_text(p, key);

	if (text && !tm_streq(text, "-"))
		printf("%18s: %s\n", label, text);
}

static void print_bytes(const char *label, const json_t *p, const char *key)
{
	char human[TM_HUMAN_LEN];
	int64_t n = tm_out_int(p, key);

	printf("%18s: %s (%" PRId64 ")\n", label, tm_human_bytes((uint64_t)n, human), n);
}

static void print_run(const json_t *p)
{
	if (!json_is_object(json_object_get(p, "last_run")))
		return;
	print_line("Last run", p, "last_run.result");
	print_line("started", p, "last_run.started");
	print_line("finished", p, "last_run.finished");
	printf("%18s: %" PRId64 " changed, %" PRId64 " deleted, %" PRId64 " renamed\n", "files",
	       tm_out_int(p, "last_run.files"), tm_out_int(p, "last_run.deleted"),
	       tm_out_int(p, "last_run.renamed"));
	print_bytes("file data", p, "last_run.payload_bytes");
	print_bytes("on the wire", p, "last_run.wire_bytes");
}

static void print_capture(const json_t *p)
{
	print_line("Capture", p, "capture.backend");
	printf("%18s: %" PRId64 " seen = %" PRId64 " queued + %" PRId64 " coalesced + %" PRId64
	       " dropped\n",
	       "changes", tm_out_int(p, "capture.seen"), tm_out_int(p, "capture.queued"),
	       tm_out_int(p, "capture.coalesced"), tm_out_int(p, "capture.dropped"));
	if (json_is_object(tm_out_at(p, "capture.incomplete"))) {
		print_line("incomplete since", p, "capture.incomplete.since");
		print_line("because", p, "capture.incomplete.reason");
		print_line("scope", p, "capture.incomplete.scope");
	}
}

void tm_out_policy(const json_t *p)
{
	_cleanup_free_ char *status = tm_out_status(p);

	print_line("Name", p, "name");
	print_line("Id", p, "id");
	printf("%18s: %s\n", "Status", status ? status : "?");
	print_line("Role", p, "role");
	print_line("Source", p, "source.dir");
	print_line("of cluster", p, "source.cluster");
	print_line("Target", p, "target.dir");
	print_line("of cluster", p, "target.cluster");
	print_line("address", p, "target.address");
	print_line("port", p, "target.port");
	print_line("Peer fingerprint", p, "peer_fingerprint");
	print_line("Mode", p, "mode");
	print_line("Recovery point", p, "recovery_point");
	print_line("Pending", p, "pending");
	print_line("In sync", p, "in_sync");
	print_line("Failures", p, "failures");
	print_line("Last error", p, "last_error");
	print_run(p);
	print_capture(p);
}
