/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * api/openapi.h - userspace/api/openapi.json, inside the program.
 */
#ifndef TM_API_OPENAPI_H
#define TM_API_OPENAPI_H

#include "lib/base.h"

extern const char tm_openapi_text[]; /* terminated */

#endif
