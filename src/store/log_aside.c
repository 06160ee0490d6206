/* What is kept aside: states that were not taken, by track and revision. */
#include "store/log_internal.h"

#include <string.h>

#define KEY_MAX (255 + 1 + EP_REVISION_SIZE)

/* States of one track that are kept; what comes beyond that takes the place of one of them. */
#define STATES_MAX 64

static enum ep_status
aside_key(MDB_val *key, uint8_t bytes[KEY_MAX], struct ep_text id, const struct ep_revision *head,
          struct ep_error *err)
{
	if (id.size < 1 || id.size > 255)
		return ep_fail(err, EP_BAD_INPUT, "a track id has 1 to 255 bytes");
	memcpy(bytes, id.at, id.size);
	bytes[id.size] = 0;
	if (head)
		memcpy(bytes + id.size + 1, head->bytes, EP_REVISION_SIZE);
	*key = (MDB_val){ .mv_data = bytes,
		          .mv_size = id.size + 1 + (head ? EP_REVISION_SIZE : 0) };
	return EP_OK;
}

static enum ep_status
count_states(struct ep_log_write *write, struct ep_error *err)
{
	size_t count;
	EP_TRY(ep_log_count_keys(&count, &write->inside, write->inside.log->aside, err));
	write->inside.state.conflicts = count;
	return EP_OK;
}

/* ---- finding ---- */

struct search {
	uint32_t source; /* of which, and partial; or EP_SOURCE_ANY */
	const struct ep_hash *hash; /* of which; NULL: any */
	size_t version; /* which, from 1; 0: the first */
	size_t count; /* that there are */
	bool found;
	uint8_t bytes[KEY_MAX]; /* key of the one that was found */
	size_t size;
};

static enum ep_status
look(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	struct search *search = context;
	struct ep_entry entry;
	search->count++;
	if (search->found || key.mv_size > KEY_MAX ||
	    (search->version && search->version != search->count))
		return EP_OK;
	EP_TRY(ep_entry_read(&entry, 0, value.mv_data, value.mv_size, err));
	if ((search->source != EP_SOURCE_ANY &&
	     (entry.source != search->source || !(entry.flags & EP_ENTRY_PARTIAL))) ||
	    (search->hash && memcmp(search->hash, &entry.hash, EP_HASH_SIZE) != 0))
		return EP_OK;
	search->found = true;
	search->size = key.mv_size;
	memcpy(search->bytes, key.mv_data, key.mv_size);
	return EP_OK;
}

static enum ep_status
find(struct search *search, const struct ep_log_read *read, struct ep_text id, struct ep_error *err)
{
	uint8_t bytes[KEY_MAX];
	MDB_val key;
	EP_TRY(aside_key(&key, bytes, id, NULL, err));
	return ep_log_each_key(read, read->log->aside, (struct ep_text){ key.mv_data, key.mv_size },
	                       look, search, err);
}

/* ---- keeping ---- */

/* Rows of a CSV join those of the same source that are kept aside already. */
static enum ep_status
join_rows(struct ep_state *state, struct ep_buffer *body, struct ep_log_write *write,
          const struct ep_entry *there, struct ep_text id, struct ep_error *err)
{
	EP_DECODED struct ep_decoded old = { 0 };
	EP_DECODED struct ep_decoded new = { 0 };
	struct ep_track rows = { .id = id };
	struct ep_put put = { .track = &rows, .body = state->body };
	struct ep_put with_rows;
	struct ep_merge merge = { 0 };
	EP_TRY(ep_entry_decode(&old, there, write->decoder, err));
	EP_TRY(ep_log_decode_put(&with_rows, &new, write, &put, err));
	enum ep_status status = ep_log_merge_rows(&merge, &old.track, &with_rows, err);
	if (status == EP_OK) {
		ep_track_hash(&state->hash, &merge.track);
		status = ep_entry_put_body(body, NULL, &merge.track, write->encoder, err);
	}
	ep_arena_free(&merge.arena);
	state->body = ep_buffer_bytes(body);
	struct ep_step *head = &state->history.steps[state->history.count - 1];
	memcpy(head->contents.bytes, state->hash.bytes, EP_REVISION_SIZE);
	return status;
}

