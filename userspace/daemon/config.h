/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/config.h - the settings the daemon acts on, as typed values.
 *
 * Filled from the settings table (conf/) at start and again on SIGHUP. What is read only at start says so.
 */
#ifndef TM_DAEMON_CONFIG_H
#define TM_DAEMON_CONFIG_H

#include "capture/capture.h"
#include "lib/log.h"
#include "wire/msg.h"

#include <jansson.h>

struct tm_settings;

struct tm_config {
	struct tm_settings *settings; /* the table itself, for /v1/settings */
	char cluster[TM_CLUSTER_LEN_MAX + 1];
	char listen_address[128];	/* at start */
	uint16_t listen_port;		/* at start */
	enum tm_backend backend;	/* at start */
	uint32_t capture_dirty_entries; /* at start */
	uint32_t capture_ring_bytes;	/* at start */
	uint32_t reconcile_interval_ms; /* at start; fanotify */
	uint32_t batch_objects;
	uint64_t batch_bytes;
	uint32_t batch_interval_ms;
	uint32_t brake_percent;
	uint64_t brake_objects;
	uint32_t uid_base;
	uint32_t handshake_timeout_ms;
	uint32_t reconnect_interval_ms;
	uint32_t barrier_interval_ms;
	enum tm_log_level log_level;
};

/*
 * Load files, then the @n_sets "KEY=VALUE" of the command line. Complaints about files are logged
 * and kept for the status; a bad command-line setting is an error. Returns 0 or -errno (logged).
 */
int tm_config_load(struct tm_config *ret, const char *const *sets, unsigned int n_sets);
void tm_config_free(struct tm_config *c);
/*
 * Read the files again, under what was set by hand; complaints are logged. What is read only at start
 * stays. 0 or -ENOMEM.
 */
int tm_config_reload(struct tm_config *c);
/*
 * May @key be set to @value while the daemon runs? 0; -ENOENT, -EINVAL, -ERANGE with @why; -EPERM: it is read
 * only at start.
 */
int tm_config_may_set(const char *key, const char *value, char why[256]);
/* Set it, over files and command line, until the daemon ends. Returns as tm_config_may_set(), or -ENOMEM. */
int tm_config_set(struct tm_config *c, const char *key, const char *value);
/* Would workers that run now be started otherwise? Pure. */
bool tm_config_workers_differ(const struct tm_config *a, const struct tm_config *b);

/* For REST: array of settings, array of complaints. NULL: no memory. */
json_t *tm_config_settings_json(const struct tm_config *c);
json_t *tm_config_setting_json(const struct tm_config *c, const char *key);
json_t *tm_config_errors_json(const struct tm_config *c);
/* The first complaint; "": none. */
const char *tm_config_first_error(const struct tm_config *c);
/* How many complaints there are. */
unsigned int tm_config_errors(const struct tm_config *c);

#endif
