#include "store/log_internal.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum ep_status
ep_log_write_begin(struct ep_log_write **out, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = calloc(1, sizeof *write);
	if (!write)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	write->inside.log = log;
	int rc = mdb_txn_begin(log->env, NULL, 0, &write->inside.txn);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot write the log in %s", log->folder);
	EP_TRY(ep_log_load_state(&write->inside, err));
	EP_TRY(ep_log_digest(&write->digest, &write->inside, err));
	EP_TRY(ep_log_sources(&write->sources, &write->source_count, &write->inside, err));
	EP_TRY(ep_codes_coder_new(&write->decoder, EP_CODES_ONSET, err));
	EP_TRY(ep_codes_coder_new(&write->encoder, EP_CODES_ONSET, err));
	*out = EP_TAKE(write);
	return EP_OK;
}

void
ep_log_abort(struct ep_log_write *write)
{
	if (!write)
		return;
	if (write->inside.txn)
		mdb_txn_abort(write->inside.txn);
	ep_codes_coder_free(write->decoder);
	ep_codes_coder_free(write->rows_decoder);
	ep_codes_coder_free(write->encoder);
	ep_decoded_free(&write->there);
	ep_buffer_free(&write->body);
	free(write->sources);
	free(write);
}

const struct ep_log_read *
ep_log_inside(const struct ep_log_write *write)
{
	return &write->inside;
}

enum ep_status
ep_log_fail_write(const struct ep_log_write *write, int rc, struct ep_error *err)
{
	const char *folder = write->inside.log->folder;
	return ep_fail_mdb(err, ep_explain_write(rc, folder), "cannot write the log in %s", folder);
}

