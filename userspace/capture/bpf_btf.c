/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_btf.c - does this kernel have that function, and where is that field?
 *
 * Loading the kernel's BTF takes some 20 ms, so it is kept while hooks are being looked up and
 * forgotten afterwards (5 MB).
 */
#include <bpf/btf.h>
#include <stdio.h>

#include "capture/bpf.h"

static struct btf *kernel;
static struct btf *module;
static char module_name[32];

const struct btf *tm_btf_kernel(void)
{
	if (!kernel)
		kernel = btf__load_vmlinux_btf();
	return kernel;
}

const struct btf *tm_btf_module(const char *name)
{
	if (!tm_btf_kernel())
		return NULL;
	if (module && tm_streq(module_name, name))
		return module;
	btf__free(module);
	/* Fails when it is built in or not loaded; then its types are in the kernel's, or nowhere. */
	module = btf__load_module_btf(name, kernel);
	snprintf(module_name, sizeof(module_name), "%s", name);
	return module ?: kernel;
}

void tm_btf_forget(void)
{
	/* The module's refers to the kernel's. */
	btf__free(module);
	btf__free(kernel);
	module = kernel = NULL;
}

static bool has(const char *name, bool tracepoint, const char *mod)
{
	const struct btf *btf = mod ? tm_btf_module(mod) : tm_btf_kernel();
	char type[64];

	if (!btf)
		return false;
	if (!tracepoint)
		return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

const char *tm_hook_resolve(const struct tm_hook *h, const char *mod)
{
	if (has(h->target, h->tracepoint, mod))
		return h->target;
	if (h->fallback && has(h->fallback, h->tracepoint, mod))
		return h->fallback;
	return NULL;
}

int tm_btf_offset(const struct btf *btf, const char *name, const char *member)
{
	const struct btf_type *t;
	const struct btf_member *m;
	int id;

	id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	if (id < 0)
		return -ENOENT;
	t = btf__type_by_id(btf, (uint32_t)id);
	m = btf_members(t);
	for (uint16_t i = 0; i < btf_vlen(t); i++, m++) {
		const char *n = btf__name_by_offset(btf, m->name_off);

		if (n && tm_streq(n, member))
			return (int)(btf_member_bit_offset(t, i) / 8);
	}
	return -ENOENT;
}