/* Takes what is to be joined out of there, and joins it. */
static enum ep_status
join_partial(struct ep_state *state, struct ep_buffer *body, struct ep_log_write *write,
             struct ep_text id, uint32_t source, struct ep_error *err)
{
	struct search search = { .source = source };
	MDB_val value;
	struct ep_entry there;
	EP_TRY(find(&search, &write->inside, id, err));
	if (!search.found)
		return EP_OK;
	MDB_val key = { .mv_data = search.bytes, .mv_size = search.size };
	int rc = mdb_get(write->inside.txn, write->inside.log->aside, &key, &value);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	EP_TRY(ep_entry_read(&there, 0, value.mv_data, value.mv_size, err));
	EP_TRY(join_rows(state, body, write, &there, id, err));
	return ep_log_remove_key(write, write->inside.log->aside, key, err);
}

enum ep_status
ep_log_keep_aside(struct ep_log_write *write, const struct ep_subject *subject,
                  struct ep_state *state, uint32_t source, struct ep_error *err)
{
	uint8_t bytes[KEY_MAX];
	MDB_val key;
	struct search any = { 0 };
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_parties parties = ep_log_parties_inside(write);
	if (state->flags & EP_ENTRY_PARTIAL)
		EP_TRY(join_partial(state, &body, write, subject->id, source, err));
	EP_TRY(find(&any, &write->inside, subject->id, err));
	if (any.count >= STATES_MAX) {
		MDB_val first = { .mv_data = any.bytes, .mv_size = any.size };
		EP_TRY(ep_log_remove_key(write, write->inside.log->aside, first, err));
	}
	ep_history_hash(&state->history, subject, &parties);
	EP_TRY(aside_key(&key, bytes, subject->id, &ep_history_head(&state->history)->id, err));
	EP_TRY(ep_log_put_state(write, write->inside.log->aside, key, state, source, err));
	return count_states(write, err);
}

enum ep_status
ep_log_put_register_aside(struct ep_log_write *write, const struct ep_register *reg,
                          struct ep_error *err)
{
	struct ep_state state;
	EP_TRY(ep_log_state_of(&state, write, &reg->entry, err));
	state.flags = 0;
	return ep_log_keep_aside(write, &reg->subject, &state, reg->entry.source, err);
}

enum ep_status
ep_log_forget_aside(struct ep_log_write *write, struct ep_text id, const struct ep_hash *hash,
                    struct ep_error *err)
{
	struct search search = { .hash = hash };
	if (write->inside.state.conflicts == 0)
		return EP_OK;
	EP_TRY(find(&search, &write->inside, id, err));
	if (!search.found)
		return EP_OK;
	MDB_val key = { .mv_data = search.bytes, .mv_size = search.size };
	EP_TRY(ep_log_remove_key(write, write->inside.log->aside, key, err));
	return count_states(write, err);
}

/* ---- telling ---- */

struct telling {
	enum ep_status (*each)(void *context, const struct ep_entry *entry, struct ep_error *err);
	void *context;
};

static enum ep_status
tell(void *context, MDB_val key, MDB_val value, struct ep_error *err)
{
	(void)key;
	const struct telling *telling = context;
	struct ep_entry entry;
	EP_TRY(ep_entry_read(&entry, 0, value.mv_data, value.mv_size, err));
	return telling->each(telling->context, &entry, err);
}

enum ep_status
ep_log_conflicts(const struct ep_log_read *read,
                 enum ep_status (*each)(void *context, const struct ep_entry *entry,
                                        struct ep_error *err),
                 void *context, struct ep_error *err)
{
	struct telling telling = { each, context };
	return ep_log_each_key(read, read->log->aside, (struct ep_text){ 0 }, tell, &telling, err);
}

/* ---- settling ---- */

/* Takes a state that is kept aside of a track; EP_NOT_FOUND: none is. */
static enum ep_status
take_out(struct ep_buffer *bytes, struct ep_log_write *write, struct ep_text track, size_t version,
         bool only, struct ep_error *err)
{
	struct search search = { .version = version };
	MDB_val value;
	EP_TRY(find(&search, &write->inside, track, err));
	if (only && search.count > 1)
		return ep_fail(err, EP_BAD_INPUT,
		               "%zu versions of track %.*s were set aside: select one with "
		               "--version N (see `conflicts`)",
		               search.count, ep_text_print_size(track), track.at);
	if (!search.found)
		return ep_fail(err, EP_NOT_FOUND, "no matching version of track %.*s was set aside",
		               ep_text_print_size(track), track.at);
	MDB_val key = { .mv_data = search.bytes, .mv_size = search.size };
	int rc = mdb_get(write->inside.txn, write->inside.log->aside, &key, &value);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	EP_TRY(ep_buffer_append(bytes, value.mv_data, value.mv_size, err));
	EP_TRY(ep_log_remove_key(write, write->inside.log->aside, key, err));
	return count_states(write, err);
}

