/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_links.c - the attached programs.
 *
 * A link is pinned, so it survives us, and held open, so nobody can take it away while we
 * live. Its pin's name says what it is: PREFIX-PROGRAM.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "capture/selftest.h"
#include "lib/fault.h"
#include "lib/fd.h"
#include "lib/text.h"

static const struct tm_bpf_link *link_find(const struct tm_kern *k, const char *name)
{
	for (size_t i = 0; i < k->n_links; i++)
		if (tm_streq(k->links[i].name, name))
			return &k->links[i];
	return NULL;
}

bool tm_bpf_links_has(const struct tm_kern *k, const char *name)
{
	return link_find(k, name);
}

int tm_bpf_links_add(struct tm_kern *k, const char *name, const char *target, int link_fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	struct tm_bpf_link *l;
	_cleanup_close_ int fd = -EBADF;

	if (k->n_links >= TM_BPF_LINKS_MAX)
		return -ENOSPC;
	fd = fcntl(link_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	l = &k->links[k->n_links];
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->target, sizeof(l->target), "%s", target);
	l->prog_id = info.prog_id;
	l->prog_fd = bpf_prog_get_fd_by_id(info.prog_id);
	if (l->prog_fd < 0)
		return -errno;
	l->fd = tm_take_fd(fd);
	k->n_links++;
	return 0;
}

/* -ENOENT: not pinned. */
static int link_adopt(struct tm_kern *k, const char *linkdir, const char *name, const char *target)
{
	_cleanup_free_ char *path = tm_asprintf("%s/%s", linkdir, name);
	_cleanup_close_ int fd = -EBADF;

	if (!path)
		return -ENOMEM;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	return tm_bpf_links_add(k, name, target, fd);
}

static int hook_missing(const struct tm_hook *h)
{
	if (h->need == TM_HOOK_IF_THERE)
		return 0;
	tm_backend_why("this kernel has no %s to attach to", h->target);
	return -EOPNOTSUPP;
}

int tm_bpf_links_ensure(struct tm_kern *k, const char *linkdir, const char *prefix,
			const struct tm_hook *hooks, const char *module, unsigned int *ret_new)
{
	struct tm_hook_choice todo[64];
	unsigned int n = 0;
	int r;

	for (const struct tm_hook *h = hooks; h->prog && n < TM_ARRAY_SIZE(todo); h++) {
		char name[TM_BPF_NAME_MAX];
		const char *target;

		snprintf(name, sizeof(name), "%s-%s", prefix, h->prog);
		if (link_find(k, name) || (tm_fault("hook-lost") && tm_streq(h->prog, "tm_falloc_out")))
			continue;
		target = tm_hook_resolve(h, module);
		if (!target) {
			r = hook_missing(h);
			if (r)
				return r;
			continue;
		}
		r = link_adopt(k, linkdir, name, target);
		if (r == -ENOENT)
			todo[n++] = (struct tm_hook_choice){ h->prog, target };
		else if (r)
			return r;
	}
	if (n) {
		r = tm_bpf_object_attach(k, linkdir, prefix, todo, n);
		if (r)
			return r;
	}
	*ret_new = n;
	return 0;
}

void tm_bpf_links_close(struct tm_kern *k)
{
	for (size_t i = 0; i < k->n_links; i++) {
		tm_close(k->links[i].fd);
		tm_close(k->links[i].prog_fd);
	}
	k->n_links = 0;
}

/* The file systems whose programs have this link's prefix; the VFS's serve all. */
static uint64_t link_fs(const struct tm_bpf_link *l)
{
	for (unsigned int i = 0; tm_fs_table[i].name; i++) {
		size_t n = strlen(tm_fs_table[i].name);

		if (!strncmp(l->name, tm_fs_table[i].name, n) && l->name[n] == '-')
			return 1ULL << i;
	}
	return ~0ULL;
}

uint64_t tm_bpf_links_misses(struct tm_kern *k, uint64_t *ret_fs)
{
	uint64_t sum = 0, fs = 0;

	for (size_t i = 0; i < k->n_links; i++) {
		struct tm_bpf_link *l = &k->links[i];
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (tm_bpf_guard_covers(k, l->name))
			continue;
		if (bpf_obj_get_info_by_fd(l->prog_fd, &info, &len))
			continue;
		sum += info.recursion_misses;
		if (info.recursion_misses != l->misses)
			fs |= link_fs(l);
		l->misses = info.recursion_misses;
	}
	if (ret_fs)
		*ret_fs = fs;
	return sum;
}

bool tm_bpf_links_intact(const struct tm_kern *k)
{
	for (size_t i = 0; i < k->n_links; i++) {
		struct bpf_link_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(k->links[i].fd, &info, &len) ||
			info.prog_id != k->links[i].prog_id)
			return false;
	}
	return true;
}

void tm_bpf_links_repin(struct tm_kern *k)
{
	_cleanup_free_ char *dir = tm_bpf_linkdir(k);

	for (size_t i = 0; dir && i < k->n_links; i++) {
		_cleanup_free_ char *path = tm_asprintf("%s/%s", dir, k->links[i].name);

		/* EEXIST is the usual answer. */
		if (path)
			(void)bpf_obj_pin(k->links[i].fd, path);
	}
}

