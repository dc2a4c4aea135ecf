/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * api/request_int.h - what the files about request bodies share. All: 0 or -EINVAL with @no filled.
 */
#ifndef TM_API_REQUEST_INT_H
#define TM_API_REQUEST_INT_H

#include "api/request.h"

/* Always -EINVAL. @field "": the body as a whole. */
int tm_api_refuse(struct tm_api_refusal *no, const char *field, const char *what);
/* Every key of @body must be in @known. */
int tm_api_only(const json_t *body, const char *const *known, size_t n, struct tm_api_refusal *no);
/* Absent or null: *@ret stays. */
int tm_api_get_bool(const json_t *body, const char *key, bool *ret, struct tm_api_refusal *no);
int tm_api_get_int(const json_t *body, const char *key, int64_t min, int64_t max, int64_t *ret,
		   struct tm_api_refusal *no);
/* KEY as text, or with @with_b64 KEY_b64 as bytes; not both. */
int tm_api_get_bytes(const json_t *body, const char *key, bool with_b64, struct tm_api_bytes *ret,
		     struct tm_api_refusal *no);
/* "manual" or "continuous"; absent: *@ret stays. */
int tm_api_get_mode(const json_t *body, bool *ret, struct tm_api_refusal *no);

#endif
