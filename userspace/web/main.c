// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/main.c - tidemark-web: options, settings, the order of starting and stopping.
 */
#include "web/confine.h"
#include "web/http.h"
#include "web/listen.h"
#include "web/tls.h"

#include "conf/settings.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/text.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct options {
	const char *state, *runtime;
	struct tm_settings *set;
};

static void help(void)
{
	printf("Usage: tidemark-web [OPTION]...\n"
	       "Serve the page of tidemarkd to browsers: TLS, logins, and the way to its socket.\n\n"
	       "  --runtime-dir DIR  where tidemarkd's web.sock is (default /run/tidemark)\n"
	       "  --state-dir DIR    where the self-signed certificate is kept (default /var/lib/tidemark-web)\n"
	       "  --set KEY=VALUE    one setting, over all files; may be repeated\n"
	       "  --version, --help\n\n"
	       "It runs as any user but root; the setting web.user tells tidemarkd which one.\n"
	       "Settings: those of tidemark.d(5) that begin with web.\n"
	       "The first password is set on this machine, as root: tidemark admin set-password\n");
}

/* 0; 2: wrong usage; -1: done. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option opts[] = {
		{ "state-dir", required_argument, NULL, 's' },
		{ "runtime-dir", required_argument, NULL, 'r' },
		{ "set", required_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char why[TM_SETTING_WHY_LEN];
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) >= 0) {
		switch (c) {
		case 's': o->state = optarg; break;
		case 'r': o->runtime = optarg; break;
		case 'k':
			if (tm_settings_set_arg(o->set, optarg, why) < 0) {
				tm_err("--set %s: %s", optarg, why);
				return 2;
			}
			break;
		case 'V': printf("tidemark-web %s\n", TM_VERSION); return -1;
		case 'h': help(); return -1;
		default: return 2;
		}
	}
	if (optind < argc) {
		tm_err("unexpected argument: %s (see --help)", argv[optind]);
		return 2;
	}
	return 0;
}

static const char *text(const struct options *o, enum tm_setting_id id)
{
	return tm_settings_text(o->set, id);
}

static void load_settings(const struct options *o)
{
	static const enum tm_log_level levels[] = { TM_LOG_ERR, TM_LOG_WARNING, TM_LOG_NOTICE,
						    TM_LOG_INFO, TM_LOG_DEBUG };

	if (tm_settings_load(o->set, NULL, 0) < 0)
		tm_err("out of memory: the settings are the defaults");
	for (size_t i = 0; i < tm_settings_complaints(o->set); i++)
		tm_warn("%s", tm_settings_complaint(o->set, i));
	tm_log_level_set(levels[tm_settings_u64(o->set, TM_SET_LOG_LEVEL) % TM_ARRAY_SIZE(levels)]);
}

/* The names by which this server may be called. */
static void learn_names(const struct options *o, struct tm_hosts *h, char hostname[TM_HOST_MAX])
{
	if (gethostname(hostname, TM_HOST_MAX) < 0 || !hostname[0])
		strcpy(hostname, "localhost");
	hostname[TM_HOST_MAX - 1] = 0;
	(void)tm_hosts_add(h, hostname);
	/* Its first part, if it has several. */
	if (strchr(hostname, '.')) {
		char first[TM_HOST_MAX];

		snprintf(first, sizeof(first), "%.*s", (int)strcspn(hostname, "."), hostname);
		(void)tm_hosts_add(h, first);
	}
	if (tm_hosts_add(h, text(o, TM_SET_WEB_HOSTS)) != 0)
		tm_warn("web.hosts: not all of '%s' are names, or they are too many",
			text(o, TM_SET_WEB_HOSTS));
}

static int load_pair(const struct options *o, const struct tm_hosts *h, const char *hostname,
		     struct tm_tls_pair *ret)
{
	const char *cert = text(o, TM_SET_WEB_TLS_CERT), *key = text(o, TM_SET_WEB_TLS_KEY);
	_cleanup_close_ int dirfd = -EBADF;

	if (*cert || *key)
		return tm_tls_load(cert, key, ret);
	(void)mkdir(o->state, 0700);
	dirfd = open(o->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0) {
		tm_err("state directory %s: %s", o->state, strerror(errno));
		return -errno;
	}
	return tm_tls_self_signed(dirfd, hostname, h, ret);
}

static int open_assets(struct tm_web *w)
{
	const char *dir = getenv("TIDEMARK_WEB_ASSETS");

	w->assets_fd = -EBADF;
	if (!dir || !*dir)
		return 0;
	w->assets_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->assets_fd < 0) {
		tm_err("TIDEMARK_WEB_ASSETS=%s: %s", dir, strerror(errno));
		return -errno;
	}
	tm_warn("the page comes from %s, as it is there: for development only", dir);
	return 0;
}