/* ---- what the admin is shown */

static int put_hook(char **text, const char *prefix, const struct tm_hook *h, const char *state,
		    const char *detail)
{
	char *more = NULL;

	if (asprintf(&more, "%s%s-%s\t%s\t%s\n", *text ?: "", prefix, h->prog, state, detail) < 0)
		return -ENOMEM;
	free(*text);
	*text = more;
	return 0;
}

static int put_missing(char **text, const char *prefix, const struct tm_hook *h)
{
	_cleanup_free_ char *d = tm_asprintf("%s: not in this kernel%s%s", h->target,
					     h->if_missing ? "; " : "", h->if_missing ?: "");

	return d ? put_hook(text, prefix, h, h->need == TM_HOOK_MUST ? "missing" : "absent", d) : -ENOMEM;
}

static int report_hooks(const struct tm_kern *k, char **text, const char *prefix, const struct tm_hook *hooks)
{
	int r = 0;

	for (const struct tm_hook *h = hooks; !r && h->prog; h++) {
		char name[TM_BPF_NAME_MAX];
		const struct tm_bpf_link *l;

		snprintf(name, sizeof(name), "%s-%s", prefix, h->prog);
		l = link_find(k, name);
		if (!l)
			r = put_missing(text, prefix, h);
		else if (!tm_streq(l->target, h->target))
			r = put_hook(text, prefix, h, "fallback", l->target);
		else
			r = put_hook(text, prefix, h, "attached", l->target);
	}
	return r;
}

static bool fs_in_use(const struct tm_kern *k, const struct tm_fs *fs)
{
	char name[TM_BPF_NAME_MAX];

	snprintf(name, sizeof(name), "%s-%s", fs->name, fs->hooks[0].prog);
	return link_find(k, name);
}

/* Whether what is attached can run at all. */
static int put_switches(char **text, bool tracing_off)
{
	_cleanup_free_ char *before = tm_take_ptr(*text);

	*text = tm_asprintf("%stracing\t%s\n", before ?: "",
			    tracing_off ? "off\tkernel.ftrace_enabled is 0: no program runs, nothing is seen"
					: "on\tkernel.ftrace_enabled");
	return *text ? 0 : -ENOMEM;
}

char *tm_bpf_report(const void *b)
{
	_cleanup_free_ char *text = NULL;
	const struct tm_kern *k = b;

	if (put_switches(&text, k->tracing_off) || tm_selftest_report(k, &text))
		return NULL;
	if (report_hooks(k, &text, "vfs", tm_vfs_hooks))
		return NULL;
	if (k->preempt != TM_PREEMPT_NO && report_hooks(k, &text, "guard", tm_guard_hooks))
		return NULL;
	for (const struct tm_fs *fs = tm_fs_table; fs->name; fs++)
		if (fs_in_use(k, fs) && report_hooks(k, &text, fs->name, fs->hooks))
			return NULL;
	return tm_take_ptr(text);
}

/* ---- the same without a running capture */

/* The smallest tracing program: does the kernel take it? */
static int try_fentry(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	int id, fd;

	tm_bpf_messages_init();
	id = libbpf_find_vmlinux_btf_id("notify_change", BPF_TRACE_FENTRY);
	if (id < 0)
		return id;
	opts.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "tm_probe", "Dual BSD/GPL", insns,
			   TM_ARRAY_SIZE(insns), &opts);
	if (fd < 0)
		return -errno;
	tm_close(fd);
	return 0;
}

static int probe_hooks(char **text, const char *prefix, const struct tm_hook *hooks, const char *module)
{
	int r = 0;

	for (const struct tm_hook *h = hooks; !r && h->prog; h++) {
		const char *target = tm_hook_resolve(h, module);

		if (!target)
			r = put_missing(text, prefix, h);
		else
			r = put_hook(text, prefix, h, tm_streq(target, h->target) ? "wanted" : "fallback",
				     target);
	}
	return r;
}

char *tm_bpf_probe(void)
{
	_cleanup_free_ char *text = NULL;
	int r = try_fentry();

	if (r == -EPERM)
		text = tm_asprintf("bpf\tno\tthis kernel refuses tracing programs (fentry/fexit: %s)\n",
				   strerror(-r));
	else if (r)
		text = tm_asprintf("bpf\tno\tthis kernel cannot load tracing programs: %s\n", strerror(-r));
	else
		text = tm_asprintf("bpf\tyes\ttracing programs (fentry/fexit) load\n");
	if (!text)
		return NULL;
	if (!tm_btf_kernel())
		return tm_take_ptr(text);
	r = probe_hooks(&text, "vfs", tm_vfs_hooks, NULL);
	for (const struct tm_fs *fs = tm_fs_table; !r && fs->name; fs++)
		r = probe_hooks(&text, fs->name, fs->hooks, fs->module);
	tm_btf_forget();
	return r ? NULL : tm_take_ptr(text);
}
