/* Links as this node's user makes them and takes them back; log_copies.c says which are in force.
 */
#include "store/log_internal.h"

#include <string.h>

/* ---- acts of this node's user ---- */

/* A live track, of which the user may say what it is a copy of. */
static enum ep_status
load_copy(struct ep_register *reg, struct ep_log_write *write, struct ep_text id,
          struct ep_error *err)
{
	struct ep_subject subject = { id, false };
	EP_TRY(ep_log_load_register(reg, write, &subject, err));
	enum ep_local_outcome outcome =
		ep_log_decide_local(write, reg, EP_LOCAL_LINK, write->self, false, NULL);
	if (outcome == EP_LOCAL_MISSING)
		return ep_fail(err, EP_NOT_FOUND, "there is no track %.*s", ep_text_print_size(id),
		               id.at);
	return outcome == EP_LOCAL_FOREIGN ? ep_log_fail_foreign(err, id) : EP_OK;
}

/* Takes what is there for what a link does not name; what it names otherwise has changed. */
static enum ep_status
name_contents(struct ep_revision *named, const struct ep_entry *track, struct ep_error *err)
{
	struct ep_revision now;
	ep_entry_contents(&now, track);
	if (!ep_revision_is_zero(named) && !ep_revision_equal(named, &now))
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has changed since it was compared",
		               ep_text_print_size(track->id), track->id.at);
	*named = now;
	return EP_OK;
}

/* Finds the original, through one that is a copy itself, and names its contents. */
static enum ep_status
find_original(struct ep_link *link, const struct ep_log_write *write, struct ep_error *err)
{
	struct ep_entry original;
	struct ep_link next;
	enum ep_link_state state;
	EP_TRY(ep_log_find(&original, &write->inside, link->original, err));
	if (original.operation != EP_PUT)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has been deleted",
		               ep_text_print_size(link->original), link->original.at);
	EP_TRY(name_contents(&link->original_contents, &original, err));
	EP_TRY(ep_log_link_state(&state, &next, &write->inside, &original, err));
	if (state != EP_LINK_IN_FORCE)
		return EP_OK;
	link->original = next.original;
	link->original_contents = next.original_contents;
	link->offset += next.offset;
	return EP_OK;
}

/* Makes a link of this node's user the state of its register. */
static enum ep_status
set_link(struct ep_log_write *write, const struct ep_register *copy, const struct ep_link *link,
         int64_t now, struct ep_error *err)
{
	struct ep_register reg;
	struct ep_subject subject = { copy->subject.id, true };
	struct ep_state state = { .operation = EP_LINK, .import_date = now };
	EP_BUFFER struct ep_buffer body = { 0 };
	EP_TRY(ep_log_load_register(&reg, write, &subject, err));
	ep_link_hash(&state.hash, subject.id, link);
	if (reg.there && memcmp(&reg.entry.hash, &state.hash, EP_HASH_SIZE) == 0)
		return EP_OK;
	EP_TRY(ep_entry_link_body(&body, subject.id, link, err));
	state.body = ep_buffer_bytes(&body);
	struct ep_step step = ep_log_own_step(write, &state.hash);
	EP_TRY(ep_log_user_history(&state.history, write, &reg, &step, err));
	state.era = reg.there ? reg.entry.era : 0;
	if (write->follows.any && reg.there && ep_history_is_sealed(&reg.history)) {
		struct ep_state base = ep_register_state(&reg);
		EP_TRY(ep_log_keep_base(write, &subject, &base, reg.entry.source, err));
		EP_TRY(ep_log_load_register(&reg, write, &subject, err));
	}
	return ep_log_store(write, &reg, &state, err);
}

enum ep_status
ep_log_link(struct ep_log_write *write, struct ep_text copy, const struct ep_link *link,
            int64_t now, struct ep_error *err)
{
	struct ep_register reg;
	struct ep_link wanted = *link;
	EP_TRY(ep_log_check_stale(write, err));
	ep_arena_reset(&write->arena);
	EP_TRY(load_copy(&reg, write, copy, err));
	EP_TRY(name_contents(&wanted.copy_contents, &reg.entry, err));
	bool same = ep_text_equal(copy, wanted.original);
	if (!same)
		EP_TRY(find_original(&wanted, write, err));
	if (same || ep_text_equal(copy, wanted.original))
		return ep_fail(err, EP_BAD_INPUT, "track %.*s cannot be a copy of itself",
		               ep_text_print_size(copy), copy.at);
	return set_link(write, &reg, &wanted, now, err);
}

