// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/health_checks.c - what is wrong, read off the daemon's state.
 */
#include "daemon/capture_glue.h"
#include "daemon/health.h"
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name, *cure;
} codes[TM_H_MAX] = {
	[TM_H_PEER_UNREACHABLE] = {
		"PEER_UNREACHABLE",
		"Look whether tidemarkd runs on the other side and whether the network and its firewall let "
		"the port through. It is tried again by itself." },
	[TM_H_AUTH_PENDING] = {
		"AUTH_PENDING",
		"Compare the key's fingerprint with the other side's admin, then accept or reject: "
		"tidemark policy accept NAME." },
	[TM_H_TARGET_FULL] = {
		"TARGET_FULL",
		"Make room on the target's file system, or raise the quota. It is tried again by itself." },
	[TM_H_TARGET_REFUSED] = {
		"TARGET_REFUSED",
		"Ask the target's admin. A rejected or deleted policy can be deleted here and created again." },
	[TM_H_TRACKER_OVERFLOW] = {
		"TRACKER_OVERFLOW",
		"Everything is compared by itself. If it comes back, raise capture.dirty_entries or "
		"capture.ring_bytes." },
	[TM_H_TRACKING_INCOMPLETE] = {
		"TRACKING_INCOMPLETE", "Nothing to do: what may have been missed is being compared." },
	[TM_H_BPF_NOT_ATTACHED] = {
		"BPF_NOT_ATTACHED",
		"tidemark probe says what this kernel allows. A kernel with BTF that takes fentry programs is "
		"needed, and root with CAP_BPF and CAP_PERFMON." },
	[TM_H_CAPTURE_BLIND_SPOTS] = {
		"CAPTURE_BLIND_SPOTS",
		"Nothing to do: a periodic comparison finds what is not seen at once. Use the bpf backend to "
		"see it at once." },
	[TM_H_CONFIG_INVALID] = {
		"CONFIG_INVALID",
		"Correct the file; tidemarkd --check-config says whether it is good, then reload "
		"(systemctl reload tidemarkd)." },
	[TM_H_POLICY_STOPPED] = {
		"POLICY_STOPPED",
		"Look at the directories at both ends. If this is as it should be: tidemark policy replicate "
		"NAME --yes at the source, or enable NAME at the target." },
	[TM_H_POLICY_FAILED] = {
		"POLICY_FAILED", "Mend what the cause names, then tidemark policy replicate NAME." },
	[TM_H_FILES_FAILED] = {
		"FILES_FAILED", "tidemark policy failures NAME lists them with their reasons." },
	[TM_H_LISTEN_FAILED] = {
		"LISTEN_FAILED",
		"See who uses the port (ss -ltnp), or choose another one with listen.port. It is tried again "
		"by itself." },
};

const char *tm_health_code_name(enum tm_health_code c)
{
	return codes[c].name;
}

int tm_health_code_parse(const char *name)
{
	for (int i = 0; i < TM_H_MAX; i++)
		if (tm_streq(codes[i].name, name))
			return i;
	return -ENOENT;
}

const char *tm_health_cure(enum tm_health_code c)
{
	return codes[c].cure;
}

const char *tm_severity_name(enum tm_severity s)
{
	static const char *const names[] = { "info", "warning", "error" };

	return names[s];
}

/* One look. */
struct look {
	void (*fn)(void *arg, const struct tm_check *c);
	void *arg;
	const struct tm_policy *p; /* whose turn it is; NULL: the node's */
};

static void found(struct look *l, enum tm_health_code code, enum tm_severity severity, int64_t since_ns,
		  const char *cause, const char *fmt, ...) _printf_(6, 7);

static void found(struct look *l, enum tm_health_code code, enum tm_severity severity, int64_t since_ns,
		  const char *cause, const char *fmt, ...)
{
	struct tm_check c = { .code = code, .severity = severity, .p = l->p, .since_ns = since_ns };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c.summary, sizeof(c.summary), fmt, ap);
	va_end(ap);
	tm_text_set(c.cause, sizeof(c.cause), "%s", cause);
	l->fn(l->arg, &c);
}

static bool is_full(const struct tm_policy *p)
{
	if (p->full)
		return true;
	for (unsigned int i = 0; i < p->n_failures; i++) {
		int err = abs(p->failures[i].err);

		if (p->failures[i].op != 1 && (err == ENOSPC || err == EDQUOT))
			return true;
	}
	return false;
}

static void check_relationship(struct look *l, const char *peer)
{
	const struct tm_policy *p = l->p;
	bool source = p->rec.role == TM_REC_SOURCE;

	switch (p->rec.auth) {
	case TM_REC_AWAITING:
		if (!source)
			found(l, TM_H_AUTH_PENDING, TM_SEV_WARNING, p->rec.created_ns,
			      "Nothing is replicated until it is accepted here.",
			      "%s asks to replicate to this cluster (policy %s)", peer, p->rec.name);
		else if (p->rec.last_error[0])
			found(l, TM_H_PEER_UNREACHABLE, TM_SEV_WARNING, 0, p->rec.last_error,
			      "policy %s: %s cannot be asked for its approval", p->rec.name, peer);
		else
			found(l, TM_H_AUTH_PENDING, TM_SEV_INFO, p->rec.created_ns,
			      "Its admin did not decide yet.", "policy %s waits for %s", p->rec.name,
			      peer);
		break;
	case TM_REC_REJECTED:
		if (source)
			found(l, TM_H_TARGET_REFUSED, TM_SEV_ERROR, p->rec.status_ns,
			      p->rec.last_error, "policy %s was rejected by %s", p->rec.name, peer);
		break;
	case TM_REC_DELETED:
		found(l, source ? TM_H_TARGET_REFUSED : TM_H_POLICY_FAILED, TM_SEV_ERROR,
		      p->rec.status_ns, p->rec.last_error, "policy %s was deleted by %s", p->rec.name,
		      peer);
		break;
	case TM_REC_AUTHORIZED:
	default: break;
	}
}

