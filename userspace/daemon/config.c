// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/config.c - the settings table as the daemon's typed values.
 */
#include "daemon/config.h"
#include "api/object.h"
#include "conf/settings.h"

#include <stdio.h>
#include <unistd.h>

static void cluster_name(const struct tm_settings *s, char *dst, size_t cap)
{
	const char *name = tm_settings_text(s, TM_SET_CLUSTER_NAME);

	if (name && *name) {
		snprintf(dst, cap, "%s", name);
	} else {
		/* The default is the host's own name, without its domain. */
		if (gethostname(dst, cap) < 0 || !dst[0])
			snprintf(dst, cap, "localhost");
		dst[cap - 1] = 0;
		dst[strcspn(dst, ".")] = 0;
	}
}

static void config_fill(struct tm_config *c, struct tm_settings *s)
{
	static const enum tm_backend backends[] = { TM_BACKEND_AUTO, TM_BACKEND_BPF,
						    TM_BACKEND_FANOTIFY };

	*c = (struct tm_config){
		.settings = s,
		.listen_port = (uint16_t)tm_settings_u64(s, TM_SET_LISTEN_PORT),
		.backend = backends[tm_settings_u64(s, TM_SET_CAPTURE_BACKEND) %
				    TM_ARRAY_SIZE(backends)],
		.capture_dirty_entries = (uint32_t)tm_settings_u64(s, TM_SET_CAPTURE_DIRTY_ENTRIES),
		.capture_ring_bytes = (uint32_t)tm_settings_u64(s, TM_SET_CAPTURE_RING_BYTES),
		.reconcile_interval_ms =
			(uint32_t)tm_settings_u64(s, TM_SET_CAPTURE_RECONCILE_INTERVAL),
		.batch_objects = (uint32_t)tm_settings_u64(s, TM_SET_BATCH_MAX_OBJECTS),
		.batch_bytes = tm_settings_u64(s, TM_SET_BATCH_MAX_BYTES),
		.batch_interval_ms = (uint32_t)tm_settings_u64(s, TM_SET_BATCH_INTERVAL),
		.brake_percent = (uint32_t)tm_settings_u64(s, TM_SET_DELETE_BRAKE_PERCENT),
		.brake_objects = tm_settings_u64(s, TM_SET_DELETE_BRAKE_OBJECTS),
		.uid_base = (uint32_t)tm_settings_u64(s, TM_SET_WORKER_UID_BASE),
		.handshake_timeout_ms = (uint32_t)tm_settings_u64(s, TM_SET_PEER_HANDSHAKE_TIMEOUT),
		.reconnect_interval_ms =
			(uint32_t)tm_settings_u64(s, TM_SET_PEER_RECONNECT_INTERVAL),
		.barrier_interval_ms = (uint32_t)tm_settings_u64(s, TM_SET_BARRIER_INTERVAL),
		.log_level = (enum tm_log_level)(TM_LOG_ERR + tm_settings_u64(s, TM_SET_LOG_LEVEL)),
	};
	cluster_name(s, c->cluster, sizeof(c->cluster));
	snprintf(c->listen_address, sizeof(c->listen_address), "%s",
		 tm_settings_text(s, TM_SET_LISTEN_ADDRESS));
}

int tm_config_load(struct tm_config *ret, const char *const *sets, unsigned int n_sets)
{
	struct tm_settings *s = tm_settings_new();
	char why[TM_SETTING_WHY_LEN];
	int r;

	if (!s)
		return -ENOMEM;
	r = tm_settings_load(s, NULL, 0);
	if (r < 0) {
		tm_settings_free(s);
		return r;
	}
	for (size_t i = 0; i < tm_settings_complaints(s); i++)
		tm_warn("settings: %s", tm_settings_complaint(s, i));
	for (unsigned int i = 0; i < n_sets; i++) {
		r = tm_settings_set_arg(s, sets[i], why);
		if (r < 0) {
			tm_err("--set %s: %s", sets[i], why);
			tm_settings_free(s);
			return r;
		}
	}
	config_fill(ret, s);
	return 0;
}

