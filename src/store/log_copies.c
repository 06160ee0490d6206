/* The database "copies" has a key for every live copy: the id of its original, a byte 0, and its
 * own id; no value.
 */
#include "store/log_internal.h"

#include <string.h>

#define KEY_MAX (255 + 1 + 255)

/* ---- the list ---- */

static MDB_val
key_of(uint8_t bytes[KEY_MAX], struct ep_text original, struct ep_text copy)
{
	memcpy(bytes, original.at, original.size);
	bytes[original.size] = 0;
	if (copy.size)
		memcpy(bytes + original.size + 1, copy.at, copy.size);
	return (MDB_val){ .mv_data = bytes, .mv_size = original.size + 1 + copy.size };
}

enum ep_status
ep_log_list_copy(struct ep_log_write *write, const struct ep_entry *entry, bool in,
                 struct ep_error *err)
{
	struct ep_link link;
	uint8_t bytes[KEY_MAX];
	MDB_dbi copies = write->inside.log->copies;
	MDB_val nothing = { .mv_data = bytes, .mv_size = 0 };
	EP_TRY(ep_entry_link(&link, entry, err));
	MDB_val key = key_of(bytes, link.original, entry->id);
	int rc = in ? mdb_put(write->inside.txn, copies, &key, &nothing, 0)
	            : mdb_del(write->inside.txn, copies, &key, NULL);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

enum ep_status
ep_log_member(struct ep_hash *member, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_link link;
	struct ep_hasher hasher;
	*member = entry->hash;
	if (!(entry->flags & EP_ENTRY_COPY))
		return EP_OK;
	EP_TRY(ep_entry_link(&link, entry, err));
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, entry->hash.bytes, EP_HASH_SIZE);
	ep_hasher_add(&hasher, link.original.at, link.original.size);
	ep_hasher_done(member, &hasher);
	return EP_OK;
}

/* ---- reading ---- */

enum ep_status
ep_log_copies(struct ep_buffer *ids, size_t *count, const struct ep_log_read *read,
              struct ep_text original, struct ep_error *err)
{
	uint8_t bytes[KEY_MAX];
	MDB_cursor *cursor;
	MDB_val value;
	MDB_val key = original.size ? key_of(bytes, original, (struct ep_text){ 0 })
	                            : (MDB_val){ .mv_data = bytes, .mv_size = 0 };
	size_t prefix = key.mv_size;
	enum ep_status status = EP_OK;
	*count = 0;
	int rc = mdb_cursor_open(read->txn, read->log->copies, &cursor);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the list of copies");
	rc = mdb_cursor_get(cursor, &key, &value, prefix ? MDB_SET_RANGE : MDB_FIRST);
	for (; rc == 0 && status == EP_OK; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		const uint8_t *at = key.mv_data;
		const uint8_t *zero = memchr(at, 0, key.mv_size);
		if (!zero || key.mv_size < prefix || memcmp(at, bytes, prefix) != 0)
			break;
		size_t size = key.mv_size - (size_t)(zero + 1 - at);
		uint8_t length = (uint8_t)size;
		status = ep_buffer_append(ids, &length, 1, err);
		if (status == EP_OK)
			status = ep_buffer_append(ids, zero + 1, size, err);
		(*count)++;
	}
	mdb_cursor_close(cursor);
	if (status == EP_OK && rc && rc != MDB_NOTFOUND)
		return ep_fail_mdb(err, rc, "cannot read the list of copies");
	return status;
}

/* The number i of the ids that ep_log_copies gave. */
struct ep_text
ep_log_copy_id(const struct ep_buffer *ids, size_t i)
{
	const uint8_t *at = ids->data;
	while (i--)
		at += 1 + *at;
	return (struct ep_text){ (const char *)at + 1, *at };
}

/* ---- writing ---- */

/* Gives a live track another link, or none, at the next position. Everything else of it stays, but
 * that the master has not seen it so. */
static enum ep_status
relink(struct ep_log_write *write, struct ep_text id, const struct ep_link *link, bool released,
       struct ep_error *err)
{
	struct ep_entry there;
	EP_BUFFER struct ep_buffer body = { 0 };
	EP_TRY(ep_log_find(&there, &write->inside, id, err));
	if (there.operation != EP_PUT)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has been deleted",
		               ep_text_print_size(id), id.at);
	EP_TRY(ep_entry_relink_body(&body, &there, link, released, err));
	struct ep_entry entry = there;
	unsigned kept = there.flags & (unsigned)EP_ENTRY_SHRUNK;
	entry.flags = (uint8_t)(kept | EP_ENTRY_DECIDED | (link ? EP_ENTRY_COPY : 0) |
	                        (released ? EP_ENTRY_RELEASED : 0));
	EP_TRY(ep_log_remove_entry(write, &there, err));
	EP_TRY(ep_entry_read_body(&entry, body.data, body.size, err));
	return ep_log_append_entry(write, &entry, body.data, body.size, err);
}

/* Whether one copy is better to take its original's place than another: the closer one; of equal
 * ones that with the lower id, so that all nodes choose alike. */
static bool
is_better(const struct ep_link *one, struct ep_text one_id, const struct ep_link *other,
          struct ep_text other_id)
{
	if (one->kind != other->kind)
		return one->kind == EP_COPY_EXACT;
	if (one->share != other->share)
		return one->share > other->share;
	return ep_text_compare(one_id, other_id) < 0;
}

