/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/log.h - one line per message on stderr, for programs only.
 *
 * Libraries and formats return errors and stay silent; programs log once,
 * with what, which object and what happens next. Lines carry a journal
 * priority prefix ("<4>") when stderr is the journal. Control bytes in a
 * message are escaped, so a hostile file name cannot forge a line.
 */
#ifndef TM_LIB_LOG_H
#define TM_LIB_LOG_H

#include "lib/base.h"

enum tm_log_level {
	TM_LOG_ERR = 3,
	TM_LOG_WARNING = 4,
	TM_LOG_NOTICE = 5,
	TM_LOG_INFO = 6,
	TM_LOG_DEBUG = 7
};

/* @ident: shown before each message, e.g. "tidemarkd" or "source web". Copied. */
void tm_log_open(const char *ident, enum tm_log_level max);
void tm_log_level_set(enum tm_log_level max);
enum tm_log_level tm_log_level_get(void);
void tm_log(enum tm_log_level level, const char *fmt, ...) _printf_(2, 3);

#define tm_err(...) tm_log(TM_LOG_ERR, __VA_ARGS__)
#define tm_warn(...) tm_log(TM_LOG_WARNING, __VA_ARGS__)
#define tm_notice(...) tm_log(TM_LOG_NOTICE, __VA_ARGS__)
#define tm_info(...) tm_log(TM_LOG_INFO, __VA_ARGS__)
#define tm_debug(...) tm_log(TM_LOG_DEBUG, __VA_ARGS__)

/* A limit for repeating messages; zero-initialise. Tells how many it dropped. */
struct tm_ratelimit {
	uint64_t window_start_ms;
	uint32_t seen;
	uint32_t dropped;
};

/* True if a message may be written now: at most @burst per @window_ms. */
bool tm_ratelimit_ok(struct tm_ratelimit *rl, uint32_t burst, uint32_t window_ms);

#endif
