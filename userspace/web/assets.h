/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/assets.h - the files of the page, from this program or, for development, from a directory.
 *
 * scripts/web-assets turns userspace/web/assets/ into assembler: each file as it is and, where
 * that is smaller, compressed, with its type and the SHA-256 of its content.
 */
#ifndef TM_WEB_ASSETS_H
#define TM_WEB_ASSETS_H

#include "lib/base.h"

struct tm_asset {
	const char *path; /* below assets/: "index.html", "vendor/lit.js" */
	const char *mime;
	const char *sha256; /* 64 hex digits */
	const uint8_t *data;
	uint64_t len;
	const uint8_t *gz; /* NULL: it would not be smaller */
	uint64_t gz_len;
};

/* The embedded one of that path, or NULL. */
const struct tm_asset *tm_asset_find(const char *path);

/* A file of the development directory; data is the caller's to free. */
#define TM_ASSET_FILE_MAX ((size_t)4 << 20)
struct tm_asset_file {
	const char *mime;
	uint8_t *data;
	size_t len;
};
/*
 * Read @path below the held directory @dirfd. Returns 0; -ENOENT also for what is no plain file
 * below it or has a name no asset can have; -EFBIG; -errno.
 */
int tm_asset_read(int dirfd, const char *path, struct tm_asset_file *ret);

/* Of the file name's end; "application/octet-stream" where it is unknown. */
const char *tm_asset_mime(const char *path);
/* Letters, digits, . _ - and single slashes, no component that begins with a dot. */
bool tm_asset_path_good(const char *path);

#endif
