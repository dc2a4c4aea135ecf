/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/log.c - one line per message on stderr; see log.h.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"

/* A longer message is cut: one log line is not a place for data. */
#define LOG_LINE_MAX 4096

static char log_ident[64];
static enum tm_log_level log_max = TM_LOG_INFO;
static bool log_journal;

/*
 * systemd names the device and inode of the journal's stream; only when
 * stderr is that very stream does a "<4>" prefix become a priority.
 */
static bool stderr_is_journal(void)
{
	const char *e = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (!e || sscanf(e, "%llu:%llu", &dev, &ino) != 2)
		return false;
	if (fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

void tm_log_open(const char *ident, enum tm_log_level max)
{
	snprintf(log_ident, sizeof(log_ident), "%s", ident ? ident : "");
	log_max = max;
	log_journal = stderr_is_journal();
}

void tm_log_level_set(enum tm_log_level max)
{
	log_max = max;
}

enum tm_log_level tm_log_level_get(void)
{
	return log_max;
}

void tm_log(enum tm_log_level level, const char *fmt, ...)
{
	_cleanup_free_ char *safe = NULL;
	char msg[LOG_LINE_MAX], line[LOG_LINE_MAX + 128], prefix[8] = "";
	int saved = errno, n;
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		snprintf(msg, sizeof(msg), "(message could not be formatted)");
	/*
	 * The message as a whole is escaped, so backslashes double up too: what is
	 * read back is unambiguous, and no caller can forget a name.
	 */
	safe = tm_escape(msg, strlen(msg));
	if (log_journal)
		snprintf(prefix, sizeof(prefix), "<%u>", (unsigned int)level & 7);
	n = snprintf(line, sizeof(line) - 1, "%s%s%s%s", prefix, log_ident,
		     log_ident[0] ? ": " : "", safe ? safe : "(out of memory)");
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	/* One write: lines of several processes do not mix. A full log is nobody's error. */
	while (write(STDERR_FILENO, line, (size_t)n) < 0 && errno == EINTR)
		;
	errno = saved;
}

bool tm_ratelimit_ok(struct tm_ratelimit *rl, uint32_t burst, uint32_t window_ms)
{
	uint64_t now = tm_mono_ms();

	if (!rl->window_start_ms || now - rl->window_start_ms >= window_ms) {
		if (rl->dropped)
			tm_notice("%u similar messages were not shown", rl->dropped);
		*rl = (struct tm_ratelimit){ .window_start_ms = now ? now : 1 };
	}
	if (rl->seen < burst) {
		rl->seen++;
		return true;
	}
	rl->dropped++;
	return false;
}