/* The values anew from the table; what is read only at start stays what it is until the next one. */
static void config_refill(struct tm_config *c)
{
	struct tm_config old = *c;

	config_fill(c, old.settings);
	memcpy(c->cluster, old.cluster, sizeof(c->cluster));
	memcpy(c->listen_address, old.listen_address, sizeof(c->listen_address));
	c->listen_port = old.listen_port;
	c->backend = old.backend;
	c->uid_base = old.uid_base;
	c->capture_dirty_entries = old.capture_dirty_entries;
	c->capture_ring_bytes = old.capture_ring_bytes;
	c->reconcile_interval_ms = old.reconcile_interval_ms;
}

int tm_config_reload(struct tm_config *c)
{
	int r = tm_settings_load(c->settings, NULL, 0);

	if (r < 0)
		return r;
	for (size_t i = 0; i < tm_settings_complaints(c->settings); i++)
		tm_warn("settings: %s", tm_settings_complaint(c->settings, i));
	config_refill(c);
	return 0;
}

int tm_config_may_set(const char *key, const char *value, char why[256])
{
	struct tm_settings *scratch = tm_settings_new();
	int id = tm_setting_find(key), r;

	if (!scratch)
		return -ENOMEM;
	r = tm_settings_set(scratch, key, value, TM_BY_RUNTIME, why);
	tm_settings_free(scratch);
	if (r == 0 && !(tm_setting_desc((enum tm_setting_id)id)->flags & TM_SF_LIVE)) {
		snprintf(why, 256, "%s is read when tidemarkd starts: put it into a file and restart",
			 tm_setting_desc((enum tm_setting_id)id)->key);
		return -EPERM;
	}
	return r;
}

int tm_config_set(struct tm_config *c, const char *key, const char *value)
{
	char why[TM_SETTING_WHY_LEN];
	int r = tm_config_may_set(key, value, why);

	if (r == 0)
		r = tm_settings_set(c->settings, key, value, TM_BY_RUNTIME, why);
	if (r == 0)
		config_refill(c);
	return r;
}

bool tm_config_workers_differ(const struct tm_config *a, const struct tm_config *b)
{
	return a->batch_objects != b->batch_objects || a->batch_bytes != b->batch_bytes ||
	       a->brake_percent != b->brake_percent || a->brake_objects != b->brake_objects ||
	       a->handshake_timeout_ms != b->handshake_timeout_ms ||
	       a->barrier_interval_ms != b->barrier_interval_ms || a->log_level != b->log_level;
}

void tm_config_free(struct tm_config *c)
{
	tm_settings_free(c->settings);
	c->settings = NULL;
}

static json_t *row_json(const struct tm_config *c, enum tm_setting_id id)
{
	const struct tm_setting_desc *desc = tm_setting_desc(id);
	const struct tm_api_setting row = {
		.key = desc->key,
		.value = id == TM_SET_CLUSTER_NAME ? c->cluster : tm_settings_text(c->settings, id),
		.dflt = tm_settings_default(c->settings, id),
		.type = tm_setting_type_name(desc->type),
		.unit = desc->unit,
		.help = desc->help,
		.origin = tm_settings_origin(c->settings, id),
		.changeable = desc->flags & TM_SF_LIVE,
	};

	return tm_api_setting_json(&row);
}

json_t *tm_config_settings_json(const struct tm_config *c)
{
	json_t *a = json_array();

	for (int i = 0; a && i < TM_SET_COUNT; i++)
		if (json_array_append_new(a, row_json(c, (enum tm_setting_id)i)) < 0) {
			json_decref(a);
			return NULL;
		}
	return a;
}

json_t *tm_config_setting_json(const struct tm_config *c, const char *key)
{
	int id = tm_setting_find(key);

	return id < 0 ? NULL : row_json(c, (enum tm_setting_id)id);
}

unsigned int tm_config_errors(const struct tm_config *c)
{
	return (unsigned int)tm_settings_complaints(c->settings);
}

const char *tm_config_first_error(const struct tm_config *c)
{
	return tm_settings_complaint(c->settings, 0) ?: "";
}

json_t *tm_config_errors_json(const struct tm_config *c)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < tm_settings_complaints(c->settings); i++) {
		_cleanup_json_ json_t *o = json_object();
		const char *text = tm_settings_complaint(c->settings, i);

		/* Through the object helper: a file name in it need not be UTF-8. */
		if (tm_api_set_str(o, "t", text) < 0 ||
		    json_array_append(a, json_object_get(o, "t")) < 0) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
}
