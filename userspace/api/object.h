/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * api/object.h - the objects of the REST interface, as plain structures that become JSON. Pure.
 *
 * Field names and types are those of REST.md and stable. Strings are borrowed; NULL
 * becomes null; bytes need not be UTF-8.
 */
#ifndef TM_API_OBJECT_H
#define TM_API_OBJECT_H

#include "api/json.h"

struct tm_api_run {
	int64_t id; /* 0: null */
	const char *kind;
	const char *result;
	const char *error; /* "" is null */
	int64_t started_ns, finished_ns;
	uint64_t batches, files, deleted, renamed, payload_bytes, wire_bytes, read_bytes;
	uint64_t verified_files, verified_bytes, mismatched;
};

struct tm_api_policy {
	const char *name, *id, *role, *status, *revision;
	const char *status_detail; /* "" is null */
	int64_t status_ns;
	const char *source_cluster, *source_dir, *target_cluster, *target_dir, *target_address;
	uint16_t target_port;
	bool continuous;
	int64_t recovery_ns;
	int64_t lag_ms; /* -1: null */
	const char *last_error;		   /* "" is null */
	const struct tm_api_run *last_run; /* or NULL */
	struct {
		uint64_t batches, rescans, files, payload_bytes, wire_bytes, read_bytes;
		uint64_t sendfile_bytes, ktls_bytes, copy_bytes;
	} totals;
	struct {
		int percent; /* -1: null */
		uint64_t files_done, files_total, bytes_done, bytes_total, rate_now, rate_average;
		int64_t seconds_left; /* -1: null */
	} progress;
	struct {
		const char *backend;
		uint64_t seen, queued, coalesced, dropped;
		int64_t incomplete_ns; /* 0: null */
		const char *reason, *scope;
	} capture;
	uint64_t pending, failures;
	uint64_t in_flight; /* of pending: handed over, not acknowledged yet */
	bool in_sync, enabled, connected, allow_devices, allow_suid;
	int64_t created_ns;
	const char *peer_fingerprint, *peer_cluster; /* cluster "" is null */
	struct {
		bool shown;
		const char *address;
		uint64_t est_files, est_bytes;
		bool target_exists;
		uint64_t target_entries;
		int64_t since_ns;
	} request;
};

struct tm_api_failure {
	int64_t id;
	int64_t time_ns;
	const char *path;
	size_t path_len;
	const char *op;
	int err; /* positive or negative errno; 0: none */
	const char *text; /* instead of the errno's words, or NULL */
};

struct tm_api_setting {
	const char *key, *value, *dflt, *type, *unit, *help, *origin;
	bool changeable; /* while the daemon runs */
};

/* Each returns a new object, or NULL when memory is out. */
json_t *tm_api_policy_json(const struct tm_api_policy *p);
json_t *tm_api_run_json(const struct tm_api_run *r);
json_t *tm_api_failure_json(const struct tm_api_failure *f);
json_t *tm_api_setting_json(const struct tm_api_setting *s);

/* application/problem+json. @code is one of REST.md. */
json_t *tm_api_problem_json(unsigned int http_status, const char *code, const char *detail);
/* "Conflict" for 409. */
const char *tm_api_http_title(unsigned int http_status);

/* "name\tstate\tdetail" lines as an array of objects. */
json_t *tm_api_report_json(const char *lines);

#endif
