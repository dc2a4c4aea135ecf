/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * api/request.h - request bodies as plain structures. Pure.
 *
 * Strict: a field that is unknown, of another type or out of range is refused, naming it. What
 * the values mean (does the directory exist, is the name good) is not asked here.
 */
#ifndef TM_API_REQUEST_H
#define TM_API_REQUEST_H

#include "api/json.h"

#define TM_API_PATH_MAX 4096
#define TM_API_TEXT_MAX 1024

/* A byte string of a request. */
struct tm_api_bytes {
	bool given;
	size_t len;
	char s[TM_API_PATH_MAX + 1]; /* NUL added; may have NULs inside */
};

struct tm_api_create {
	struct tm_api_bytes name, source_dir, target_dir, address;
	uint16_t port;
	bool continuous;
	bool has_fingerprint;
	uint8_t fingerprint[32];
};

/* What is changed of a policy; what was not given stays. */
struct tm_api_edit {
	bool has_mode, has_address, has_port;
	bool continuous;
	uint16_t port;
	struct tm_api_bytes address;
};

struct tm_api_accept {
	bool yes, create_dir, allow_devices, allow_suid;
};

/* What is wrong, where. */
struct tm_api_refusal {
	char field[64]; /* "" : the body as a whole */
	char text[256];
};

/* All: 0 or -EINVAL with @ret_no. */
int tm_api_create_get(const json_t *body, struct tm_api_create *ret, struct tm_api_refusal *ret_no);
/* {"mode", "target_address", "target_port"}, at least one */
int tm_api_edit_get(const json_t *body, struct tm_api_edit *ret, struct tm_api_refusal *ret_no);
int tm_api_accept_get(const json_t *body, struct tm_api_accept *ret, struct tm_api_refusal *ret_no);
/* {"reason": text}; control bytes are refused. */
int tm_api_reject_get(const json_t *body, char ret_reason[TM_API_TEXT_MAX + 1],
		      struct tm_api_refusal *ret_no);
int tm_api_replicate_get(const json_t *body, bool *ret_yes, struct tm_api_refusal *ret_no);
int tm_api_verify_get(const json_t *body, bool *ret_repair, struct tm_api_refusal *ret_no);
int tm_api_sync_get(const json_t *body, uint64_t *ret_timeout_ms, struct tm_api_refusal *ret_no);
/* What is changed of an account; what was not given stays. */
struct tm_api_account {
	bool has_verifier, has_role, has_disabled;
	char verifier[256]; /* printable ASCII, begins with '$' */
	char role[16];
	bool disabled;
};
/* {"verifier", "role"} */
int tm_api_account_put_get(const json_t *body, struct tm_api_account *ret,
			   struct tm_api_refusal *ret_no);
/* {"role", "disabled"}, at least one */
int tm_api_account_patch_get(const json_t *body, struct tm_api_account *ret,
			     struct tm_api_refusal *ret_no);

struct tm_api_login {
	char name[65], address[64]; /* as typed, cut and without control bytes; address may be "" */
	bool ok;
};
int tm_api_login_get(const json_t *body, struct tm_api_login *ret, struct tm_api_refusal *ret_no);

/* {"seconds": 0 to a year, "policy": reference or absent ("")} */
struct tm_api_mute {
	uint64_t seconds;
	char policy[256];
};
int tm_api_mute_get(const json_t *body, struct tm_api_mute *ret, struct tm_api_refusal *ret_no);

/* No field at all is allowed. */
int tm_api_empty_get(const json_t *body, struct tm_api_refusal *ret_no);

#define TM_API_TIMEOUT_MAX_MS ((uint64_t)86400000)

#endif
