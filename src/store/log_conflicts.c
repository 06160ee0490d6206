/* What is kept aside is listed, accepted and dropped. */
#include "store/log_internal.h"

#include <endian.h>
#include <string.h>

/* The source and track of a key; false where it is damaged. */
static bool
read_key(uint32_t *source, struct ep_text *id, const MDB_val *key)
{
	uint32_t big;
	if (key->mv_size <= sizeof big)
		return false;
	memcpy(&big, key->mv_data, sizeof big);
	*source = be32toh(big);
	*id = (struct ep_text){ (const char *)key->mv_data + sizeof big,
		                key->mv_size - sizeof big };
	return true;
}

enum ep_status
ep_log_conflicts(const struct ep_log_read *read,
                 enum ep_status (*each)(void *context, const struct ep_entry *entry,
                                        struct ep_error *err),
                 void *context, struct ep_error *err)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	enum ep_status status = EP_OK;
	int rc = mdb_cursor_open(read->txn, read->log->conflicts, &cursor);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the conflicts");
	while (status == EP_OK && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct ep_entry entry;
		status = ep_entry_read(&entry, 0, value.mv_data, value.mv_size, err);
		if (status == EP_OK)
			status = each(context, &entry, err);
	}
	mdb_cursor_close(cursor);
	if (status == EP_OK && rc != MDB_NOTFOUND)
		return ep_fail_mdb(err, rc, "cannot read the conflicts");
	return status;
}

/* Finds what is kept aside of a track, of the first source that has any; copies its bytes. */
static enum ep_status
take(struct ep_buffer *bytes, uint32_t *source, struct ep_log_write *write, struct ep_text track,
     struct ep_error *err)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	enum ep_status status = EP_NOT_FOUND;
	int rc = mdb_cursor_open(write->inside.txn, write->inside.log->conflicts, &cursor);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	while (status == EP_NOT_FOUND &&
	       (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		struct ep_text id;
		if (!read_key(source, &id, &key) || !ep_text_equal(id, track))
			continue;
		status = ep_buffer_append(bytes, value.mv_data, value.mv_size, err);
		if (status == EP_OK)
			rc = mdb_cursor_del(cursor, 0);
		if (rc)
			status = ep_log_fail_write(write, rc, err);
	}
	mdb_cursor_close(cursor);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_NOT_FOUND, "nothing is kept aside of track %.*s",
		               ep_text_print_size(track), track.at);
	return status;
}

static enum ep_status
accept(struct ep_log_write *write, const struct ep_buffer *bytes, uint32_t source,
       struct ep_put_counts *counts, struct ep_error *err)
{
	struct ep_entry entry;
	EP_DECODED struct ep_decoded decoded = { 0 };
	EP_OWNED(ep_codes_coder_free)
	struct ep_codes_coder *coder = NULL;
	EP_BUFFER struct ep_buffer body = { 0 };
	EP_TRY(ep_codes_coder_new(&coder, EP_CODES_ONSET, err));
	EP_TRY(ep_entry_read(&entry, 0, bytes->data, bytes->size, err));
	EP_TRY(ep_entry_decode(&decoded, &entry, coder, err));
	EP_TRY(ep_buffer_append(&body, entry.body.at, entry.body.size, err));
	struct ep_put put = {
		.track = &decoded.track,
		.body = body.data,
		.body_size = body.size,
		.hash = entry.hash,
		.source = source,
		.import_date = entry.import_date,
		.overrules = true,
	};
	return ep_log_put(write, &put, counts, err);
}

enum ep_status
ep_log_settle_conflict(struct ep_put_counts *counts, struct ep_log_write *write,
                       struct ep_text track, bool accepted, struct ep_error *err)
{
	size_t found = 0;
	for (;; found++) {
		EP_BUFFER struct ep_buffer bytes = { 0 };
		uint32_t source = 0;
		enum ep_status status = take(&bytes, &source, write, track, err);
		if (status == EP_NOT_FOUND && found > 0)
			return EP_OK;
		EP_TRY(status);
		write->inside.state.conflicts--;
		if (accepted)
			EP_TRY(accept(write, &bytes, source, counts, err));
	}
}
