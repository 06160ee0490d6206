/* Links: which track is a copy of which.
 *
 * The database "links" has a key for every link to an original, in force or not: the original's id,
 * a byte 0, and the copy's id; no value. A link is in force as long as what it names is what is
 * there, so nothing has to be done when that changes, but for one thing: a copy that is a song of
 * its own again gets the next position, for those who follow the log.
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
ep_log_list_link(struct ep_log_write *write, const struct ep_entry *entry, bool in,
                 struct ep_error *err)
{
	struct ep_link link;
	uint8_t bytes[KEY_MAX];
	MDB_dbi links = write->inside.log->links;
	MDB_val nothing = { .mv_data = bytes, .mv_size = 0 };
	EP_TRY(ep_entry_link(&link, entry, err));
	MDB_val key = key_of(bytes, link.original, entry->id);
	return in ? ep_log_put_key(write, links, key, nothing, 0, err)
	          : ep_log_remove_key(write, links, key, err);
}

/* ---- what is in force ---- */

enum ep_status
ep_log_is_member(bool *is, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_link link;
	*is = entry->operation == EP_PUT;
	if (entry->operation != EP_LINK)
		return EP_OK;
	EP_TRY(ep_entry_link(&link, entry, err));
	*is = link.original.size > 0;
	return EP_OK;
}

static bool
has_contents(const struct ep_entry *track, const struct ep_revision *contents)
{
	struct ep_revision now;
	ep_entry_contents(&now, track);
	return track->operation == EP_PUT && ep_revision_equal(&now, contents);
}

