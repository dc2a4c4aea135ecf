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

/* For REST: array of settings, array of complaints. NULL: no memory. */
json_t *tm_config_settings_json(const struct tm_config *c);
json_t *tm_config_errors_json(const struct tm_config *c);
/* The first complaint; "": none. */
const char *tm_config_first_error(const struct tm_config *c);
/* How many complaints there are. */
unsigned int tm_config_errors(const struct tm_config *c);

#endif
