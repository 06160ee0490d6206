/* Entries in their databases: their bytes, and all that counts or lists them. */
#include "store/log_internal.h"

#include <string.h>

enum ep_status
ep_log_encode_history(struct ep_bytes *bytes, struct ep_log_write *write,
                      const struct ep_history *history, struct ep_error *err)
{
	if (history->sealed)
		EP_TRY(ep_log_store_party(write, history->owner, err));
	for (size_t i = 0; i < history->count; i++)
		EP_TRY(ep_log_store_party(write, history->steps[i].party, err));
	write->history.size = 0;
	EP_TRY(ep_history_write(&write->history, history, write->stored, err));
	*bytes = ep_buffer_bytes(&write->history);
	return EP_OK;
}

/* Writes an entry's bytes under a key, in place in the page. */
static enum ep_status
write_entry(struct ep_log_write *write, MDB_dbi dbi, MDB_val key, const struct ep_entry *entry,
            unsigned flags, struct ep_error *err)
{
	MDB_val value = { .mv_size = ep_entry_size(entry) };
	int rc = mdb_put(write->inside.txn, dbi, &key, &value, MDB_RESERVE | flags);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	ep_entry_write(value.mv_data, entry);
	return EP_OK;
}

enum ep_status
ep_log_own_body(struct ep_bytes *body, struct ep_log_write *write, struct ep_error *err)
{
	return ep_arena_bytes(body, &write->arena, *body, err);
}

enum ep_status
ep_log_put_state(struct ep_log_write *write, MDB_dbi dbi, MDB_val key, struct ep_state *state,
                 uint32_t source, struct ep_error *err)
{
	struct ep_entry entry = {
		.operation = state->operation,
		.flags = state->flags,
		.source = source,
		.import_date = state->import_date,
		.hash = state->hash,
		.era = state->era,
		.body = state->body,
	};
	EP_TRY(ep_log_encode_history(&entry.history, write, &state->history, err));
	EP_TRY(ep_log_own_body(&entry.body, write, err));
	return write_entry(write, dbi, key, &entry, 0, err);
}

/* ---- counts ---- */

/* Counts an entry in or out of all totals. */
static enum ep_status
count_entry(struct ep_log_write *write, const struct ep_entry *entry, bool in, struct ep_error *err)
{
	struct ep_log_state *state = &write->inside.state;
	uint64_t one = in ? 1 : UINT64_MAX; /* -1 */
	uint64_t documents = in ? entry->document_count : 0 - (uint64_t)entry->document_count;
	bool member;
	EP_TRY(ep_log_is_member(&member, entry, err));
	if (member && in)
		ep_digest_add(&write->digest, &entry->hash);
	else if (member)
		ep_digest_subtract(&write->digest, &entry->hash);
	uint64_t bytes = ep_entry_size(entry);
	for (size_t i = 0; i < write->source_count; i++) {
		struct ep_source_info *source = &write->sources[i];
		if (source->number != entry->source)
			continue;
		source->tracks += entry->operation == EP_PUT ? one : 0;
		source->documents += entry->operation == EP_PUT ? documents : 0;
		source->tombstones += entry->operation == EP_DELETE ? one : 0;
		source->bytes += in ? bytes : 0 - bytes;
	}
	if (entry->operation == EP_DELETE)
		state->tombstones += one;
	if (entry->operation == EP_LINK && member) {
		state->links += one;
		return ep_log_list_link(write, entry, in, err);
	}
	if (entry->operation != EP_PUT)
		return EP_OK;
	state->tracks += one;
	state->documents += documents;
	return EP_OK;
}

enum ep_status
ep_log_remove_entry(struct ep_log_write *write, const struct ep_entry *entry, struct ep_error *err)
{
	struct ep_log *log = write->inside.log;
	uint64_t position = entry->position;
	uint8_t bytes[EP_SOURCE_KEY];
	ep_source_key(bytes, entry->source, position);
	EP_TRY(count_entry(write, entry, false, err));
	MDB_val listed = { .mv_data = bytes, .mv_size = sizeof bytes };
	int rc = mdb_del(write->inside.txn, log->by_source, &listed, NULL);
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	if (!rc)
		rc = mdb_del(write->inside.txn, log->log, &key, NULL);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

enum ep_status
ep_log_append_entry(struct ep_log_write *write, struct ep_entry *entry,
                    const struct ep_subject *subject, struct ep_error *err)
{
	struct ep_log *log = write->inside.log;
	uint64_t position = write->inside.state.position + 1;
	uint8_t id[EP_SUBJECT_KEY_MAX];
	uint8_t where[8];
	uint8_t listed[EP_SOURCE_KEY];
	MDB_val id_key;
	entry->position = position;
	EP_TRY(ep_subject_key(&id_key, id, subject, err));
	EP_TRY(write_entry(write, log->log,
	                   (MDB_val){ .mv_data = &position, .mv_size = sizeof position }, entry,
	                   MDB_APPEND, err));
	ep_store64(where, position);
	EP_TRY(ep_log_put_key(write, log->ids, id_key,
	                      (MDB_val){ .mv_data = where, .mv_size = sizeof where }, 0, err));
	ep_source_key(listed, entry->source, position);
	EP_TRY(ep_log_put_key(write, log->by_source,
	                      (MDB_val){ .mv_data = listed, .mv_size = sizeof listed },
	                      (MDB_val){ .mv_data = listed, .mv_size = 0 }, 0, err));
	EP_TRY(ep_entry_read_body(entry, entry->body, err));
	write->inside.state.position = position;
	write->changed = true;
	return count_entry(write, entry, true, err);
}

/* ---- entries that are there ---- */

enum ep_status
ep_log_rewrite(struct ep_log_write *write, struct ep_register *reg, struct ep_error *err)
{
	uint64_t position = reg->entry.position;
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	MDB_val before;
	EP_TRY(ep_log_encode_history(&reg->entry.history, write, &reg->history, err));
	EP_TRY(ep_log_own_body(&reg->entry.body, write, err));
	int rc = mdb_get(write->inside.txn, write->inside.log->log, &key, &before);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	for (size_t i = 0; i < write->source_count; i++) {
		if (write->sources[i].number == reg->entry.source)
			write->sources[i].bytes += ep_entry_size(&reg->entry) - before.mv_size;
	}
	write->changed = true;
	return write_entry(write, write->inside.log->log, key, &reg->entry, 0, err);
}

enum ep_status
ep_log_move(struct ep_log_write *write, struct ep_register *reg, struct ep_error *err)
{
	struct ep_entry moved = reg->entry;
	EP_TRY(ep_log_own_body(&moved.body, write, err));
	EP_TRY(ep_log_encode_history(&moved.history, write, &reg->history, err));
	if (!moved.since)
		moved.since = moved.position;
	/* What is counted out is what was stored: what is appended may be longer. */
	EP_TRY(ep_log_remove_entry(write, &reg->entry, err));
	EP_TRY(ep_log_append_entry(write, &moved, &reg->subject, err));
	reg->entry = moved;
	return EP_OK;
}