/* Whether a link names what is there: *original is the other track then. */
static enum ep_status
is_valid(bool *valid, struct ep_entry *original, const struct ep_link *link,
         const struct ep_log_read *read, const struct ep_entry *track, struct ep_error *err)
{
	*valid = link->original.size > 0 && has_contents(track, &link->copy_contents) &&
	         !ep_text_equal(link->original, track->id);
	if (!*valid)
		return EP_OK;
	enum ep_status status = ep_log_find(original, read, link->original, err);
	*valid = status == EP_OK && has_contents(original, &link->original_contents);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static enum ep_status
find_link(struct ep_link *link, bool *found, const struct ep_log_read *read,
          const struct ep_entry *track, struct ep_error *err)
{
	struct ep_entry entry;
	*found = false;
	if (track->operation != EP_PUT || !(track->flags & EP_ENTRY_LINKED))
		return EP_OK;
	enum ep_status status = ep_log_find_link(&entry, read, track->id, err);
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	*found = true;
	return ep_entry_link(link, &entry, err);
}

enum ep_status
ep_log_link_state(enum ep_link_state *state, struct ep_link *link, const struct ep_log_read *read,
                  const struct ep_entry *track, struct ep_error *err)
{
	struct ep_entry original;
	struct ep_entry next;
	struct ep_link further;
	bool found;
	bool valid;
	*state = EP_LINK_NONE;
	EP_TRY(find_link(link, &found, read, track, err));
	if (!found)
		return EP_OK;
	*state = EP_LINK_VOID;
	if (link->original.size == 0 && has_contents(track, &link->copy_contents))
		*state = EP_LINK_RELEASED;
	EP_TRY(is_valid(&valid, &original, link, read, track, err));
	if (!valid)
		return EP_OK;
	EP_TRY(find_link(&further, &found, read, &original, err));
	if (found)
		EP_TRY(is_valid(&valid, &next, &further, read, &original, err));
	/* A copy of what is a copy itself is none: one hop, and no circles. */
	*state = found && valid ? EP_LINK_VOID : EP_LINK_IN_FORCE;
	return EP_OK;
}

enum ep_status
ep_log_is_copy(bool *is, const struct ep_log_read *read, const struct ep_entry *track,
               struct ep_error *err)
{
	enum ep_link_state state;
	struct ep_link link;
	EP_TRY(ep_log_link_state(&state, &link, read, track, err));
	*is = state == EP_LINK_IN_FORCE;
	return EP_OK;
}

/* ---- copies ---- */

struct copies {
	const struct ep_log_read *read;
	struct ep_buffer *ids;
	size_t count;
	bool in_force_only;
};

static enum ep_status
add_id(struct ep_buffer *ids, struct ep_text id, struct ep_error *err)
{
	uint8_t length = (uint8_t)id.size;
	EP_TRY(ep_buffer_append(ids, &length, 1, err));
	return ep_buffer_append(ids, id.at, id.size, err);
}

static enum ep_status
add_copy(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	(void)value;
	struct copies *copies = context;
	const char *at = key.mv_data;
	const char *zero = memchr(at, 0, key.mv_size);
	if (!zero)
		return ep_fail(err, EP_CORRUPT, "the log's list of links is damaged");
	struct ep_text id = { zero + 1, key.mv_size - (size_t)(zero + 1 - at) };
	struct ep_entry track;
	bool is = !copies->in_force_only;
	if (!is) {
		enum ep_status status = ep_log_find(&track, copies->read, id, err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		EP_TRY(status);
		EP_TRY(ep_log_is_copy(&is, copies->read, &track, err));
	}
	copies->count += is;
	return is ? add_id(copies->ids, id, err) : EP_OK;
}

static enum ep_status
find_copies(struct copies *copies, struct ep_text original, struct ep_error *err)
{
	uint8_t bytes[KEY_MAX];
	struct ep_text prefix = { 0 };
	if (original.size > 255)
		return EP_OK;
	if (original.size) {
		MDB_val key = key_of(bytes, original, (struct ep_text){ 0 });
		prefix = (struct ep_text){ key.mv_data, key.mv_size };
	}
	return ep_log_each_key(copies->read, copies->read->log->links, prefix, add_copy, copies,
	                       err);
}

enum ep_status
ep_log_copies(struct ep_buffer *ids, size_t *count, const struct ep_log_read *read,
              struct ep_text original, struct ep_error *err)
{
	struct copies copies = { .read = read, .ids = ids, .in_force_only = true };
	EP_TRY(find_copies(&copies, original, err));
	*count = copies.count;
	return EP_OK;
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

/* ---- what hangs on a track ---- */

enum ep_status
ep_log_is_copy_now(bool *is, const struct ep_log_write *write, struct ep_text id,
                   struct ep_error *err)
{
	struct ep_entry track;
	*is = false;
	enum ep_status status = ep_log_find(&track, &write->inside, id, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	return ep_log_is_copy(is, &write->inside, &track, err);
}

/* Lists the tracks with any link to a track, and those with any link to these, behind those that
 * are listed. */
static enum ep_status
find_two_levels(struct copies *copies, struct ep_text track, struct ep_error *err)
{
	size_t first = copies->count;
	EP_TRY(find_copies(copies, track, err));
	for (size_t i = first, direct = copies->count; i < direct; i++) {
		uint8_t bytes[255];
		struct ep_text id = ep_log_copy_id(copies->ids, i);
		memcpy(bytes, id.at, id.size); /* the buffer may move */
		EP_TRY(find_copies(copies, (struct ep_text){ (const char *)bytes, id.size }, err));
	}
	return EP_OK;
}

enum ep_status
ep_log_dependents(struct ep_buffer *ids, size_t *count, const struct ep_log_read *read,
                  struct ep_text track, struct ep_error *err)
{
	struct copies copies = { .read = read, .ids = ids };
	EP_TRY(find_two_levels(&copies, track, err));
	*count = copies.count;
	return EP_OK;
}

enum ep_status
ep_log_find_dependents(struct ep_dependents *dependents, struct ep_log_write *write,
                       struct ep_text track, struct ep_error *err)
{
	struct copies copies = { .read = &write->inside, .ids = &dependents->ids };
	if (write->inside.state.links == 0)
		return EP_OK;
	EP_TRY(add_id(&dependents->ids, track, err));
	copies.count = 1;
	EP_TRY(find_two_levels(&copies, track, err));
	dependents->count = copies.count;
	dependents->copies =
		ep_arena_alloc(&write->arena, copies.count * sizeof *dependents->copies);
	if (!dependents->copies)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for copies");
	for (size_t i = 0; i < copies.count; i++)
		EP_TRY(ep_log_is_copy_now(&dependents->copies[i], write,
		                          ep_log_copy_id(&dependents->ids, i), err));
	return EP_OK;
}