/* Links the copies of a track, all but `but`, to another one. */
static enum ep_status
move_copies(struct ep_log_write *write, const struct ep_buffer *ids, size_t count,
            struct ep_text but, struct ep_text original, int64_t shift, struct ep_error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct ep_text id = ep_log_copy_id(ids, i);
		struct ep_entry entry;
		struct ep_link link;
		if (ep_text_equal(id, but) || ep_text_equal(id, original))
			continue;
		EP_TRY(ep_log_find(&entry, &write->inside, id, err));
		EP_TRY(ep_entry_link(&link, &entry, err));
		link.original = original;
		link.offset += shift;
		EP_TRY(relink(write, id, &link, false, err));
	}
	return EP_OK;
}

enum ep_status
ep_log_promote(struct ep_log_write *write, struct ep_text id, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer ids = { 0 };
	size_t count;
	struct ep_text best = { 0 };
	struct ep_link best_link = { 0 };
	EP_TRY(ep_log_copies(&ids, &count, &write->inside, id, err));
	for (size_t i = 0; i < count; i++) {
		struct ep_text copy = ep_log_copy_id(&ids, i);
		struct ep_entry entry;
		struct ep_link link;
		EP_TRY(ep_log_find(&entry, &write->inside, copy, err));
		EP_TRY(ep_entry_link(&link, &entry, err));
		if (best.size == 0 || is_better(&link, copy, &best_link, best)) {
			best = copy;
			best_link = link;
		}
	}
	if (best.size == 0)
		return EP_OK;
	int64_t shift = -best_link.offset;
	EP_TRY(relink(write, best, NULL, false, err));
	return move_copies(write, &ids, count, best, best, shift, err);
}

enum ep_status
ep_log_settle_copies(struct ep_log_write *write, struct ep_text id, const struct ep_link *link,
                     struct ep_error *err)
{
	EP_BUFFER struct ep_buffer ids = { 0 };
	EP_BUFFER struct ep_buffer original = { 0 };
	size_t count;
	EP_TRY(ep_log_copies(&ids, &count, &write->inside, id, err));
	EP_TRY(ep_buffer_append(&original, link->original.at, link->original.size, err));
	struct ep_text text = { (const char *)original.data, original.size };
	return move_copies(write, &ids, count, id, text, link->offset, err);
}

/* Follows a link to the track that is no copy. */
static enum ep_status
find_original(struct ep_entry *entry, struct ep_link *link, const struct ep_log_write *write,
              struct ep_error *err)
{
	EP_TRY(ep_log_find(entry, &write->inside, link->original, err));
	if (entry->operation == EP_PUT && (entry->flags & EP_ENTRY_COPY)) {
		struct ep_link next;
		EP_TRY(ep_entry_link(&next, entry, err));
		link->original = next.original;
		link->offset += next.offset;
		EP_TRY(ep_log_find(entry, &write->inside, link->original, err));
	}
	if (entry->operation != EP_PUT || (entry->flags & EP_ENTRY_COPY))
		return ep_fail(err, EP_NOT_FOUND, "there is no original %.*s",
		               ep_text_print_size(link->original), link->original.at);
	return EP_OK;
}

enum ep_status
ep_log_link(struct ep_log_write *write, struct ep_text copy, const struct ep_link *link,
            struct ep_error *err)
{
	struct ep_entry entry;
	struct ep_link wanted = *link;
	EP_BUFFER struct ep_buffer original = { 0 };
	EP_TRY(find_original(&entry, &wanted, write, err));
	if (ep_text_equal(copy, wanted.original))
		return ep_fail(err, EP_BAD_INPUT, "track %.*s cannot be a copy of itself",
		               ep_text_print_size(copy), copy.at);
	/* The texts of the log go with the first change. */
	EP_TRY(ep_buffer_append(&original, wanted.original.at, wanted.original.size, err));
	wanted.original = (struct ep_text){ (const char *)original.data, original.size };
	EP_TRY(relink(write, copy, &wanted, false, err));
	return ep_log_settle_copies(write, copy, &wanted, err);
}

enum ep_status
ep_log_check_link(struct ep_log_write *write, struct ep_text copy, const struct ep_link *link,
                  struct ep_error *err)
{
	struct ep_entry original;
	struct ep_link next;
	EP_BUFFER struct ep_buffer id = { 0 };
	enum ep_status status = ep_log_find(&original, &write->inside, link->original, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	bool gone = status == EP_OK && original.operation == EP_DELETE;
	if (status == EP_NOT_FOUND || gone || !(original.flags & EP_ENTRY_COPY)) {
		EP_TRY(ep_log_settle_copies(write, copy, link, err));
		return gone ? ep_log_promote(write, link->original, err) : EP_OK;
	}
	EP_TRY(ep_entry_link(&next, &original, err));
	if (ep_text_equal(next.original, copy)) /* each would be the other's */
		return relink(write, copy, NULL, false, err);
	/* The texts of the log go with the first change. */
	EP_TRY(ep_buffer_append(&id, next.original.at, next.original.size, err));
	struct ep_link wanted = *link;
	wanted.original = (struct ep_text){ (const char *)id.data, id.size };
	wanted.offset += next.offset;
	return ep_log_link(write, copy, &wanted, err);
}

enum ep_status
ep_log_release(struct ep_log_write *write, struct ep_text copy, struct ep_error *err)
{
	struct ep_entry entry;
	struct ep_link link;
	EP_TRY(ep_log_find(&entry, &write->inside, copy, err));
	if (entry.operation != EP_PUT)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has been deleted",
		               ep_text_print_size(copy), copy.at);
	EP_TRY(ep_entry_link(&link, &entry, err));
	return relink(write, copy, NULL, true, err);
}