/* The rows of a partial state joined with those of the track. */
static enum ep_status
join_track(struct ep_state *state, struct ep_buffer *body, struct ep_log_write *write,
           const struct ep_register *reg, struct ep_error *err)
{
	if (!(state->flags & EP_ENTRY_PARTIAL) || reg->entry.operation != EP_PUT)
		return EP_OK;
	return join_rows(state, body, write, &reg->entry, reg->subject.id, err);
}

static void
count_accepted(struct ep_put_counts *counts, const struct ep_register *reg,
               const struct ep_entry *aside)
{
	if (aside->operation != EP_PUT)
		return;
	if (ep_register_is_live(reg))
		counts->updated += aside->document_count;
	else
		counts->added += aside->document_count;
}

/* Makes a state that was aside the track's, by the word of this node's user: it supersedes that of
 * now and that revision. On a master it is whose it was, where that is a source. */
static enum ep_status
accept(struct ep_put_counts *counts, struct ep_log_write *write, const struct ep_buffer *bytes,
       int64_t now, struct ep_error *err)
{
	struct ep_entry entry;
	struct ep_register reg;
	struct ep_state state;
	struct ep_history history;
	EP_BUFFER struct ep_buffer body = { 0 };
	ep_arena_reset(&write->arena);
	EP_TRY(ep_entry_read(&entry, 0, bytes->data, bytes->size, err));
	struct ep_subject subject = { entry.id, false };
	EP_TRY(ep_log_state_of(&state, write, &entry, err));
	EP_TRY(ep_log_load_register(&reg, write, &subject, err));
	struct ep_revision aside = ep_history_head(&state.history)->id;
	uint32_t owner = ep_history_owner(&state.history);
	if (reg.there)
		EP_TRY(join_track(&state, &body, write, &reg, err));
	bool deletes = state.operation == EP_DELETE;
	bool equal = reg.there ? memcmp(&reg.entry.hash, &state.hash, EP_HASH_SIZE) == 0 : deletes;
	enum ep_local_outcome outcome =
		ep_log_decide_local(write, &reg, EP_LOCAL_ACCEPT, write->self, equal, NULL);
	if (outcome != EP_LOCAL_STANDS)
		return outcome == EP_LOCAL_FOREIGN ? ep_log_fail_foreign(err, entry.id) : EP_OK;
	struct ep_step step = ep_log_own_step(write, deletes ? NULL : &state.hash);
	EP_TRY(ep_log_user_history(&history, write, &reg, &step, err));
	if (!write->follows.any) {
		if (write->parties[owner - 1].source)
			history.owner = owner;
		history.born = write->epoch.number;
		EP_TRY(ep_history_add_also(&history, &write->arena, &aside, 1, err));
	}
	state.history = history;
	state.flags = 0;
	state.era = reg.there ? reg.entry.era : 0;
	state.import_date = deletes ? now : state.import_date;
	count_accepted(counts, &reg, &entry);
	return ep_log_store(write, &reg, &state, err);
}

enum ep_status
ep_log_settle_conflict(struct ep_put_counts *counts, struct ep_log_write *write,
                       struct ep_text track, bool accepted, size_t version, int64_t now,
                       struct ep_error *err)
{
	if (accepted)
		EP_TRY(ep_log_check_stale(write, err));
	for (size_t found = 0;; found++) {
		EP_BUFFER struct ep_buffer bytes = { 0 };
		enum ep_status status =
			take_out(&bytes, write, track, version, accepted && version == 0, err);
		if (status == EP_NOT_FOUND && found > 0)
			return EP_OK;
		EP_TRY(status);
		if (accepted)
			EP_TRY(accept(counts, write, &bytes, now, err));
		if (accepted || version)
			return EP_OK;
	}
}