static void check_hold(struct look *l)
{
	const struct tm_policy *p = l->p;
	const char *why = p->broken[0] ? p->broken : p->untracked_why;

	if (p->rec.hold == TM_REC_HOLD_STOPPED)
		found(l, TM_H_POLICY_STOPPED, TM_SEV_ERROR, p->rec.status_ns, p->rec.hold_text,
		      "policy %s stopped on suspicion", p->rec.name);
	else if (p->rec.hold == TM_REC_HOLD_FAILED)
		found(l, TM_H_POLICY_FAILED, TM_SEV_ERROR, p->rec.status_ns, p->rec.hold_text,
		      "the last run of policy %s failed", p->rec.name);
	else if (p->rec.hold == TM_REC_HOLD_ABORTED)
		found(l, TM_H_POLICY_FAILED, TM_SEV_WARNING, p->rec.status_ns, p->rec.hold_text,
		      "policy %s was aborted", p->rec.name);
	else if (why[0])
		found(l, TM_H_POLICY_FAILED, TM_SEV_ERROR, 0, why, "policy %s cannot work",
		      p->rec.name);
}

static void check_work(struct look *l, const char *peer)
{
	const struct tm_policy *p = l->p;
	struct tm_status_in in;

	tm_policy_status_in(p, &in);
	if (tm_status_derive(&in) == TM_STATUS_DISCONNECTED)
		found(l, p->refusals ? TM_H_TARGET_REFUSED : TM_H_PEER_UNREACHABLE, TM_SEV_WARNING, 0,
		      p->rec.last_error, "policy %s: %s is not connected", p->rec.name, peer);
	if (is_full(p))
		found(l, TM_H_TARGET_FULL, TM_SEV_ERROR, 0, p->rec.last_error,
		      "policy %s: no room is left on the target", p->rec.name);
	if (p->rec.incomplete_ns && p->rec.first_done) {
		const char *why = p->rec.incomplete_reason;
		bool overflow = strstr(why, "full") || strstr(why, "overflow");

		found(l, overflow ? TM_H_TRACKER_OVERFLOW : TM_H_TRACKING_INCOMPLETE, TM_SEV_WARNING,
		      p->rec.incomplete_ns, why, "policy %s may have missed changes and is being reconciled",
		      p->rec.name);
	}
}

static void check_policy(struct look *l)
{
	const struct tm_policy *p = l->p;
	char peer[96];

	tm_policy_peer_name(p, peer);
	check_relationship(l, peer);
	if (p->rec.auth == TM_REC_AUTHORIZED && p->rec.enabled) {
		check_hold(l);
		check_work(l, peer);
	}
	if (p->n_failures)
		found(l, TM_H_FILES_FAILED, TM_SEV_WARNING, 0, "",
		      "policy %s: %u objects could not be replicated as they are", p->rec.name,
		      p->n_failures);
}

/* Lines "name\tmissing\t..." of the capture's report. */
static unsigned int missing_hooks(const struct tm_daemon *d)
{
	_cleanup_free_ char *report = tm_glue_report(d);
	unsigned int n = 0;

	for (const char *s = report; s && (s = strstr(s, "\tmissing\t")); s++)
		n++;
	return n;
}

static void check_capture(struct look *l, struct tm_daemon *d, bool sources)
{
	const char *backend = tm_glue_backend(d);
	enum tm_severity much = sources ? TM_SEV_WARNING : TM_SEV_INFO;
	unsigned int missing;

	if (tm_streq(backend, "starting"))
		return;
	if (tm_streq(backend, "none")) {
		found(l, TM_H_BPF_NOT_ATTACHED, sources ? TM_SEV_ERROR : TM_SEV_WARNING, 0,
		      tm_glue_why(d), "changes cannot be seen at all");
		return;
	}
	if (!tm_streq(backend, "bpf") && d->cfg.backend != TM_BACKEND_FANOTIFY)
		found(l, TM_H_BPF_NOT_ATTACHED, much, 0, tm_glue_why(d),
		      "changes are seen by %s instead of bpf", backend);
	missing = tm_streq(backend, "bpf") ? missing_hooks(d) : 0;
	if (missing)
		found(l, TM_H_BPF_NOT_ATTACHED, TM_SEV_ERROR, 0, "this kernel does not have them",
		      "%u hooks that are needed are missing", missing);
	if (sources && tm_glue_blind_spots(d)[0])
		found(l, TM_H_CAPTURE_BLIND_SPOTS, TM_SEV_INFO, 0, tm_glue_blind_spots(d),
		      "some ways to write are not seen at once (%s)", backend);
}

void tm_health_checks(struct tm_daemon *d, void (*fn)(void *arg, const struct tm_check *c), void *arg)
{
	struct look l = { .fn = fn, .arg = arg };
	bool sources = false;

	tm_policy_foreach(d, p) sources = sources || (!p->embryo && p->rec.role == TM_REC_SOURCE);
	if (d->listen_error[0])
		found(&l, TM_H_LISTEN_FAILED, TM_SEV_ERROR, 0, d->listen_error,
		      "no peer can connect to this node");
	if (tm_config_errors(&d->cfg))
		found(&l, TM_H_CONFIG_INVALID, TM_SEV_WARNING, 0, tm_config_first_error(&d->cfg),
		      "%u settings are wrong and were ignored", tm_config_errors(&d->cfg));
	check_capture(&l, d, sources);
	tm_policy_foreach(d, p)
	{
		if (p->embryo || p->doomed)
			continue;
		l.p = p;
		check_policy(&l);
	}
}
