// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * api/openapi.c - the document as it stands in the source tree; make knows that this file depends on it.
 */
#include "api/openapi.h"

__asm__(".pushsection .rodata\n"
	".globl tm_openapi_text\n"
	"tm_openapi_text:\n"
	".incbin \"userspace/api/openapi.json\"\n"
	".byte 0\n"
	".popsection\n");
