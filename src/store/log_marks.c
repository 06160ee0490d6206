/* Points of this log's history that were published. */
#include "store/log_internal.h"

#include <string.h>

/* So many are kept, and so many of the oldest go when there are more. */
#define MARKS_MAX ((size_t)1 << 20)
#define MARKS_GO ((size_t)1 << 16)

static enum ep_status
read_hash(uint8_t hash[EP_LOG_MARK_SIZE], MDB_val value, struct ep_error *err)
{
	if (value.mv_size != EP_LOG_MARK_SIZE)
		return ep_fail(err, EP_CORRUPT, "the log's list of marks is damaged");
	memcpy(hash, value.mv_data, EP_LOG_MARK_SIZE);
	return EP_OK;
}

enum ep_status
ep_log_mark(uint8_t hash[EP_LOG_MARK_SIZE], const struct ep_log_read *read, uint64_t position,
            struct ep_error *err)
{
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	MDB_val value;
	int rc = mdb_get(read->txn, read->log->marks, &key, &value);
	if (rc == MDB_NOTFOUND)
		return ep_fail(err, EP_NOT_FOUND, "position %llu was not published",
		               (unsigned long long)position);
	return rc ? ep_fail_mdb(err, rc, "cannot read the log's marks")
	          : read_hash(hash, value, err);
}

/* Moves a cursor to the last mark at or below a position; gives what LMDB returned. */
static int
seek_below(MDB_cursor *cursor, MDB_val *key, MDB_val *value, uint64_t position)
{
	uint64_t wanted = position;
	*key = (MDB_val){ .mv_data = &wanted, .mv_size = sizeof wanted };
	int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(cursor, key, value, MDB_LAST);
	if (rc == 0 && key->mv_size == sizeof wanted &&
	    memcmp(key->mv_data, &position, sizeof position) != 0)
		rc = mdb_cursor_get(cursor, key, value, MDB_PREV);
	return rc;
}

enum ep_status
ep_log_mark_below(uint64_t *found, uint8_t hash[EP_LOG_MARK_SIZE], const struct ep_log_read *read,
                  uint64_t position, struct ep_error *err)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int rc = mdb_cursor_open(read->txn, read->log->marks, &cursor);
	if (rc)
		return ep_fail_mdb(err, rc, "cannot read the log's marks");
	rc = seek_below(cursor, &key, &value, position);
	enum ep_status status = EP_OK;
	if (rc == 0) {
		memcpy(found, key.mv_data, sizeof *found);
		status = read_hash(hash, value, err);
	}
	mdb_cursor_close(cursor);
	if (rc == MDB_NOTFOUND)
		return ep_fail(err, EP_NOT_FOUND, "nothing was published up to position %llu",
		               (unsigned long long)position);
	return rc ? ep_fail_mdb(err, rc, "cannot read the log's marks") : status;
}

/* Adds the position and seal of an entry. */
static enum ep_status
add_change(struct ep_hasher *hasher, const struct ep_entry *entry, uint32_t parties,
           struct ep_arena *arena, struct ep_error *err)
{
	struct ep_history history;
	struct ep_seal seal = { { 0 } };
	uint8_t number[8];
	ep_arena_reset(arena);
	EP_TRY(ep_entry_history(&history, entry, parties, NULL, arena, err));
	if (ep_history_is_sealed(&history))
		seal = history.seal;
	ep_store64(number, entry->position);
	ep_hasher_add(hasher, number, sizeof number);
	ep_hasher_add(hasher, seal.bytes, sizeof seal.bytes);
	return EP_OK;
}

enum ep_status
ep_log_hash_changes(struct ep_hash *hash, const struct ep_log_read *read, uint64_t after,
                    uint64_t until, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	EP_FREE struct ep_party *list = NULL;
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_hasher hasher;
	struct ep_entry entry;
	uint32_t parties;
	size_t untrimmed = 0;
	EP_TRY(ep_log_parties(&list, &parties, read, err));
	EP_TRY(ep_log_cursor_open(&cursor, read, after, EP_SOURCE_ANY, err));
	ep_hasher_init(&hasher);
	enum ep_status status;
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK &&
	       entry.position <= until) {
		EP_TRY(add_change(&hasher, &entry, parties, &arena, err));
		ep_log_trim_after(read->log, &untrimmed, entry.body.size, EP_LOG_TRIM_BYTES);
	}
	ep_hasher_done(hash, &hasher);
	return status == EP_NOT_FOUND ? EP_OK : status;
}

bool
ep_log_has_marks(const struct ep_log_read *read)
{
	size_t count = 0;
	return ep_log_count_keys(&count, read, read->log->marks, NULL) == EP_OK && count > 0;
}

bool
ep_log_forgets_marks(const struct ep_log_read *read)
{
	size_t count = 0;
	return ep_log_count_keys(&count, read, read->log->marks, NULL) != EP_OK ||
	       count > MARKS_MAX - 2 * MARKS_GO;
}

/* The oldest go. */
static enum ep_status
thin(struct ep_log_write *write, struct ep_error *err)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int rc = mdb_cursor_open(write->inside.txn, write->inside.log->marks, &cursor);
	if (rc)
		return ep_log_fail_write(write, rc, err);
	for (size_t i = 0; rc == 0 && i < MARKS_GO; i++) {
		rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
		if (rc == 0)
			rc = mdb_cursor_del(cursor, 0);
	}
	mdb_cursor_close(cursor);
	return rc ? ep_log_fail_write(write, rc, err) : EP_OK;
}

enum ep_status
ep_log_add_mark(struct ep_log_write *write, uint64_t position, const uint8_t hash[EP_LOG_MARK_SIZE],
                struct ep_error *err)
{
	size_t count;
	uint8_t bytes[EP_LOG_MARK_SIZE];
	memcpy(bytes, hash, sizeof bytes);
	EP_TRY(ep_log_put_key(write, write->inside.log->marks,
	                      (MDB_val){ .mv_data = &position, .mv_size = sizeof position },
	                      (MDB_val){ .mv_data = bytes, .mv_size = sizeof bytes }, 0, err));
	EP_TRY(ep_log_count_keys(&count, &write->inside, write->inside.log->marks, err));
	return count > MARKS_MAX ? thin(write, err) : EP_OK;
}
