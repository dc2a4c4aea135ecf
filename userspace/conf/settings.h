/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf/settings.h - the one typed table of settings, and its values with their origin.
 *
 * A row is all there is to say about a setting: parser, command line, REST, page and manual read
 * the same row. Values come, the later over the earlier, from: the default; files (sysctl.d
 * precedence, see tm_settings_load()); the command line; runtime. A bad value never replaces a good
 * one: the last good one stays and a complaint says where and what. Unknown keys are complaints too.
 *
 * Not thread-safe. No secrets in settings: everyone may read them.
 */
#ifndef TM_CONF_SETTINGS_H
#define TM_CONF_SETTINGS_H

#include "lib/base.h"

enum tm_setting_type {
	TM_ST_BYTES,	/* 64K, 50M */
	TM_ST_DURATION, /* 50ms, 30s, 15min: in milliseconds */
	TM_ST_BOOL,	/* yes, no */
	TM_ST_INT,
	TM_ST_STRING, /* min and max are lengths in bytes */
	TM_ST_ENUM,   /* unit lists the words: "a|b|c"; the value is their index */
};

enum tm_setting_flags {
	TM_SF_LIVE = 1 << 0,	/* takes effect at once (reload) */
	TM_SF_RESTART = 1 << 1, /* read when the daemon starts */
	TM_SF_POW2 = 1 << 2,	/* a power of two */
};

#define TM_KIB 1024ULL
#define TM_MIB (1024 * TM_KIB)
#define TM_GIB (1024 * TM_MIB)
#define TM_SECOND 1000ULL
#define TM_HOUR (3600 * TM_SECOND)

/* clang-format off */
/* id, key, type, unit or words, min, max, default, flags, help */
#define TM_SETTINGS(X) \
	X(CLUSTER_NAME, "cluster.name", STRING, "", 1, 64, "", RESTART, \
	  "name of this cluster, shown to peers; the default is the host's name") \
	X(LISTEN_ADDRESS, "listen.address", STRING, "", 1, 127, "::", RESTART, \
	  "address that peers connect to; :: is every address, IPv4 too") \
	X(LISTEN_PORT, "listen.port", INT, "", 0, 65535, "3712", RESTART, \
	  "TCP port that peers connect to; 0 takes any free one") \
	X(CAPTURE_BACKEND, "capture.backend", ENUM, "auto|bpf|fanotify", 0, 2, "auto", RESTART, \
	  "how changes are seen; auto takes bpf where the kernel allows it, else fanotify") \
	X(CAPTURE_RING_BYTES, "capture.ring_bytes", BYTES, "bytes", 64 * TM_KIB, 256 * TM_MIB, "4M", \
	  RESTART | TM_SF_POW2, "size of the ring buffer between kernel and daemon (a power of two)") \
	X(CAPTURE_DIRTY_ENTRIES, "capture.dirty_entries", INT, "files", 1024, 16777216, "65536", \
	  RESTART, "changed files the kernel remembers at once; more make a root incomplete") \
	X(CAPTURE_RECONCILE_INTERVAL, "capture.reconcile_interval", DURATION, "ms", TM_SECOND, \
	  24 * TM_HOUR, "60s", RESTART, \
	  "fanotify only: how often everything is compared by metadata") \
	X(BATCH_MAX_OBJECTS, "batch.max_objects", INT, "objects", 1, 1048576, "8192", LIVE, \
	  "files and directories described by one batch, about") \
	X(BATCH_MAX_BYTES, "batch.max_bytes", BYTES, "bytes", 64 * TM_KIB, 64 * TM_GIB, "64M", LIVE, \
	  "file content in one batch, about") \
	X(BATCH_INTERVAL, "batch.interval", DURATION, "ms", 1, TM_HOUR, "50ms", LIVE, \
	  "how long changes collect before they are sent (continuous mode)") \
	X(DELETE_BRAKE_PERCENT, "delete.brake_percent", INT, "percent", 0, 100, "50", LIVE, \
	  "stop when one batch would delete more than this share of the target, and more than " \
	  "delete.brake_objects") \
	X(DELETE_BRAKE_OBJECTS, "delete.brake_objects", INT, "objects", 0, 1000000000000ULL, "10000", \
	  LIVE, "stop when one batch would delete more than this many objects, and more than " \
	  "delete.brake_percent") \
	X(WORKER_UID_BASE, "worker.uid_base", INT, "", 1000, 4294900000ULL, "371200", RESTART, \
	  "first of the user ids that workers run as") \
	X(PEER_HANDSHAKE_TIMEOUT, "peer.handshake_timeout", DURATION, "ms", 100, 300 * TM_SECOND, \
	  "5s", LIVE, "how long a peer may take to prove who it is") \
	X(PEER_RECONNECT_INTERVAL, "peer.reconnect_interval", DURATION, "ms", 10, TM_HOUR, "2s", LIVE, \
	  "pause before connecting again to a peer that was lost") \
	X(LOG_LEVEL, "log.level", ENUM, "err|warning|notice|info|debug", 0, 4, "info", LIVE, \
	  "least important messages that are logged") \
	X(BARRIER_INTERVAL, "barrier.interval", DURATION, "ms", TM_SECOND, 24 * TM_HOUR, "30s", LIVE, \
	  "how often the source's file system is synced, so that less is compared again after a crash") \
	X(WEB_USER, "web.user", STRING, "", 1, 32, "tidemark-web", RESTART, \
	  "user that tidemark-web runs as; web.sock is made for it, and only if it exists") \
	X(WEB_LISTEN_ADDRESS, "web.listen.address", STRING, "", 1, 127, "::", RESTART, \
	  "address that browsers connect to; :: is every address, IPv4 too") \
	X(WEB_LISTEN_PORT, "web.listen.port", INT, "", 0, 65535, "8443", RESTART, \
	  "TCP port that browsers connect to; 0 takes any free one") \
	X(WEB_HOSTS, "web.hosts", STRING, "", 0, 1000, "", RESTART, \
	  "names, beside the host's own and its addresses, by which browsers may call the page; " \
	  "separated by blanks or commas") \
	X(WEB_TLS_CERT, "web.tls.cert", STRING, "", 0, 1000, "", RESTART, \
	  "file with the page's certificate and those between it and the root (PEM); " \
	  "empty: a self-signed one is made at the first start") \
	X(WEB_TLS_KEY, "web.tls.key", STRING, "", 0, 1000, "", RESTART, \
	  "file with the key of web.tls.cert (PEM), readable for web.user") \
	X(WEB_SESSION_IDLE, "web.session.idle", DURATION, "ms", TM_SECOND, 24 * TM_HOUR, "30min", RESTART, \
	  "a login ends after this long without a request of its user") \
	X(WEB_SESSION_MAX, "web.session.max", DURATION, "ms", TM_SECOND, 168 * TM_HOUR, "12h", RESTART, \
	  "a login ends after this long in any case")
