/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_object.c - one loaded copy of the skeleton.
 *
 * The VFS hooks come from one copy, each file system in use gets another with the same data programs
 * aimed at its operations. All copies share the maps. Once a link is pinned the copy can
 * be thrown away: link, program and maps stay.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "lib/fault.h"
#include "lib/fd.h"
#include "lib/text.h"
#include "tm.skel.h"

const char *const tm_map_names[TM_MAPS] = {
	[TM_MAP_CTL] = "tm_ctl",
	[TM_MAP_DIRTY_A] = "tm_dirty_a",
	[TM_MAP_DIRTY_B] = "tm_dirty_b",
	[TM_MAP_EVENTS] = "tm_events",
	[TM_MAP_VERSIONS] = "tm_versions",
	[TM_MAP_ROOTS] = "tm_roots",
	[TM_MAP_STATS] = "tm_stats",
	[TM_MAP_SLOTS] = "tm_slots",
	[TM_MAP_AIO] = "tm_aio",
	[TM_MAP_HOT] = "tm_hot",
	[TM_MAP_GUARDS] = "tm_guards",
	[TM_MAP_WRITERS] = "tm_writers",
	[TM_MAP_MAPPED] = "tm_mapped",
};

/* The verifier's log ends with the reason, so the end is what is kept. */
static char messages[1024];

static int message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	_cleanup_free_ char *line = NULL;
	const char *end;
	size_t have, n;

	if (level != LIBBPF_WARN || vasprintf(&line, fmt, ap) < 0)
		return 0;
#ifdef TM_BPF_VERBOSE
	fputs(line, stderr);
#endif
	/* A log comes as one message, and its end says why. */
	n = TM_MIN(strlen(line), sizeof(messages) - 1);
	end = line + strlen(line) - n;
	have = strlen(messages);
	if (have + n >= sizeof(messages)) {
		have = TM_MIN(have, sizeof(messages) - 1 - n);
		memmove(messages, messages + strlen(messages) - have, have);
	}
	memcpy(messages + have, end, n);
	messages[have + n] = '\0';
	return 0;
}

void tm_bpf_messages_init(void)
{
	messages[0] = '\0';
	libbpf_set_print(message);
}

const char *tm_bpf_messages(void)
{
	return messages;
}

uint64_t tm_bpf_object_id(void)
{
	size_t n;
	const uint8_t *p = tm_bpf__elf_bytes(&n);
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return tm_fault("other-build") ? ~h : h;
}

static void object_closep(struct bpf_object **o)
{
	bpf_object__close(*o);
}

static void link_destroyp(struct bpf_link **l)
{
	bpf_link__destroy(*l);
}

/* libbpf puts this before the hook's name itself. */
static const char *target_of(const struct bpf_program *p, const char *target)
{
	static const char prefix[] = "bpf_lsm_";

	return bpf_program__type(p) == BPF_PROG_TYPE_LSM ? target + sizeof(prefix) - 1 : target;
}

/* Only the chosen programs, each aimed at its function. */
static int choose_programs(struct bpf_object *o, const struct tm_hook_choice *choice, size_t n)
{
	struct bpf_program *p;
	int r;

	bpf_object__for_each_program(p, o)
		bpf_program__set_autoload(p, false);
	for (size_t i = 0; i < n; i++) {
		p = bpf_object__find_program_by_name(o, choice[i].prog);
		if (!p)
			return -ENOENT;
		bpf_program__set_autoload(p, true);
		r = bpf_program__set_attach_target(p, 0, target_of(p, choice[i].target));
		if (r)
			return r;
	}
	return 0;
}

/* What the object calls them: these two are sections of variables there (maps.bpf.h). */
static const char *name_in_object(int map)
{
	return map == TM_MAP_VERSIONS ? ".bss" : map == TM_MAP_HOT ? ".data.hot" : tm_map_names[map];
}

/*
 * The map behind a section of variables, under its own name; libbpf would name it after the section. Its
 * value is the section as a whole, for bpftool too.
 */
