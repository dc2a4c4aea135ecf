/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify_record.c - events into change records; see fanotify_record.h.
 *
 * The kernel merges events of one object, so a mask with CREATE and DELETE says that both
 * happened, not in which order; nobody needs the order, because records only say where to look.
 */
#include "capture/fanotify_record.h"

#include <sys/fanotify.h>

/* Who and where, as far as the event says and the file system still knows. */
struct place {
	bool known;
	struct tm_oid dir;
	uint64_t slots; /* roots that the directory is in */
};

static void emit(const struct tm_fan_sink *sink, uint64_t slots, const struct tm_change *c)
{
	if (slots)
		sink->emit(sink->arg, slots, c);
}

static struct place locate(struct tm_fan_roots *r, const struct tm_fan_id *entry)
{
	struct place p = { 0 };

	if (!entry->present || tm_fan_roots_oid(r, entry, &p.dir) < 0)
		return p;
	p.known = true;
	p.slots = tm_fan_roots_of_dir(r, entry, p.dir);
	return p;
}

static void emit_name(struct tm_fan_roots *r, const struct tm_fan_sink *sink, struct place at,
		      const struct tm_fan_id *entry, struct tm_oid obj, uint32_t flags)
{
	struct tm_change c = {
		.kind = TM_CHANGE_NAME,
		.flags = flags,
		.dir = at.dir,
		.obj = obj,
		.name = entry->name,
		.name_len = entry->name_len,
	};

	if (!at.known || !entry->name_len)
		return;
	emit(sink, at.slots & ~tm_fan_roots_reserved(r, at.dir, entry->name, entry->name_len, obj),
	     &c);
}

static void on_rename(struct tm_fan_roots *r, const struct tm_fan_event *ev,
		      const struct tm_fan_sink *sink, struct tm_oid obj)
{
	struct place from = locate(r, &ev->old_entry), to = locate(r, &ev->new_entry);
	struct tm_change all_below = { .kind = TM_CHANGE_SUBTREE, .dir = obj };

	emit_name(r, sink, from, &ev->old_entry, obj, TM_CF_GONE);
	emit_name(r, sink, to, &ev->new_entry, obj, 0);
	if (!(ev->mask & FAN_ONDIR)) {
		/* New to a root: nobody watched its content meanwhile, and it may have been here before. */
		struct tm_change whole = {
			.kind = TM_CHANGE_INODE,
			.flags = TM_CF_DATA | TM_CF_WHOLE | TM_CF_SIZE | TM_CF_ATTR,
			.obj = obj,
			.dir = to.dir,
			.name = ev->new_entry.name,
			.name_len = ev->new_entry.name_len,
		};

		if (!tm_oid_is_none(obj) && to.known)
			emit(sink, to.slots & ~from.slots, &whole);
		return;
	}
	/* Every answer about what is below it may be another one now. */
	tm_fan_roots_flush(r);
	/* New to a root: what happened to it outside was not recorded for that root. */
	if (!tm_oid_is_none(obj))
		emit(sink, to.slots & ~from.slots, &all_below);
}

static uint32_t inode_flags(uint64_t mask)
{
	uint32_t flags = 0;

	if (mask & FAN_MODIFY)
		flags |= TM_CF_DATA | TM_CF_WHOLE | TM_CF_SIZE | TM_CF_ATTR;
	if (mask & FAN_ATTRIB)
		flags |= TM_CF_ATTR;
	/*
	 * FAN_CLOSE_WRITE alone comes when the last user of a writable file is gone, after munmap()
	 * too. It claims nothing (databases open for writing and write nothing), so no flag:
	 * the file is looked at, and stores through a mapping show in its times.
	 */
	return flags;
}

/* The attributes of a directory: it stands for itself. */
static void on_dir(struct tm_fan_roots *r, const struct tm_fan_event *ev,
		   const struct tm_fan_sink *sink, uint32_t flags)
{
	const struct tm_fan_id *self = &ev->entry;
	struct tm_change c = { .kind = TM_CHANGE_INODE, .flags = flags };
	struct place at;

	if (!self->present || self->name_len)
		self = &ev->obj;
	at = locate(r, self);
	c.obj = at.dir;
	if (at.known)
		emit(sink, at.slots, &c);
}

static void on_file(struct tm_fan_roots *r, const struct tm_fan_event *ev,
		    const struct tm_fan_sink *sink, struct tm_oid obj, uint32_t flags)
{
	struct tm_change c = { .kind = TM_CHANGE_INODE, .flags = flags, .obj = obj };
	struct place at = locate(r, &ev->entry);
	uint64_t others;

	if (tm_oid_is_none(obj)) {
		/* Nobody knows which file, but the name says where to look. */
		emit_name(r, sink, at, &ev->entry, obj, 0);
		return;
	}
	if (at.known) {
		c.dir = at.dir;
		c.name = ev->entry.name;
		c.name_len = ev->entry.name_len;
		emit(sink, at.slots, &c);
	}
	/* Changed through a name outside a root: another name of it may be inside. */
	others = tm_fan_roots_all(r) & ~at.slots;
	if (!others || (at.known && !tm_fan_roots_linked(r, &ev->obj)))
		return;
	c.dir = TM_OID_NONE;
	c.name_len = 0;
	emit(sink, others, &c);
}

void tm_fan_record(struct tm_fan_roots *r, const struct tm_fan_event *ev,
		   const struct tm_fan_sink *sink)
{
	struct tm_oid obj = TM_OID_NONE;

	if (ev->obj.present && tm_fan_roots_oid(r, &ev->obj, &obj) < 0)
		obj = TM_OID_NONE;
	if (ev->mask & FAN_RENAME)
		on_rename(r, ev, sink, obj);
	if (ev->mask & (FAN_CREATE | FAN_DELETE))
		emit_name(r, sink, locate(r, &ev->entry), &ev->entry, obj,
			  ev->mask & FAN_CREATE ? 0 : TM_CF_GONE);
	if (!(ev->mask & (FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE)))
		return;
	if (ev->mask & FAN_ONDIR)
		on_dir(r, ev, sink, inode_flags(ev->mask));
	else
		on_file(r, ev, sink, obj, inode_flags(ev->mask));
}
