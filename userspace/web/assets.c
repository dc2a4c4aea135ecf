// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/assets.c - see assets.h.
 */
#include "web/assets.h"

#include "lib/fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the generated assembler; ordered by path. */
extern const struct tm_asset tm_assets[];
extern const uint64_t tm_assets_count;

const struct tm_asset *tm_asset_find(const char *path)
{
	size_t low = 0, high = (size_t)tm_assets_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(path, tm_assets[mid].path);

		if (c == 0)
			return &tm_assets[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

bool tm_asset_path_good(const char *path)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
	size_t n = strlen(path);

	if (n == 0 || n > 200 || strspn(path, good) != n || path[n - 1] == '/')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((i == 0 || path[i - 1] == '/') && (path[i] == '.' || path[i] == '/'))
			return false;
	return true;
}

/* The same table as in scripts/web-assets; a test compares them. */
const char *tm_asset_mime(const char *path)
{
	static const struct {
		const char *end, *mime;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".ico", "image/x-icon" },
		{ ".woff2", "font/woff2" },
		{ ".json", "application/json" },
		{ ".webmanifest", "application/manifest+json" },
		{ ".txt", "text/plain; charset=utf-8" },
		{ "LICENSES", "text/plain; charset=utf-8" },
	};
	size_t n = strlen(path);

	for (size_t i = 0; i < TM_ARRAY_SIZE(types); i++) {
		size_t k = strlen(types[i].end);

		if (n >= k && tm_streq(path + n - k, types[i].end))
			return types[i].mime;
	}
	return "application/octet-stream";
}

int tm_asset_read(int dirfd, const char *path, struct tm_asset_file *ret)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	ssize_t n;

	if (!tm_asset_path_good(path))
		return -ENOENT;
	fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	if (fd < 0)
		return errno == ENOTDIR || errno == EXDEV || errno == ELOOP ? -ENOENT : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	if ((uint64_t)st.st_size > TM_ASSET_FILE_MAX)
		return -EFBIG;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	n = tm_read_full(fd, data, (size_t)st.st_size);
	if (n < 0)
		return (int)n;
	ret->mime = tm_asset_mime(path);
	ret->len = (size_t)n;
	ret->data = tm_take_ptr(data);
	return 0;
}