static enum ep_status
put_value(struct ep_log_write *write, MDB_dbi dbi, MDB_val key, MDB_val value, unsigned flags,
          struct ep_error *err)
{
	int rc = mdb_put(write->inside.txn, dbi, &key, &value, flags);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

enum ep_status
ep_log_set_value(struct ep_log_write *write, const char *name, struct ep_text value,
                 struct ep_error *err)
{
	return put_value(write, write->inside.log->values, ep_val_of(ep_text_of(name)),
	                 ep_val_of(value), 0, err);
}

enum ep_status
ep_log_set_number(struct ep_log_write *write, const char *name, uint64_t value,
                  struct ep_error *err)
{
	uint8_t bytes[8];
	ep_store64(bytes, value);
	struct ep_text text = { .at = (const char *)bytes, .size = sizeof bytes };
	return ep_log_set_value(write, name, text, err);
}

enum ep_status
ep_log_remove_value(struct ep_log_write *write, const char *name, struct ep_error *err)
{
	MDB_val key = ep_val_of(ep_text_of(name));
	int rc = mdb_del(write->inside.txn, write->inside.log->values, &key, NULL);
	return rc && rc != MDB_NOTFOUND ? ep_log_fail_write(write, rc, err) : EP_OK;
}

static enum ep_status
store_source(struct ep_log_write *write, const struct ep_source_info *info, struct ep_error *err)
{
	uint32_t big = htobe32(info->number);
	uint8_t bytes[16 + EP_SOURCE_NAME_MAX];
	size_t name_size = strlen(info->name);
	ep_store64(bytes, info->tracks);
	ep_store64(bytes + 8, info->documents);
	memcpy(bytes + 16, info->name, name_size);
	return put_value(write, write->inside.log->sources,
	                 (MDB_val){ .mv_data = &big, .mv_size = sizeof big },
	                 (MDB_val){ .mv_data = bytes, .mv_size = 16 + name_size }, 0, err);
}

enum ep_status
ep_log_source(uint32_t *number, struct ep_log_write *write, struct ep_text name,
              struct ep_error *err)
{
	if (!ep_source_name_ok(name))
		return ep_fail(err, EP_BAD_INPUT,
		               "\"%.*s\" is no name of a source: 1 to %d of A-Z a-z 0-9 . _ -",
		               ep_text_print_size(name), name.at, EP_SOURCE_NAME_MAX);
	uint32_t next = EP_SOURCE_MASTER + 1;
	for (size_t i = 0; i < write->source_count; i++) {
		if (ep_text_equal(ep_text_of(write->sources[i].name), name)) {
			*number = write->sources[i].number;
			return EP_OK;
		}
		if (write->sources[i].number >= next)
			next = write->sources[i].number + 1;
	}
	struct ep_source_info *list =
		realloc(write->sources, (write->source_count + 1) * sizeof *list);
	if (!list)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the list of sources");
	write->sources = list;
	struct ep_source_info *info = &list[write->source_count++];
	*info = (struct ep_source_info){ .number = next };
	memcpy(info->name, name.at, name.size);
	*number = next;
	return store_source(write, info, err);
}

static enum ep_status
store_state(struct ep_log_write *write, struct ep_error *err)
{
	const struct ep_log_state *state = &write->inside.state;
	uint8_t bytes[EP_DIGEST_BYTES];
	ep_store64(bytes, state->position);
	ep_store64(bytes + 8, state->documents);
	ep_store64(bytes + 16, state->tracks);
	ep_store64(bytes + 24, state->tombstones);
	EP_TRY(ep_log_set_value(write, "state",
	                        (struct ep_text){ .at = (const char *)bytes, .size = 32 }, err));
	ep_digest_store(bytes, &write->digest);
	struct ep_text digest = { .at = (const char *)bytes, .size = sizeof bytes };
	EP_TRY(ep_log_set_value(write, "digest", digest, err));
	for (size_t i = 0; i < write->source_count; i++)
		EP_TRY(store_source(write, &write->sources[i], err));
	return EP_OK;
}

enum ep_status
ep_log_commit(struct ep_log_write **owner, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = EP_TAKE(*owner);
	if (write->changed)
		EP_TRY(store_state(write, err));
	int rc = mdb_txn_commit(write->inside.txn);
	write->inside.txn = NULL;
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

/* ---- entries ---- */

/* Counts a live track in or out of all totals. */
static enum ep_status
count_track(struct ep_log_write *write, const struct ep_entry *entry, bool in, struct ep_error *err)
{
	struct ep_hash member;
	EP_TRY(ep_log_member(&member, entry, err));
	if (entry->flags & EP_ENTRY_COPY)
		EP_TRY(ep_log_list_copy(write, entry, in, err));
	struct ep_log_state *state = &write->inside.state;
	struct ep_source_info *source = NULL;
	for (size_t i = 0; i < write->source_count; i++) {
		if (write->sources[i].number == entry->source)
			source = &write->sources[i];
	}
	uint64_t one = in ? 1 : UINT64_MAX; /* -1 */
	uint64_t documents = in ? entry->document_count : 0 - (uint64_t)entry->document_count;
	state->tracks += one;
	state->documents += documents;
	if (source) {
		source->tracks += one;
		source->documents += documents;
	}
	if (in)
		ep_digest_add(&write->digest, &member);
	else
		ep_digest_subtract(&write->digest, &member);
	return EP_OK;
}

enum ep_status
ep_log_remove_entry(struct ep_log_write *write, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_log *log = write->inside.log;
	uint64_t position = entry->position;
	uint8_t bytes[EP_SOURCE_KEY];
	ep_source_key(bytes, entry->source, position);
	if (entry->operation == EP_DELETE)
		write->inside.state.tombstones--;
	else
		EP_TRY(count_track(write, entry, false, err));
	MDB_val listed = { .mv_data = bytes, .mv_size = sizeof bytes };
	int rc = mdb_del(write->inside.txn, log->by_source, &listed, NULL);
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	if (!rc)
		rc = mdb_del(write->inside.txn, log->log, &key, NULL);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

enum ep_status
ep_log_write_entry(struct ep_log_write *write, MDB_dbi dbi, MDB_val key,
                   const struct ep_entry *entry, const void *body, size_t body_size, unsigned flags,
                   struct ep_error *err)
{
	MDB_val value = { .mv_size = EP_ENTRY_HEADER + body_size + EP_ENTRY_TRAILER };
	int rc = mdb_put(write->inside.txn, dbi, &key, &value, MDB_RESERVE | flags);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	ep_entry_write(value.mv_data, entry, body, body_size);
	return EP_OK;
}

enum ep_status
ep_log_append_entry(struct ep_log_write *write, struct ep_entry *entry, const void *body,
                    size_t body_size, struct ep_error *err)
{
	struct ep_log *log = write->inside.log;
	uint64_t position = write->inside.state.position + 1;
	entry->position = position;
	EP_TRY(ep_log_write_entry(write, log->log,
	                          (MDB_val){ .mv_data = &position, .mv_size = sizeof position },
	                          entry, body, body_size, MDB_APPEND, err));
	uint8_t where[8];
	ep_store64(where, position);
	EP_TRY(put_value(write, log->ids, ep_val_of(entry->id),
	                 (MDB_val){ .mv_data = where, .mv_size = sizeof where }, 0, err));
	uint8_t key[EP_SOURCE_KEY];
	ep_source_key(key, entry->source, position);
	EP_TRY(put_value(write, log->by_source, (MDB_val){ .mv_data = key, .mv_size = sizeof key },
	                 (MDB_val){ .mv_data = key, .mv_size = 0 }, 0, err));
	if (entry->operation == EP_PUT)
		EP_TRY(count_track(write, entry, true, err));
	else
		write->inside.state.tombstones++;
	write->inside.state.position = position;
	write->changed = true;
	return EP_OK;
}

static enum ep_status
put_tombstone(struct ep_log_write *write, struct ep_entry *tombstone, struct ep_error *err)
{
	write->body.size = 0;
	EP_TRY(ep_entry_delete_body(&write->body, tombstone->id, tombstone->document_count, err));
	return ep_log_append_entry(write, tombstone, write->body.data, write->body.size, err);
}

/* A word that deletes what is not there: an older put of the track may still come, and copies of it
 * may be there. */
static enum ep_status
delete_nothing(struct ep_log_write *write, struct ep_text track_id, uint32_t source, int64_t now,
               const struct ep_said *said, struct ep_error *err)
{
	struct ep_entry tombstone = {
		.operation = EP_DELETE,
		.source = source,
		.import_date = now,
		.word = said->word,
		.id = track_id,
		.document_count = 1,
	};
	EP_TRY(put_tombstone(write, &tombstone, err));
	return ep_log_promote(write, track_id, err);
}

/* What is deleted already is deleted again by a newer word. Who owned the track before is still
 * known by its last one. */
static enum ep_status
delete_again(struct ep_log_write *write, const struct ep_entry *tombstone, bool owned,
             struct ep_text id, uint32_t source, const struct ep_said *said, struct ep_error *err)
{
	static const struct ep_hash none = { 0 };
	if (!said->word.tag)
		return EP_OK;
	if (owned || tombstone->word.tag == said->word.tag)
		EP_TRY(ep_log_note(write, tombstone, 0, said->word, err));
	return owned ? EP_OK : ep_log_note_answered(write, source, id, said, &none, err);
}

enum ep_status
ep_log_delete(struct ep_log_write *write, struct ep_text track_id, uint32_t source, int64_t now,
              const struct ep_said *said, struct ep_error *err)
{
	static const struct ep_said nothing = { 0 };
	static const struct ep_hash none = { 0 };
	struct ep_entry entry;
	const struct ep_said *how = said ? said : &nothing;
	enum ep_status status = ep_log_find(&entry, &write->inside, track_id, err);
	if (status == EP_NOT_FOUND && how->word.tag)
		EP_TRY(delete_nothing(write, track_id, source, now, how, err));
	EP_TRY(status);
	if (ep_log_is_old(&entry, how))
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has changed since",
		               ep_text_print_size(track_id), track_id.at);
	bool pending = false;
	if (source == EP_SOURCE_MASTER && entry.operation == EP_PUT)
		EP_TRY(ep_log_is_pending(&pending, write, &entry, how, err));
	if (pending)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s has changed here",
		               ep_text_print_size(track_id), track_id.at);
	bool owned = source == entry.source || source == EP_SOURCE_MASTER;
	if (entry.operation == EP_DELETE)
		EP_TRY(delete_again(write, &entry, owned, track_id, source, how, err));
	if (entry.operation == EP_DELETE)
		return ep_fail(err, EP_NOT_FOUND, "track %.*s is deleted already",
		               ep_text_print_size(track_id), track_id.at);
	if (source != EP_SOURCE_ANY && !owned) {
		enum ep_answered answered;
		EP_TRY(ep_log_was_answered(&answered, write, source, track_id, how, &none, err));
		if (answered == EP_ANSWERED_NOT)
			EP_TRY(ep_log_refuse(write, source, track_id, how, &none, err));
		return ep_fail(err, EP_BAD_INPUT, "track %.*s was brought by another source",
		               ep_text_print_size(track_id), track_id.at);
	}
	struct ep_entry tombstone = {
		.operation = EP_DELETE,
		.flags = source == EP_SOURCE_ANY ? EP_ENTRY_DECIDED : 0,
		.source = source == EP_SOURCE_MASTER ? source : entry.source,
		.import_date = now,
		.word = how->word.tag ? how->word : entry.word,
		.id = track_id,
		.document_count = entry.document_count,
	};
	EP_TRY(ep_log_remove_entry(write, &entry, err));
	EP_TRY(put_tombstone(write, &tombstone, err));
	return ep_log_promote(write, track_id, err);
}
