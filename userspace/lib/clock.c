/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/clock.c - monotonic and wall time; see clock.h.
 */
#include "lib/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "lib/fd.h"

uint64_t tm_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t tm_mono_ms(void)
{
	return tm_mono_ns() / 1000000u;
}

int64_t tm_wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

const char *tm_rfc3339(int64_t wall_ns, char buf[TM_RFC3339_LEN])
{
	int64_t sec = wall_ns / 1000000000, ns = wall_ns % 1000000000;
	time_t t;
	struct tm tm;

	buf[0] = 0;
	if (!wall_ns)
		return buf;
	/* Before 1970 C rounds towards zero; time has to round down. */
	if (ns < 0) {
		ns += 1000000000;
		sec--;
	}
	t = (time_t)sec;
	if (!gmtime_r(&t, &tm))
		return buf;
	snprintf(buf, TM_RFC3339_LEN, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		 (unsigned int)(tm.tm_year + 1900) % 10000, (unsigned int)(tm.tm_mon + 1) % 100,
		 (unsigned int)tm.tm_mday % 100, (unsigned int)tm.tm_hour % 100,
		 (unsigned int)tm.tm_min % 100, (unsigned int)tm.tm_sec % 100,
		 (unsigned int)(ns / 1000000) % 1000);
	return buf;
}

int tm_boot_id(char buf[TM_BOOT_ID_LEN])
{
	_cleanup_close_ int fd = -EBADF;
	char raw[TM_BOOT_ID_LEN];
	ssize_t n;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = tm_read_full(fd, raw, TM_BOOT_ID_LEN - 1);
	if (n < 0)
		return (int)n;
	if (n != TM_BOOT_ID_LEN - 1)
		return -EBADMSG;
	raw[n] = 0;
	memcpy(buf, raw, sizeof(raw));
	return 0;
}