static int section_map(struct tm_kern *k, struct bpf_object *o, struct bpf_map *m, int map)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int btf = -EBADF;
	const void *raw;
	uint32_t n;

	raw = btf__raw_data(bpf_object__btf(o), &n);
	btf = raw ? bpf_btf_load(raw, n, NULL) : -1;
	if (btf >= 0) {
		opts.btf_fd = (uint32_t)btf;
		opts.btf_value_type_id = bpf_map__btf_value_type_id(m);
	}
	k->map_fd[map] = bpf_map_create(BPF_MAP_TYPE_ARRAY, tm_map_names[map], 4, bpf_map__value_size(m), 1,
					&opts);
	return k->map_fd[map] < 0 ? -errno : 0;
}

/* Maps that are open already are shared; the sizes of the others come from the options. */
static int choose_maps(struct tm_kern *k, struct bpf_object *o)
{
	for (int i = 0; i < TM_MAPS; i++) {
		struct bpf_map *m = bpf_object__find_map_by_name(o, name_in_object(i));
		int r = 0;

		if (!m)
			return -ENOENT;
		if (k->map_fd[i] < 0 && (i == TM_MAP_VERSIONS || i == TM_MAP_HOT))
			r = section_map(k, o, m, i);
		if (r)
			return r;
		if (k->map_fd[i] >= 0)
			r = bpf_map__reuse_fd(m, k->map_fd[i]);
		else if (i == TM_MAP_DIRTY_A || i == TM_MAP_DIRTY_B)
			r = bpf_map__set_max_entries(m, k->opts->dirty_entries);
		else if (i == TM_MAP_EVENTS)
			r = bpf_map__set_max_entries(m, k->opts->ring_bytes);
		if (r)
			return r;
	}
	return 0;
}

static int keep_maps(struct tm_kern *k, struct bpf_object *o)
{
	for (int i = 0; i < TM_MAPS; i++) {
		if (k->map_fd[i] >= 0)
			continue;
		k->map_fd[i] = fcntl(bpf_object__find_map_fd_by_name(o, tm_map_names[i]), F_DUPFD_CLOEXEC, 3);
		if (k->map_fd[i] < 0)
			return -errno;
	}
	return 0;
}

static int attach_one(struct tm_kern *k, struct bpf_object *o, const char *linkdir, const char *prefix,
		      const struct tm_hook_choice *c)
{
	_cleanup_(link_destroyp) struct bpf_link *l = NULL;
	_cleanup_free_ char *path = NULL, *name = NULL;
	int r;

	name = tm_asprintf("%s-%s", prefix, c->prog);
	path = tm_asprintf("%s/%s", linkdir, name);
	if (!name || !path)
		return -ENOMEM;
	l = bpf_program__attach(bpf_object__find_program_by_name(o, c->prog));
	if (!l) {
		r = -errno;
		tm_backend_why("bpf: %s cannot be attached to %s: %s", c->prog, c->target, strerror(-r));
		return r;
	}
	r = bpf_link__pin(l, path);
	if (r) {
		tm_backend_why("bpf: %s cannot be pinned: %s", path, strerror(-r));
		return r;
	}
	return tm_bpf_links_add(k, name, c->target, bpf_link__fd(l));
}

/* The last @n bytes of what libbpf said. */
static const char *messages_end(size_t n)
{
	size_t have = strlen(messages);

	return messages + (have > n ? have - n : 0);
}

/* What a failed load means to an admin. */
static void why_load(int r)
{
	/* EACCES is the verifier's word, not the policy's. */
	if (r == -EPERM)
		tm_backend_why("this kernel refuses tracing programs (fentry/fexit: %s)", strerror(-r));
	else
		tm_backend_why("bpf: programs cannot be loaded: %s: %s", strerror(-r), messages_end(400));
}

int tm_bpf_object_attach(struct tm_kern *k, const char *linkdir, const char *prefix,
			 const struct tm_hook_choice *choice, size_t n)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "tm_bpf");
	_cleanup_(object_closep) struct bpf_object *o = NULL;
	const void *bytes;
	size_t size;
	int r;

	tm_bpf_messages_init();
	bytes = tm_bpf__elf_bytes(&size);
	o = bpf_object__open_mem(bytes, size, &opts);
	if (!o) {
		r = -errno;
		why_load(r);
		return r;
	}
	r = choose_programs(o, choice, n);
	if (!r)
		r = choose_maps(k, o);
	if (!r)
		r = bpf_object__load(o);
	if (r) {
		why_load(r);
		return r;
	}
	r = keep_maps(k, o);
	for (size_t i = 0; !r && i < n; i++)
		r = attach_one(k, o, linkdir, prefix, &choice[i]);
	return r;
}