enum ep_status
ep_log_release(struct ep_log_write *write, struct ep_text copy, int64_t now, struct ep_error *err)
{
	struct ep_register reg;
	struct ep_link link;
	enum ep_link_state state;
	struct ep_link released = { 0 };
	EP_TRY(ep_log_check_stale(write, err));
	ep_arena_reset(&write->arena);
	EP_TRY(load_copy(&reg, write, copy, err));
	EP_TRY(ep_log_link_state(&state, &link, &write->inside, &reg.entry, err));
	if (state != EP_LINK_IN_FORCE)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s is not a copy",
		               ep_text_print_size(copy), copy.at);
	ep_entry_contents(&released.copy_contents, &reg.entry);
	return set_link(write, &reg, &released, now, err);
}

/* Makes the link of a copy name what a track has now, where it names what the track had. */
static enum ep_status
renew_link(struct ep_log_write *write, struct ep_text copy, struct ep_text track,
           const struct ep_revision *before, int64_t now, struct ep_error *err)
{
	struct ep_register reg;
	struct ep_entry entry;
	struct ep_link link;
	struct ep_revision contents;
	ep_arena_reset(&write->arena);
	enum ep_status status = ep_log_find_link(&entry, &write->inside, copy, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_entry_link(&link, &entry, err));
	EP_TRY(ep_log_find(&entry, &write->inside, track, err));
	ep_entry_contents(&contents, &entry);
	bool is_copy = ep_text_equal(copy, track) && ep_revision_equal(&link.copy_contents, before);
	bool is_original = ep_text_equal(link.original, track) &&
	                   ep_revision_equal(&link.original_contents, before);
	if (!is_copy && !is_original)
		return EP_OK;
	if (is_copy)
		link.copy_contents = contents;
	if (is_original)
		link.original_contents = contents;
	status = load_copy(&reg, write, copy, err);
	if (status == EP_NOT_FOUND || status == EP_BAD_INPUT)
		return EP_OK;
	EP_TRY(status);
	return set_link(write, &reg, &link, now, err);
}

enum ep_status
ep_log_renew_links(struct ep_log_write *write, struct ep_text track,
                   const struct ep_revision *before, int64_t now, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer ids = { 0 };
	size_t count;
	EP_TRY(renew_link(write, track, track, before, now, err));
	EP_TRY(ep_log_dependents(&ids, &count, &write->inside, track, err));
	for (size_t i = 0; i < count; i++)
		EP_TRY(renew_link(write, ep_log_copy_id(&ids, i), track, before, now, err));
	return EP_OK;
}

/* ---- pending links ---- */

enum ep_status
ep_log_keep_base(struct ep_log_write *write, const struct ep_subject *subject,
                 struct ep_state *state, uint32_t source, struct ep_error *err)
{
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	EP_TRY(ep_subject_key(&key, bytes, subject, err));
	return ep_log_put_state(write, write->inside.log->bases, key, state, source, err);
}

enum ep_status
ep_log_drop_link(struct ep_log_write *write, struct ep_text copy, struct ep_error *err)
{
	struct ep_register reg;
	struct ep_subject subject = { copy, true };
	uint8_t bytes[EP_SUBJECT_KEY_MAX];
	MDB_val key;
	MDB_val value;
	struct ep_entry entry;
	struct ep_state base;
	EP_TRY(ep_log_load_register(&reg, write, &subject, err));
	if (!reg.there || ep_history_is_sealed(&reg.history))
		return EP_OK;
	EP_TRY(ep_subject_key(&key, bytes, &subject, err));
	int rc = mdb_get(write->inside.txn, write->inside.log->bases, &key, &value);
	if (rc == MDB_NOTFOUND)
		return ep_log_forget(write, &reg, err);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	EP_TRY(ep_entry_read(&entry, 0, value.mv_data, value.mv_size, err));
	EP_TRY(ep_log_state_of(&base, write, &entry, err));
	EP_TRY(ep_log_own_body(&base.body, write, err));
	EP_TRY(ep_log_remove_key(write, write->inside.log->bases, key, err));
	return ep_log_store(write, &reg, &base, err);
}
