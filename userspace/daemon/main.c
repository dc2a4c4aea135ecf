// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/main.c - tidemarkd: options, directories, the order of starting and stopping.
 */
#include "daemon/accept.h"
#include "daemon/aside.h"
#include "daemon/capture_glue.h"
#include "daemon/daemon.h"
#include "daemon/events.h"
#include "daemon/health.h"
#include "daemon/pairing.h"
#include "daemon/rest.h"
#include "daemon/roots.h"
#include "daemon/series.h"
#include "daemon/tune.h"
#include "daemon/start.h"
#include "daemon/supervisor.h"
#include "daemon/watch.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#ifndef TM_VERSION
#define TM_VERSION "0"
#endif

#define SETS_MAX      64
#define STOP_GRACE_MS 8000

static void help(void)
{
	printf("Usage: tidemarkd [OPTION]...\n"
	       "Keep directories continuously replicated to other machines.\n\n"
	       "  --state-dir DIR    policies, history, the node's key (default /var/lib/tidemark)\n"
	       "  --runtime-dir DIR  socket and journals, on tmpfs (default /run/tidemark)\n"
	       "  --set KEY=VALUE    one setting, over all files; may be repeated\n"
	       "  --foreground       stay in the foreground (always so)\n"
	       "  --check-config     read the settings, say what is wrong, exit 1 if anything is\n"
	       "  --version, --help\n\n"
	       "Settings: /usr/lib/tidemark.d, /run/tidemark.d, /etc/tidemark.d,\n"
	       "files *.conf; see tidemark.d(5).\n");
}

static int check_config(const char *const *sets, unsigned int n)
{
	struct tm_config c;
	unsigned int bad;

	if (tm_config_load(&c, sets, n) < 0)
		return 1;
	bad = tm_config_errors(&c);
	tm_config_free(&c);
	if (bad == 0)
		printf("settings are good\n");
	return bad ? 1 : 0;
}

static int on_stop(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct tm_daemon *d = arg;

	(void)s;
	tm_notice("stopping (signal %u)", si->ssi_signo);
	return sd_event_exit(d->ev, 0);
}

static int on_reload(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct tm_daemon *d = arg;
	struct tm_config old = d->cfg;

	(void)s;
	(void)si;
	(void)sd_notify(0, "RELOADING=1");
	if (tm_config_reload(&d->cfg) == 0) {
		tm_settings_changed(d, &old);
		tm_notice("settings read again");
	}
	(void)sd_notify(0, "READY=1");
	return 0;
}

static int watch_signals(struct tm_daemon *d)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_add_signal(d->ev, NULL, SIGTERM, on_stop, d);
	if (r >= 0)
		r = sd_event_add_signal(d->ev, NULL, SIGINT, on_stop, d);
	if (r >= 0)
		r = sd_event_add_signal(d->ev, NULL, SIGHUP, on_reload, d);
	return r < 0 ? r : 0;
}

/* Everything up to the point where requests are answered; the capture comes after that. */
static int start(struct tm_daemon *d)
{
	int r = tm_start_dirs(d);

	if (r < 0)
		return r;
	r = tm_node_key_open(d->statefd, &d->key);
	if (r < 0) {
		tm_err("the node's key in %s cannot be used: %s", d->state_dir,
		       r == -EPERM ? "others may read it (mode must be 0600)" : strerror(-r));
		return r;
	}
	r = tm_start_store(d);
	if (r < 0)
		return r;
	r = tm_policies_load(d);
	if (r < 0) {
		tm_err("the policies cannot be read: %s", strerror(-r));
		return r;
	}
	r = tm_events_start(d);
	if (r == 0)
		r = tm_health_start(d);
	if (r == 0)
		r = tm_series_start(d);
	if (r == 0)
		r = tm_rest_start(d);
	if (r < 0) {
		tm_err("%s/api.sock cannot be served: %s", d->runtime_dir, strerror(-r));
		return r;
	}
	r = tm_listener_start(d);
	if (r == 0)
		r = tm_roots_watch(d);
	if (r == 0)
		r = tm_glue_start(d);
	if (r == 0)
		r = tm_watch_start(d);
	if (r < 0) {
		tm_err("cannot start: %s", strerror(-r));
		return r;
	}
	tm_policy_foreach(d, p) tm_policy_update(p);
	tm_start_netmon(d);
	return 0;
}

static void stop(struct tm_daemon *d)
{
	(void)sd_notify(0, "STOPPING=1");
	d->stopping = true;
	tm_listener_free(d);
	tm_start_netmon_stop(d);
	for (struct tm_worker *w = d->workers, *next; w; w = next) {
		next = tm_worker_next(w);
		tm_worker_stop(w, TM_NOTICE_SHUTDOWN, "the daemon stops");
	}
	tm_workers_shutdown(d, STOP_GRACE_MS);
	tm_roots_free(d);
	tm_start_clean(d);
	tm_pairing_target_free(d);
	tm_watch_free(d);
	tm_series_free(d);
	tm_asides_free(d);
	tm_policies_free(d);
	tm_rest_free(d);
	tm_events_free(d);
	tm_health_free(d);
	tm_glue_free(d);
	tm_workers_shutdown(d, 0);
	tm_store_close(d->store);
	tm_node_key_free(d->key);
	tm_config_free(&d->cfg);
	tm_start_dirs_free(d);
}

static int run(struct tm_daemon *d)
{
	int r = sd_event_default(&d->ev);

	if (r < 0)
		return r;
	r = watch_signals(d);
	if (r == 0)
		r = start(d);
	if (r == 0) {
		(void)sd_event_set_watchdog(d->ev, true);
		(void)sd_notifyf(0, "READY=1\nSTATUS=cluster %s", d->cfg.cluster);
		tm_notice("tidemarkd %s serves cluster %s", TM_VERSION, d->cfg.cluster);
		r = sd_event_loop(d->ev);
	}
	stop(d);
	sd_event_unref(d->ev);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "state-dir", required_argument, NULL, 's' },
		{ "runtime-dir", required_argument, NULL, 'r' },
		{ "set", required_argument, NULL, 'k' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "check-config", no_argument, NULL, 'c' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const char *sets[SETS_MAX];
	static struct tm_daemon d;
	const char *state = "/var/lib/tidemark", *runtime = "/run/tidemark";
	bool check = false;
	int o;

	tm_log_open("tidemarkd", TM_LOG_INFO);
	while ((o = getopt_long(argc, argv, "", opts, NULL)) >= 0) {
		switch (o) {
		case 's': state = optarg; break;
		case 'r': runtime = optarg; break;
		case 'k':
			if (d.n_sets == SETS_MAX) {
				tm_err("more than %d times --set", SETS_MAX);
				return 2;
			}
			sets[d.n_sets++] = optarg;
			break;
		case 'f': break;
		case 'c': check = true; break;
		case 'V': printf("tidemarkd %s\n", TM_VERSION); return 0;
		case 'h': help(); return 0;
		default: return 2;
		}
	}
	if (optind < argc) {
		tm_err("unexpected argument: %s (see --help)", argv[optind]);
		return 2;
	}
	if (check)
		return check_config(sets, d.n_sets);
	d.sets = sets;
	d.statefd = d.runfd = d.polfd = d.lockfd = d.runlockfd = -EBADF;
	d.started_ns = tm_wall_ns();
	if (tm_config_load(&d.cfg, sets, d.n_sets) < 0)
		return 2;
	tm_log_level_set(d.cfg.log_level);
	if (tm_start_names(&d, state, runtime) < 0)
		return 1;
	return run(&d) < 0 ? 1 : 0;
}
