/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf/internal.h - what settings.c and load.c share.
 */
#ifndef TM_CONF_INTERNAL_H
#define TM_CONF_INTERNAL_H

#include "conf/settings.h"

#define TM_COMPLAINTS_MAX 100

struct tm_setting_value {
	uint64_t u64;
	char *text;   /* owned, as it was written */
	char *origin; /* owned; NULL: default */
};

struct tm_settings {
	struct tm_setting_value v[TM_SET_COUNT];
	bool by_hand[TM_SET_COUNT]; /* files do not touch it */
	char *hostname;
	char *complaints[TM_COMPLAINTS_MAX];
	size_t n_complaints;
	size_t more_complaints;
	char more[64];
};

void tm_setting_value_free(struct tm_setting_value *v);

/*
 * Understand @text for row @id. Returns 0; -EINVAL, -ERANGE with the reason in @why; -ENOMEM.
 * @origin is copied, NULL means default.
 */
int tm_setting_value_parse(enum tm_setting_id id, const char *text, const char *origin,
			   struct tm_setting_value *ret, char why[TM_SETTING_WHY_LEN]);
/* The default of the row as a value. */
int tm_setting_value_default(const struct tm_settings *s, enum tm_setting_id id,
			     struct tm_setting_value *ret);
/* "unknown setting 'x', did you mean 'y'?" */
void tm_setting_unknown(const char *key, char why[TM_SETTING_WHY_LEN]);

#endif
