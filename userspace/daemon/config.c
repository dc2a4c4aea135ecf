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

void tm_config_free(struct tm_config *c)
{
	tm_settings_free(c->settings);
	c->settings = NULL;
}

json_t *tm_config_settings_json(const struct tm_config *c)
{
	json_t *a = json_array();

	for (int i = 0; a && i < TM_SET_COUNT; i++) {
		enum tm_setting_id id = (enum tm_setting_id)i;
		const struct tm_setting_desc *desc = tm_setting_desc(id);
		struct tm_api_setting row = {
			.key = desc->key,
			.value = tm_settings_text(c->settings, id),
			.dflt = tm_settings_default(c->settings, id),
			.type = tm_setting_type_name(desc->type),
			.unit = desc->unit,
			.help = desc->help,
			.origin = tm_settings_origin(c->settings, id),
		};

		if (id == TM_SET_CLUSTER_NAME)
			row.value = c->cluster;
		if (json_array_append_new(a, tm_api_setting_json(&row)) < 0) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
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