/* clang-format on */

enum tm_setting_id {
#define X(id, key, type, unit, min, max, def, flags, help) TM_SET_##id,
	TM_SETTINGS(X)
#undef X
	TM_SET_COUNT
};

struct tm_setting_desc {
	const char *key;
	enum tm_setting_type type;
	const char *unit; /* ENUM: the words */
	uint64_t min;
	uint64_t max;
	const char *def; /* as people write it; cluster.name: "" stands for the host's name */
	uint32_t flags;
	const char *help;
};

struct tm_settings;

const struct tm_setting_desc *tm_setting_desc(enum tm_setting_id id);
const char *tm_setting_type_name(enum tm_setting_type t); /* "bytes", "duration", ... */
/* The row of @key ('.' and '/' are the same), or -ENOENT. */
int tm_setting_find(const char *key);
/* The key most like @key, or NULL when none is near. */
const char *tm_setting_nearest(const char *key);

/* All at their defaults. NULL: no memory. */
struct tm_settings *tm_settings_new(void);
void tm_settings_free(struct tm_settings *s);

/* Values in force: BYTES, DURATION (ms), INT, ENUM (index); BOOL; every one as text. */
uint64_t tm_settings_u64(const struct tm_settings *s, enum tm_setting_id id);
bool tm_settings_bool(const struct tm_settings *s, enum tm_setting_id id);
const char *tm_settings_text(const struct tm_settings *s, enum tm_setting_id id);
const char *tm_settings_default(const struct tm_settings *s, enum tm_setting_id id);
/* "default", "/etc/tidemark.d/50-site.conf:3", "command line", "runtime" */
const char *tm_settings_origin(const struct tm_settings *s, enum tm_setting_id id);

/*
 * Read all files anew and put them under the command line's and runtime's values. @dirs: lowest
 * precedence first; NULL: tm_settings_dirs. *.conf of all of them, sorted by base name; a file in
 * a later directory hides the one of the same name in an earlier one, a symlink to /dev/null hides
 * it altogether. Old complaints are dropped. A key whose values are all bad keeps what is in force.
 * Returns 0, or -ENOMEM (then no value changed).
 */
int tm_settings_load(struct tm_settings *s, const char *const *dirs, size_t n_dirs);
extern const char *const tm_settings_dirs[3];

/* Where a value set by hand comes from; it outranks files and survives tm_settings_load(). */
enum tm_setting_hand { TM_BY_COMMAND_LINE, TM_BY_RUNTIME };

/*
 * Set one value. Returns 0; -ENOENT unknown key; -EINVAL, -ERANGE; -ENOMEM. @why (may be NULL) then says
 * it in words, with the nearest key.
 */
#define TM_SETTING_WHY_LEN 256
int tm_settings_set(struct tm_settings *s, const char *key, const char *value,
		    enum tm_setting_hand by, char why[TM_SETTING_WHY_LEN]);
/* The same for one "KEY=VALUE" of --set. */
int tm_settings_set_arg(struct tm_settings *s, const char *arg, char why[TM_SETTING_WHY_LEN]);

/* What was wrong in the files: "FILE:LINE: text". Bounded: at most 100, then how many more. */
size_t tm_settings_complaints(const struct tm_settings *s);
const char *tm_settings_complaint(const struct tm_settings *s, size_t i);

#endif
