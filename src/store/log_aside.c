/* Rows of a source that may not change the track are kept aside: log_put.c says which. */
#include "store/log_internal.h"

#include <endian.h>
#include <string.h>

static bool
is_among(const struct ep_document *row, const struct ep_track *track)
{
	for (size_t i = 0; i < track->count; i++) {
		if (ep_document_compare(row, &track->documents[i]) == 0)
			return true;
	}
	return false;
}

#define CONFLICT_KEY_MAX (4 + 255)

/* The key of what a source put of a track; EP_BAD_INPUT where the id is too long. */
static enum ep_status
conflict_key(MDB_val *key, uint8_t bytes[CONFLICT_KEY_MAX], const struct ep_put *put,
             struct ep_error *err)
{
	uint32_t big = htobe32(put->source);
	size_t size = put->track->id.size;
	if (size > CONFLICT_KEY_MAX - 4)
		return ep_fail(err, EP_BAD_INPUT, "a track id has at most 255 bytes");
	memcpy(bytes, &big, 4);
	memcpy(bytes + 4, put->track->id.at, size);
	*key = (MDB_val){ .mv_data = bytes, .mv_size = size + 4 };
	return EP_OK;
}

/* The rows that are kept aside of a source and track; none where there are none. */
static enum ep_status
read_conflict(struct ep_decoded *aside, struct ep_log_write *write, MDB_val *key,
              struct ep_error *err)
{
	MDB_val value;
	struct ep_entry entry;
	aside->track = (struct ep_track){ 0 };
	int rc = mdb_get(write->inside.txn, write->inside.log->conflicts, key, &value);
	if (rc == MDB_NOTFOUND)
		return EP_OK;
	if (rc)
		return ep_log_fail_write(write, rc, err);
	EP_TRY(ep_entry_read(&entry, 0, value.mv_data, value.mv_size, err));
	return ep_entry_decode(aside, &entry, write->decoder, err);
}

/* Sets or, with an empty body, removes what is kept aside under key. */
static enum ep_status
set_conflict(struct ep_log_write *write, MDB_val key, const struct ep_put *put,
             const struct ep_hash *hash, struct ep_text body, struct ep_error *err)
{
	MDB_dbi conflicts = write->inside.log->conflicts;
	struct ep_entry entry = { .operation = EP_PUT,
		                  .source = put->source,
		                  .import_date = put->import_date,
		                  .hash = *hash };
	MDB_stat stat;
	int rc = 0;
	if (body.size)
		EP_TRY(ep_log_write_entry(write, conflicts, key, &entry, body.at, body.size, 0,
		                          err));
	else
		rc = mdb_del(write->inside.txn, conflicts, &key, NULL);
	if (rc && rc != MDB_NOTFOUND)
		return ep_log_fail_write(write, rc, err);
	rc = mdb_stat(write->inside.txn, conflicts, &stat);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	write->inside.state.conflicts = stat.ms_entries;
	return EP_OK;
}

/* Joins rows of a put with those that are kept aside: where they conflict they take the place of
 * the same documents, else these go. */
static enum ep_status
join_conflict(struct ep_log_write *write, MDB_val key, const struct ep_put *put, bool conflicts,
              struct ep_merge *merge, struct ep_error *err)
{
	EP_DECODED struct ep_decoded aside = { 0 };
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_hash hash;
	struct ep_track *track = &merge->track;
	EP_TRY(read_conflict(&aside, write, &key, err));
	EP_TRY(ep_log_merge_rows(merge, &aside.track, put, err));
	size_t left = 0;
	for (size_t i = 0; i < track->count; i++) {
		if (conflicts || !is_among(&track->documents[i], put->track))
			track->documents[left++] = track->documents[i];
	}
	track->count = left;
	ep_track_hash(&hash, track);
	if (left)
		EP_TRY(ep_entry_put_body(&body, NULL, track, write->encoder, err));
	struct ep_text bytes = { (const char *)body.data, body.size };
	return set_conflict(write, key, put, &hash, bytes, err);
}

enum ep_status
ep_log_update_conflict(struct ep_log_write *write, const struct ep_put *put, bool conflicts,
                       struct ep_error *err)
{
	if (!conflicts && write->inside.state.conflicts == 0)
		return EP_OK;
	uint8_t bytes[CONFLICT_KEY_MAX];
	MDB_val key;
	EP_TRY(conflict_key(&key, bytes, put, err));
	if (put->whole) {
		struct ep_text body = { put->body, conflicts ? put->body_size : 0 };
		return set_conflict(write, key, put, &put->hash, body, err);
	}
	struct ep_merge merge = { 0 };
	EP_DECODED struct ep_decoded decoded = { 0 };
	struct ep_put with_rows;
	enum ep_status status = ep_log_decode_put(&with_rows, &decoded, write, put, err);
	if (status == EP_OK)
		status = join_conflict(write, key, &with_rows, conflicts, &merge, err);
	ep_arena_free(&merge.arena);
	return status;
}

enum ep_status
ep_log_is_aside(bool *aside, struct ep_log_write *write, const struct ep_put *put,
                struct ep_error *err)
{
	uint8_t bytes[CONFLICT_KEY_MAX];
	MDB_val key;
	MDB_val value;
	EP_TRY(conflict_key(&key, bytes, put, err));
	int rc = mdb_get(write->inside.txn, write->inside.log->conflicts, &key, &value);
	if (rc && rc != MDB_NOTFOUND)
		return ep_log_fail_write(write, rc, err);
	*aside = rc == 0;
	return EP_OK;
}