static int on_stop(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct tm_web *w = arg;

	(void)s;
	tm_notice("stopping (signal %u)", si->ssi_signo);
	return sd_event_exit(w->ev, 0);
}

static int start_loop(struct tm_web *w)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	r = sd_event_default(&w->ev);
	if (r >= 0)
		r = sd_event_add_signal(w->ev, NULL, SIGTERM, on_stop, w);
	if (r >= 0)
		r = sd_event_add_signal(w->ev, NULL, SIGINT, on_stop, w);
	return r < 0 ? r : 0;
}

/* What it takes to answer, but for the socket. */
static int start_parts(struct tm_web *w, const struct options *o)
{
	_cleanup_free_ char *sock = tm_asprintf("%s/web.sock", o->runtime);
	uint64_t seed;
	int r = start_loop(w);

	if (!sock)
		return -ENOMEM;
	if (strlen(sock) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		tm_err("%s: the path is too long for a socket", sock);
		return -ENAMETOOLONG;
	}
	tm_random(&seed, sizeof(seed));
	w->limit = tm_limit_new(seed);
	w->sessions = tm_sessions_new(tm_settings_u64(o->set, TM_SET_WEB_SESSION_IDLE),
				      tm_settings_u64(o->set, TM_SET_WEB_SESSION_MAX));
	if (!w->limit || !w->sessions)
		return -ENOMEM;
	if (r == 0)
		r = tm_passwords_new(w->ev, &w->passwords);
	if (r == 0)
		r = tm_up_new(w->ev, sock, &w->up);
	if (r == 0)
		r = tm_accounts_new(w);
	if (r == 0)
		r = tm_events_new(w);
	if (r == 0)
		r = open_assets(w);
	return r;
}

static int start(struct tm_web *w, const struct options *o)
{
	const char *address = text(o, TM_SET_WEB_LISTEN_ADDRESS);
	_cleanup_(tm_tls_pair_free) struct tm_tls_pair pair = { 0 };
	char hostname[TM_HOST_MAX];
	uint16_t port = 0;
	int fd, r = start_parts(w, o);

	if (r < 0) {
		tm_err("cannot start: %s", strerror(-r));
		return r;
	}
	learn_names(o, &w->hosts, hostname);
	r = load_pair(o, &w->hosts, hostname, &pair);
	if (r < 0)
		return r;
	fd = tm_listen(address, (uint16_t)tm_settings_u64(o->set, TM_SET_WEB_LISTEN_PORT), &port);
	if (fd < 0)
		return fd;
	r = tm_http_start(w, fd, pair.cert, pair.key);
	if (r < 0) {
		tm_err("TLS cannot be served: %s", strerror(-r));
		return r;
	}
	r = tm_confine_seccomp();
	if (r < 0)
		return r;
	tm_notice("version %s listens on %s port %u; certificate %s (SHA-256) until %s%s",
		  TM_VERSION, address, port, pair.fingerprint, pair.expires,
		  pair.self_signed ? ", self-signed" : "");
	(void)sd_event_set_watchdog(w->ev, true);
	(void)sd_notifyf(0, "READY=1\nSTATUS=https://%s:%u/", hostname, port);
	return 0;
}

static void stop(struct tm_web *w)
{
	(void)sd_notify(0, "STOPPING=1");
	tm_events_stop(w);
	tm_http_free(w);
	tm_passwords_free(w->passwords);
	tm_accounts_free(w);
	tm_events_free(w);
	tm_up_free(w->up);
	tm_sessions_free(w->sessions);
	tm_limit_free(w->limit);
	tm_close(w->assets_fd);
	sd_event_unref(w->ev);
}

int main(int argc, char **argv)
{
	struct options o = { .state = "/var/lib/tidemark-web",
			     .runtime = "/run/tidemark",
			     .set = tm_settings_new() };
	static struct tm_web w = { .assets_fd = -EBADF };
	int r;

	tm_log_open("tidemark-web", TM_LOG_INFO);
	if (!o.set)
		return 1;
	r = parse(argc, argv, &o);
	if (r) {
		tm_settings_free(o.set);
		return r < 0 ? 0 : r;
	}
	umask(0077);
	r = tm_confine_early();
	if (r == 0) {
		load_settings(&o);
		r = start(&w, &o);
		if (r == 0)
			r = sd_event_loop(w.ev);
		stop(&w);
	}
	tm_settings_free(o.set);
	return r < 0 ? 1 : 0;
}
